"""Elements by their positions along one axis: gather, its reverse, and one-hot vectors."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.inference import integer, numeric
from flowloom.ops.kernels import blank
from flowloom.ops.rows import combine_rows
from flowloom.params import Count, DType, Size
from flowloom.spec import Dim, Spec, merge_shapes, normalize_axis, shape_text


def in_range(xp: Any, indices: Any, size: int, what: str = "index", *, negative: bool = False) -> Any:
    """`indices` as int64, counted from the front; `negative` lets those below 0 count from the end.

    Raises IndexError, naming the first that is not in 0..size - 1 (or -size..size - 1) and its position.
    """
    indices = indices.astype("int64", copy=False)
    lowest = -size if negative else 0
    if not indices.size or (indices.min() >= lowest and indices.max() < size):
        return from_front(xp, indices, size)
    outside = (indices < lowest) | (indices >= size)
    position = tuple(int(p[0]) for p in xp.nonzero(xp.atleast_1d(outside)))[: indices.ndim]
    place = f", at position {position}" if position else ""
    raise IndexError(f"{what} {int(indices[position])} is outside {lowest}..{size - 1}{place}")


def from_front(xp: Any, indices: Any, size: int) -> Any:
    """`indices`, those below 0 counted from the front."""
    return xp.where(indices < 0, indices + size, indices) if indices.size and indices.min() < 0 else indices


@op(family="shape", narrow=True)
def take(x: Spec, indices: Spec, *, axis: int = 0, from_end: bool = True) -> Spec:
    """The slices of `x` at `indices` along `axis`, which the shape of `indices` replaces; the dtype of `x` stays.

    An index below 0 counts from the end, unless `from_end` is false. Raises SpecError if the axis is outside `x` or
    `indices` are not integers, and IndexError, when it runs, if one is not in -size..size - 1, or 0..size - 1.
    """
    axis = normalize_axis(axis, x.ndim)
    return x.with_shape((*x.shape[:axis], *integer(indices, "indices").shape, *x.shape[axis + 1 :]))


@take.kernel
def _(xp: Any, x: Any, indices: Any, *, axis: int, from_end: bool, out: Any = None) -> Any:
    indices = in_range(xp, indices, x.shape[axis], negative=from_end)
    # NumPy writes into `out` without a detour only in a mode that cannot raise; CuPy knows no modes.
    return xp.take(x, indices, axis=axis, out=out, **({"mode": "clip"} if xp is np else {}))


@take.vjp
def _(g: Any, y: Any, x: Any, indices: Any, *, axis: int, from_end: bool) -> Any:
    axis = normalize_axis(axis, x.ndim)
    if x.shape[axis] is None:
        return scatter_add_like(g, indices, x, axis=axis), None
    return scatter_add(g, indices, size=x.shape[axis], axis=axis), None


@take.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(5, 3)), rng.integers(0, 5, (4,))), {}
    yield (rng.normal(size=(2, 5, 3)), rng.integers(-5, 5, (4, 2))), {"axis": 1}
    yield (rng.normal(size=(2, 5)), np.array(-3)), {"axis": -1}
    yield (rng.normal(size=(5, 2)), np.array([3, 0])), {"from_end": False}
    yield (rng.integers(0, 9, (5,)), rng.integers(0, 5, (0, 2))), {}


@op(family="shape")
def scatter_add(updates: Spec, indices: Spec, *, size: Size, axis: int = 0) -> Spec:
    """Zeros, with each slice of `updates` added at its index along `axis`: the reverse of `take`.

    From `axis` on, `updates` has the dimensions of `indices`; in the result they are one of `size`. The dtype of
    `updates` stays; an index below 0 counts from the end. Raises SpecError if the shapes do not match or `indices`
    are not integers, and IndexError, when it runs, if one is not in -size..size - 1.
    """
    return _scattered(updates, indices, size, axis)


def _scattered(updates: Spec, indices: Spec, size: Dim, axis: int) -> Spec:
    numeric(updates)
    ndim = integer(indices, "indices").ndim
    axis = normalize_axis(axis, updates.ndim - ndim + 1)
    found = updates.shape[axis : axis + ndim]
    rule = f"updates have {shape_text(found)} where indices have {shape_text(indices.shape)}"
    merge_shapes(found, indices.shape, rule)
    return updates.with_shape((*updates.shape[:axis], size, *updates.shape[axis + ndim :]))


@scatter_add.kernel
def _(xp: Any, updates: Any, indices: Any, *, size: int, axis: int, out: Any = None) -> Any:
    return _add(xp, updates, indices, size, axis, out)


def _add(xp: Any, updates: Any, indices: Any, size: int, axis: int, out: Any) -> Any:
    indices = in_range(xp, indices, size, negative=True)
    axis = normalize_axis(axis, updates.ndim - indices.ndim + 1)
    before, after = updates.shape[:axis], updates.shape[axis + indices.ndim :]
    out = blank(xp, out, (*before, size, *after), updates.dtype)
    if updates.size:
        rows, columns = math.prod(before), math.prod(after)
        places = (xp.arange(rows).reshape(-1, 1) * size + indices.reshape(-1)).reshape(-1)
        combine_rows(xp, out.reshape(-1, columns), places, updates.reshape(-1, columns))
    return out


@scatter_add.vjp
def _(g: Any, y: Any, updates: Any, indices: Any, *, size: Size, axis: int) -> Any:
    return take(g, indices, axis=normalize_axis(axis, y.ndim)), None


@scatter_add.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(4, 3)), np.array([0, 2, 2, 4])), {"size": 5}
    yield (rng.normal(size=(2, 4, 2, 3)), rng.integers(-5, 5, (4, 2))), {"size": 5, "axis": 1}
    yield (rng.normal(size=(3,)), np.array(1)), {"size": 2, "axis": -1}
    yield (rng.integers(0, 9, (0,)), rng.integers(0, 5, (0,))), {"size": 3}


@op(family="shape", internal=True)
def scatter_add_like(updates: Spec, indices: Spec, like: Spec, *, axis: int) -> Spec:
    """`scatter_add` with the size that `like` has along `axis` when it runs; the values of `like` are not read.

    Raises SpecError if the axis is outside `like`, and what `scatter_add` raises.
    """
    return _scattered(updates, indices, like.shape[normalize_axis(axis, like.ndim)], axis)


@scatter_add_like.kernel
def _(xp: Any, updates: Any, indices: Any, like: Any, *, axis: int, out: Any = None) -> Any:
    return _add(xp, updates, indices, like.shape[axis], axis, out)


@scatter_add_like.vjp
def _(g: Any, y: Any, updates: Any, indices: Any, like: Any, *, axis: int) -> Any:
    return take(g, indices, axis=axis), None, None


@scatter_add_like.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(4, 3)), np.array([0, 2, -3, 4]), rng.integers(0, 9, (5, 3))), {"axis": 0}
    yield (rng.normal(size=(2, 4)), rng.integers(0, 3, (4,)), rng.integers(0, 9, (2, 3))), {"axis": 1}


# ---------------------------------------------------------------- one-hot vectors

Outside: TypeAlias = Literal["error", "off"]


@op(family="shape", differentiable=False)
def one_hot(
    indices: Spec,
    *,
    depth: Count | str,
    axis: int = -1,
    on: float = 1.0,
    off: float = 0.0,
    outside: Outside = "error",
    dtype: DType = "float32",
) -> Spec:
    """`on` at each index along a new axis of size `depth`, `off` elsewhere, in `dtype`.

    `axis` is counted in the result. An index below 0 counts from the end; for one that is not in -depth..depth - 1
    there is no `on` with `outside="off"`, and an IndexError, when it runs, with "error". Raises SpecError if
    `indices` are not integers, or if the axis is outside the result.
    """
    return hot(indices, depth, axis, dtype)


def hot(indices: Spec, depth: Dim, axis: int, dtype: str) -> Spec:
    """The spec of one-hot vectors of size `depth`."""
    shape = list(integer(indices, "indices").shape)
    shape.insert(normalize_axis(axis, len(shape) + 1), depth)
    return Spec(shape, dtype)


@one_hot.kernel
def _(xp: Any, indices: Any, *, depth: int, out: Any = None, **how: Any) -> Any:
    return light(xp, indices, depth, out=out, **how)


def light(
    xp: Any, indices: Any, depth: int, *, axis: int, on: float, off: float, outside: str, dtype: str, out: Any = None
) -> Any:
    """The array of one-hot vectors of size `depth`: `off` everywhere, then `on` at flat positions."""
    axis = normalize_axis(axis, indices.ndim + 1)
    after = math.prod(indices.shape[axis:])
    out = blank(xp, out, (*indices.shape[:axis], depth, *indices.shape[axis:]), np.dtype(dtype), off)
    count = xp.arange(indices.size)
    if outside == "off":
        indices = indices.astype("int64", copy=False)
        count = count[((indices >= -depth) & (indices < depth)).reshape(-1)]
        chosen = from_front(xp, indices.reshape(-1)[count], depth)
    else:
        chosen = in_range(xp, indices, depth, negative=True).reshape(-1)
    out.reshape(-1)[(count // max(1, after) * depth + chosen) * after + count % max(1, after)] = on
    return out


@one_hot.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.integers(0, 5, (4,)),), {"depth": 5}
    yield (rng.integers(-3, 3, (2, 2)),), {"depth": 3, "axis": 1, "dtype": "int32"}
    yield (np.array([[5], [-4], [1]]),), {"depth": 3, "axis": 0, "on": 2.0, "off": -1.0, "outside": "off"}
    yield (np.array(1),), {"depth": 2, "dtype": "bool"}
    yield (rng.integers(0, 3, (0,)),), {"depth": 3}
