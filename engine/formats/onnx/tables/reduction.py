"""Reductions: along axes that an attribute or an input gives."""

from __future__ import annotations

from collections.abc import Callable

from flowloom import ops
from flowloom.formats.onnx.node import Node
from flowloom.formats.onnx.table import onnx_op
from flowloom.formats.onnx.values import Value, in_dtype, ints_of
from flowloom.op import get_op

Reduction = Callable[..., Value]


@onnx_op("ReduceSum", "ReduceProd", "ReduceMax", "ReduceMin", "ReduceLogSumExp")
def _plain(node: Node, x: Value, axes: Value | None = None) -> Value:
    return _reduced(node, x, axes, get_op(node.op_type.removeprefix("Reduce").lower()))


@onnx_op("ReduceMean")
def _mean(node: Node, x: Value, axes: Value | None = None) -> Value:
    return _reduced(node, x, axes, ops.mean)


@onnx_op("ReduceSumSquare")
def _sum_square(node: Node, x: Value, axes: Value | None = None) -> Value:
    return _reduced(node, x, axes, ops.sum, before=ops.square)


@onnx_op("ReduceLogSum")
def _log_sum(node: Node, x: Value, axes: Value | None = None) -> Value:
    return _reduced(node, x, axes, ops.sum, after=ops.log)


@onnx_op("ReduceL1")
def _l1(node: Node, x: Value, axes: Value | None = None) -> Value:
    return _reduced(node, x, axes, ops.sum, before=ops.abs)


@onnx_op("ReduceL2")
def _l2(node: Node, x: Value, axes: Value | None = None) -> Value:
    return _reduced(node, x, axes, ops.sum, before=ops.square, after=ops.sqrt)


def _same(x: Value) -> Value:
    return x


def _reduced(
    node: Node, x: Value, axes: Value | None, op: Reduction, before: Reduction = _same, after: Reduction = _same
) -> Value:
    given = node.attr("axes") if axes is None else ints_of(axes)
    keepdims = bool(node.attr("keepdims", 1))
    if axes is not None and given is None and axes.shape != (0,):
        y = _at(node, op, before(x), axes, keepdims)
    elif given:
        y = op(before(x), axis=tuple(given), keepdims=keepdims)
    elif node.attr("noop_with_empty_axes", 0):
        y = before(x)
    else:
        y = op(before(x), axis=None, keepdims=keepdims)
    return in_dtype(after(y), x.dtype)


def _at(node: Node, op: Reduction, x: Value, axes: Value, keepdims: bool) -> Value:
    """A reduction along axes that are known only when it runs."""
    (count,) = axes.shape
    if not isinstance(count, int):
        raise node.refuse(f"the number of axes must be known; they are {axes.spec}")
    last = tuple(range(-count, 0))
    y = op(ops.moveaxis_at(x, axes, node.known(last, axes.dtype)), axis=last)
    return ops.expand_dims_at(y, axes) if keepdims else y


@onnx_op("ArgMax", "ArgMin")
def _arg(node: Node, x: Value) -> Value:
    y: Value = get_op(node.op_type.lower())(
        x,
        axis=node.attr("axis", 0),
        keepdims=bool(node.attr("keepdims", 1)),
        select_last=bool(node.attr("select_last_index", 0)),
    )
    return y
