"""Mel bands of spectra, which are as far apart as ears hear them, and cepstral coefficients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import numpy as np
from msgspec import Meta

from flowloom.op import Sample, op
from flowloom.ops.composing import extent, span
from flowloom.ops.elementwise import square
from flowloom.ops.fourier import dct, rfft
from flowloom.ops.kernels import put
from flowloom.ops.linalg import matmul
from flowloom.ops.reduction import sum_
from flowloom.ops.spectra import stft
from flowloom.ops.window_functions import hann_window
from flowloom.params import Count, DType, NotNegative, Positive
from flowloom.spec import Array, Spec, SpecError


@op(family="data", differentiable=False)
def mel_weight_matrix(
    *,
    num_mel_bins: Count = 20,
    num_spectrogram_bins: Annotated[int, Meta(ge=2)] = 129,
    sample_rate: Positive = 8000.0,
    lower_edge_hertz: NotNegative = 125.0,
    upper_edge_hertz: NotNegative = 3800.0,
    method: Literal["tensorflow", "onnx"] = "tensorflow",
    dtype: DType = "float32",
) -> Spec:
    """Triangular bands, evenly spaced in mel, as weights of the bins of a spectrum.

    Returns (num_spectrogram_bins, num_mel_bins): a spectrum times it has mel bands. "tensorflow" draws the triangles in
    mel (`tf.signal.linear_to_mel_weight_matrix`); "onnx" moves their corners down to whole bins first, and draws them
    in hertz (MelWeightMatrix). A frequency f is 2595 log10(1 + f / 700) mel. Raises SpecError unless the lower edge is
    below the upper one and that at most half the sample rate.
    """
    if not lower_edge_hertz < upper_edge_hertz <= sample_rate / 2:
        raise SpecError(
            f"the edges must rise, up to half the sample rate, {sample_rate / 2}; got {lower_edge_hertz} and "
            f"{upper_edge_hertz}",
            dimension="edges",
        )
    return Spec((num_spectrogram_bins, num_mel_bins), dtype)


@mel_weight_matrix.kernel
def _(
    xp: Any,
    *,
    num_mel_bins: int,
    num_spectrogram_bins: int,
    sample_rate: float,
    lower_edge_hertz: float,
    upper_edge_hertz: float,
    method: str,
    dtype: str,
    out: Any = None,
) -> Any:
    low, high = _mel(np.array([lower_edge_hertz, upper_edge_hertz]))
    if method == "tensorflow":
        corners = np.linspace(low, high, num_mel_bins + 2)
        bins = _mel(np.linspace(0, sample_rate / 2, num_spectrogram_bins))
        weights = _triangles(bins, corners)
        weights[0] = 0.0  # the mean of a signal is no sound
    else:
        corners = low + np.arange(num_mel_bins + 2) * (high - low) / (num_mel_bins + 2)
        places = (2 * num_spectrogram_bins - 1) * _hertz(corners) // sample_rate
        weights = _triangles(np.arange(num_spectrogram_bins, dtype=np.float64), places)
    made = xp.asarray(weights.astype(dtype))
    return put(made, out)


def _mel(hertz: Array) -> Array:
    return np.asarray(2595.0 * np.log10(1.0 + hertz / 700.0))


def _hertz(mel: Array) -> Array:
    return np.asarray(700.0 * (10.0 ** (mel / 2595.0) - 1.0))


def _triangles(places: Array, corners: Array) -> Array:
    """(places, corners - 2): each triangle rises from a corner to 1 at the next, and falls to 0 at the one after."""
    left, top, right = corners[:-2], corners[1:-1], corners[2:]
    at = places[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        rise, fall = (at - left) / (top - left), (right - at) / (right - top)
    rise, fall = np.where(top > left, rise, at >= top), np.where(right > top, fall, at <= top)
    return np.maximum(np.minimum(rise, fall), 0.0)


@mel_weight_matrix.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (), {}
    yield (), {"num_mel_bins": 4, "num_spectrogram_bins": 17, "method": "onnx", "dtype": "float64"}


@op(family="layer", composite=True)
def mel_spectrogram(
    x: Any,
    *,
    sample_rate: Positive = 16000.0,
    frame_length: Count = 400,
    frame_step: Count = 160,
    fft_length: Annotated[int, Meta(ge=2)] = 512,
    num_mel_bins: Count = 80,
    lower_edge_hertz: NotNegative = 20.0,
    upper_edge_hertz: NotNegative | None = None,
    power: Literal[1, 2] = 2,
) -> Any:
    """How strong each mel band is in each frame of real signals: magnitude (`power` 1) or power (2).

    `x` (..., samples). Returns (..., frames, num_mel_bins). Frames have a Hann window. The upper edge is half the
    sample rate where it is not given. See `stft` and `mel_weight_matrix`.
    """
    dtype = rfft(Spec((2,), x.dtype)).dtype.name
    window = hann_window(length=frame_length, dtype=dtype)
    pairs = stft(x, window, frame_length=frame_length, frame_step=frame_step, fft_length=fft_length)
    strength = sum_(square(pairs), axis=-1)
    bands = mel_weight_matrix(
        num_mel_bins=num_mel_bins,
        num_spectrogram_bins=fft_length // 2 + 1,
        sample_rate=sample_rate,
        lower_edge_hertz=lower_edge_hertz,
        upper_edge_hertz=sample_rate / 2 if upper_edge_hertz is None else upper_edge_hertz,
        dtype=dtype,
    )
    return matmul(strength if power == 2 else strength**0.5, bands)


@op(family="layer", composite=True)
def mfcc(x: Any, *, count: Count = 13) -> Any:
    """Mel-frequency cepstral coefficients: the first `count` of the cosine transform of logarithmic mel bands.

    `x` (..., bands), logarithms. Returns (..., count). Scaled as in HTK: the sum of x[j] cos(pi k (j + 1 / 2) / n) over
    j, times the root of 2 / n. Raises SpecError if there are fewer bands.
    """
    y = dct(x)
    if isinstance(x.shape[-1], int) and x.shape[-1] < count:
        raise SpecError(f"there are {x.shape[-1]} bands for {count} coefficients", dimension=f"{x.shape[-1]} < {count}")
    return span(y, None, count) / (2 * extent(y, y.ndim - 1, y.dtype)) ** 0.5


@mel_spectrogram.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    how = {"sample_rate": 100.0, "frame_length": 8, "frame_step": 5, "fft_length": 8, "num_mel_bins": 3}
    yield (rng.normal(size=(2, 20)),), how
    yield (rng.normal(size=(19,)),), {**how, "power": 1, "upper_edge_hertz": 40.0}


@mfcc.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(2, 3, 6)),), {"count": 4}
    yield (rng.normal(size=(5,)),), {"count": 5}
