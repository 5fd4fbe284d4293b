"""Elements by their positions: gather, its reverse, and one-hot vectors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, TypeAlias

import numpy as np
from msgspec import Meta

from flowloom.op import Sample, op
from flowloom.ops.inference import integer, numeric
from flowloom.ops.kernels import blank
from flowloom.params import DType
from flowloom.spec import Spec, SpecError, merge, normalize_axis, shape_text

Size: TypeAlias = Annotated[int, Meta(ge=0)] | str | None


def in_range(xp: Any, indices: Any, size: int, what: str = "index") -> Any:
    """`indices` as int64. Raises IndexError, naming the first that is not in 0..size - 1 and its position."""
    if not indices.size or (indices.min() >= 0 and indices.max() < size):
        return indices.astype("int64", copy=False)
    position = tuple(int(p[0]) for p in xp.nonzero(xp.atleast_1d((indices < 0) | (indices >= size))))[: indices.ndim]
    place = f", at position {position}" if position else ""
    raise IndexError(f"{what} {int(indices[position])} is outside 0..{size - 1}{place}")


@op(family="shape")
def take(x: Spec, indices: Spec, *, axis: int = 0) -> Spec:
    """The slices of `x` at `indices` along `axis`, which the shape of `indices` replaces; the dtype of `x` stays.

    Raises SpecError if the axis is outside `x` or `indices` are not integers, and IndexError, when it runs, if one is
    not in 0..size - 1.
    """
    axis = normalize_axis(axis, x.ndim)
    return x.with_shape((*x.shape[:axis], *integer(indices, "indices").shape, *x.shape[axis + 1 :]))


@take.kernel
def _(xp: Any, x: Any, indices: Any, *, axis: int, out: Any = None) -> Any:
    indices = in_range(xp, indices, x.shape[axis])
    # NumPy writes into `out` without a detour only in a mode that cannot raise; CuPy knows no modes.
    return xp.take(x, indices, axis=axis, out=out, **({"mode": "clip"} if xp is np else {}))


@take.vjp
def _(g: Any, y: Any, x: Any, indices: Any, *, axis: int) -> Any:
    axis = normalize_axis(axis, x.spec.ndim)
    return scatter_add(g, indices, size=x.shape[axis], axis=axis), None


@take.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(5, 3)), rng.integers(0, 5, (4,))), {}
    yield (rng.normal(size=(2, 5, 3)), rng.integers(0, 5, (4, 2))), {"axis": 1}
    yield (rng.normal(size=(2, 5)), np.array(3)), {"axis": -1}
    yield (rng.integers(0, 9, (5,)), rng.integers(0, 5, (0, 2))), {}


@op(family="shape", internal=True)
def scatter_add(updates: Spec, indices: Spec, *, size: Size, axis: int = 0) -> Spec:
    """Zeros, with each slice of `updates` added at its index along `axis`: the reverse of `take`.

    From `axis` on, `updates` has the dimensions of `indices`; in the result they are one of `size`. The dtype of
    `updates` stays. Raises SpecError if the shapes do not match or `indices` are not integers, and IndexError, when
    it runs, if one is not in 0..size - 1.
    """
    numeric(updates)
    ndim = integer(indices, "indices").ndim
    axis = normalize_axis(axis, updates.ndim - ndim + 1)
    found = updates.shape[axis : axis + ndim]
    try:
        for a, b in zip(found, indices.shape, strict=True):
            merge(a, b)
    except SpecError:
        raise SpecError(
            f"updates have {shape_text(found)} where indices have {shape_text(indices.shape)}",
            dimension=f"{shape_text(found)} != {shape_text(indices.shape)}",
        ) from None
    return updates.with_shape((*updates.shape[:axis], size, *updates.shape[axis + ndim :]))


@scatter_add.kernel
def _(xp: Any, updates: Any, indices: Any, *, size: int, axis: int, out: Any = None) -> Any:
    indices = in_range(xp, indices, size)
    axis = normalize_axis(axis, updates.ndim - indices.ndim + 1)
    before, after = updates.shape[:axis], updates.shape[axis + indices.ndim :]
    out = blank(xp, out, (*before, size, *after), updates.dtype)
    # NumPy adds at positions in a flat array about 10 times as fast as at rows.
    rows, columns = int(np.prod(before)), int(np.prod(after))
    places = xp.arange(rows).reshape(-1, 1, 1) * (size * columns) + indices.reshape(-1, 1) * columns
    xp.add.at(out.reshape(-1), (places + xp.arange(columns)).reshape(-1), updates.reshape(-1))
    return out


@scatter_add.vjp
def _(g: Any, y: Any, updates: Any, indices: Any, *, size: Size, axis: int) -> Any:
    return take(g, indices, axis=normalize_axis(axis, y.spec.ndim)), None


@scatter_add.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(4, 3)), np.array([0, 2, 2, 4])), {"size": 5}
    yield (rng.normal(size=(2, 4, 2, 3)), rng.integers(0, 5, (4, 2))), {"size": 5, "axis": 1}
    yield (rng.normal(size=(3,)), np.array(1)), {"size": 2, "axis": -1}
    yield (rng.integers(0, 9, (0,)), rng.integers(0, 5, (0,))), {"size": 3}


@op(family="shape", differentiable=False)
def one_hot(indices: Spec, *, depth: Annotated[int, Meta(ge=1)] | str, dtype: DType = "float32") -> Spec:
    """1 at each index along a new last axis of size `depth`, 0 elsewhere, in `dtype`.

    Raises SpecError if `indices` are not integers, and IndexError, when it runs, if one is not in 0..depth - 1.
    """
    return Spec((*integer(indices, "indices").shape, depth), dtype)


@one_hot.kernel
def _(xp: Any, indices: Any, *, depth: int, dtype: str, out: Any = None) -> Any:
    indices = in_range(xp, indices, depth)
    out = blank(xp, out, (*indices.shape, depth), dtype)
    out.reshape(-1, depth)[xp.arange(indices.size), indices.reshape(-1)] = 1
    return out


@one_hot.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.integers(0, 5, (4,)),), {"depth": 5}
    yield (rng.integers(0, 3, (2, 2)),), {"depth": 3, "dtype": "int32"}
    yield (np.array(1),), {"depth": 2, "dtype": "bool"}
    yield (rng.integers(0, 3, (0,)),), {"depth": 3}
