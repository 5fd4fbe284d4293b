"""Where something is: results whose size depends on the values, which is None before it runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.indexing import take
from flowloom.ops.inference import boolean, same_dims, shaped
from flowloom.ops.shape import flatten, squeeze
from flowloom.spec import Spec, SpecError, merge_shapes, normalize_axis, promote


@op(family="shape", differentiable=False)
def nonzero(x: Spec) -> Spec:
    """The coordinates of all elements of `x` that are not 0, in C order: int64 (dimensions of `x`, how many there are).

    Each column is one element, each row one axis; ONNX's NonZero. The second size is not known before it runs.
    """
    return Spec((x.ndim, None), "int64")


@nonzero.kernel
def _(xp: Any, x: Any) -> Any:
    return xp.ascontiguousarray(xp.argwhere(x).T.astype("int64", copy=False))


@nonzero.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.integers(0, 2, (3, 4)),), {}
    yield (rng.normal(size=(5,)) > 0,), {}
    yield (np.array(2.5),), {}
    yield (np.zeros((0, 2)),), {}


@op(family="shape", composite=True)
def compress(x: Any, condition: Any, *, axis: int | None = None) -> Any:
    """The slices of `x` along `axis` for which the vector `condition` holds; with None elements of the flattened `x`.

    A `condition` that is shorter leaves out what lies beyond it. The size along the axis is not known before it runs.
    Raises SpecError unless `condition` is a bool vector, or if the axis is outside `x`.
    """
    if axis is None:
        x, axis = flatten(x), 0
    return take(x, _where_true(condition), axis=axis)


def _where_true(condition: Any) -> Any:
    """The positions at which a bool vector holds."""
    same_dims(condition, 1, "condition")
    boolean(Spec(condition.shape, condition.dtype))
    return squeeze(nonzero(condition), axis=0)


@compress.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 2)), np.array([True, False, True])), {"axis": 0}
    yield (rng.normal(size=(3, 4)), np.array([False, True])), {"axis": -1}
    yield (rng.normal(size=(3, 2)), np.array([False, True, False, True, True])), {}
    yield (rng.integers(0, 9, (0, 2)), np.zeros(0, bool)), {"axis": 0}


@op(family="shape", composite=True)
def boolean_mask(x: Any, mask: Any) -> Any:
    """The elements, or slices, of `x` at which `mask` holds, in C order, along one axis in front: `x[mask]` in NumPy.

    The axes of `mask` are the first ones of `x`. The size is not known before it runs. Raises SpecError unless `mask`
    is bool, has one dimension at least, and fits `x`.
    """
    if not 1 <= mask.ndim <= x.ndim:
        raise SpecError(
            f"the mask must have from 1 to {x.ndim} dimensions; got {mask.ndim}",
            dimension=f"{mask.ndim} dimensions",
        )
    shaped(mask, x.shape[: mask.ndim], "the mask")
    return take(flatten(x, last=mask.ndim - 1), _where_true(flatten(mask)), axis=0)


@boolean_mask.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 4)), rng.normal(size=(3, 4)) > 0), {}
    yield (rng.normal(size=(3, 4, 2)), np.array([True, False, True])), {}
    yield (rng.integers(0, 9, (2, 0)), np.zeros((2, 0), bool)), {}


@op(family="shape", composite=True, outputs=("values", "indices", "inverse", "counts"))
def unique(x: Any, *, axis: int | None = None, sorted: bool = True) -> Any:
    """The distinct elements of the flattened `x`, or its distinct slices along `axis`.

    `values` has them in ascending order, or without `sorted` in the order in which they come first. `indices` says
    where each comes first, `inverse` which of them each element or slice of `x` is, `counts` how often each comes:
    int64 vectors. How many there are is not known before it runs. ONNX's Unique. Raises SpecError if the axis is
    outside `x`.
    """
    whole, along = (flatten(x), 0) if axis is None else (x, normalize_axis(axis, x.ndim))
    indices, inverse, counts = distinct_positions(whole, axis=along, sorted=sorted)
    return take(whole, indices, axis=along), indices, inverse, counts


@unique.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.integers(0, 4, (3, 4)).astype(float),), {}
    yield (rng.integers(0, 4, (8,)),), {"sorted": False}
    yield (rng.integers(0, 2, (5, 2)).astype(float),), {"axis": 0}
    yield (rng.integers(0, 2, (2, 6)) > 0,), {"axis": -1, "sorted": False}


@op(family="shape", differentiable=False, internal=True, outputs=("indices", "inverse", "counts"))
def distinct_positions(x: Spec, *, axis: int, sorted: bool) -> tuple[Spec, ...]:
    """Where the distinct slices of `x` along `axis` come first, which of them each slice is, how often each comes."""
    size = x.shape[normalize_axis(axis, x.ndim)]
    return Spec((None,), "int64"), Spec((size,), "int64"), Spec((None,), "int64")


@distinct_positions.kernel
def _(xp: Any, x: Any, *, axis: int, sorted: bool) -> Any:
    along = None if x.ndim == 1 else axis
    _, first, inverse, counts = xp.unique(x, return_index=True, return_inverse=True, return_counts=True, axis=along)
    inverse = inverse.reshape(-1)
    if not sorted:
        order = xp.argsort(first)
        rank = xp.empty_like(order)
        rank[order] = xp.arange(order.size)
        first, inverse, counts = first[order], rank[inverse], counts[order]
    return tuple(a.astype("int64", copy=False) for a in (first, inverse, counts))


@distinct_positions.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.integers(0, 4, (8,)),), {"axis": 0, "sorted": True}
    yield (rng.integers(0, 2, (5, 2)),), {"axis": 0, "sorted": False}


@op(family="shape", differentiable=False)
def searchsorted(sorted: Spec, values: Spec, *, side: Literal["left", "right"] = "left") -> Spec:
    """Where in the last axis of `sorted`, which ascends, each of `values` would go to keep the order: int64.

    Before the elements that equal it with side "left", after them with "right". `sorted` is a vector, for values of
    any shape, or has the dimensions of `values`, equal but for the last, and each row is searched in its own.
    Raises SpecError if they do not fit.
    """
    if sorted.ndim != 1:
        rule = f"sorted must be a vector, or like values but for the last axis; got {sorted} and {values}"
        if not sorted.ndim:
            raise SpecError(rule, dimension="0 dimensions")
        merge_shapes(sorted.shape[:-1], values.shape[:-1], rule)
    return values.with_dtype("int64")


@searchsorted.kernel
def _(xp: Any, sorted: Any, values: Any, *, side: str, out: Any = None) -> Any:
    if out is None:
        out = xp.empty(values.shape, "int64")
    dtype = promote(sorted.dtype, values.dtype)
    sorted, values = sorted.astype(dtype, copy=False), values.astype(dtype, copy=False)
    if sorted.ndim == 1:
        out[...] = xp.searchsorted(sorted, values, side=side)
        return out
    for row in np.ndindex(values.shape[:-1]):
        out[row] = xp.searchsorted(sorted[row], values[row], side=side)
    return out


@searchsorted.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (np.sort(rng.normal(size=5)), rng.normal(size=(3, 2))), {}
    yield (np.sort(rng.normal(size=(2, 5))), rng.normal(size=(2, 3))), {}
    yield (np.array([1, 2, 2, 4]), np.array([2, 4])), {"side": "right"}
    yield (np.array([1.0, 2.0]), np.array(1.5)), {}
