"""Broadcasts: an elementwise op broadcasts by itself, and a sum of equal numbers is one product."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

from flowloom.compiler.expr import Expr, constant, with_args
from flowloom.compiler.rewriting.matching import (
    axes_of,
    factor,
    fitted,
    in_shape,
    is_constant_along,
    params,
    splat,
    without,
)
from flowloom.compiler.rewriting.rules import rule
from flowloom.ops import broadcast_to, cast, divide, max, mean, min, multiply, reshape, sum, sum_to
from flowloom.spec import SpecError, broadcast, is_float, is_narrow


@rule("algebra")
def broadcast_by_itself(e: Expr) -> Expr | None:
    """An elementwise op broadcasts its operands, or else its result, which is less work."""
    if e.op.template is None:
        return None
    bare = [a.args[0] if a.op is broadcast_to else a for a in e.args]
    if all(a is b for a, b in zip(bare, e.args, strict=True)):
        return None
    made: Expr = e.op(*bare, **params(e))
    return fitted(made, e.spec)


@rule("algebra")
def ones_in_front(e: Expr) -> Expr | None:
    """An operand of an elementwise op needs no axes of size 1 in front, where another has them."""
    if e.op.template is None or len(e.args) == 1:
        return None
    bare = [_without_lead(a) for a in e.args]
    if all(a is b for a, b in zip(bare, e.args, strict=True)) or broadcast(*(a.spec for a in bare)).shape != e.shape:
        return None
    return with_args(e, bare)


def _without_lead(a: Expr) -> Expr:
    if a.op is not reshape:
        return a
    x = a.args[0]
    return x if a.shape == (1,) * (a.ndim - x.ndim) + x.shape else a


@rule("algebra", sum, mean, max, min, sum_to)
def reduction_of_equal(e: Expr) -> Expr | None:
    """The sum of n equal numbers is n times one; their mean, or the largest, is one of them."""
    x = e.args[0]
    if x.op is not broadcast_to or 0 in x.shape:
        return None
    y, axes = x.args[0], axes_of(e)
    lead = x.ndim - y.ndim
    own = [a for a in axes if a >= lead and y.shape[a - lead] != 1]
    count = prod(x.shape[a] for a in axes if a not in own)
    if count == 1:
        return None
    made: Any = _reduced(e, y, tuple(a - lead for a in own))
    if e.op in (sum, sum_to):
        times = _whole(count, e)
        if times is None:
            return None
        made = multiply(made, times)
    gone = range(x.ndim - e.ndim) if e.op is sum_to else () if e.ndim == x.ndim else axes
    return fitted(in_shape(made, tuple(made.shape[a - lead] for a in range(lead, x.ndim) if a not in gone)), e.spec)


def _reduced(e: Expr, y: Expr, axes: tuple[int, ...]) -> Any:
    """`y` reduced over `axes` as `e` does it, in the dtype of that, with axes of size 1 left."""
    if not axes:
        return y if y.dtype == e.dtype else cast(y, dtype=e.dtype.name)
    return e.op(y, shape=without(y.shape, axes)) if e.op is sum_to else e.op(y, axis=axes, keepdims=True)


def _whole(count: int, e: Expr) -> Expr | None:
    """`count` as a scalar of the dtype of `e`, if that holds it."""
    if is_float(e.dtype) and (is_narrow(e.dtype) or e.dtype.itemsize < 4):
        return None
    try:
        return constant(count, e.dtype)
    except SpecError:  # small integers, which would wrap around in the sum as well
        return None


@rule("algebra", sum, mean, sum_to)
def factor_of_sum(e: Expr) -> Expr | None:
    """The sum of f x, where f is one number for all that is summed, is f times the sum of x; so of x / f.

    Not for floats of less than 32 bits, whose sum without the factor might overflow.
    """
    x, axes = e.args[0], axes_of(e)
    for term, f in _factors(e):
        if f.shape != x.shape and is_constant_along(f, x.ndim, axes) and splat(f) is None:
            own = (1,) * (x.ndim - f.ndim) + f.shape
            left = own if e.ndim == x.ndim else tuple(d for a, d in enumerate(own) if a not in axes)
            return fitted(x.op(e.op(term, **params(e)), in_shape(f, left)), e.spec)
    return None


@rule("algebra", sum, mean, sum_to, alone=True)
def constant_factor_of_sum(e: Expr) -> Expr | None:
    """The sum of c x is c times the sum of x, for a constant c."""
    for term, f in _factors(e):
        if factor(f) is not None:
            return e.args[0].op(e.op(term, **params(e)), constant(splat(f), f.dtype))  # type: ignore[no-any-return]
    return None


def _factors(e: Expr) -> Iterator[tuple[Expr, Expr]]:
    """What a sum is taken of, and its factor or divisor, in each way to see it so."""
    x = e.args[0]
    if x.op in (multiply, divide) and is_float(e.dtype) and e.dtype.itemsize >= 4:
        pairs = (x.args, x.args[::-1]) if x.op is multiply else (x.args,)
        yield from ((term, f) for term, f in pairs if term.spec == x.spec and f.dtype == x.dtype)


@rule("algebra", sum, max, min)
def reduction_of_reduction(e: Expr) -> Expr | None:
    """The sum of sums is one sum."""
    x = e.args[0]
    if x.op is not e.op or x.dtype != x.args[0].dtype:
        return None
    y = x.args[0]
    inner = axes_of(x)
    there = [a for a in range(y.ndim) if params(x)["keepdims"] or a not in inner]
    axes = tuple(sorted({*inner, *(there[a] for a in axes_of(e))}))
    made: Any = e.op(y, axis=axes, keepdims=True)
    return in_shape(made, e.shape)


@rule("algebra", sum_to)
def sum_to_of_sum_to(e: Expr) -> Expr | None:
    """Two sums on the way to a smaller shape are one."""
    x = e.args[0]
    return sum_to(x.args[0], shape=e.shape) if x.op is sum_to else None
