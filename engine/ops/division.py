"""Division with a whole quotient, and what remains of it."""

from __future__ import annotations

from typing import Any

from flowloom.op import op
from flowloom.ops.elementwise import arithmetic
from flowloom.ops.inference import floating
from flowloom.ops.kernels import as_float, ufunc
from flowloom.ops.rounding import trunc
from flowloom.ops.sampling import quotients, unary
from flowloom.spec import Spec, is_float, promote

# C's fmod takes the sign of the dividend. Where that is not the divisor's, one more divisor fits.
_BELOW = "(fmod({a}, {b}) != 0) & ((fmod({a}, {b}) < 0) != ({b} < 0))"


@op(family="elementwise")
def reciprocal(x: Spec) -> Spec:
    """1 over `x`, infinite at 0. A float dtype stays; integers give float32."""
    return floating(x)


@reciprocal.kernel
def _(xp: Any, x: Any, *, out: Any = None) -> Any:
    return xp.reciprocal(as_float(x), out=out)


reciprocal.vjp(lambda g, y, x: (-g * y * y,)).scalar("1 / {x}").samples(unary())


@op(family="elementwise", differentiable=False)
def floor_divide(a: Spec, b: Spec) -> Spec:
    """The largest whole number not above `a` over `b`, elementwise with broadcasting, in the wider dtype.

    By 0, floats give an infinity or NaN, and integers 0. Raises SpecError if both are bool.
    """
    return arithmetic(a, b)


floor_divide.kernel(ufunc("floor_divide")).samples(quotients)
floor_divide.scalar(f"where({{b}} == 0, {{a}} / {{b}}, rint(({{a}} - fmod({{a}}, {{b}})) / {{b}}) - ({_BELOW}))")


@op(family="elementwise")
def remainder(a: Spec, b: Spec) -> Spec:
    """What remains of `a` when divided by `b` with `floor_divide`: 0, or of the sign of `b`. As Python's `%`.

    Elementwise with broadcasting, in the wider dtype. By 0, floats give NaN, and integers 0. Raises SpecError if both
    are bool.
    """
    return arithmetic(a, b)


@remainder.vjp
def _(g: Any, y: Any, a: Any, b: Any) -> Any:
    return g, -g * floor_divide(a, b)


remainder.kernel(ufunc("remainder")).samples(quotients)
remainder.scalar(f"where({_BELOW}, fmod({{a}}, {{b}}) + {{b}}, fmod({{a}}, {{b}}))")


@op(family="elementwise")
def fmod(a: Spec, b: Spec) -> Spec:
    """What remains of `a` when divided by `b` with `trunc_divide`: 0, or of the sign of `a`. As C's `fmod`.

    Elementwise with broadcasting, in the wider dtype. By 0, floats give NaN, and integers 0. Raises SpecError if both
    are bool.
    """
    return arithmetic(a, b)


@fmod.vjp
def _(g: Any, y: Any, a: Any, b: Any) -> Any:
    return g, -g * trunc(a / b)


fmod.kernel(ufunc("fmod")).scalar("fmod({a}, {b})").samples(quotients)


@op(family="elementwise", composite=True, differentiable=False, internal=True)
def trunc_divide(a: Any, b: Any) -> Any:
    """`a` over `b` without what is behind the point, elementwise with broadcasting, in the wider dtype. As C's `/`.

    By 0, floats give an infinity or NaN, and integers 0. Raises SpecError if both are bool.
    """
    if is_float(promote(a.dtype, b.dtype)):
        return trunc(a / b)
    return floor_divide(a - fmod(a, b), b)


trunc_divide.samples(quotients)
