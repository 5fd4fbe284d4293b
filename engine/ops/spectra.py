"""Signals as spectra over time: the short-time Fourier transform, and its inverse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.broadcasting import broadcast_to
from flowloom.ops.comparison import greater
from flowloom.ops.composing import part, span
from flowloom.ops.creation import ones_like
from flowloom.ops.elementwise import square, where
from flowloom.ops.fourier import fft, fit, ifft, irfft, rfft
from flowloom.ops.framing import frame, overlap_add
from flowloom.ops.padding import pad
from flowloom.ops.shape import expand_dims
from flowloom.ops.window_functions import hamming_window, hann_window
from flowloom.params import Count, Size
from flowloom.spec import SpecError


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
