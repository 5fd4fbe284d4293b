"""Arithmetic, comparisons, logic and other functions of single elements."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from flowloom import ops
from flowloom.compiler.expr import Expr
from flowloom.formats.onnx.writing.dtypes import computed_in, onnx_dtype
from flowloom.formats.onnx.writing.layout import elementwise, in_common_order, with_bias
from flowloom.formats.onnx.writing.table import becomes, writes
from flowloom.formats.onnx.writing.writer import Name, Writer
from flowloom.spec import is_float, is_integer

SAME = {
    "abs": "Abs",
    "add": "Add",
    "arccos": "Acos",
    "arccosh": "Acosh",
    "arcsin": "Asin",
    "arcsinh": "Asinh",
    "arctan": "Atan",
    "arctanh": "Atanh",
    "cos": "Cos",
    "cosh": "Cosh",
    "divide": "Div",
    "equal": "Equal",
    "erf": "Erf",
    "exp": "Exp",
    "greater": "Greater",
    "greater_equal": "GreaterOrEqual",
    "less": "Less",
    "less_equal": "LessOrEqual",
    "log": "Log",
    "logical_and": "And",
    "logical_not": "Not",
    "logical_or": "Or",
    "logical_xor": "Xor",
    "maximum": "Max",
    "minimum": "Min",
    "multiply": "Mul",
    "power": "Pow",
    "reciprocal": "Reciprocal",
    "sign": "Sign",
    "sin": "Sin",
    "sinh": "Sinh",
    "sqrt": "Sqrt",
    "subtract": "Sub",
    "tan": "Tan",
    "tanh": "Tanh",
}
ROUNDING = {"ceil": "Ceil", "floor": "Floor", "round": "Round", "round_through": "Round"}


@writes(*SAME)
def _same(w: Writer, e: Expr, *names: Name) -> Name:
    """ONNX's op of another name, which wants all operands of one dtype."""
    if e.op.name == "add" and (made := with_bias(w, e, *names)):
        return made
    return elementwise(w, e, SAME[e.op.name], *names)


@writes("stop_gradient")
def _itself(w: Writer, e: Expr, x: Name) -> Name:
    return x


@writes(*ROUNDING)
def _rounding(w: Writer, e: Expr, x: Name) -> Name:
    return elementwise(w, e, ROUNDING[e.op.name], x) if is_float(e.dtype) else x


@becomes("trunc")
def _trunc(x: Any) -> Any:
    return ops.where(x < 0, ops.ceil(x), ops.floor(x))


@writes("negative")
def _negative(w: Writer, e: Expr, x: Name) -> Any:
    if is_integer(e.dtype) and e.dtype.name.startswith("u"):
        return w.node("Sub", w.constant(0, e.dtype), x)
    return elementwise(w, e, "Neg", x)


@becomes("square")
def _square(x: Any) -> Any:
    return x * x


@writes("where")
def _where(w: Writer, e: Expr, condition: Name, a: Name, b: Name) -> Name:
    names = [condition, w.cast(a, e.args[1].dtype, e.dtype), w.cast(b, e.args[2].dtype, e.dtype)]
    return in_common_order(w, "Where", names, [x.ndim for x in e.args])


@writes("cast")
def _cast(w: Writer, e: Expr, x: Name) -> Any:
    saturate = dict(e.params)["saturate"]
    base, order = w.turned(x)
    y = w.node("Cast", base, to=onnx_dtype(e.dtype), saturate=None if saturate else 0)
    return w.transpose(y, order) if order else y


@writes("clip")
def _clip(w: Writer, e: Expr, x: Name) -> Name:
    bounds = [dict(e.params)[side] for side in ("low", "high")]
    low, high = (w.constant(b, e.dtype) if math.isfinite(b) and _holds(e.dtype, b) else "" for b in bounds)
    return in_common_order(w, "Clip", [x, low, high], [e.ndim, 0, 0]) if low or high else x


def _holds(dtype: np.dtype[Any], number: float) -> bool:
    return is_float(dtype) or bool(np.iinfo(dtype).min <= number <= np.iinfo(dtype).max)


@becomes("inside")
def _inside(x: Any, *, low: float, high: float) -> Any:
    return ops.cast(ops.logical_and(x >= low, x <= high), dtype=x.dtype.name)


# ---------------------------------------------------------------- truths


@writes("isnan", "isinf")
def _special(w: Writer, e: Expr, x: Name) -> Name:
    if not is_float(e.args[0].dtype):
        return w.written(ops.full_like(e.args[0], value=0.0, dtype="bool"))  # type: ignore[no-any-return]
    flags = {k: 0 for k, v in e.params if not v}
    return elementwise(w, e, {"isnan": "IsNaN", "isinf": "IsInf"}[e.op.name], x, **flags)


@becomes("isfinite")
def _isfinite(x: Any) -> Any:
    return ops.logical_not(ops.logical_or(ops.isnan(x), ops.isinf(x)))


@becomes("not_equal")
def _not_equal(a: Any, b: Any) -> Any:
    return ops.logical_not(ops.equal(a, b))


# ---------------------------------------------------------------- exponentials and roots


@becomes("expm1")
def _expm1(x: Any) -> Any:
    """By tanh near 0, where exp(x) - 1 would cancel: exp(x) - 1 = 2 t / (1 - t) with t = tanh(x / 2)."""
    x = _floating(x)
    t = ops.tanh(0.5 * x)
    return ops.where(abs(x) < 1.0, 2.0 * t / (1.0 - t), ops.exp(x) - 1.0)


@becomes("log1p")
def _log1p(x: Any) -> Any:
    """log(u) x / (u - 1) with u = 1 + x as it is rounded (Kahan): the errors of the two make up for each other."""
    x = _floating(x)
    u = 1.0 + x
    d = u - 1.0
    return ops.where(ops.equal(d, 0), x, ops.log(u) * ops.where(ops.equal(d, x), 1.0, x / d))


@becomes("log2")
def _log2(x: Any) -> Any:
    return ops.log(x) * (1 / math.log(2))


@becomes("log10")
def _log10(x: Any) -> Any:
    return ops.log(x) * (1 / math.log(10))


@becomes("rsqrt")
def _rsqrt(x: Any) -> Any:
    return ops.reciprocal(ops.sqrt(x))


@becomes("hypot")
def _hypot(a: Any, b: Any) -> Any:
    """By the ratio of the smaller to the larger one, which does not overflow."""
    a, b = abs(_floating(a)), abs(_floating(b))
    most = ops.maximum(a, b)
    unit = ops.where(ops.logical_or(ops.equal(most, 0), ops.isinf(most)), 1.0, most)
    ratio = ops.minimum(a, b) / unit
    return most * ops.sqrt(1.0 + ratio * ratio)


@becomes("arctan2")
def _arctan2(a: Any, b: Any) -> Any:
    a, b = _floating(a), _floating(b)
    side = ops.where(a < 0, -math.pi, math.pi)
    upright = ops.where(ops.equal(a, 0), 0.0, 0.5 * side)
    angle = ops.arctan(a / ops.where(ops.equal(b, 0), 1.0, b))
    return ops.where(ops.equal(b, 0), upright, ops.where(b < 0, angle + side, angle))


def _floating(x: Any) -> Any:
    return x if is_float(x.dtype) else ops.cast(x, dtype="float32")


# ---------------------------------------------------------------- division


@writes("fmod")
def _fmod(w: Writer, e: Expr, a: Name, b: Name) -> Name:
    return elementwise(w, e, "Mod", a, b, fmod=1) if is_float(e.dtype) else _whole(w, e, "Mod", a, fmod=1)


@writes("remainder")
def _remainder(w: Writer, e: Expr, a: Name, b: Name) -> Any:
    """ONNX's remainder of the sign of the divisor is of integers only."""
    if not is_float(e.dtype):
        return _whole(w, e, "Mod", a)
    divisor = e.args[1]
    rest = ops.fmod(*e.args)
    other_sign = ops.logical_xor(ops.less(rest, 0), ops.less(divisor, 0))
    return w.written(ops.where(ops.logical_and(ops.not_equal(rest, 0), other_sign), rest + divisor, rest))


@writes("floor_divide")
def _floor_divide(w: Writer, e: Expr, a: Name, b: Name) -> Any:
    dividend, divisor = e.args
    multiple: Any = dividend - ops.remainder(dividend, divisor)
    if not is_float(e.dtype):
        return _whole(w, e, "Div", w.written(multiple))
    by_zero = ops.divide(dividend, divisor)
    return w.written(ops.where(ops.equal(divisor, 0), by_zero, ops.round(multiple / divisor)))


def _whole(w: Writer, e: Expr, op_type: str, a: Name, **attributes: Any) -> Name:
    """A division of integers, 0 where it is by 0: there ONNX promises nothing."""
    divisor = e.args[1]
    known = divisor.value is not None and divisor.value.all()
    zero = ops.equal(divisor, 0)
    safe = divisor if known else ops.where(zero, 1, divisor)
    wide = computed_in(op_type, e.dtype)
    names = [w.cast(a, e.args[0].dtype, wide), w.cast(w.written(safe), divisor.dtype, wide)]
    y = w.cast(w.node(op_type, *names, **attributes), wide, e.dtype)
    return y if known else w.node("Where", w.written(zero), w.constant(0, e.dtype), y)
