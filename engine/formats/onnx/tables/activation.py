"""Activations, softmax and its relatives."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from flowloom import ops
from flowloom.formats.onnx.node import Node
from flowloom.formats.onnx.table import onnx_op
from flowloom.formats.onnx.values import Value
from flowloom.op import get_op

SELU = (1.67326319217681884765625, 1.05070102214813232421875)


@onnx_op("Relu", "Softplus", "Softsign", "Mish")
def _plain(node: Node, x: Value) -> Value:
    y: Value = get_op(node.op_type.lower())(x)
    return y


@onnx_op("LeakyRelu")
def _leaky_relu(node: Node, x: Value) -> Value:
    return ops.leaky_relu(x, negative_slope=node.attr("alpha", 0.01))


@onnx_op("Elu")
def _elu(node: Node, x: Value) -> Value:
    return ops.elu(x, alpha=node.attr("alpha", 1.0))


@onnx_op("Celu")
def _celu(node: Node, x: Value) -> Value:
    return ops.celu(x, alpha=node.attr("alpha", 1.0))


@onnx_op("Selu")
def _selu(node: Node, x: Value) -> Value:
    alpha, gamma = node.attr("alpha", SELU[0]), node.attr("gamma", SELU[1])
    return ops.selu(x) if (alpha, gamma) == SELU else ops.elu(x, alpha=alpha) * gamma


@onnx_op("PRelu")
def _prelu(node: Node, x: Value, slope: Value) -> Value:
    if node.version < 7 and 0 < slope.ndim < x.ndim and slope.ndim == 1:
        slope = ops.reshape(slope, shape=(-1, *(1,) * (x.ndim - 2)))
    return ops.prelu(x, slope)


@onnx_op("ThresholdedRelu")
def _thresholded_relu(node: Node, x: Value) -> Value:
    return ops.threshold(x, threshold=node.attr("alpha", 1.0))


@onnx_op("HardSigmoid")
def _hard_sigmoid(node: Node, x: Value) -> Value:
    return ops.hard_sigmoid(x, alpha=node.attr("alpha", 0.2), beta=node.attr("beta", 0.5))


@onnx_op("HardSwish")
def _hard_swish(node: Node, x: Value) -> Value:
    return ops.hard_silu(x)


@onnx_op("Swish")
def _swish(node: Node, x: Value) -> Value:
    return ops.silu(x, alpha=node.attr("alpha", 1.0))


@onnx_op("SwiGLU")
def _swiglu(node: Node, a: Value, b: Value) -> Value:
    return ops.swiglu(a, b, alpha=node.attr("alpha", 1.0))


@onnx_op("Gelu")
def _gelu(node: Node, x: Value) -> Value:
    return ops.gelu(x, approximate=node.attr("approximate", "none") == "tanh")


@onnx_op("Shrink")
def _shrink(node: Node, x: Value) -> Value:
    return ops.shrink(x, lambd=node.attr("lambd", 0.5), bias=node.attr("bias", 0.0))


@onnx_op("Softmax")
def _softmax(node: Node, x: Value) -> Value:
    return _normalized(node, x, ops.softmax)


@onnx_op("LogSoftmax")
def _log_softmax(node: Node, x: Value) -> Value:
    return _normalized(node, x, ops.log_softmax)


@onnx_op("Hardmax")
def _hardmax(node: Node, x: Value) -> Value:
    return _normalized(node, x, ops.hardmax)


def _normalized(node: Node, x: Value, op: Callable[..., Value]) -> Value:
    """`op` along an axis; before opset 13, along all axes from that one on as if they were one."""
    if node.version >= 13:
        return op(x, axis=node.attr("axis", -1))
    axis = node.attr("axis", 1) % max(x.ndim, 1)
    if axis == x.ndim - 1:
        return op(x, axis=-1)
    rest = x.shape[axis:]
    if not all(isinstance(d, int) for d in rest):
        raise node.refuse(f"the sizes from axis {axis} on must be known; got {x.spec}")
    flat = op(ops.flatten(x, first=axis), axis=-1)
    return ops.unflatten(flat, axis=-1, shape=rest) if prod(d for d in rest if isinstance(d, int)) else x
