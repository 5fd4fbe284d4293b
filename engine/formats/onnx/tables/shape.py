"""The same elements in another shape, and the shape itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowloom import ops
from flowloom.formats.onnx.node import Node
from flowloom.formats.onnx.table import onnx_op
from flowloom.formats.onnx.values import Value, ints_of, scalar_of, sizes_of
from flowloom.graph.expansion import MOST_CONSTANT
from flowloom.spec import Dim


@onnx_op("Shape")
def _shape(node: Node, x: Value) -> Value:
    part = slice(node.attr("start", 0), node.attr("end"))
    dims = np.empty(len(x.shape[part]), object)
    dims[:] = x.shape[part]
    start, stop, _ = part.indices(x.ndim)
    return node.builder.sizes(dims, lambda: ops.shape_of(x, start=start, stop=stop))


@onnx_op("Size")
def _size(node: Node, x: Value) -> Value:
    return ops.prod(_shape(node, x))


@onnx_op("Reshape")
def _reshape(node: Node, x: Value, shape: Value | None = None) -> Value:
    wanted = tuple(node.needs("shape")) if shape is None else sizes_of(shape)
    keeps = not node.attr("allowzero", 0)
    if wanted is not None:
        dims = _filled(x, wanted, keeps)
        if dims.count(-1) <= 1 and None not in dims:
            return ops.reshape(x, shape=dims)
    assert shape is not None
    return ops.reshape_to(x, shape, zero_keeps=keeps)


def _filled(x: Value, wanted: tuple[Dim, ...], keeps: bool) -> tuple[Dim, ...]:
    """The shape that Reshape is given, 0 replaced by what `x` has there, and -1 in place of a single unknown size."""
    dims = tuple(x.shape[i] if d == 0 and keeps and i < x.ndim else d for i, d in enumerate(wanted))
    loose = [d for d in dims if not isinstance(d, int)]
    return tuple(-1 if d in loose else d for d in dims) if len(loose) == 1 and not {-1, 0}.intersection(dims) else dims


@onnx_op("Flatten")
def _flatten(node: Node, x: Value) -> Value:
    axis = node.attr("axis", 1)
    axis += x.ndim if axis < 0 else 0
    if 0 < axis < x.ndim:
        y = ops.flatten(x, first=axis) if x.ndim > axis + 1 else x
        return ops.flatten(y, first=0, last=axis - 1) if axis > 1 else y
    return ops.reshape(x, shape=(1, -1) if axis == 0 else (-1, 1))


@onnx_op("Squeeze")
def _squeeze(node: Node, x: Value, axes: Value | None = None) -> Value:
    known = node.attr("axes") if axes is None else ints_of(axes)
    if axes is not None and known is None:
        return ops.squeeze_at(x, axes)
    if known is None:
        known = [i for i, d in enumerate(x.shape) if d == 1]  # a size that has only a name is taken for another
    return ops.squeeze(x, axis=tuple(known))


@onnx_op("Unsqueeze")
def _unsqueeze(node: Node, x: Value, axes: Value | None = None) -> Value:
    known = node.needs("axes") if axes is None else ints_of(axes)
    if known is None:
        return ops.expand_dims_at(x, axes)
    return ops.expand_dims(x, axis=tuple(known))


@onnx_op("Transpose")
def _transpose(node: Node, x: Value) -> Value:
    axes = node.attr("perm")
    return ops.transpose(x, axes=None if axes is None else tuple(axes))


@onnx_op("Expand")
def _expand(node: Node, x: Value, shape: Value) -> Value:
    sizes = sizes_of(shape)
    if sizes is None:
        return ops.broadcast_to_shape(x, shape)
    count = max(len(sizes), x.ndim)
    here, wanted = (1,) * (count - x.ndim) + x.shape, (1,) * (count - len(sizes)) + sizes
    dims = tuple(a if b in (1, a) else b if a == 1 else None for a, b in zip(here, wanted, strict=True))
    return ops.broadcast_to_shape(x, shape) if None in dims else ops.broadcast_to(x, shape=dims)


@onnx_op("Tile")
def _tile(node: Node, x: Value, reps: Value, axis: Value | None = None) -> Value:
    if node.version < 6:
        (along,), (count,) = ints_of(axis) or (), ints_of(reps) or ()
        return ops.tile(x, reps=tuple(count if i == along else 1 for i in range(x.ndim)))
    known = ints_of(reps)
    return ops.tile_by(x, reps) if known is None else ops.tile(x, reps=known)


@onnx_op("DepthToSpace")
def _depth_to_space(node: Node, x: Value) -> Value:
    return _blocks(node, x, ops.depth_to_space)


@onnx_op("SpaceToDepth")
def _space_to_depth(node: Node, x: Value) -> Value:
    return _blocks(node, x, ops.space_to_depth)


def _blocks(node: Node, x: Value, op: Any) -> Value:
    from flowloom.formats.onnx.layout import channels_first, channels_last

    return channels_first(op(channels_last(x), block_size=node.needs("blocksize"), mode=node.attr("mode", "DCR")))


@onnx_op("BitCast")
def _bit_cast(node: Node, x: Value) -> Value:
    return ops.bitcast(x, dtype=node.dtype(node.needs("to")).name)


@onnx_op("Constant")
def _constant(node: Node) -> Value:
    for name in ("value", "sparse_value"):
        if node.has(name):
            return node.known(node.attr(name))
    kinds: dict[str, Any] = {
        "value_float": np.float32,
        "value_floats": np.float32,
        "value_int": np.int64,
        "value_ints": np.int64,
        "value_string": object,
        "value_strings": object,
    }
    for name, dtype in kinds.items():
        if node.has(name):
            return node.known(node.attr(name), dtype)
    raise node.refuse("it has no value")


@onnx_op("ConstantOfShape")
def _constant_of_shape(node: Node, shape: Value) -> Value:
    value = node.attr("value", np.zeros(1, np.float32)).reshape(())
    sizes = sizes_of(shape)
    if sizes is None or None in sizes:
        return ops.full_of(shape, node.known(value))
    return ops.broadcast_to(node.known(value), shape=sizes)


@onnx_op("Range")
def _range(node: Node, start: Value, limit: Value, delta: Value) -> Value:
    ends = [scalar_of(v) for v in (start, limit, delta)]
    if None in ends or start.dtype.name == "bfloat16":
        return ops.arange_of(*(ops.reshape(v, shape=()) for v in (start, limit, delta)))
    if (ends[1] - ends[0]) / ends[2] <= MOST_CONSTANT:
        return node.known(np.arange(*ends), start.dtype)
    how = dict(zip(("start", "stop", "step"), ends, strict=True))
    return node.builder.add("arange", **how, dtype=start.dtype.name)


@onnx_op("EyeLike")
def _eye_like(node: Node, x: Value) -> Value:
    dtype = node.dtype(node.attr("dtype")).name if node.has("dtype") else None
    return ops.eye_like(x, k=node.attr("k", 0), dtype=dtype)
