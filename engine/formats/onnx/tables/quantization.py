"""Quantized numbers. Scales and zero points are settled by calibration, so they are constants, not learned."""

from __future__ import annotations

from typing import Any

from flowloom import ops
from flowloom.formats.onnx.layout import through
from flowloom.formats.onnx.node import Node
from flowloom.formats.onnx.table import onnx_op
from flowloom.formats.onnx.values import Value


@onnx_op("QuantizeLinear")
def _quantize(node: Node, x: Value, scale: Value, zero_point: Value | None = None) -> Value:
    settled, zero = _settled(scale), _settled(zero_point)
    precision = node.dtype(node.attr("precision")).name if node.attr("precision", 0) else settled.dtype.name
    x, settled = _cast(x, precision), _cast(settled, precision)
    how = {"saturate": bool(node.attr("saturate", 1)), **_grain(node, x, settled)}
    if node.attr("output_dtype", 0):
        how["dtype"] = node.dtype(node.attr("output_dtype")).name
    return _by_axis(x, settled, how, lambda v, **given: ops.quantize(v, settled, zero, **given))


@onnx_op("DequantizeLinear")
def _dequantize(node: Node, x: Value, scale: Value, zero_point: Value | None = None) -> Value:
    settled, zero = _settled(scale), _settled(zero_point)
    x = x.settled()
    how = _grain(node, x, settled)
    if node.attr("output_dtype", 0):
        how["dtype"] = node.dtype(node.attr("output_dtype")).name
    y = _by_axis(x, settled, how, lambda v, **given: ops.dequantize(v, settled, zero, **given))
    if x.array is None or y.array is None or not x.ndim:
        return y
    return node.builder.known(y.array, x.name, weight=True)  # what was learned, and can learn on as a float


def _settled(value: Value | None) -> Any:
    """A scale or zero point as a constant, where it is known; the one of all as a scalar."""
    if value is None:
        return None
    return ops.reshape(value.settled(), shape=()) if value.shape == (1,) else value.settled()


def _grain(node: Node, x: Value, scale: Value) -> dict[str, Any]:
    """What the scales are for: the axis, and the size of a block along it."""
    axis, size = node.attr("axis", 1), node.attr("block_size", 0)
    if size or scale.ndim == 1:
        return {"axis": axis % x.ndim, **({"block_size": size} if size else {})}
    return {}


def _by_axis(x: Value, scale: Value, how: dict[str, Any], apply: Any) -> Value:
    """`apply` in the order of axes that suits `x`; blocks have scales in ONNX's."""
    if scale.ndim > 1:
        return apply(x, **how)

    def moved(v: Value, order: tuple[int, ...]) -> Value:
        return apply(v, **{**how, "axis": order[how["axis"]]} if "axis" in how else how)

    return through(x, moved)


def _cast(x: Value, dtype: str) -> Value:
    return x if x.dtype.name == dtype else ops.cast(x, dtype=dtype)


@onnx_op("DynamicQuantizeLinear")
def _dynamic_quantize(node: Node, x: Value) -> tuple[Value, ...]:
    return ops.dynamic_quantize(x)


@onnx_op("MatMulInteger")
def _matmul_integer(
    node: Node, a: Value, b: Value, a_zero_point: Value | None = None, b_zero_point: Value | None = None
) -> Value:
    return ops.matmul_integer(a, b, _settled(a_zero_point), _settled(b_zero_point))


@onnx_op("QLinearMatMul")
def _qlinear_matmul(
    node: Node, a: Value, a_scale: Value, a_zero: Value, b: Value, b_scale: Value, b_zero: Value, *y: Value
) -> Value:
    scales = [_settled(v) for v in (a_scale, a_zero, b_scale, b_zero, *y)]
    return ops.qlinear_matmul(a, *scales[:2], b, *scales[2:])
