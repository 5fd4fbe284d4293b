"""The same elements in another shape; several tensors as one, and one as several."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowloom import ops
from flowloom.compiler.expr import Expr
from flowloom.formats.onnx.writing.dtypes import onnx_dtype
from flowloom.formats.onnx.writing.table import becomes, writes
from flowloom.formats.onnx.writing.writer import KEEP, REST, Extent, Name, Size, Writer
from flowloom.spec import Dim, normalize_axis

INT64 = np.dtype("int64")


@writes("transpose")
def _transpose(w: Writer, e: Expr, x: Name) -> Name:
    axes = dict(e.params)["axes"]
    return w.transpose(x, range(e.ndim)[::-1] if axes is None else [a % e.ndim for a in axes])


@becomes("moveaxis_at")
def _moveaxis_at(x: Any, source: Any, destination: Any) -> Any:
    """ONNX transposes in an order known beforehand. In another one, every element is looked up by its place."""
    if source.value is not None and destination.value is not None:
        return ops.moveaxis(x, source=tuple(source.value.tolist()), destination=tuple(destination.value.tolist()))
    if x.ndim < 2 or source.shape[0] == 0:
        return x
    order, sizes = _order(x.ndim, source, destination), ops.shape_of(x)
    steps = [sizes[-1] * 0 + 1]
    for axis in range(x.ndim - 1, 0, -1):
        steps.insert(0, steps[0] * sizes[axis])
    strides, shape = ops.take(ops.stack(*steps), order), ops.take(sizes, order)
    places: Any = np.zeros(1, np.int64)
    for axis in range(x.ndim):
        along = ops.arange_of(np.int64(0), shape[axis], np.int64(1)) * strides[axis]
        places = ops.flatten(ops.expand_dims(places, axis=-1) + along)
    return ops.reshape_to(ops.take(ops.flatten(x), places), shape)


def _order(ndim: int, source: Any, destination: Any) -> Any:
    """Which axis comes to each place: those of `source` to their destination, the others in order to what is left."""
    every = np.ones(ndim, np.int64)
    origins, targets = (ops.cast(axes, dtype="int64") % ndim for axes in (source, destination))
    nothing = origins * 0
    others, free = (
        ops.squeeze(ops.nonzero(ops.scatter_elements(every, t, nothing)), axis=0) for t in (origins, targets)
    )
    return ops.scatter_elements(ops.scatter_elements(every, free, others), targets, origins)


@writes("reshape")
def _reshape(w: Writer, e: Expr, x: Name) -> Name:
    return _reshaped(w, e.args[0], x, e.shape)


def _reshaped(w: Writer, operand: Expr, x: Name, shape: tuple[Dim, ...]) -> Name:
    """`x` in that shape: a named axis that stays in its place keeps its size, another one has the rest."""
    before = operand.shape
    kept = [i < len(before) and isinstance(d, str) and before[i] == d for i, d in enumerate(shape)]
    free = [i for i, d in enumerate(shape) if not isinstance(d, int) and not kept[i]]
    rest = next((i for i in free if shape[i] is None), free[-1] if free else None)
    if 0 in shape:
        return w.reshape(x, [w.size(d) for d in shape])
    target = [KEEP if kept[i] else REST if i == rest else w.size(d) for i, d in enumerate(shape)]
    return w.reshape(x, target)


@writes("flatten")
def _flatten(w: Writer, e: Expr, x: Name) -> Name:
    (operand,) = e.args
    params = dict(e.params)
    if not operand.ndim:
        return w.reshape(x, [1])
    first, last = (normalize_axis(params[k], operand.ndim) for k in ("first", "last"))
    behind = w.extents(operand, x)[last + 1 :]
    return w.reshape(x, [*(KEEP,) * first, REST, *behind]) if first != last else x


@writes("unflatten")
def _unflatten(w: Writer, e: Expr, x: Name) -> Name:
    (operand,) = e.args
    params = dict(e.params)
    axis = normalize_axis(params["axis"], operand.ndim)
    sizes = [REST if n == -1 else w.size(n) for n in params["shape"]]
    behind = w.extents(operand, x)[axis + 1 :]
    if REST not in sizes and all(isinstance(n, Size) for n in sizes):
        sizes[0] = REST
    return w.reshape(x, [*(KEEP,) * axis, *sizes, *behind])


@writes("reshape_like")
def _reshape_like(w: Writer, e: Expr, x: Name, like: Name) -> Any:
    return w.node("Reshape", x, w.node("Shape", like), allowzero=1)


@writes("reshape_to")
def _reshape_to(w: Writer, e: Expr, x: Name, shape: Name) -> Any:
    keeps = dict(e.params)["zero_keeps"]
    return w.node("Reshape", x, w.cast(shape, e.args[1].dtype, INT64), allowzero=None if keeps else 1)


@writes("expand_dims")
def _expand_dims(w: Writer, e: Expr, x: Name) -> Any:
    axis = dict(e.params)["axis"]
    axes = (axis,) if isinstance(axis, int) else axis
    return w.node("Unsqueeze", x, w.ints(*(a % e.ndim for a in axes))) if axes else x


@writes("squeeze")
def _squeeze(w: Writer, e: Expr, x: Name) -> Any:
    axis, operand = dict(e.params)["axis"], e.args[0]
    if axis is None:
        if None in operand.shape:
            return w.node("Squeeze", x)
        axes = tuple(i for i, d in enumerate(operand.shape) if d == 1)
    else:
        axes = tuple(a % operand.ndim for a in ((axis,) if isinstance(axis, int) else axis))
    return w.node("Squeeze", x, w.ints(*axes)) if axes else x


@writes("expand_dims_at")
def _expand_dims_at(w: Writer, e: Expr, x: Name, axes: Name) -> Any:
    return w.node("Unsqueeze", x, w.cast(axes, e.args[1].dtype, INT64)) if e.ndim > e.args[0].ndim else x


@writes("squeeze_at")
def _squeeze_at(w: Writer, e: Expr, x: Name, axes: Name) -> Any:
    return w.node("Squeeze", x, w.cast(axes, e.args[1].dtype, INT64)) if e.ndim < e.args[0].ndim else x


@writes("shape_of")
def _shape_of(w: Writer, e: Expr, x: Name) -> Name:
    start, stop, _ = slice(*(dict(e.params)[k] for k in ("start", "stop"))).indices(e.args[0].ndim)
    return w.vector(w.extents(e.args[0], x)[start:stop])


# ---------------------------------------------------------------- broadcasting


@writes("broadcast_to")
def _broadcast_to(w: Writer, e: Expr, x: Name) -> Any:
    return w.node("Expand", x, w.shape(e.shape)) if e.shape != e.args[0].shape else x


@writes("broadcast_like")
def _broadcast_like(w: Writer, e: Expr, x: Name, like: Name) -> Any:
    return w.node("Expand", x, w.node("Shape", like))


@writes("broadcast_to_shape")
def _broadcast_to_shape(w: Writer, e: Expr, x: Name, shape: Name) -> Any:
    return w.node("Expand", x, w.cast(shape, e.args[1].dtype, INT64))


@writes("full_like")
def _full_like(w: Writer, e: Expr, x: Name) -> Any:
    value = w.constant(dict(e.params)["value"], e.dtype)
    return w.node("Expand", value, w.vector(w.extents(e.args[0], x)))


@becomes("numbered")
def _numbered(x: Any) -> Any:
    count = ops.arange_of(np.int64(0), ops.size(x), np.int64(1))
    return ops.reshape_to(count, ops.shape_of(x))


@writes("eye_like")
def _eye_like(w: Writer, e: Expr, x: Name) -> Name:
    """In a dtype that ONNX Runtime has it in."""
    numbers = ("float32", "float64", "int32", "int64")
    wide = e.dtype if e.dtype.name in numbers else INT64
    given = x if e.args[0].dtype.name in numbers else w.cast(x, e.args[0].dtype, INT64)
    return w.cast(w.node("EyeLike", given, k=dict(e.params)["k"], dtype=onnx_dtype(wide)), wide, e.dtype)


@writes("arange_of")
def _arange_of(w: Writer, e: Expr, *names: Name) -> Name:
    return w.typed("Range", e.dtype, *(w.cast(x, a.dtype, e.dtype) for x, a in zip(names, e.args, strict=True)))


# ---------------------------------------------------------------- several as one, one as several


@writes("concatenate")
def _concatenate(w: Writer, e: Expr, *xs: Name) -> Any:
    same = [w.cast(x, a.dtype, e.dtype) for x, a in zip(xs, e.args, strict=True)]
    axis = dict(e.params)["axis"] % e.ndim
    orders = {w.turned(x)[1] for x in same}
    order = orders.pop() if len(orders) == 1 else ()
    if not order:
        return w.node("Concat", *same, axis=axis)
    return w.transpose(w.node("Concat", *(w.turned(x)[0] for x in same), axis=order[axis]), order)


@writes("stack")
def _stack(w: Writer, e: Expr, *xs: Name) -> Any:
    axis = dict(e.params)["axis"] % e.ndim
    same = (w.cast(x, a.dtype, e.dtype) for x, a in zip(xs, e.args, strict=True))
    return w.node("Concat", *(w.node("Unsqueeze", x, w.ints(axis)) for x in same), axis=axis)


@writes("split", "split_by", "split_like")
def _split(w: Writer, e: Expr, x: Name, *others: Name) -> Any:
    axis, count = dict(e.params)["axis"] % e.args[0].ndim, len(e.spec)
    if count == 1:
        return (x,)
    if e.op.name == "split_by":
        sizes = w.cast(others[0], e.args[1].dtype, INT64)
    elif e.op.name == "split_like":
        sizes = w.vector([w.extent(like, name, axis) for like, name in zip(e.args[1:], others, strict=True)])
    elif dict(e.params)["sections"] is not None:
        return w.node("Split", x, count=count, axis=axis, num_outputs=count)
    else:
        sizes = _sizes(w, e, x, axis)
    return w.node("Split", x, sizes, count=count, axis=axis)


def _sizes(w: Writer, e: Expr, x: Name, axis: int) -> Name:
    """The sizes of the parts, of which one may be the rest."""
    given = dict(e.params)["sizes"]
    if -1 not in given or isinstance(e.args[0].shape[axis], int):
        return w.ints(*(s.shape[axis] for s in e.spec) if -1 in given else given)
    known = sum(n for n in given if n != -1)
    whole = w.vector([w.extent(e.args[0], x, axis)])
    rest = Size(w.node("Sub", whole, w.ints(known)))
    return w.vector([rest if n == -1 else n for n in given])


@writes("unstack")
def _unstack(w: Writer, e: Expr, x: Name) -> Any:
    axis = dict(e.params)["axis"] % e.args[0].ndim
    return tuple(w.node("Gather", x, w.constant(np.int64(i)), axis=axis) for i in range(len(e.spec)))


@writes("meshgrid")
def _meshgrid(w: Writer, e: Expr, *xs: Name) -> Any:
    count = len(xs)
    places = list(range(count))
    if dict(e.params)["indexing"] == "xy":
        places[:2] = places[:2][::-1]
    sizes: list[Extent] = [0] * count
    for place, a, x in zip(places, e.args, xs, strict=True):
        sizes[place] = w.extent(a, x, 0)
    shape = w.vector(sizes)
    shaped = (w.reshape(x, [REST if p == i else 1 for i in range(count)]) for p, x in zip(places, xs, strict=True))
    return tuple(w.node("Expand", x, shape) for x in shaped)
