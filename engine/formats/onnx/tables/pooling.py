"""Pooling. ONNX has channels first, flowloom last."""

from __future__ import annotations

from math import prod
from typing import Any

from flowloom import ops
from flowloom.formats.onnx.layout import channels_first, channels_last
from flowloom.formats.onnx.node import Node
from flowloom.formats.onnx.table import onnx_op
from flowloom.formats.onnx.values import Value, sizes_of
from flowloom.formats.onnx.windows import each, sliding
from flowloom.op import get_op


@onnx_op("AveragePool")
def _average_pool(node: Node, x: Value) -> Value:
    counts = {"count_include_pad": True} if node.attr("count_include_pad", 0) else {}
    return _pooled(node, x, "avg_pool", **counts)


@onnx_op("LpPool")
def _lp_pool(node: Node, x: Value) -> Value:
    return _pooled(node, x, "lp_pool", p=float(node.attr("p", 2)))


@onnx_op("MaxPool")
def _max_pool(node: Node, x: Value) -> Value | tuple[Value, Value]:
    if not node.wants(1):
        return _pooled(node, x, "max_pool")
    values, indices = ops.max_pool_with_indices(channels_last(x), **_how(node, x))
    return channels_first(values), _counted(node, x, channels_first(indices))


def _pooled(node: Node, x: Value, name: str, **more: Any) -> Value:
    if not 3 <= x.ndim <= 5:
        raise node.refuse(f"x must have one to three axes beside batch and channels; got {x.spec}")
    return channels_first(get_op(f"{name}{x.ndim - 2}d")(channels_last(x), **_how(node, x), **more))


def _how(node: Node, x: Value) -> dict[str, Any]:
    how = {"pool_size": each(node.needs("kernel_shape")), **sliding(node, x.ndim - 2)}
    if how["strides"] == how["pool_size"]:
        del how["strides"]
    return {**how, "ceil_mode": True} if node.attr("ceil_mode", 0) else how


def _counted(node: Node, x: Value, indices: Value) -> Value:
    """Positions in a plane as positions in all of `x`, which is how ONNX counts."""
    sizes = x.shape[2:]
    if node.attr("storage_order", 0):
        indices = _by_column(node, indices, sizes)
    shape = ops.shape_of(x)
    planes = ops.reshape_to(
        ops.arange_of(node.known(0), ops.prod(shape[:2]), node.known(1)),
        ops.concatenate(shape[:2], node.known([1] * len(sizes))),
    )
    return indices + planes * ops.prod(shape[2:])


def _by_column(node: Node, indices: Value, sizes: tuple[Any, ...]) -> Value:
    """Positions counted in C order over `sizes`, counted with the first axis running fastest instead."""
    if not all(isinstance(n, int) for n in sizes):
        raise node.refuse(f"the sizes must be known for storage_order=1; got {sizes}")
    total = ops.zeros_like(indices)
    for axis, size in enumerate(sizes):
        at = ops.remainder(ops.floor_divide(indices, prod(sizes[axis + 1 :])), size)
        total = total + at * prod(sizes[:axis])
    return total


@onnx_op("GlobalAveragePool")
def _global_average_pool(node: Node, x: Value) -> Value:
    return channels_first(ops.global_avg_pool(channels_last(x), keepdims=True))


@onnx_op("GlobalMaxPool")
def _global_max_pool(node: Node, x: Value) -> Value:
    return channels_first(ops.global_max_pool(channels_last(x), keepdims=True))


@onnx_op("GlobalLpPool")
def _global_lp_pool(node: Node, x: Value) -> Value:
    return channels_first(ops.global_lp_pool(channels_last(x), p=float(node.attr("p", 2)), keepdims=True))


@onnx_op("MaxUnpool")
def _max_unpool(node: Node, x: Value, indices: Value, shape: Value | None = None) -> Value:
    """What was pooled, in the sizes that the windows tell; `shape` only adds zeros behind."""
    sizes = _unpooled(node, x)
    if not all(isinstance(n, int) for n in sizes):
        raise node.refuse(f"the sizes must be known; got {x.spec}")
    places = ops.remainder(channels_last(indices), prod(sizes))  # ONNX counts through all planes
    y = channels_first(ops.max_unpool(channels_last(x), places, output_size=sizes))
    if shape is None:
        return y
    known = sizes_of(shape)
    if known is not None and known[2:] == sizes:
        return y
    behind = shape - ops.shape_of(y)
    return ops.pad_by(y, ops.stack(behind * 0, behind, axis=1))


def _unpooled(node: Node, x: Value) -> tuple[Any, ...]:
    """The sizes that were pooled."""
    rank = x.ndim - 2
    pads, strides = node.attr("pads", [0] * 2 * rank), node.attr("strides", [1] * rank)
    window = node.needs("kernel_shape")
    return tuple(
        (n - 1) * strides[i] + window[i] - pads[i] - pads[i + rank] if isinstance(n, int) else None
        for i, n in enumerate(x.shape[2:])
    )
