"""Negations: two of them cancel, one becomes a subtraction or goes into a constant, else to where it is least work.

All of these are exact. Of tensors that take part in a product, the smallest is negated; of equally large ones none is,
but the product.
"""

from __future__ import annotations

from flowloom.compiler.expr import Expr, constant
from flowloom.compiler.rewriting.matching import params, splat
from flowloom.compiler.rewriting.rules import rule
from flowloom.op import Op
from flowloom.ops import abs, add, divide, mean, multiply, negative, subtract, sum, sum_to
from flowloom.spec import is_float


def _less(x: Expr) -> Expr:
    """-x."""
    made: Expr = negative(x)
    return made


def _is_full(x: Expr, e: Expr) -> bool:
    """Whether `x` is as large as `e`, and of its dtype."""
    return bool(x.spec == e.spec)


@rule("canonicalise", negative)
def negative_of_negative(e: Expr) -> Expr | None:
    """-(-x) is x."""
    return e.args[0].args[0] if e.args[0].op is negative else None


@rule("canonicalise", abs)
def magnitude_of_negative(e: Expr) -> Expr | None:
    """|-x| is |x|."""
    return abs(e.args[0].args[0]) if e.args[0].op is negative else None


@rule("canonicalise", add)
def sum_with_negative(e: Expr) -> Expr | None:
    """a + (-b) is a - b."""
    for a, b in (e.args, e.args[::-1]):
        if b.op is negative and b.dtype == e.dtype:
            made: Expr = subtract(a, b.args[0])
            return made
    return None


@rule("canonicalise", subtract)
def less_a_negative(e: Expr) -> Expr | None:
    """a - (-b) is a + b."""
    a, b = e.args
    return add(a, b.args[0]) if b.op is negative and b.dtype == e.dtype else None


@rule("canonicalise", negative)
def negative_difference(e: Expr) -> Expr | None:
    """-(a - b) is b - a."""
    x = e.args[0]
    return subtract(x.args[1], x.args[0]) if x.op is subtract else None


@rule("canonicalise", multiply, divide)
def product_with_negative(e: Expr) -> Expr | None:
    """(-a) b is a (-b) for a constant or smaller b, a b for two negatives, and -(a b) for equally large ones."""
    a, b = e.args
    if not is_float(e.dtype) or a.dtype != b.dtype:
        return None
    if a.op is b.op is negative:
        return _of(e.op, a.args[0], b.args[0])
    for negated, other in ((a, b), (b, a)):
        if negated.op is not negative or not _is_full(negated, e):
            continue
        x, first = negated.args[0], negated is a
        if (less := _lesser(other, e)) is not None:
            return _of(e.op, x, less) if first else _of(e.op, less, x)
        if _is_full(other, e):
            return _less(_of(e.op, x, other) if first else _of(e.op, other, x))
    return None


@rule("canonicalise", negative, alone=True)
def negative_product(e: Expr) -> Expr | None:
    """-(a b) is a (-b), for a constant or a b that is smaller; likewise of a quotient."""
    x = e.args[0]
    if x.op not in (multiply, divide) or not is_float(e.dtype) or x.args[0].dtype != x.args[1].dtype:
        return None
    a, b = x.args
    if _is_full(a, e) and (less := _lesser(b, e)) is not None:
        return _of(x.op, a, less)
    if _is_full(b, e) and (less := _lesser(a, e)) is not None:
        return _of(x.op, less, b)
    return None


def _lesser(x: Expr, e: Expr) -> Expr | None:
    """-x, where that is less work than -e: a constant, or smaller."""
    if (number := splat(x)) is not None:
        return constant(-number, x.dtype)
    return _less(x) if x.spec.size < e.spec.size else None


def _of(op: Op, a: Expr, b: Expr) -> Expr:
    made: Expr = op(a, b)
    return made


@rule("canonicalise", sum, mean, sum_to)
def sum_of_negatives(e: Expr) -> Expr | None:
    """The sum of -x is that of x, negated: one number instead of many."""
    x = e.args[0]
    if x.op is not negative or not is_float(x.dtype):
        return None
    return _less(e.op(x.args[0], **params(e)))
