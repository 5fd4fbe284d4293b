"""Forms that overflow, underflow or cancel, as the forms that do not. Their gradients: `dividing`.

The rules find what people write from books: log(sum(exp(x))), exp(x) / sum(exp(x)), log(softmax(x)), log(sigmoid(x)),
log(1 + x). Where those give an infinity or NaN for numbers that have a finite result, that result comes out.
"""

from __future__ import annotations

from typing import Any

from flowloom.compiler.expr import Expr, rebuild
from flowloom.compiler.rewriting.matching import axes_of, is_constant_along, is_splat, order_of, params, without
from flowloom.compiler.rewriting.rules import rule
from flowloom.ops import (
    add,
    at_labels,
    broadcast_to,
    divide,
    exp,
    expand_dims,
    expm1,
    flatten,
    log,
    log1p,
    log_softmax,
    logsumexp,
    negative,
    reciprocal,
    reshape,
    sigmoid,
    slice,
    softmax,
    softplus,
    sparse_softmax_cross_entropy,
    squeeze,
    subtract,
    sum,
    take,
    take_along_axis,
    transpose,
    unflatten,
)
from flowloom.spec import Spec, is_float, normalize_axis

# Ops whose result is made of elements of their first operand: the logarithm passes through them.
RESHAPES = (reshape, flatten, unflatten, expand_dims, squeeze)
_CHOOSING = (*RESHAPES, transpose, broadcast_to, slice, take, take_along_axis, at_labels)
_FAR = 8  # how many of those the logarithm passes at most


# ---------------------------------------------------------------- sums of exponentials


@rule("stabilise", log)
def log_of_sum_of_exponentials(e: Expr) -> Expr | None:
    """log(sum(exp(x))) is logsumexp(x)."""
    total = e.args[0]
    if total.op is not sum or total.args[0].op is not exp or not is_float(total.args[0].args[0].dtype):
        return None
    made: Expr = logsumexp(total.args[0].args[0], **params(total))
    return made


@rule("stabilise", add, drops=True)
def shifted_logsumexp(e: Expr) -> Expr | None:
    """m + logsumexp(x - m) is logsumexp(x), where m is one number for all that is summed."""
    for m, total in (e.args, e.args[::-1]):
        if total.op is not logsumexp or total.args[0].op is not subtract:
            continue
        difference, axes = total.args[0], axes_of(total)
        x, shift = difference.args
        kept = without(x.shape, axes)
        if (
            m.spec == total.spec == e.spec
            and x.spec == difference.spec
            and (1,) * (x.ndim - shift.ndim) + shift.shape == kept
            and _is_same_shift(m, shift)
        ):
            made: Expr = logsumexp(x, **params(total))
            return made
    return None


def _is_same_shift(m: Expr, shift: Expr) -> bool:
    """Whether both hold the same numbers in the same order, with or without axes of size 1."""
    one, other = bare(m), bare(shift)
    if one is other:
        return True
    # max(x, axis) is max(x, axis, keepdims=True)
    reduced = one.op is other.op and one.args == other.args and "keepdims" in params(one)
    return reduced and axes_of(one) == axes_of(other)


def bare(e: Expr) -> Expr:
    """What `e` is another shape of."""
    while e.op in RESHAPES:
        e = e.args[0]
    return e


def is_same(one: Expr, other: Expr, depth: int = 4) -> bool:
    """Whether both hold the same numbers in the same shape, though shapes on the way may be written otherwise."""
    if one is other:
        return True
    if one.spec != other.spec or not depth or not isinstance(one.spec, Spec):
        return False
    a, b = bare(one), bare(other)
    if a is b:
        return True
    same = a.op is b.op and len(a.args) == len(b.args) and a.spec.size == b.spec.size and bool(a.args)
    if not same or (order_of(a) != order_of(b) if a.op is transpose else a.params != b.params):
        return False
    return all(is_same(x, y, depth - 1) for x, y in zip(a.args, b.args, strict=True))


@rule("stabilise", subtract)
def less_its_logsumexp(e: Expr) -> Expr | None:
    """x - logsumexp(x) is log_softmax(x)."""
    x, total = e.args
    lse = bare(total)
    if lse.op is not logsumexp or lse.args[0] is not x or x.spec != e.spec:
        return None
    axes = axes_of(lse)
    if len(axes) != 1 or (1,) * (x.ndim - total.ndim) + total.shape != without(x.shape, axes) or not x.shape[axes[0]]:
        return None
    made: Expr = log_softmax(x, axis=axes[0])
    return made


@rule("stabilise", divide)
def exponential_over_sum(e: Expr) -> Expr | None:
    """exp(x) / sum(exp(x)) is softmax(x)."""
    over, under = e.args
    if over.op is not exp or over.spec != e.spec:
        return None
    axis = softmax_axis(over, under)
    made: Expr | None = None if axis is None else softmax(over.args[0], axis=axis)
    return made


def softmax_axis(over: Expr, under: Expr) -> int | None:
    """The axis that `under` sums exp(x), which is `over`, along, in a shape that broadcasts back; else None."""
    kept = under.args[0] if under.op is broadcast_to else under
    total = bare(kept)
    if total.op is not sum or total.args[0] is not over or not is_float(over.args[0].dtype):
        return None
    axes = axes_of(total)
    if len(axes) != 1 or not over.shape[axes[0]]:
        return None
    return axes[0] if (1,) * (over.ndim - kept.ndim) + kept.shape == without(over.shape, axes) else None


@rule("stabilise", softmax, log_softmax, drops=True)
def softmax_of_shifted(e: Expr) -> Expr | None:
    """softmax(x - m) is softmax(x), where m is one number along the axis; also of log_softmax(x)."""
    x, axis = e.args[0], normalize_axis(params(e)["axis"], e.ndim)
    again = x.op is log_softmax and normalize_axis(params(x)["axis"], e.ndim) == axis
    shifted = x.op is subtract and is_constant_along(x.args[1], e.ndim, (axis,))
    if not (again or shifted) or x.args[0].spec != e.spec or e.shape[axis] == 1:
        return None
    made: Expr = e.op(x.args[0], axis=axis)
    return made


@rule("stabilise", sparse_softmax_cross_entropy)
def cross_entropy_of_log_softmax(e: Expr) -> Expr | None:
    """The cross-entropy of softmax(log_softmax(x)) is that of softmax(x)."""
    scores, labels = e.args
    if scores.op is not log_softmax or normalize_axis(params(scores)["axis"], scores.ndim) != scores.ndim - 1:
        return None
    if scores.args[0].spec != scores.spec:
        return None
    made: Expr = sparse_softmax_cross_entropy(scores.args[0], labels, **params(e))
    return made


# ---------------------------------------------------------------- logarithms


@rule("stabilise", log)
def log_of_softmax(e: Expr) -> Expr | None:
    """log(softmax(x)) is log_softmax(x); also where only some of it is taken, or seen in another shape."""
    chain: list[Expr] = []
    x = e.args[0]
    while x.op in _CHOOSING and len(chain) < _FAR:
        chain.append(x)
        x = x.args[0]
    if x.op is not softmax:
        return None
    made: Any = log_softmax(x.args[0], **params(x))
    for step in reversed(chain):
        made = rebuild(step, (made, *step.args[1:]))
    return made  # type: ignore[no-any-return]


@rule("stabilise", log)
def log_of_sigmoid(e: Expr) -> Expr | None:
    """log(sigmoid(x)) is -softplus(-x), and log(1 - sigmoid(x)) is -softplus(x)."""
    y = e.args[0]
    if y.op is sigmoid and is_float(y.args[0].dtype):
        made: Expr = negative(softplus(negative(y.args[0])))
        return made
    if y.op is subtract and is_splat(y.args[0], 1) and y.args[1].op is sigmoid and y.args[1].spec == y.spec:
        inner = y.args[1].args[0]
        return negative(softplus(inner)) if is_float(inner.dtype) else None
    return None


@rule("stabilise", log)
def log_of_one_plus(e: Expr) -> Expr | None:
    """log(1 + x) is log1p(x)."""
    y = e.args[0]
    if y.op is not add or not is_float(y.dtype):
        return None
    for one, x in (y.args, y.args[::-1]):
        if is_splat(one, 1) and x.spec == y.spec:
            made: Expr = log1p(x)
            return made
    return None


@rule("stabilise", log1p)
def log1p_of_exponential(e: Expr) -> Expr | None:
    """log(1 + exp(x)) is softplus(x)."""
    x = e.args[0]
    if x.op is not exp or x.args[0].spec != e.spec:
        return None
    made: Expr = softplus(x.args[0])
    return made


@rule("stabilise", log)
def log_of_exponential(e: Expr) -> Expr | None:
    """log(exp(x)) is x."""
    x = e.args[0]
    return x.args[0] if x.op is exp and x.args[0].spec == e.spec else None


# ---------------------------------------------------------------- others


@rule("stabilise", subtract)
def exponential_minus_one(e: Expr) -> Expr | None:
    """exp(x) - 1 is expm1(x)."""
    x, one = e.args
    if x.op is not exp or x.spec != e.spec or not is_splat(one, 1):
        return None
    made: Expr = expm1(x.args[0])
    return made


@rule("stabilise", divide, reciprocal)
def one_over_one_plus_exponential(e: Expr) -> Expr | None:
    """1 / (1 + exp(-x)) is sigmoid(x): the same numbers, and a name that other rules know."""
    if e.op is divide and not is_splat(e.args[0], 1):
        return None
    x = exponent_beside_one(e.args[-1])
    if x is None or x.spec != e.spec:
        return None
    made: Expr = sigmoid(x.args[0] if x.op is negative else negative(x))
    return made


def exponent_beside_one(e: Expr) -> Expr | None:
    """x, where `e` is 1 + exp(x)."""
    if e.op is not add:
        return None
    for one, y in (e.args, e.args[::-1]):
        if is_splat(one, 1) and y.op is exp and y.spec == e.spec and is_float(y.args[0].dtype):
            return y.args[0]
    return None
