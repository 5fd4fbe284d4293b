"""Parts of tensors: slices, elements by position, margins, order."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowloom import ops
from flowloom.formats.onnx.node import Node
from flowloom.formats.onnx.table import onnx_op
from flowloom.formats.onnx.values import Value, array_of, in_dtype, ints_of, scalar_of, sizes_of
from flowloom.op import get_op
from flowloom.spec import is_float

LARGE = np.iinfo(np.int64).max


@onnx_op("Concat")
def _concat(node: Node, *xs: Value) -> Value:
    return ops.concatenate(*xs, axis=node.attr("axis", 1)) if len(xs) > 1 else xs[0]


@onnx_op("Split")
def _split(node: Node, x: Value, sizes: Value | None = None) -> tuple[Value, ...]:
    axis, count = node.attr("axis", 0), len(node.outputs)
    known = tuple(node.attr("split")) if node.has("split") else ints_of(sizes)
    if known is None and sizes is not None:
        return ops.split_by(x, sizes, axis=axis)
    size = x.shape[axis]
    if known is None and isinstance(size, int) and size % count:
        chunk = -(-size // count)
        known = (*(chunk,) * (count - 1), size - chunk * (count - 1))
    return ops.split(x, sizes=known, axis=axis) if known is not None else ops.split(x, sections=count, axis=axis)


@onnx_op("Slice")
def _slice(
    node: Node,
    x: Value,
    starts: Value | None = None,
    stops: Value | None = None,
    axes: Value | None = None,
    steps: Value | None = None,
) -> Value:
    if starts is None or stops is None:
        starts, stops = node.known(node.needs("starts"), "int64"), node.known(node.needs("ends"), "int64")
        axes = node.known(node.attr("axes"), "int64") if node.has("axes") else None
    count = starts.shape[0]
    if not isinstance(count, int):
        raise node.refuse(f"the number of slices must be known; starts are {starts.spec}")
    along = tuple(range(count)) if axes is None else ints_of(axes)
    bounds = [ints_of(v) for v in (starts, stops)]
    by = (1,) * count if steps is None else ints_of(steps)
    if along is not None and by is not None and bounds[0] is not None and bounds[1] is not None:
        return _slice_known(x, bounds[0], bounds[1], by, along)
    if along is not None:
        return ops.slice_at(x, starts, stops, steps, axes=along)
    assert axes is not None
    ones = node.known(np.ones(count, np.int64)) if steps is None else steps
    whole = [_placed(node, x.ndim, axes, v, rest) for v, rest in ((starts, 0), (stops, LARGE), (ones, 1))]
    return ops.slice_at(x, *whole)


def _slice_known(x: Value, starts: Any, stops: Any, steps: Any, axes: tuple[int, ...]) -> Value:
    """A slice by numbers; bounds at the ends are left open."""
    parts: list[tuple[int | None, int | None, int | None]] = [(None, None, None)] * x.ndim
    for start, stop, step, axis in zip(starts, stops, steps, axes, strict=True):
        size = x.shape[axis] if isinstance(x.shape[axis], int) else LARGE >> 1
        assert isinstance(size, int)
        first = None if start == 0 and step > 0 else max(min(start, size), -size - 1)
        last = None if (stop >= size if step > 0 else stop <= -size - 1) else stop
        parts[axis] = (first, last, None if step == 1 else step)
    if all(p == (None, None, None) for p in parts):
        return x
    start, stop, step = zip(*parts, strict=True)
    return ops.slice(x, start=start, stop=stop, step=() if set(step) == {None} else step)


def _placed(node: Node, ndim: int, axes: Value, values: Value, rest: int) -> Value:
    """A vector of length `ndim`: `values` at `axes`, `rest` elsewhere."""
    base = node.known(np.full((ndim, *_tail(values)), rest, np.int64))
    where = ops.expand_dims(ops.cast(axes, dtype="int64"), axis=-1)
    return ops.scatter_nd(base, where, ops.cast(values, dtype="int64"))


def _tail(values: Value) -> tuple[int, ...]:
    return tuple(d for d in values.shape[1:] if isinstance(d, int))


@onnx_op("Pad")
def _pad(
    node: Node, x: Value, pads: Value | None = None, value: Value | None = None, axes: Value | None = None
) -> Value:
    if pads is None:
        pads = node.known(node.attr("paddings") if node.has("paddings") else node.needs("pads"), "int64")
    mode = node.attr("mode", "constant")
    fill = node.attr("value", 0.0) if value is None else scalar_of(value)
    known, along = ints_of(pads), tuple(range(x.ndim)) if axes is None else ints_of(axes)
    if known is not None and along is not None:
        widths = [(0, 0)] * x.ndim
        for i, axis in enumerate(along):
            widths[axis] = (known[i], known[i + len(along)])
        if not any(map(any, widths)):
            return x
        return _filled(x, value, fill, lambda y, v: ops.pad(y, pad_width=tuple(widths), mode=mode, value=v))
    pairs = ops.transpose(ops.reshape(pads, shape=(2, -1)))
    if axes is not None:
        pairs = _placed(node, x.ndim, axes, pairs, 0)
    return _filled(x, value, fill, lambda y, v: ops.pad_by(y, pairs, mode=mode, value=v))


def _filled(x: Value, value: Value | None, fill: Any, pad: Any) -> Value:
    """`x` padded with a number, or with what `value` turns out to be when it runs."""
    if value is None or fill is not None:
        return pad(x, float(fill))
    inside = pad(ops.ones_like(x, dtype="bool"), 0.0)
    return ops.where(inside, pad(x, 0.0), ops.reshape(value, shape=()))


@onnx_op("Gather")
def _gather(node: Node, x: Value, indices: Value) -> Value:
    return ops.take(x, indices, axis=node.attr("axis", 0))


@onnx_op("GatherElements")
def _gather_elements(node: Node, x: Value, indices: Value) -> Value:
    return ops.gather_elements(x, indices, axis=node.attr("axis", 0))


@onnx_op("GatherND")
def _gather_nd(node: Node, x: Value, indices: Value) -> Value:
    return ops.gather_nd(x, indices, batch_dims=node.attr("batch_dims", 0))


@onnx_op("Scatter", "ScatterElements")
def _scatter_elements(node: Node, x: Value, indices: Value, updates: Value) -> Value:
    how = node.attr("reduction", "none")
    return ops.scatter_elements(x, indices, updates, axis=node.attr("axis", 0), reduction=how)


@onnx_op("ScatterND")
def _scatter_nd(node: Node, x: Value, indices: Value, updates: Value) -> Value:
    return ops.scatter_nd(x, indices, updates, reduction=node.attr("reduction", "none"))


@onnx_op("TensorScatter")
def _tensor_scatter(node: Node, cache: Value, update: Value, starts: Value | None = None) -> Value:
    if starts is None:
        starts = ops.full_of(ops.shape_of(cache, stop=1), node.known(0, "int64"))
    wrap = node.attr("mode", "linear") == "circular"
    return ops.update_slice(cache, update, starts, axis=node.attr("axis", -2), wrap=wrap)


@onnx_op("NonZero")
def _nonzero(node: Node, x: Value) -> Value:
    return ops.nonzero(x)


@onnx_op("Compress")
def _compress(node: Node, x: Value, condition: Value) -> Value:
    return ops.compress(x, condition, axis=node.attr("axis"))


@onnx_op("OneHot")
def _one_hot(node: Node, indices: Value, depth: Value, values: Value) -> Value:
    depth = ops.reshape(depth, shape=())
    if is_float(indices.dtype):
        indices = ops.cast(indices, dtype="int64")
    if is_float(depth.dtype):
        depth = ops.cast(depth, dtype="int64")
    axis, pair, size = node.attr("axis", -1), array_of(values), scalar_of(depth)
    how: dict[str, Any] = {"axis": axis, "outside": "off", "dtype": values.dtype.name}
    if pair is None:
        how["dtype"] = "bool"
    else:
        how |= {"off": float(pair[0]), "on": float(pair[1])}
    y = ops.one_hot_by(indices, depth, **how) if size is None else ops.one_hot(indices, depth=int(size), **how)
    return y if pair is not None else ops.where(y, values[1], values[0])


@onnx_op("TopK")
def _top_k(node: Node, x: Value, k: Value | None = None) -> tuple[Value, Value]:
    how = {
        "axis": node.attr("axis", -1),
        "largest": bool(node.attr("largest", 1)),
        "sorted": bool(node.attr("sorted", 1)),
    }
    count = node.attr("k") if k is None else scalar_of(k)
    if count is not None:
        return ops.top_k(x, k=int(count), **how)
    size = x.shape[how["axis"]]
    if k is not None and size is not None and sizes_of(k) == (size,):  # all of them, however many there are
        order = {"axis": how["axis"], "descending": how["largest"]}
        return ops.sort(x, **order), ops.argsort(x, **order)
    if not isinstance(size, int):
        raise node.refuse(f"k, or the size of axis {how['axis']}, must be known; got {x.spec}")
    assert k is not None
    first, stop = node.known([0], "int64"), ops.reshape(k, shape=(1,))
    values, indices = (ops.slice_at(y, first, stop, axes=(how["axis"],)) for y in ops.top_k(x, k=size, **how))
    return values, indices


@onnx_op("Unique")
def _unique(node: Node, x: Value) -> tuple[Value, ...]:
    return ops.unique(x, axis=node.attr("axis"), sorted=bool(node.attr("sorted", 1)))


@onnx_op("Trilu")
def _trilu(node: Node, x: Value, k: Value | None = None) -> Value:
    upper, offset = bool(node.attr("upper", 1)), 0 if k is None else scalar_of(k)
    if offset is None:
        assert k is not None
        return ops.triangle_by(x, ops.reshape(k, shape=()), upper=upper)
    return ops.triu(x, k=offset) if upper else ops.tril(x, k=offset)


@onnx_op("CumSum", "CumProd")
def _cumulated(node: Node, x: Value, axis: Value) -> Value:
    op = get_op(node.op_type.lower())
    how: dict[str, Any] = {k: bool(node.attr(k, 0)) for k in ("exclusive", "reverse")}
    along = scalar_of(axis)
    if along is not None:
        return in_dtype(op(x, axis=int(along), **how), x.dtype)
    source, last = ops.reshape(axis, shape=(1,)), node.known([-1], axis.dtype)
    y = op(ops.moveaxis_at(x, source, last), axis=-1, **how)
    return in_dtype(ops.moveaxis_at(y, last, source), x.dtype)


@onnx_op("ReverseSequence")
def _reverse_sequence(node: Node, x: Value, lengths: Value) -> Value:
    return ops.reverse_sequence(x, lengths, time_axis=node.attr("time_axis", 0), batch_axis=node.attr("batch_axis", 1))
