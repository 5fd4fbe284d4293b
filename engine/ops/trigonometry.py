"""Trigonometric and hyperbolic functions and their inverses. Angles are in radians."""

from __future__ import annotations

from typing import Any

from flowloom.op import op
from flowloom.ops.comparison import equal
from flowloom.ops.elementwise import arithmetic, sqrt, where
from flowloom.ops.exponentials import hypot
from flowloom.ops.inference import floating
from flowloom.ops.kernels import float_ufunc
from flowloom.ops.sampling import binary, unary
from flowloom.spec import Spec


@op(family="elementwise")
def sin(x: Spec) -> Spec:
    """Sine of every element of `x`, in radians. A float dtype stays; integers give float32."""
    return floating(x)


@sin.vjp
def _(g: Any, y: Any, x: Any) -> Any:
    return (g * cos(x),)


sin.kernel(float_ufunc("sin")).scalar("sin({x})").samples(unary())


@op(family="elementwise")
def cos(x: Spec) -> Spec:
    """Cosine of every element of `x`, in radians. A float dtype stays; integers give float32."""
    return floating(x)


cos.kernel(float_ufunc("cos")).vjp(lambda g, y, x: (-g * sin(x),)).scalar("cos({x})").samples(unary())


@op(family="elementwise")
def tan(x: Spec) -> Spec:
    """Tangent of every element of `x`, in radians. A float dtype stays; integers give float32."""
    return floating(x)


tan.kernel(float_ufunc("tan")).vjp(lambda g, y, x: (g * (1.0 + y * y),)).scalar("tan({x})").samples(unary(-1.2, 1.2))


@op(family="elementwise")
def arcsin(x: Spec) -> Spec:
    """The angle in [-pi/2, pi/2] whose sine is `x`; NaN outside [-1, 1], where the gradient becomes infinite.

    A float dtype stays; integers give float32.
    """
    return floating(x)


arcsin.kernel(float_ufunc("arcsin")).vjp(lambda g, y, x: (g / sqrt((1.0 - x) * (1.0 + x)),))
arcsin.scalar("asin({x})").samples(unary(-0.8, 0.8))


@op(family="elementwise")
def arccos(x: Spec) -> Spec:
    """The angle in [0, pi] whose cosine is `x`; NaN outside [-1, 1], where the gradient becomes infinite.

    A float dtype stays; integers give float32.
    """
    return floating(x)


arccos.kernel(float_ufunc("arccos")).vjp(lambda g, y, x: (-g / sqrt((1.0 - x) * (1.0 + x)),))
arccos.scalar("acos({x})").samples(unary(-0.8, 0.8))


@op(family="elementwise")
def arctan(x: Spec) -> Spec:
    """The angle in [-pi/2, pi/2] whose tangent is `x`. A float dtype stays; integers give float32."""
    return floating(x)


arctan.kernel(float_ufunc("arctan")).vjp(lambda g, y, x: (g / (1.0 + x * x),)).scalar("atan({x})").samples(unary())


@op(family="elementwise")
def arctan2(a: Spec, b: Spec) -> Spec:
    """The angle in [-pi, pi] of the point with ordinate `a` and abscissa `b`, elementwise with broadcasting.

    In the wider dtype; integers give float32. The gradient at the origin is 0. Raises SpecError if both are bool.
    """
    return floating(arithmetic(a, b))


@arctan2.vjp
def _(g: Any, y: Any, a: Any, b: Any) -> Any:
    # a / (a**2 + b**2) in two steps: the squares of large or small numbers would overflow or vanish.
    r = hypot(a, b)
    r = where(equal(r, 0), 1.0, r)
    return g * (b / r / r), -g * (a / r / r)


arctan2.kernel(float_ufunc("arctan2")).scalar("atan2({a}, {b})").samples(binary(-0.3))


@op(family="elementwise")
def sinh(x: Spec) -> Spec:
    """Hyperbolic sine of every element of `x`. A float dtype stays; integers give float32."""
    return floating(x)


@sinh.vjp
def _(g: Any, y: Any, x: Any) -> Any:
    return (g * cosh(x),)


sinh.kernel(float_ufunc("sinh")).scalar("sinh({x})").samples(unary())


@op(family="elementwise")
def cosh(x: Spec) -> Spec:
    """Hyperbolic cosine of every element of `x`. A float dtype stays; integers give float32."""
    return floating(x)


cosh.kernel(float_ufunc("cosh")).vjp(lambda g, y, x: (g * sinh(x),)).scalar("cosh({x})").samples(unary())


@op(family="elementwise")
def arcsinh(x: Spec) -> Spec:
    """The number whose hyperbolic sine is `x`. A float dtype stays; integers give float32."""
    return floating(x)


arcsinh.kernel(float_ufunc("arcsinh")).vjp(lambda g, y, x: (g / hypot(x, 1.0),)).scalar("asinh({x})").samples(unary())


@op(family="elementwise")
def arccosh(x: Spec) -> Spec:
    """The number from 0 whose hyperbolic cosine is `x`; NaN below 1, where the gradient becomes infinite.

    A float dtype stays; integers give float32.
    """
    return floating(x)


arccosh.kernel(float_ufunc("arccosh")).vjp(lambda g, y, x: (g / (sqrt(x - 1.0) * sqrt(x + 1.0)),))
arccosh.scalar("acosh({x})").samples(unary(1.2, 3.0))


@op(family="elementwise")
def arctanh(x: Spec) -> Spec:
    """The number whose hyperbolic tangent is `x`: infinite at -1 and 1, NaN beyond.

    A float dtype stays; integers give float32.
    """
    return floating(x)


arctanh.kernel(float_ufunc("arctanh")).vjp(lambda g, y, x: (g / ((1.0 - x) * (1.0 + x)),))
arctanh.scalar("atanh({x})").samples(unary(-0.8, 0.8))
