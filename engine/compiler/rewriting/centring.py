"""What lies around its mean sums to nothing: one pass over the data less in the gradient of a normalisation.

The gradient of (x - mean(x)) / deviation sums up g a + t (x - mean(x)), where t is one number for each sum. The second
part is 0 but for rounding, so what is left out is an error. It goes only where NaN in x comes to the sum by the first
part, too: there the factor of g holds the deviation, which is NaN then.
"""

from __future__ import annotations

from flowloom.compiler.expr import Expr
from flowloom.compiler.rewriting.matching import axes_of, is_constant_along, params, without
from flowloom.compiler.rewriting.rules import rule
from flowloom.compiler.rewriting.stabilising import bare
from flowloom.ops import (
    add,
    broadcast_to,
    divide,
    mean,
    multiply,
    negative,
    reciprocal,
    reshape,
    rsqrt,
    sqrt,
    subtract,
    sum,
    sum_to,
)
from flowloom.spec import is_float

_CARRIES_NAN = (add, subtract, multiply, divide, negative, sqrt, rsqrt, reciprocal, reshape, broadcast_to)
_LOOKS = 24  # how many expressions are looked at for the deviation


@rule("algebra", sum, sum_to)
def sum_around_the_mean(e: Expr) -> Expr | None:
    """sum(g a + t (x - mean(x))) is sum(g a), where t and a are one number each for all that is summed."""
    x, axes = e.args[0], axes_of(e)
    if x.op is not add or not axes or not is_float(x.dtype):
        return None
    for rest, term in (x.args, x.args[::-1]):
        if rest.spec == x.spec and term.op is multiply and term.spec == x.spec:
            for t, centred in (term.args, term.args[::-1]):
                if (
                    is_constant_along(t, x.ndim, axes)
                    and centred.spec == x.spec
                    and _is_centred(centred, axes)
                    and _has_its_deviation(rest, centred, axes)
                ):
                    return e.op(rest, **params(e))  # type: ignore[no-any-return]
    return None


def _is_centred(e: Expr, axes: tuple[int, ...]) -> bool:
    """Whether `e` is x - mean(x), the mean over `axes`."""
    if e.op is not subtract:
        return False
    x, shift = e.args
    middle = bare(shift)
    return (
        middle.op is mean
        and middle.args[0] is x
        and axes_of(middle) == axes
        and (1,) * (x.ndim - shift.ndim) + shift.shape == without(x.shape, axes)
    )


def _has_its_deviation(e: Expr, centred: Expr, axes: tuple[int, ...]) -> bool:
    """Whether `e` is a product or quotient with something made of the squares of `centred`, summed over `axes`."""
    if e.op not in (multiply, divide):
        return False
    stack = [a for a in e.args if is_constant_along(a, e.ndim, axes)]
    for _ in range(_LOOKS):
        if not stack:
            return False
        found = stack.pop()
        if found.op in (mean, sum, sum_to) and axes_of(found) == axes:
            squares = found.args[0]
            if squares.op is multiply and squares.args == (centred, centred):
                return True
        elif found.op in _CARRIES_NAN:
            stack.extend(found.args)
    return False
