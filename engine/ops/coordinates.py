"""Elements and slices by all their coordinates at once: gather_nd and scatter_nd."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.broadcasting import sized
from flowloom.ops.indexing import in_range
from flowloom.ops.inference import integer, numeric, shaped
from flowloom.ops.kernels import blank
from flowloom.ops.scattering import Reduction, add_at, scatter_gradients, updated, write
from flowloom.params import Shape, Whole
from flowloom.spec import Dim, Spec, SpecError, merge, shape_text


@op(family="shape", narrow=True)
def gather_nd(x: Spec, indices: Spec, *, batch_dims: Whole = 0) -> Spec:
    """The elements or slices of `x` at the coordinates that lie along the last axis of `indices`.

    With k coordinates each, y[i, j] = x[indices[i, j, 0], ..., indices[i, j, k - 1]], a slice where k is less than the
    dimensions of `x`. The first `batch_dims` axes are common to both: there each row has its own. A coordinate below
    0 counts from the end. ONNX's GatherND. Raises SpecError if k is not known or too large, if the common axes
    differ, or if `indices` are not integers, and IndexError, when it runs, if a coordinate is outside.
    """
    return x.with_shape(_taken(x.shape, indices, batch_dims))


def _taken(shape: tuple[Dim, ...], indices: Spec, batch_dims: int) -> tuple[Dim, ...]:
    """The shape of what lies at `indices` in a tensor of this shape."""
    count = integer(indices, "indices").shape[-1] if indices.ndim else None
    if not isinstance(count, int):
        raise SpecError(
            f"the size of the last axis of indices must be known: it is the number of coordinates; got {indices}",
            dimension="last axis of indices",
        )
    if batch_dims >= indices.ndim or batch_dims + count > len(shape):
        raise SpecError(
            f"{batch_dims} common axes and {count} coordinates do not fit x {shape_text(shape)} and indices {indices}",
            dimension=f"{batch_dims} + {count} > {len(shape)}",
        )
    common = [merge(a, b) for a, b in zip(shape[:batch_dims], indices.shape[:batch_dims], strict=True)]
    return (*common, *indices.shape[batch_dims:-1], *shape[batch_dims + count :])


def _places(xp: Any, shape: tuple[int, ...], indices: Any, batch_dims: int) -> Any:
    """Row numbers of the slices at `indices`, in a tensor of this shape seen as (rows, columns)."""
    sizes = shape[batch_dims : batch_dims + indices.shape[-1]]
    common = indices.shape[:batch_dims]
    ones = (1,) * (indices.ndim - 1 - batch_dims)
    places = xp.arange(math.prod(common)).reshape((*common, *ones)) * math.prod(sizes)
    for i, size in enumerate(sizes):
        column = in_range(xp, indices[..., i], size, f"coordinate {i}", negative=True)
        places = places + column * math.prod(sizes[i + 1 :])
    return xp.broadcast_to(places, indices.shape[:-1])


@gather_nd.kernel
def _(xp: Any, x: Any, indices: Any, *, batch_dims: int, out: Any = None) -> Any:
    places = _places(xp, x.shape, indices, batch_dims)
    rest = x.shape[batch_dims + indices.shape[-1] :]
    rows = x.reshape((math.prod(x.shape[: batch_dims + indices.shape[-1]]), *rest))
    return xp.take(rows, places, axis=0, out=out, **({"mode": "clip"} if xp is np else {}))  # all are inside


@gather_nd.vjp
def _(g: Any, y: Any, x: Any, indices: Any, *, batch_dims: int) -> Any:
    return add_nd(g, indices, *sized(x), batch_dims=batch_dims, shape=x.shape), None


@gather_nd.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 4)), rng.integers(-3, 3, (5, 2))), {}
    yield (rng.normal(size=(3, 4, 2)), rng.integers(0, 3, (2, 2, 1))), {}
    yield (rng.normal(size=(2, 3, 4)), rng.integers(0, 3, (2, 5, 1))), {"batch_dims": 1}
    yield (rng.normal(size=(2, 3)), np.zeros((2, 0), np.int64)), {}
    yield (rng.integers(0, 9, (3, 4)), np.zeros((0, 2), np.int64)), {}


@op(family="shape", internal=True)
def add_nd(updates: Spec, indices: Spec, *like: Spec, batch_dims: Whole = 0, shape: Shape) -> Spec:
    """Zeros in `shape`, with `updates` added at the coordinates `indices`: the reverse of `gather_nd`.

    Where a size in `shape` is not known before it runs, the shape is that of `like`. Raises SpecError if `updates` are
    not what `gather_nd` gives, or for bool, and IndexError, when it runs, if a coordinate is outside.
    """
    return shaped(numeric(updates), _taken(shape, indices, batch_dims), "updates").with_shape(shape)


@add_nd.kernel
def _(xp: Any, updates: Any, indices: Any, *like: Any, batch_dims: int, shape: Any, out: Any = None) -> Any:
    shape = like[0].shape if like else shape
    places = _places(xp, shape, indices, batch_dims)
    return add_at(xp, blank(xp, out, shape, updates.dtype), places, updates)


@add_nd.vjp
def _(g: Any, y: Any, updates: Any, indices: Any, *like: Any, batch_dims: int, shape: Shape) -> Any:
    return gather_nd(g, indices, batch_dims=batch_dims), None, *(None for _ in like)


@add_nd.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(5, 2)), np.array([[0], [2], [2], [-1], [1]])), {"shape": (3, 2)}
    yield (
        (rng.normal(size=(2, 3)), rng.integers(0, 4, (2, 3, 1)), rng.normal(size=(2, 4))),
        {
            "batch_dims": 1,
            "shape": (2, 4),
        },
    )
    yield (rng.normal(size=(2, 2, 3)), np.zeros((2, 0), np.int64)), {"shape": (2, 3)}


@op(family="shape")
def scatter_nd(x: Spec, indices: Spec, updates: Spec, *, reduction: Reduction = "none", batch_dims: Whole = 0) -> Spec:
    """`x` with `updates` at the coordinates that lie along the last axis of `indices`, as `gather_nd` reads them.

    With a `reduction` the updates are combined with what is there, and with each other; with "none" the last one at a
    place stays. The dtype is the wider one. ONNX's ScatterND. Raises SpecError if `updates` do not have the shape
    that `gather_nd` gives, or `indices` are not integers, and IndexError, when it runs, if a coordinate is outside.
    """
    return updated(x, shaped(updates, _taken(x.shape, indices, batch_dims), "updates"), reduction)


@scatter_nd.kernel
def _(xp: Any, x: Any, indices: Any, updates: Any, *, reduction: Reduction, batch_dims: int, out: Any = None) -> Any:
    return write(xp, x, _places(xp, x.shape, indices, batch_dims), updates, reduction, out)


@scatter_nd.vjp
def _(g: Any, y: Any, x: Any, indices: Any, updates: Any, *, reduction: Reduction, batch_dims: int) -> Any:
    gx, gu = scatter_gradients(
        g,
        y,
        x,
        updates,
        reduction,
        read=lambda t: gather_nd(t, indices, batch_dims=batch_dims),
        put=lambda t, u, how: scatter_nd(t, indices, u, reduction=how, batch_dims=batch_dims),
    )
    return gx, None, gu


@scatter_nd.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    twice = np.array([[0], [2], [0], [-1]])
    for how in ("none", "add", "mul", "max", "min"):
        yield (rng.normal(size=(3, 2)), twice, rng.normal(size=(4, 2))), {"reduction": how}
    yield (rng.normal(size=(2, 3)), rng.integers(0, 3, (2, 2, 1)), rng.normal(size=(2, 2))), {"batch_dims": 1}
    yield (rng.integers(0, 9, (3, 2)), np.zeros((0, 2), np.int64), rng.integers(0, 9, (0,))), {}
