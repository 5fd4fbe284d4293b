"""Signals seen as spectra over time: windows, the short-time Fourier transform, mel bands, cepstral coefficients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
from msgspec import Meta

from flowloom.op import Sample, op
from flowloom.ops.broadcasting import broadcast_to
from flowloom.ops.comparison import greater
from flowloom.ops.composing import extent, part, span
from flowloom.ops.creation import ones_like
from flowloom.ops.elementwise import square, where
from flowloom.ops.fourier import dct, fft, fit, ifft, irfft, rfft
from flowloom.ops.framing import frame, overlap_add
from flowloom.ops.kernels import put
from flowloom.ops.linalg import matmul
from flowloom.ops.padding import pad
from flowloom.ops.reduction import sum_
from flowloom.ops.shape import expand_dims
from flowloom.params import Count, DType, NotNegative, Positive, Size, Whole
from flowloom.spec import Spec, SpecError

Array: TypeAlias = np.ndarray[Any, Any]

# ---------------------------------------------------------------- windows


@op(family="data", differentiable=False)
def hann_window(*, length: Whole, periodic: bool = True, dtype: DType = "float32") -> Spec:
    """Hann's window, 0.5 - 0.5 cos(2 pi i / n) for `length` places i. A symmetric one has n = length - 1.

    A periodic one, n = length, is for spectra. Of length 1 it is 1. Source: Harris, "On the Use of Windows for Harmonic
    Analysis", 1978.
    """
    return Spec((length,), dtype)


@op(family="data", differentiable=False)
def hamming_window(*, length: Whole, periodic: bool = True, alpha: float = 0.54, dtype: DType = "float32") -> Spec:
    """Hamming's window, alpha - (1 - alpha) cos(2 pi i / n) for `length` places i; see `hann_window`.

    NumPy's `alpha` is 0.54, the one of ONNX 25 / 46.
    """
    return Spec((length,), dtype)


@op(family="data", differentiable=False)
def blackman_window(*, length: Whole, periodic: bool = True, dtype: DType = "float32") -> Spec:
    """Blackman's window, 0.42 - 0.5 cos(2 pi i / n) + 0.08 cos(4 pi i / n) for `length` places i; see `hann_window`."""
    return Spec((length,), dtype)


def _cosines(xp: Any, length: int, periodic: bool, dtype: str, terms: tuple[float, ...], out: Any) -> Any:
    """The sum of the `terms`, each times the cosine of one turn more than the one before."""
    turn = 2 * np.pi * np.arange(length) / max(length if periodic else length - 1, 1)
    window = sum((c * np.cos(k * turn) for k, c in enumerate(terms)), np.zeros(length))
    made = xp.asarray((window if length > 1 else np.ones(length)).astype(dtype))
    return put(made, out)


@hann_window.kernel
def _(xp: Any, *, length: int, periodic: bool, dtype: str, out: Any = None) -> Any:
    return _cosines(xp, length, periodic, dtype, (0.5, -0.5), out)


@hamming_window.kernel
def _(xp: Any, *, length: int, periodic: bool, alpha: float, dtype: str, out: Any = None) -> Any:
    return _cosines(xp, length, periodic, dtype, (alpha, alpha - 1), out)


@blackman_window.kernel
def _(xp: Any, *, length: int, periodic: bool, dtype: str, out: Any = None) -> Any:
    return _cosines(xp, length, periodic, dtype, (0.42, -0.5, 0.08), out)


def _lengths(rng: np.random.Generator) -> Iterator[Sample]:
    for length in (0, 1, 6, 7):
        yield (), {"length": length}
    yield (), {"length": 6, "periodic": False, "dtype": "float64"}


for _window in (hann_window, hamming_window, blackman_window):
    _window.samples(_lengths)

# ---------------------------------------------------------------- short-time Fourier transform


@op(family="linalg", composite=True)
def stft(
    x: Any,
    window: Any = None,
    *,
    frame_length: Count,
    frame_step: Count,
    fft_length: Count | None = None,
    onesided: bool = True,
) -> Any:
    """Short-time Fourier transform: the spectrum of each frame of real signals, times `window` where there is one.

    `x` (..., samples), `window` (frame_length). Returns pairs of real and imaginary part (..., frames, bins, 2), with
    fft_length // 2 + 1 bins, or all `fft_length` (None: frame_length) unless `onesided`. See `frame` and `rfft`. Raises
    SpecError if the window is not of the length of a frame.
    """
    frames = frame(x, frame_length=frame_length, frame_step=frame_step)
    if window is not None:
        frames = frames * _window_of(window, frame_length)
    if onesided:
        return rfft(frames, length=fft_length)
    pairs = pad(expand_dims(frames, axis=-1), pad_width=((0, 0),) * frames.ndim + ((0, 1),))
    return fft(pairs, length=fft_length)


def _window_of(window: Any, length: int) -> Any:
    if window.ndim != 1 or window.shape[0] not in (length, None):
        raise SpecError(
            f"the window must have the {length} elements of a frame; got {window.shape}",
            dimension=f"{window.shape} != ({length})",
        )
    return window


@op(family="linalg", composite=True)
def istft(
    x: Any,
    window: Any = None,
    *,
    frame_step: Count,
    frame_length: Count | None = None,
    fft_length: Count | None = None,
    onesided: bool = True,
    length: Size = None,
) -> Any:
    """The signal whose short-time Fourier transform is nearest to `x`; `stft`'s inverse where its frames agree.

    `x` (..., frames, bins, 2) and the other operands as in `stft`. Returns (..., samples), or `length` samples: the sum
    of the overlapping frames times `window`, over the sum of its squares. A sample that no window sees is 0. Source:
    Griffin and Lim, "Signal Estimation from Modified Short-Time Fourier Transform", 1984.
    """
    frames = irfft(x, length=fft_length) if onesided else part(ifft(x, length=fft_length), 0)
    if frame_length is not None:
        frames = span(frames, None, frame_length)
    if window is None:
        weight = ones_like(frames)
    else:
        frames, weight = frames * window, broadcast_to(square(window), shape=frames.shape[-2:])
    signal, seen = overlap_add(frames, frame_step=frame_step), overlap_add(weight, frame_step=frame_step)
    visible = greater(seen, 1e-11)
    y = where(visible, signal / where(visible, seen, 1.0), 0.0)
    return y if length is None else fit(y, size=length)


@stft.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    window = hann_window(length=4, dtype="float64")
    yield (rng.normal(size=(2, 10)), window), {"frame_length": 4, "frame_step": 2}
    yield (rng.normal(size=(2, 10)),), {"frame_length": 5, "frame_step": 2, "fft_length": 8}
    yield (rng.normal(size=(9,)), window), {"frame_length": 4, "frame_step": 3, "onesided": False}


@istft.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    window = hamming_window(length=4, dtype="float64")
    yield (rng.normal(size=(2, 4, 3, 2)), window), {"frame_step": 2}
    yield (rng.normal(size=(2, 3, 5, 2)),), {"frame_step": 2, "frame_length": 6, "length": 12}
    yield (rng.normal(size=(3, 4, 2)), window), {"frame_step": 1, "onesided": False, "length": 5}


# ---------------------------------------------------------------- mel bands


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
    if isinstance(x.shape[-1], int) and x.shape[-1] < count:
        raise SpecError(f"there are {x.shape[-1]} bands for {count} coefficients", dimension=f"{x.shape[-1]} < {count}")
    y = dct(x)
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
