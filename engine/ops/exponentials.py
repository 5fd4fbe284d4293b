"""Exponentials, logarithms and roots beside `exp`, `log` and `sqrt`."""

from __future__ import annotations

import math
from typing import Any

from flowloom.op import op
from flowloom.ops.comparison import equal
from flowloom.ops.elementwise import arithmetic, where
from flowloom.ops.inference import floating
from flowloom.ops.kernels import as_float, float_ufunc, room
from flowloom.ops.sampling import binary, unary
from flowloom.spec import Spec


@op(family="elementwise")
def expm1(x: Spec) -> Spec:
    """exp(x) - 1, also near 0 to full precision. A float dtype stays; integers give float32."""
    return floating(x)


expm1.kernel(float_ufunc("expm1")).vjp(lambda g, y, x: (g * (y + 1.0),)).scalar("expm1({x})").samples(unary(-2.0))


@op(family="elementwise")
def log1p(x: Spec) -> Spec:
    """log(1 + x), also near 0 to full precision: -inf at -1, NaN below. A float dtype stays; integers give float32."""
    return floating(x)


log1p.kernel(float_ufunc("log1p")).vjp(lambda g, y, x: (g / (1.0 + x),)).scalar("log1p({x})").samples(unary(-0.7))


@op(family="elementwise")
def log2(x: Spec) -> Spec:
    """Logarithm to base 2: -inf at 0, NaN below. A float dtype stays; integers give float32."""
    return floating(x)


log2.kernel(float_ufunc("log2")).vjp(lambda g, y, x: (g / (math.log(2) * x),)).scalar("log2({x})").samples(unary(0.3))


@op(family="elementwise")
def log10(x: Spec) -> Spec:
    """Logarithm to base 10: -inf at 0, NaN below. A float dtype stays; integers give float32."""
    return floating(x)


log10.kernel(float_ufunc("log10")).vjp(lambda g, y, x: (g / (math.log(10) * x),)).scalar("log10({x})")
log10.samples(unary(0.3))


@op(family="elementwise")
def rsqrt(x: Spec) -> Spec:
    """1 over the square root: inf at 0, NaN below. A float dtype stays; integers give float32."""
    return floating(x)


@rsqrt.kernel
def _(xp: Any, x: Any, *, out: Any = None) -> Any:
    x = as_float(x)
    return xp.reciprocal(xp.sqrt(x, out=room(xp, x, out)), out=out)


rsqrt.vjp(lambda g, y, x: (-0.5 * g * y / x,)).scalar("1 / sqrt({x})").samples(unary(0.3))


@op(family="elementwise")
def hypot(a: Spec, b: Spec) -> Spec:
    """The square root of `a**2 + b**2` without overflow, elementwise with broadcasting, in the wider dtype.

    Integers give float32. The gradient at the origin is 0. Raises SpecError if both are bool.
    """
    return floating(arithmetic(a, b))


@hypot.vjp
def _(g: Any, y: Any, a: Any, b: Any) -> Any:
    scaled = g / where(equal(y, 0), 1.0, y)
    return scaled * a, scaled * b


hypot.kernel(float_ufunc("hypot")).scalar("hypot({a}, {b})").samples(binary(-0.3))
