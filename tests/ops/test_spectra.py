"""Frames, windows, short-time transforms and mel bands against NumPy, SciPy and ONNX's reference evaluator."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.fft
import scipy.signal
from numpy.lib.stride_tricks import sliding_window_view

from flowloom import ops
from flowloom.spec import Spec, SpecError

from .onnx_reference import onnx


def signal(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape)


@pytest.mark.parametrize(("length", "step"), [(4, 1), (4, 2), (5, 3), (2, 5), (17, 1)])
def test_frames_are_windows_that_slide(length: int, step: int) -> None:
    x = signal(2, 17)

    np.testing.assert_array_equal(
        ops.frame(x, frame_length=length, frame_step=step), sliding_window_view(x, length, axis=1)[:, ::step]
    )
    assert ops.frame(x, frame_length=18, frame_step=step).shape == (2, 0, 18)


@pytest.mark.parametrize(("length", "step"), [(4, 1), (4, 2), (5, 3), (2, 5)])
def test_overlapping_frames_add_up(length: int, step: int) -> None:
    x = signal(2, 4, length)
    expected = np.zeros((2, 3 * step + length))
    for i in range(4):
        expected[:, i * step : i * step + length] += x[:, i]

    np.testing.assert_allclose(ops.overlap_add(x, frame_step=step), expected)


@pytest.mark.parametrize("onesided", [True, False])
def test_spectra_over_time_are_onnxs(onesided: bool) -> None:
    x, window = signal(2, 50), np.random.default_rng(1).uniform(size=16)

    found = ops.stft(x, window, frame_length=16, frame_step=5, onesided=onesided)

    (expected,) = onnx("STFT", x[..., None], np.array(5), window, np.array(16), onesided=int(onesided))
    np.testing.assert_allclose(found, expected, atol=1e-13)


def test_spectra_over_time_are_scipys() -> None:
    x, window = signal(3, 64), ops.hann_window(length=16, dtype="float64")
    transform = scipy.signal.ShortTimeFFT(window, hop=4, fs=1.0, mfft=32)

    found = ops.stft(x, window, frame_length=16, frame_step=4, fft_length=32)

    # SciPy counts time from the middle of a window, which turns phases: its first whole frame is at 2 * 4 = 16 / 2.
    expected = transform.stft(x, p0=2, p1=2 + 13).swapaxes(1, 2)
    np.testing.assert_allclose(np.hypot(found[..., 0], found[..., 1]), np.abs(expected), atol=1e-12)


@pytest.mark.parametrize("onesided", [True, False])
def test_a_signal_comes_back(onesided: bool) -> None:
    x, window = signal(2, 52), ops.hamming_window(length=16, dtype="float64")
    how = {"frame_length": 16, "frame_step": 4, "fft_length": 20, "onesided": onesided}

    np.testing.assert_allclose(ops.istft(ops.stft(x, window, **how), window, **how), x, atol=1e-12)
    np.testing.assert_allclose(ops.istft(ops.stft(x, **how), **how, length=30), x[:, :30], atol=1e-12)


def test_a_sample_that_no_window_sees_is_zero() -> None:
    x, window = signal(1, 16), ops.hann_window(length=8, dtype="float64")
    how = {"frame_length": 8, "frame_step": 4}

    found = ops.istft(ops.stft(x, window, **how), window, **how)

    np.testing.assert_allclose(found[:, 1:], x[:, 1:], atol=1e-12)
    assert found[0, 0] == 0


@pytest.mark.parametrize(
    ("bands", "dft", "rate", "low", "high"),
    [(8, 16, 8192, 0, 4096), (20, 256, 8000, 125, 3800), (40, 512, 16000, 20, 8000), (80, 400, 16000, 0, 8000)],
)
def test_mel_bands_are_onnxs(bands: int, dft: int, rate: int, low: float, high: float) -> None:
    found = ops.mel_weight_matrix(
        num_mel_bins=bands,
        num_spectrogram_bins=dft // 2 + 1,
        sample_rate=rate,
        lower_edge_hertz=low,
        upper_edge_hertz=high,
        method="onnx",
    )

    edges = np.array(low, "f4"), np.array(high, "f4")
    (expected,) = onnx("MelWeightMatrix", np.array(bands), np.array(dft), np.array(rate), *edges)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_mel_bands_are_triangles_in_mel() -> None:
    # TensorFlow's default bands, and the mel of its linear_to_mel_weight_matrix, 1127 ln(1 + f / 700).
    found = ops.mel_weight_matrix(dtype="float64")

    mel = 1127.0 * np.log1p(np.linspace(0, 4000, 129) / 700)
    corners = np.linspace(*(1127.0 * np.log1p(np.array([125.0, 3800.0]) / 700)), 22)
    expected = np.stack([np.interp(mel, corners[i : i + 3], [0, 1, 0]) for i in range(20)], axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-4)  # 2595 log10(e) is 1127.01


def test_a_tone_sounds_in_its_band() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)

    bands = ops.mel_spectrogram(tone)

    assert bands.shape == (98, 80)
    # 1000 Hz is 1000 mel; 80 bands from 20 Hz (31.7 mel) to 8000 Hz (2840 mel) are 34.67 mel apart.
    assert set(bands.argmax(axis=1)) == {round((1000 - 31.7) / 34.67) - 1}


@pytest.mark.parametrize("power", [1, 2])
def test_mel_bands_over_time_are_spectra_times_weights(power: Any) -> None:
    x, window = signal(2, 2000), scipy.signal.get_window("hann", 400)
    spectra = np.abs(np.fft.rfft(sliding_window_view(x, 400, axis=1)[:, ::160] * window, 512))
    weights = ops.mel_weight_matrix(
        num_mel_bins=80,
        num_spectrogram_bins=257,
        sample_rate=16000,
        lower_edge_hertz=20,
        upper_edge_hertz=8000,
        dtype="float64",
    )

    np.testing.assert_allclose(ops.mel_spectrogram(x, power=power), spectra**power @ weights, rtol=1e-12)


def test_cepstral_coefficients_are_a_cosine_transform() -> None:
    x = signal(3, 26)

    expected = scipy.fft.dct(x)[:, :13] / np.sqrt(2 * 26)
    np.testing.assert_allclose(ops.mfcc(x), expected, atol=1e-13)


def test_sizes_may_have_names() -> None:
    x = Spec(("batch", "samples"))

    assert ops.stft(x, frame_length=16, frame_step=4).shape == ("batch", None, 9, 2)
    assert ops.mel_spectrogram(x).shape == ("batch", None, 80)
    assert ops.stft(Spec(("batch", 32)), frame_length=16, frame_step=4).shape == ("batch", 5, 9, 2)
    assert ops.istft(Spec(("batch", "frames", 9, 2)), frame_step=4, length="samples").shape == ("batch", "samples")


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda x: ops.frame(x, frame_length=0, frame_step=1), "must be int >= 1"),
        (lambda x: ops.frame(x[0, 0], frame_length=1, frame_step=1), "a scalar has no frames"),
        (lambda x: ops.overlap_add(x[0], frame_step=1), "x must be (..., frames, frame_length)"),
        (lambda x: ops.stft(x, x[0], frame_length=4, frame_step=1), "the window must have the 4 elements of a frame"),
        (lambda x: ops.mfcc(x), "there are 5 bands for 13 coefficients"),
        (lambda x: ops.mel_weight_matrix(upper_edge_hertz=4001), "the edges must rise, up to half the sample rate"),
    ],
)
def test_mistakes_are_named(call: Callable[[np.ndarray], Any], rule: str) -> None:
    with pytest.raises(SpecError, match=re.escape(rule)):
        call(signal(3, 5))
