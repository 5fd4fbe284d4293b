"""Elements by their positions along one axis, with positions of their own in every row: gather and scatter."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.broadcasting import sized
from flowloom.ops.dynamic import shape_of
from flowloom.ops.dynamic_parts import slice_at
from flowloom.ops.indexing import in_range, take
from flowloom.ops.inference import integer, numeric, same_dims, shaped
from flowloom.ops.kernels import blank
from flowloom.ops.scattering import Reduction, add_at, scatter_gradients, updated, write
from flowloom.ops.slicing import slice_
from flowloom.params import Shape
from flowloom.spec import Dim, Spec, SpecError, broadcast, normalize_axis


@op(family="shape", narrow=True)
def take_along_axis(x: Spec, indices: Spec, *, axis: int = -1) -> Spec:
    """The elements of `x` at `indices` along `axis`: y[i, j, k] = x[i, indices[i, j, k], k] for axis 1.

    Along the other axes the two broadcast, as in NumPy; the dtype of `x` stays, an index below 0 counts from the end.
    Raises SpecError if the numbers of dimensions differ, if shapes do not broadcast or `indices` are not integers, and
    IndexError, when it runs, if one is not in -size..size - 1.
    """
    return x.with_shape(_paired(x, indices, axis))


def _paired(x: Spec, indices: Spec, axis: int) -> list[Dim]:
    """The shape of `indices`, along the other axes broadcast with `x`."""
    axis = normalize_axis(axis, same_dims(x, integer(indices, "indices").ndim, "x").ndim)
    there, here = list(x.shape), list(indices.shape)
    there[axis] = 1
    here[axis] = 1
    shape = list(broadcast(Spec(there), Spec(here)).shape)
    shape[axis] = indices.shape[axis]
    return shape


def _places(xp: Any, shape: tuple[int, ...], extents: Sequence[int], indices: Any, axis: int) -> Any:
    """Positions in the flattened tensor of this shape: at `indices` along `axis`, at 0..extent - 1 along the others."""
    axis = normalize_axis(axis, len(shape))
    places = in_range(xp, indices, shape[axis], negative=True) * math.prod(shape[axis + 1 :])
    for a, n in enumerate(extents):
        if a != axis:
            steps = xp.arange(n) * math.prod(shape[a + 1 :])
            places = places + steps.reshape([-1 if i == a else 1 for i in range(len(shape))])
    return places


@take_along_axis.kernel
def _(xp: Any, x: Any, indices: Any, *, axis: int, out: Any = None) -> Any:
    places = _places(xp, x.shape, x.shape, indices, axis)
    return xp.take(x.reshape(-1), places, out=out, **({"mode": "clip"} if xp is np else {}))  # all are inside


@take_along_axis.vjp
def _(g: Any, y: Any, x: Any, indices: Any, *, axis: int) -> Any:
    return add_along_axis(g, indices, *sized(x), axis=axis, shape=x.shape), None


@take_along_axis.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 4)), rng.integers(-4, 4, (3, 2))), {}
    yield (rng.normal(size=(2, 3, 4)), rng.integers(0, 3, (2, 5, 4))), {"axis": 1}
    yield (rng.normal(size=(3, 4)), rng.integers(0, 3, (2, 1))), {"axis": 0}
    yield (rng.normal(size=(1, 4)), rng.integers(0, 4, (3, 2))), {"axis": 1}
    yield (rng.integers(0, 9, (3, 4)), rng.integers(0, 4, (3, 0))), {}


@op(family="shape", internal=True)
def add_along_axis(updates: Spec, indices: Spec, *like: Spec, axis: int, shape: Shape) -> Spec:
    """Zeros in `shape`, with `updates` added at `indices` along `axis`: the reverse of `take_along_axis`.

    Where a size in `shape` is not known before it runs, the shape is that of `like`. Raises SpecError if `updates` are
    not what `take_along_axis` gives, or for bool, and IndexError, when it runs, if an index is outside.
    """
    whole = numeric(updates).with_shape(shape)
    shaped(updates, _paired(whole, indices, axis), "updates")
    return whole


@add_along_axis.kernel
def _(xp: Any, updates: Any, indices: Any, *like: Any, axis: int, shape: Any, out: Any = None) -> Any:
    out = blank(xp, out, like[0].shape if like else shape, updates.dtype)
    return add_at(xp, out, _places(xp, out.shape, out.shape, indices, axis), updates)


@add_along_axis.vjp
def _(g: Any, y: Any, updates: Any, indices: Any, *like: Any, axis: int, shape: Shape) -> Any:
    return take_along_axis(g, indices, axis=axis), None, *(None for _ in like)


@add_along_axis.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 2)), rng.integers(-4, 4, (3, 2))), {"axis": -1, "shape": (3, 4)}
    yield (rng.normal(size=(2, 4)), rng.integers(0, 3, (2, 1)), rng.normal(size=(3, 4))), {"axis": 0, "shape": (3, 4)}
    yield (rng.normal(size=(3, 2)), rng.integers(0, 4, (3, 2))), {"axis": 1, "shape": (1, 4)}


# ---------------------------------------------------------------- ONNX's GatherElements and ScatterElements


@op(family="shape", composite=True, internal=True)
def gather_elements(x: Any, indices: Any, *, axis: int = 0) -> Any:
    """The elements of `x` at `indices` along `axis`, in the shape of `indices`, as ONNX's GatherElements.

    Along the other axes `indices` may be smaller than `x`: its first rows are read. That is where it differs from
    `take_along_axis`, which repeats a single row. Raises SpecError if the numbers of dimensions differ, if `indices`
    are larger or no integers, and IndexError, when it runs, if one is not in -size..size - 1.
    """
    axis = normalize_axis(axis, x.ndim)
    smaller = [a for a, (d, n) in enumerate(_others(x, indices, axis)) if d is None or d != n]
    if all(isinstance(indices.shape[a], int) for a in smaller):
        stop = tuple(indices.shape[a] if a in smaller else None for a in range(x.ndim))
        first = slice_(x, start=(None,) * x.ndim, stop=stop) if smaller else x
    else:
        sizes = take(shape_of(indices), np.array(smaller))
        first = slice_at(x, np.zeros(len(smaller), np.int64), sizes, axes=tuple(smaller))
    return take_along_axis(first, indices, axis=axis)


def _others(x: Any, indices: Any, axis: int) -> list[tuple[Dim, Dim]]:
    """The sizes of `x` and `indices` along the other axes, (1, 1) along `axis`. Raises SpecError if one is larger."""
    same_dims(indices, x.ndim, "indices")
    pairs = [(1, 1) if a == axis else pair for a, pair in enumerate(zip(x.shape, indices.shape, strict=True))]
    for a, (d, n) in enumerate(pairs):
        if isinstance(d, int) and isinstance(n, int) and n > d:
            raise SpecError(f"indices are larger than x along axis {a}: {n} and {d}", dimension=f"axis {a}: {n} > {d}")
    return pairs


@gather_elements.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 4)), rng.integers(-3, 3, (2, 4))), {}
    yield (rng.normal(size=(3, 4, 2)), rng.integers(0, 4, (1, 5, 2))), {"axis": 1}
    yield (rng.integers(0, 9, (3, 4)), rng.integers(0, 4, (2, 0))), {"axis": -1}


@op(family="shape")
def scatter_elements(x: Spec, indices: Spec, updates: Spec, *, axis: int = 0, reduction: Reduction = "none") -> Spec:
    """`x` with `updates` at `indices` along `axis`: y[i, indices[i, j, k], k] = updates[i, j, k] for axis 1.

    `updates` have the shape of `indices`, which along the other axes may be smaller than `x`. With a `reduction` they
    are combined with what is there, and with each other; with "none" the last one at a place stays. The dtype is the
    wider one; an index below 0 counts from the end. ONNX's ScatterElements. Raises SpecError if shapes do not match or
    `indices` are not integers, and IndexError, when it runs, if one is not in -size..size - 1.
    """
    _others(x, integer(indices, "indices"), normalize_axis(axis, x.ndim))
    shaped(updates, indices.shape, "updates")
    return updated(x, updates, reduction)


@scatter_elements.kernel
def _(xp: Any, x: Any, indices: Any, updates: Any, *, axis: int, reduction: Reduction, out: Any = None) -> Any:
    return write(xp, x, _places(xp, x.shape, indices.shape, indices, axis), updates, reduction, out)


@scatter_elements.vjp
def _(g: Any, y: Any, x: Any, indices: Any, updates: Any, *, axis: int, reduction: Reduction) -> Any:
    gx, gu = scatter_gradients(
        g,
        y,
        x,
        updates,
        reduction,
        read=lambda t: gather_elements(t, indices, axis=axis),
        put=lambda t, u, how: scatter_elements(t, indices, u, axis=axis, reduction=how),
    )
    return gx, None, gu


@scatter_elements.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    twice = np.array([[0, 1, 1], [2, 1, -2]])
    for how in ("none", "add", "mul", "max", "min"):
        yield (rng.normal(size=(3, 4)), twice, rng.normal(size=(2, 3))), {"reduction": how}
    yield (rng.normal(size=(2, 5)), np.array([[1, 3]]), rng.normal(size=(1, 2))), {"axis": 1}
    yield (rng.integers(0, 9, (3, 2)), rng.integers(0, 3, (0, 2)), rng.integers(0, 9, (0, 2))), {}
