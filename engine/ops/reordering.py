"""The same elements in another order along an axis."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.inference import integer, normalize_axes, same_dims
from flowloom.ops.kernels import put
from flowloom.params import Axes
from flowloom.spec import Spec, SpecError, merge, normalize_axis

Steps: TypeAlias = int | tuple[int, ...]


@op(family="shape", view=True)
def flip(x: Spec, *, axis: Axes = None) -> Spec:
    """`x` with the order of its elements reversed along `axis` (None: all axes). Raises SpecError outside of `x`."""
    normalize_axes(axis, x.ndim)
    return x


@flip.kernel
def _(xp: Any, x: Any, *, axis: Axes) -> Any:
    return xp.flip(x, axis)


flip.vjp(lambda g, y, x, *, axis: (flip(g, axis=axis),))


@flip.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 4)),), {}
    yield (rng.normal(size=(2, 3, 4)),), {"axis": (0, -1)}
    yield (rng.integers(0, 9, (3, 0)),), {"axis": 0}


@op(family="shape", narrow=True)
def roll(x: Spec, *, shift: Steps, axis: Axes = None) -> Spec:
    """`x` with its elements moved on by `shift` places along `axis`; what leaves at the end comes in at the beginning.

    One shift serves all axes, or there is one for each. With `axis` None the elements move through the whole tensor,
    in C order. Raises SpecError if an axis is outside `x` or given twice, or if shifts and axes differ in number.
    """
    if axis is not None:
        normalize_axes(axis, x.ndim)
    counts = (1 if isinstance(shift, int) else len(shift), 1 if axis is None or isinstance(axis, int) else len(axis))
    if not isinstance(shift, int) and counts[0] != counts[1]:
        raise SpecError(
            f"there must be a shift for each axis; got {counts[0]} and {counts[1]}",
            dimension=f"{counts[0]} shifts for {counts[1]} axes",
        )
    return x


@roll.kernel
def _(xp: Any, x: Any, *, shift: Steps, axis: Axes, out: Any = None) -> Any:
    moved = xp.roll(x, shift, axis)
    return put(moved, out)


@roll.vjp
def _(g: Any, y: Any, x: Any, *, shift: Steps, axis: Axes) -> Any:
    return (roll(g, shift=-shift if isinstance(shift, int) else tuple(-n for n in shift), axis=axis),)


@roll.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 4)),), {"shift": 5}
    yield (rng.normal(size=(3, 4)),), {"shift": -1, "axis": 1}
    yield (rng.normal(size=(2, 3, 4)),), {"shift": (1, -2), "axis": (0, -1)}
    yield (rng.normal(size=(3, 4)),), {"shift": 1, "axis": (0, 1)}
    yield (rng.integers(0, 9, (3, 0)),), {"shift": 2, "axis": 0}


@op(family="shape", narrow=True)
def reverse_sequence(x: Spec, lengths: Spec, *, time_axis: int = 1, batch_axis: int = 0) -> Spec:
    """`x` with the first `lengths[b]` steps of each sequence b in reverse order; the steps after those stay.

    Sequences lie along `batch_axis`, their steps along `time_axis`; `lengths` (batch,) are integers. Raises SpecError
    if the two axes are one or outside `x`, or if the number of lengths differs from the size of the batch, and
    IndexError, when it runs, if a length is not in 0..steps.
    """
    time, batch = normalize_axis(time_axis, x.ndim), normalize_axis(batch_axis, x.ndim)
    if time == batch:
        raise SpecError(f"time_axis and batch_axis must differ; both are {time}", dimension=f"axis {time}")
    merge(same_dims(integer(lengths, "lengths"), 1, "lengths").shape[0], x.shape[batch])
    return x


@reverse_sequence.kernel
def _(xp: Any, x: Any, lengths: Any, *, time_axis: int, batch_axis: int, out: Any = None) -> Any:
    steps = x.shape[time_axis]
    if lengths.size and not (lengths.min() >= 0 and lengths.max() <= steps):
        raise IndexError(f"the lengths must be in 0..{steps}; they go from {lengths.min()} to {lengths.max()}")
    time, ends = xp.arange(steps), lengths.astype("int64")[:, None]
    source = xp.where(time < ends, ends - 1 - time, time)
    sequences = xp.moveaxis(x, (batch_axis, time_axis), (0, 1))
    turned = sequences[xp.arange(x.shape[batch_axis])[:, None], source]
    if out is None:
        out = xp.empty_like(x)
    xp.moveaxis(out, (batch_axis, time_axis), (0, 1))[...] = turned
    return out


@reverse_sequence.vjp
def _(g: Any, y: Any, x: Any, lengths: Any, *, time_axis: int, batch_axis: int) -> Any:
    return reverse_sequence(g, lengths, time_axis=time_axis, batch_axis=batch_axis), None


@reverse_sequence.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 4)), np.array([2, 0, 4])), {}
    yield (rng.normal(size=(4, 2, 3)), np.array([3, 1], np.int32)), {"time_axis": 0, "batch_axis": -2}
    yield (rng.integers(0, 9, (0, 3)), np.zeros(0, np.int64)), {}
