"""What changes nothing goes: adding 0, multiplying by 1."""

from __future__ import annotations

import math
from typing import Any

from flowloom.compiler.expr import Expr
from flowloom.compiler.rewriting.matching import filled, fitted, is_splat
from flowloom.compiler.rewriting.rules import rule
from flowloom.ops import add, divide, maximum, minimum, multiply, negative, subtract
from flowloom.spec import is_float, is_integer

_NEUTRAL: dict[Any, float] = {
    add: 0,
    subtract: 0,
    multiply: 1,
    divide: 1,
    maximum: -math.inf,
    minimum: math.inf,
}


@rule("algebra", *_NEUTRAL)
def neutral_operand(e: Expr) -> Expr | None:
    """x + 0, x - 0, 1 x, x / 1, the maximum of x and -inf: x. Constants lie behind by now."""
    x, number = e.args
    return fitted(x, e.spec) if is_splat(number, _NEUTRAL[e.op]) else None


@rule("algebra", subtract)
def zero_less(e: Expr) -> Expr | None:
    """0 - x is -x."""
    zero, x = e.args
    if not is_splat(zero, 0) or x.dtype != e.dtype:
        return None
    return fitted(negative(x), e.spec)


@rule("algebra", multiply, divide)
def minus_one(e: Expr) -> Expr | None:
    """x times -1 is -x."""
    x, number = e.args
    if not is_splat(number, -1) or x.dtype != e.dtype or not is_float(e.dtype):
        return None
    return fitted(negative(x), e.spec)


@rule("algebra", multiply, drops=True)
def integers_times_zero(e: Expr) -> Expr | None:
    """0 x is 0 for integers. Not for floats: 0 times NaN is NaN."""
    return filled(0, e.spec) if is_integer(e.dtype) and is_splat(e.args[1], 0) else None
