"""Elements by their positions, and elements put at positions."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowloom import ops
from flowloom.compiler.expr import Expr, constant
from flowloom.formats.onnx.writing.dtypes import computed_in
from flowloom.formats.onnx.writing.table import becomes, writes
from flowloom.formats.onnx.writing.writer import REST, Name, Writer
from flowloom.spec import is_float, product, wide_dtype

INT64 = np.dtype("int64")


def positions(w: Writer, operand: Expr, name: Name) -> Name:
    """Positions as ONNX takes them: int32 or int64."""
    return name if operand.dtype in ("int32", "int64") else w.cast(name, operand.dtype, INT64)


@writes("take")
def _take(w: Writer, e: Expr, x: Name, indices: Name) -> Any:
    return w.node("Gather", x, positions(w, e.args[1], indices), axis=dict(e.params)["axis"] % e.args[0].ndim)


@writes("take_along_axis")
def _take_along_axis(w: Writer, e: Expr, x: Name, indices: Name) -> Any:
    """ONNX's GatherElements does not broadcast."""
    operand, places = e.args
    axis = dict(e.params)["axis"] % e.ndim
    whole = w.vector([w.extent(operand, x, a) if a == axis else _extent(w, e, x, indices, a) for a in range(e.ndim)])
    here = w.vector([_extent(w, e, x, indices, a) for a in range(e.ndim)])
    data = x if _same(operand, e, axis) else w.node("Expand", x, whole)
    where = positions(w, places, indices)
    return w.node("GatherElements", data, where if _same(places, e, axis) else w.node("Expand", where, here), axis=axis)


def _same(operand: Expr, e: Expr, axis: int) -> bool:
    """Whether an operand has the shape of the result, but for the axis."""
    return all(a == axis or (d is not None and d == e.shape[a]) for a, d in enumerate(operand.shape))


def _extent(w: Writer, e: Expr, x: Name, indices: Name, axis: int) -> Any:
    """The size of the result along an axis, where its two operands broadcast."""
    operand, places = e.args
    if isinstance(e.shape[axis], int | str):
        return w.size(e.shape[axis])
    return w.extent(operand, x, axis) if operand.shape[axis] is None else w.extent(places, indices, axis)


@becomes("add_along_axis")
def _add_along_axis(updates: Any, indices: Any, *like: Any, axis: int, shape: Any) -> Any:
    """Where `indices` or `updates` were broadcast, each of what they were broadcast to is added."""
    axis %= updates.ndim
    others = tuple(1 if a == axis else d for a, d in enumerate(updates.shape))
    whole = _zeros(updates, like, shape)
    ones = tuple(a for a, d in enumerate(shape) if a != axis and d == 1 and updates.shape[a] != 1)
    if any(a != axis and indices.shape[a] != d for a, d in enumerate(others)):
        indices = ops.broadcast_like(indices, updates)
    if ones:  # `x` was broadcast there: into a whole that is as wide, which is summed
        wide = tuple(updates.shape[a] if a in ones else d for a, d in enumerate(shape))
        return ops.sum_to(ops.add_along_axis(updates, indices, axis=axis, shape=wide), shape=shape)
    return ops.scatter_elements(whole, indices, updates, axis=axis, reduction="add")


def _zeros(updates: Any, like: Any, shape: Any) -> Any:
    if like:
        return ops.full_like(like[0], value=0.0, dtype=updates.dtype.name)
    return ops.broadcast_to(constant(0, updates.dtype), shape=shape)


@writes("scatter_elements", "scatter_nd")
def _scatter(w: Writer, e: Expr, x: Name, indices: Name, updates: Name) -> Any:
    operand, places, values = e.args
    params = dict(e.params)
    if params.get("batch_dims"):
        made = ops.scatter_nd(operand, _with_batch(places, params["batch_dims"]), values, reduction=params["reduction"])
        return w.written(made)
    elements = e.op.name == "scatter_elements"
    if not elements and places.shape[-1] == 0:
        return w.written(_onto(operand, values, places, params["reduction"]))
    op_type = "ScatterElements" if elements else "ScatterND"
    where = positions(w, places, indices) if elements else w.cast(indices, places.dtype, INT64)
    how = {"axis": params["axis"] % e.ndim} if elements else {}
    wide = computed_in(op_type, e.dtype)
    names = w.cast(x, operand.dtype, wide), where, w.cast(updates, values.dtype, wide)
    reduction = None if params["reduction"] == "none" else params["reduction"]
    return w.cast(w.node(op_type, *names, reduction=reduction, **how), wide, e.dtype)


def _onto(x: Any, updates: Any, indices: Any, reduction: str) -> Any:
    """Updates at no coordinates replace, or join, all of `x`."""
    axes = tuple(range(indices.ndim - 1))
    if reduction == "none":
        flat = ops.reshape(updates, shape=(-1, *x.shape))
        return ops.squeeze(ops.slice(flat, start=(-1,), stop=(None,)), axis=0)
    joined = {"add": ops.sum, "mul": ops.prod, "max": ops.max, "min": ops.min}[reduction](updates, axis=axes)
    return {"add": ops.add, "mul": ops.multiply, "max": ops.maximum, "min": ops.minimum}[reduction](x, joined)


def _with_batch(indices: Any, batch_dims: int) -> Any:
    """Coordinates with those of the common axes in front."""
    indices = ops.cast(indices, dtype="int64")
    first = ops.slice(indices, start=(None,) * (indices.ndim - 1) + (0,), stop=(None,) * (indices.ndim - 1) + (1,))
    own = []
    for axis in range(batch_dims):
        count = ops.arange_of(np.int64(0), ops.size(indices, axis=axis), np.int64(1))
        column = ops.expand_dims(count, axis=tuple(range(1, indices.ndim - axis)))
        own.append(ops.reshape(ops.broadcast_like(column, first), shape=first.shape))  # which says that the last is 1
    return ops.concatenate(*own, indices, axis=-1)


@writes("gather_nd")
def _gather_nd(w: Writer, e: Expr, x: Name, indices: Name) -> Any:
    operand, places = e.args
    batch_dims = dict(e.params)["batch_dims"]
    if places.shape[-1] == 0:
        shape = (*places.shape[:-1], *operand.shape[batch_dims:])
        lead = tuple(range(batch_dims, places.ndim - 1))
        return w.written(ops.broadcast_to(ops.expand_dims(operand, axis=lead), shape=shape))
    return w.node("GatherND", x, w.cast(indices, places.dtype, INT64), batch_dims=batch_dims or None)


@becomes("add_nd")
def _add_nd(updates: Any, indices: Any, *like: Any, batch_dims: int, shape: Any) -> Any:
    whole = _zeros(updates, like, shape)
    return ops.scatter_nd(whole, indices, updates, reduction="add", batch_dims=batch_dims)


@becomes("scatter_add")
def _scatter_add(updates: Any, indices: Any, *, size: Any, axis: int) -> Any:
    axis %= updates.ndim - indices.ndim + 1
    rest = updates.shape[axis + indices.ndim :]
    front = ops.moveaxis(
        updates, source=tuple(range(axis, axis + indices.ndim)), destination=tuple(range(indices.ndim))
    )
    whole = ops.broadcast_to(constant(0, updates.dtype), shape=(size, *updates.shape[:axis], *rest))
    made = ops.scatter_nd(whole, ops.expand_dims(indices, axis=-1), front, reduction="add")
    return ops.moveaxis(made, source=0, destination=axis)


@becomes("scatter_add_like")
def _scatter_add_like(updates: Any, indices: Any, like: Any, *, axis: int) -> Any:
    axis %= like.ndim
    last = axis + indices.ndim - 1
    rows = ops.flatten(updates, first=axis, last=last) if indices.ndim else ops.expand_dims(updates, axis=axis)
    lead = (1,) * axis
    where = ops.reshape(indices, shape=(*lead, -1, *(1,) * (like.ndim - axis - 1)))
    whole = ops.full_like(like, value=0.0, dtype=updates.dtype.name)
    return ops.scatter_elements(whole, ops.broadcast_like(where, rows), rows, axis=axis, reduction="add")


# ---------------------------------------------------------------- one-hot vectors


@writes("one_hot", "one_hot_by")
def _one_hot(w: Writer, e: Expr, indices: Name, *depth: Name) -> Any:
    params = dict(e.params)
    wide = wide_dtype(e.dtype) if is_float(e.dtype) else INT64
    places = w.cast(indices, e.args[0].dtype, INT64)
    scalar = not e.args[0].ndim  # of which ONNX has no one-hot vector
    places = w.reshape(places, [1]) if scalar else places
    count = w.cast(depth[0], e.args[1].dtype, INT64) if depth else w.scalar(w.size(params["depth"]))
    values = w.constant(np.asarray([params["off"], params["on"]], e.dtype).astype(wide))
    y = w.node("OneHot", places, count, values, axis=-1 if scalar else params["axis"])
    return w.cast(w.reshape(y, [REST]) if scalar else y, wide, e.dtype)


@becomes("at_labels")
def _at_labels(scores: Any, labels: Any) -> Any:
    return ops.squeeze(ops.take_along_axis(scores, ops.expand_dims(labels, axis=-1), axis=-1), axis=-1)


@becomes("sparse_softmax_cross_entropy")
def _sparse_softmax_cross_entropy(logits: Any, labels: Any, *, ignore_index: int | None) -> Any:
    how: dict[str, Any] = {"ignore_index": ignore_index, "reduction": "none"}
    return ops.negative_log_likelihood(ops.log_softmax(logits), labels, **how)


# ---------------------------------------------------------------- points of images, steps of sequences


@becomes("take_points")
def _take_points(x: Any, places: Any) -> Any:
    count = product(x.shape[1:-1])
    if count == 0:
        return ops.broadcast_to(constant(0, x.dtype), shape=(*places.shape, x.shape[-1]))
    flat = ops.reshape(x, shape=(*x.shape[:1], count, *x.shape[-1:])) if x.ndim != 3 else x
    return ops.gather_nd(flat, ops.expand_dims(_clipped(places, flat), axis=-1), batch_dims=1)


@becomes("add_points")
def _add_points(g: Any, places: Any, *, spatial: Any) -> Any:
    whole = ops.broadcast_to(constant(0, g.dtype), shape=(g.shape[0], product(spatial), g.shape[-1]))
    rows, where = _rows(g), _rows(ops.expand_dims(_clipped(places, whole), axis=-1))
    made = ops.scatter_elements(whole, ops.broadcast_like(where, rows), rows, axis=1, reduction="add")
    return ops.reshape(made, shape=(g.shape[0], *spatial, g.shape[-1]))


def _clipped(places: Any, flat: Any) -> Any:
    """Places that lie beyond the ends as those at the ends."""
    last = flat.shape[1] - 1 if isinstance(flat.shape[1], int) else ops.size(flat, axis=1) - 1
    return ops.maximum(ops.minimum(ops.cast(places, dtype="int64"), last), 0)


def _rows(x: Any) -> Any:
    """`x` (batch, ..., channels) as (batch, places, channels)."""
    return ops.flatten(x, first=1, last=x.ndim - 2) if x.ndim > 2 else ops.expand_dims(x, axis=1)


@becomes("update_slice")
def _update_slice(x: Any, updates: Any, starts: Any, *, axis: int, wrap: bool) -> Any:
    return ops.scatter_elements(x, _steps(x, updates, starts, axis, wrap), updates, axis=axis)


@becomes("read_slice")
def _read_slice(x: Any, like: Any, starts: Any, *, axis: int, wrap: bool) -> Any:
    return ops.take_along_axis(x, _steps(x, like, starts, axis, wrap), axis=axis)


def _steps(x: Any, updates: Any, starts: Any, axis: int, wrap: bool) -> Any:
    """The place along the axis of each element of `updates`."""
    axis %= x.ndim
    n = updates.shape[axis]
    steps = (
        np.arange(n) if isinstance(n, int) else ops.arange_of(np.int64(0), ops.size(updates, axis=axis), np.int64(1))
    )
    lead = ops.expand_dims(ops.cast(starts, dtype="int64"), axis=tuple(range(1, x.ndim)))
    places = lead + ops.reshape(steps, shape=(-1, *(1,) * (x.ndim - 1 - axis)))
    return ops.broadcast_like(places % ops.size(x, axis=axis) if wrap else places, updates)


# ---------------------------------------------------------------- searching


@writes("nonzero")
def _nonzero(w: Writer, e: Expr, x: Name) -> Any:
    if e.args[0].ndim:
        return w.node("NonZero", x)
    found = w.node("NonZero", w.reshape(x, [1]))  # a scalar has no coordinates
    return w.node("Slice", found, w.ints(0), w.ints(0), w.ints(0))


@writes("distinct_positions")
def _distinct_positions(w: Writer, e: Expr, x: Name) -> Any:
    (operand,) = e.args
    axis, ordered = dict(e.params)["axis"] % operand.ndim, dict(e.params)["sorted"]
    wide = np.dtype("int64") if operand.dtype.kind == "b" else computed_in("Unique", operand.dtype)
    front = w.transpose(x, [axis, *(a for a in range(operand.ndim) if a != axis)])
    return w.node("Unique", w.cast(front, operand.dtype, wide), count=4, axis=0, sorted=int(ordered))[1:]


@becomes("searchsorted")
def _searchsorted(sorted: Any, values: Any, *, side: str) -> Any:
    """How many come before: ONNX has no search, so each value is compared with all."""
    column = ops.expand_dims(values, axis=-1)
    others = sorted if sorted.ndim == 1 else ops.expand_dims(sorted, axis=-2)
    return ops.sum((ops.less if side == "left" else ops.less_equal)(others, column), axis=-1)
