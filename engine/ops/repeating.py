"""Copies of a tensor, or of its elements, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.creation import zeros_like
from flowloom.ops.indexing import take
from flowloom.ops.reduction import sum_
from flowloom.ops.shape import expand_dims, flatten, reshape, squeeze, unflatten
from flowloom.params import Whole
from flowloom.spec import Dim, Spec, SpecError, normalize_axis, product


@op(family="shape", narrow=True)
def tile(x: Spec, *, reps: Whole | tuple[Whole, ...]) -> Spec:
    """`x` repeated `reps` times along each axis; missing axes, or missing counts, stand in front and are 1."""
    counts, shape = aligned(reps, x.shape)
    return x.with_shape(product(pair) for pair in zip(counts, shape, strict=True))


def aligned(reps: int | tuple[int, ...], shape: tuple[Dim, ...]) -> tuple[tuple[int, ...], tuple[Dim, ...]]:
    """`reps` and `shape`, the shorter of them with 1 in front."""
    counts = (reps,) if isinstance(reps, int) else reps
    return (1,) * (len(shape) - len(counts)) + counts, (1,) * (len(counts) - len(shape)) + shape


@tile.kernel
def _(xp: Any, x: Any, *, reps: int | tuple[int, ...], out: Any = None) -> Any:
    return tiled(xp, x, reps, out)


def tiled(xp: Any, x: Any, reps: int | tuple[int, ...], out: Any = None) -> Any:
    """`x` repeated, each axis of the result split in two: which copy, and where in it."""
    counts, shape = aligned(reps, x.shape)
    pairs = [n for pair in zip(counts, shape, strict=True) for n in pair]
    if out is None:
        out = xp.empty([n * d for n, d in zip(counts, shape, strict=True)], x.dtype)  # type: ignore[operator]
    out.reshape(pairs)[...] = x.reshape([n for d in shape for n in (1, d)])
    return out


@tile.vjp
def _(g: Any, y: Any, x: Any, *, reps: int | tuple[int, ...]) -> Any:
    counts, shape = aligned(reps, x.shape)
    if None not in shape:
        pairs = reshape(g, shape=tuple(n for pair in zip(counts, shape, strict=True) for n in pair))
        return (sum_(pairs, axis=tuple(range(0, 2 * len(counts), 2))),)
    if 0 in counts:
        return (zeros_like(x),)
    for axis, n in enumerate(counts):
        if n != 1:
            g = sum_(unflatten(g, axis=axis, shape=(n, -1)), axis=axis)
    lead = tuple(range(len(counts) - x.ndim))
    return (squeeze(g, axis=lead) if lead else g,)


@tile.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(2, 3)),), {"reps": 2}
    yield (rng.normal(size=(3,)),), {"reps": (2, 1, 2)}
    yield (rng.normal(size=(2, 3)),), {"reps": (0, 2)}
    yield (rng.integers(0, 9, ()),), {"reps": (3,)}


@op(family="shape", composite=True)
def repeat(x: Any, *, repeats: Whole | tuple[Whole, ...], axis: int | None = None) -> Any:
    """`x` with each slice along `axis` `repeats` times in a row, or as many times as `repeats` says of that slice.

    With `axis` None the elements of `x`, in C order, are repeated. Raises SpecError if the axis is outside `x`, or
    if there is not one count for each slice.
    """
    if axis is None:
        x, axis = flatten(x), 0
    axis = normalize_axis(axis, x.ndim)
    if isinstance(repeats, int):
        copies = tile(expand_dims(x, axis=axis + 1), reps=(repeats,) + (1,) * (x.ndim - axis - 1))
        return flatten(copies, first=axis, last=axis + 1)
    if isinstance(x.shape[axis], int) and x.shape[axis] != len(repeats):
        raise SpecError(
            f"there must be a count for each of the {x.shape[axis]} slices along axis {axis}; got {len(repeats)}",
            dimension=f"{x.shape[axis]} != {len(repeats)}",
        )
    return take(x, np.repeat(np.arange(len(repeats)), repeats), axis=axis)


@repeat.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 2)),), {"repeats": 2}
    yield (rng.normal(size=(3, 2)),), {"repeats": 3, "axis": 0}
    yield (rng.normal(size=(2, 3, 2)),), {"repeats": (0, 2, 1), "axis": -2}
    yield (rng.integers(0, 9, (0, 2)),), {"repeats": 2, "axis": 1}
