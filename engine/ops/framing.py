"""Signals in overlapping frames, and frames as a signal again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.fourier import fit
from flowloom.ops.inference import numeric
from flowloom.ops.kernels import blank
from flowloom.params import Count
from flowloom.spec import Dim, Spec, SpecError


@op(family="shape")
def frame(x: Spec, *, frame_length: Count, frame_step: Count) -> Spec:
    """The frames of `frame_length` elements that start every `frame_step` along the last axis.

    `x` (..., samples). Returns (..., frames, frame_length), in the dtype of `x`; what is left behind the last whole
    frame is not used. Raises SpecError for a scalar.
    """
    if not x.ndim:
        raise SpecError("a scalar has no frames", dimension="0 dimensions")
    return x.with_shape((*x.shape[:-1], _frames(x.shape[-1], frame_length, frame_step), frame_length))


def _frames(samples: Dim, length: int, step: int) -> Dim:
    return max((samples - length) // step + 1, 0) if isinstance(samples, int) else None


@frame.kernel
def _(xp: Any, x: Any, *, frame_length: int, frame_step: int, out: Any = None) -> Any:
    shape = (*x.shape[:-1], _frames(x.shape[-1], frame_length, frame_step), frame_length)
    if 0 in shape:
        return blank(xp, out, shape, x.dtype)
    *lead, last = x.strides
    seen = xp.lib.stride_tricks.as_strided(x, shape, (*lead, frame_step * last, last))
    if out is None:
        return seen.copy()
    out[...] = seen
    return out


@frame.vjp
def _(g: Any, y: Any, x: Any, *, frame_length: int, frame_step: int) -> Any:
    return (fit(overlap_add(g, frame_step=frame_step), size=x.shape[-1]),)


@op(family="shape")
def overlap_add(x: Spec, *, frame_step: Count) -> Spec:
    """The sum of frames, each `frame_step` behind the one before: the reverse of `frame`.

    `x` (..., frames, frame_length). Returns (..., (frames - 1) frame_step + frame_length), in the dtype of `x`. Raises
    SpecError unless `x` has 2 or more dimensions.
    """
    if x.ndim < 2:
        raise SpecError(f"x must be (..., frames, frame_length); got {x.ndim} dimensions")
    return numeric(x).with_shape((*x.shape[:-2], _samples(x.shape[-2], x.shape[-1], frame_step)))


def _samples(frames: Dim, length: Dim, step: int) -> Dim:
    if frames == 0:
        return 0
    return (frames - 1) * step + length if isinstance(frames, int) and isinstance(length, int) else None


@overlap_add.kernel
def _(xp: Any, x: Any, *, frame_step: int, out: Any = None) -> Any:
    *lead, frames, length = x.shape
    parts = -(-length // frame_step)
    # In blocks of a step, part i of every frame lies i blocks behind where the frame starts.
    blocks = xp.zeros((*lead, frames + parts, frame_step), x.dtype)
    for i in range(parts):
        part = x[..., i * frame_step : (i + 1) * frame_step]
        blocks[..., i : i + frames, : part.shape[-1]] += part
    y = blocks.reshape(*lead, (frames + parts) * frame_step)[..., : _samples(frames, length, frame_step)]
    if out is None:
        return y.copy()
    out[...] = y
    return out


@overlap_add.vjp
def _(g: Any, y: Any, x: Any, *, frame_step: int) -> Any:
    length = x.shape[-1]
    if not isinstance(length, int):
        raise SpecError(f"the gradient of overlap_add needs the length of a frame; got {length}")
    return (frame(g, frame_length=length, frame_step=frame_step),)


@frame.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(2, 9)),), {"frame_length": 4, "frame_step": 2}
    yield (rng.normal(size=(11,)),), {"frame_length": 2, "frame_step": 4}
    yield (rng.normal(size=(2, 3, 7)),), {"frame_length": 3, "frame_step": 1}
    yield (rng.integers(0, 9, (2, 3)),), {"frame_length": 4, "frame_step": 1}


@overlap_add.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(2, 3, 4)),), {"frame_step": 2}
    yield (rng.normal(size=(3, 5)),), {"frame_step": 2}
    yield (rng.normal(size=(2, 3, 2)),), {"frame_step": 3}
    yield (rng.integers(0, 9, (2, 0, 3)),), {"frame_step": 1}
