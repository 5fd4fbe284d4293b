"""Elementwise ops: one flowloom op each, or a few put together.

An entry gets the node and its inputs as Values, on which ops and operators work as on tensors. Old opsets broadcast
only where an attribute says so, with the axis where the second operand begins.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from flowloom import ops
from flowloom.formats.onnx.node import Node
from flowloom.formats.onnx.table import Entry, onnx_op
from flowloom.formats.onnx.values import Value, in_dtype, scalar_of
from flowloom.op import get_op
from flowloom.spec import is_float

UNARY = {
    "Abs": "abs",
    "Acos": "arccos",
    "Acosh": "arccosh",
    "Asin": "arcsin",
    "Asinh": "arcsinh",
    "Atan": "arctan",
    "Atanh": "arctanh",
    "BitwiseNot": "bitwise_not",
    "Ceil": "ceil",
    "Cos": "cos",
    "Cosh": "cosh",
    "Erf": "erf",
    "Exp": "exp",
    "Floor": "floor",
    "IsNaN": "isnan",
    "Log": "log",
    "Neg": "negative",
    "Not": "logical_not",
    "Reciprocal": "reciprocal",
    "Round": "round",
    "Sigmoid": "sigmoid",
    "Sign": "sign",
    "Sin": "sin",
    "Sinh": "sinh",
    "Sqrt": "sqrt",
    "Tan": "tan",
    "Tanh": "tanh",
}
BINARY = {
    "Add": "add",
    "And": "logical_and",
    "BitwiseAnd": "bitwise_and",
    "BitwiseOr": "bitwise_or",
    "BitwiseXor": "bitwise_xor",
    "Greater": "greater",
    "GreaterOrEqual": "greater_equal",
    "Less": "less",
    "LessOrEqual": "less_equal",
    "Mul": "multiply",
    "Or": "logical_or",
    "Sub": "subtract",
    "Xor": "logical_xor",
}


def _unary(name: str) -> Entry:
    return lambda node, x: get_op(name)(x)


def _binary(name: str) -> Entry:
    return lambda node, a, b: get_op(name)(*_aligned(node, a, b))


for _type, _name in UNARY.items():
    onnx_op(_type)(_unary(_name))
for _type, _name in BINARY.items():
    onnx_op(_type)(_binary(_name))


def _aligned(node: Node, a: Value, b: Value) -> tuple[Value, Value]:
    """The operands as they broadcast: before opset 7, `b` may begin at any axis of `a`."""
    axis = node.attr("axis")
    if axis is None or node.version >= 7 or not b.ndim:
        return a, b
    trailing = a.ndim - axis % a.ndim - b.ndim
    return a, ops.expand_dims(b, axis=tuple(range(b.ndim, b.ndim + trailing))) if trailing > 0 else b


@onnx_op("Div")
def _div(node: Node, a: Value, b: Value) -> Value:
    a, b = _aligned(node, a, b)
    return ops.divide(a, b) if is_float(a.dtype) else get_op("trunc_divide")(a, b)


@onnx_op("Mod")
def _mod(node: Node, a: Value, b: Value) -> Value:
    return get_op("fmod" if node.attr("fmod", 0) else "remainder")(a, b)


@onnx_op("Pow")
def _pow(node: Node, a: Value, b: Value) -> Value:
    return in_dtype(ops.power(*_aligned(node, a, b)), a.dtype)


@onnx_op("Equal")
def _equal(node: Node, a: Value, b: Value) -> Value:
    return ops.equal(*_aligned(node, a, b))


@onnx_op("BitShift")
def _bit_shift(node: Node, a: Value, b: Value) -> Value:
    return get_op("left_shift" if node.needs("direction") == "LEFT" else "right_shift")(a, b)


@onnx_op("IsInf")
def _isinf(node: Node, x: Value) -> Value:
    sides: dict[str, Any] = {
        f"detect_{side}": bool(node.attr(f"detect_{side}", 1)) for side in ("negative", "positive")
    }
    return get_op("isinf")(x, **sides)


@onnx_op("Where")
def _where(node: Node, condition: Value, a: Value, b: Value) -> Value:
    return ops.where(condition, a, b)


@onnx_op("Sum", "Max", "Min")
def _of_several(node: Node, *xs: Value) -> Value:
    op = get_op({"Sum": "add", "Max": "maximum", "Min": "minimum"}[node.op_type])
    return reduce(op, xs)


@onnx_op("Mean")
def _mean(node: Node, *xs: Value) -> Value:
    return ops.divide(reduce(ops.add, xs), float(len(xs)))


@onnx_op("Clip")
def _clip(node: Node, x: Value, low: Value | None = None, high: Value | None = None) -> Value:
    if node.version < 11:
        low, high = (None if v is None else node.known(v, x.dtype) for v in (node.attr("min"), node.attr("max")))
    bounds = [scalar_of(v) for v in (low, high)]
    fixed = all(v is None or b is not None for v, b in zip((low, high), bounds, strict=True))
    if fixed and is_float(x.dtype) and bounds[0] is not None and bounds[1] is not None and bounds[0] <= bounds[1]:
        return ops.clip(x, low=bounds[0], high=bounds[1])
    y = x if low is None else ops.maximum(x, low)
    return y if high is None else ops.minimum(y, high)


@onnx_op("Identity")
def _identity(node: Node, x: Any) -> Any:
    return x


@onnx_op("Cast")
def _cast(node: Node, x: Value) -> Value:
    return _converted(node, x, node.dtype(node.needs("to")))


@onnx_op("CastLike")
def _cast_like(node: Node, x: Value, like: Value) -> Value:
    return _converted(node, x, like.dtype)


def _converted(node: Node, x: Value, dtype: Any) -> Value:
    dtype = np.dtype(dtype)
    if x.dtype == dtype:
        return x
    return ops.cast(
        x, dtype=dtype.name, saturate=bool(node.attr("saturate", 1)), round_mode=node.attr("round_mode", "up")
    )
