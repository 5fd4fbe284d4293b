"""One way to write the same arithmetic: constants behind, products for squares and small powers, factors in one.

Constant factors are multiplied by each other, once, before they meet the tensor.
"""

from __future__ import annotations

import math
from typing import Any

from flowloom.compiler.expr import CONSTANT, Expr, constant
from flowloom.compiler.rewriting.matching import factor, filled, fitted, is_splat, scalar_factor, splat
from flowloom.compiler.rewriting.rules import rule
from flowloom.ops import (
    add,
    divide,
    equal,
    greater,
    greater_equal,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    maximum,
    minimum,
    multiply,
    not_equal,
    power,
    square,
    where,
)
from flowloom.spec import is_float

_MIRRORED = {greater: less, less: greater, greater_equal: less_equal, less_equal: greater_equal}
_SYMMETRIC = (add, multiply, maximum, minimum, equal, not_equal, logical_and, logical_or, logical_xor)
_SMALL_POWERS = {2: (1, 1), 3: (2, 1), 4: (2, 2)}  # x^3 is x^2 x


def _is_constant(e: Expr) -> bool:
    return e.op is CONSTANT or splat(e) is not None


@rule("canonicalise", *_SYMMETRIC, *_MIRRORED)
def constant_behind(e: Expr) -> Expr | None:
    """c + x is x + c, and c < x is x > c."""
    a, b = e.args
    if not _is_constant(a) or _is_constant(b):
        return None
    made: Expr = _MIRRORED.get(e.op, e.op)(b, a)
    return made


@rule("canonicalise", square)
def square_is_product(e: Expr) -> Expr | None:
    """x^2 is x x."""
    made: Expr = multiply(e.args[0], e.args[0])
    return made


@rule("canonicalise", power)
def small_power(e: Expr) -> Expr | None:
    """x^2, x^3 and x^4 are products, x^1 is x, 1 / x is x^-1."""
    x, exponent = e.args
    number = splat(exponent)
    if number is None or x.spec != e.spec:
        return None
    if number == 1:
        return x
    if number == -1 and is_float(e.dtype):
        return fitted(divide(constant(1, e.dtype), x), e.spec)
    return _power(x, int(number)) if number in _SMALL_POWERS else None


def _power(x: Any, exponent: int) -> Any:
    if exponent == 1:
        return x
    first, second = _SMALL_POWERS[exponent]
    return _power(x, first) * _power(x, second)


@rule("canonicalise", power, drops=True)
def power_of_zero(e: Expr) -> Expr | None:
    """x^0 is 1, also for NaN."""
    return filled(1, e.spec) if is_splat(e.args[1], 0) else None


@rule("canonicalise", divide)
def quotient_by_power_of_two(e: Expr) -> Expr | None:
    """x / 2^n is x 2^-n, exactly."""
    x, under = e.args
    number = factor(under)
    if number is None or number == 1 or x.dtype != e.dtype or abs(math.frexp(number)[0]) != 0.5:
        return None
    inverse = scalar_factor(1 / number, e.dtype)
    return None if inverse is None else fitted(multiply(x, inverse), e.spec)


@rule("canonicalise", multiply, divide)
def factors_in_one(e: Expr) -> Expr | None:
    """(x a) b is x (a b), for constants a and b; likewise where one of them is divided by."""
    inner, outer = e.args
    b = factor(outer)
    if b is None or inner.op not in (multiply, divide) or inner.dtype != e.dtype:
        return None
    x, under = inner.args
    a = factor(under)
    if a is None or not x.dtype == under.dtype == outer.dtype == e.dtype:
        return None
    up = (1 if inner.op is multiply else -1, 1 if e.op is multiply else -1)
    if up == (-1, -1):
        divisor = scalar_factor(a * b, e.dtype)
        return None if divisor is None else fitted(divide(x, divisor), e.spec)
    joined = scalar_factor(a ** up[0] * b ** up[1], e.dtype)
    return None if joined is None else fitted(multiply(x, joined), e.spec)


@rule("canonicalise", where)
def where_not(e: Expr) -> Expr | None:
    """What is chosen where c does not hold is the other where c holds."""
    condition, a, b = e.args
    return where(condition.args[0], b, a) if condition.op is logical_not else None


@rule("canonicalise", where, drops=True)
def where_all_the_same(e: Expr) -> Expr | None:
    """A choice between x and x."""
    _, a, b = e.args
    return a if a is b and a.spec == e.spec else None


@rule("canonicalise", where, drops=True)
def where_chosen_before(e: Expr) -> Expr | None:
    """where(c, where(c, a, b), d) is where(c, a, d); likewise on the other side."""
    condition, a, b = e.args
    if a.op is where and a.args[0] is condition and a.dtype == a.args[1].dtype:
        return fitted(where(condition, a.args[1], b), e.spec)
    if b.op is where and b.args[0] is condition and b.dtype == b.args[2].dtype:
        return fitted(where(condition, a, b.args[2]), e.spec)
    return None
