"""The error function and its complement, by rational approximations.

Source for float64: W. J. Cody, "Rational Chebyshev Approximations for the Error Function", Mathematics of Computation
23, 1969. In float32 one quotient serves for all arguments: it was fitted to erf(x) / x on [0, 3.92], beyond which erf
is 1 in float32, to a relative error of 2e-8. With all rounding, the relative error stays below 2e-15 in float64 and
6e-7 in float32; the tests hold them to that.
"""

from __future__ import annotations

import math
from typing import Any

from flowloom.op import op
from flowloom.ops.elementwise import exp
from flowloom.ops.inference import floating
from flowloom.ops.kernels import as_float, in_blocks, polynomial, room
from flowloom.ops.sampling import unary
from flowloom.spec import Spec

_SLOPE = 2 / math.sqrt(math.pi)  # of erf at 0

# Highest power first. float32, in x**2: erf(x) = x * P / Q.
_SINGLE_P = (
    2.0501711533e-06,
    2.8487789678e-04,
    3.7653029431e-03,
    5.2747752518e-02,
    1.9039879740e-01,
    1.1283791065,
)
_SINGLE_Q = (
    3.8092344766e-05,
    1.1624637991e-03,
    1.4968583360e-02,
    1.1410597712e-01,
    5.0206929445e-01,
    1.0,
)
_SINGLE_END = 3.92

# Cody's three: erf(x) = x * P / Q in x**2 up to 0.46875; erfc(x) = exp(-x**2) * P / Q in x up to 4; and
# erfc(x) = exp(-x**2) / x * (1 / sqrt(pi) - t * P / Q) in t = 1 / x**2 beyond.
_NEAR_END, _MIDDLE_END = 0.46875, 4.0
_NEAR_P = (
    1.85777706184603153e-1,
    3.16112374387056560e0,
    1.13864154151050156e2,
    3.77485237685302021e2,
    3.20937758913846947e3,
)
_NEAR_Q = (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3)
MIDDLE_P = (
    2.15311535474403846e-8,
    5.64188496988670089e-1,
    8.88314979438837594e0,
    6.61191906371416295e1,
    2.98635138197400131e2,
    8.81952221241769090e2,
    1.71204761263407058e3,
    2.05107837782607147e3,
    1.23033935479799725e3,
)
MIDDLE_Q = (
    1.0,
    1.57449261107098347e1,
    1.17693950891312499e2,
    5.37181101862009858e2,
    1.62138957456669019e3,
    3.29079923573345963e3,
    4.36261909014324716e3,
    3.43936767414372164e3,
    1.23033935480374942e3,
)
_FAR_P = (
    1.63153871373020978e-2,
    3.05326634961232344e-1,
    3.60344899949804439e-1,
    1.25781726111229246e-1,
    1.60837851487422766e-2,
    6.58749161529837803e-4,
)
_FAR_Q = (
    1.0,
    2.56852019228982242e0,
    1.87295284992346725e0,
    5.27905102951428412e-1,
    6.05183413124413191e-2,
    2.33520497626869185e-3,
)
_ERF_END, _ERFC_END = 6.0, 28.0  # beyond, erf is 1 and erfc is 0 in float64


@op(family="elementwise")
def erf(x: Spec) -> Spec:
    """Error function 2 / sqrt(pi) times the integral of exp(-t**2) from 0 to `x`: between -1 and 1.

    A float dtype stays; integers give float32.
    """
    return floating(x)


@erf.kernel
def _(xp: Any, x: Any, *, out: Any = None) -> Any:
    return erf_of(xp, as_float(x), out)


@erf.vjp
def _(g: Any, y: Any, x: Any) -> Any:
    return (_SLOPE * g * exp(-x * x),)


erf.scalar("erf({x})").samples(unary())


@op(family="elementwise")
def erfc(x: Spec) -> Spec:
    """Complementary error function 1 - erf(x), also where that is small to full precision.

    A float dtype stays; integers give float32.
    """
    return floating(x)


@erfc.kernel
def _(xp: Any, x: Any, *, out: Any = None) -> Any:
    x = as_float(x)
    return in_blocks(xp, _complement, x, room(xp, x, out))


@erfc.vjp
def _(g: Any, y: Any, x: Any) -> Any:
    return (-_SLOPE * g * exp(-x * x),)


erfc.scalar("erfc({x})").samples(unary())


def erf_of(xp: Any, x: Any, out: Any = None) -> Any:
    """The error function of an array of floats."""
    out = room(xp, x, out)
    if x.dtype == "float16":
        out[...] = erf_of(xp, x.astype("float32"))
        return out
    return in_blocks(xp, _double if x.dtype == "float64" else _single, x, out)


def _single(xp: Any, x: Any, out: Any) -> None:
    near = xp.clip(x, -_SINGLE_END, _SINGLE_END)
    square = near * near
    xp.multiply(polynomial(xp, square, _SINGLE_P), near, out=out)
    xp.divide(out, polynomial(xp, square, _SINGLE_Q), out=out)
    xp.copyto(out, xp.sign(x), where=abs(x) >= _SINGLE_END)


def _double(xp: Any, x: Any, out: Any) -> None:
    size = abs(x)
    near = size <= _NEAR_END
    far = ~near
    out[near] = _near(xp, x[near])
    out[far] = xp.copysign(1.0 - _tail(xp, xp.minimum(size[far], _ERF_END)), x[far])


def _complement(xp: Any, x: Any, out: Any) -> None:
    x = x.astype("float64", copy=False)
    size = abs(x)
    near = 1.0 - _near(xp, xp.clip(x, -_NEAR_END, _NEAR_END))
    tail = _tail(xp, xp.clip(size, _NEAR_END, _ERFC_END), exact=True)
    out[...] = xp.where(size <= _NEAR_END, near, xp.where(x < 0, 2.0 - tail, tail))


def _near(xp: Any, x: Any) -> Any:
    """erf(x) for x up to _NEAR_END."""
    square = x * x
    return x * (polynomial(xp, square, _NEAR_P) / polynomial(xp, square, _NEAR_Q))


def _tail(xp: Any, x: Any, *, exact: bool = False) -> Any:
    """erfc(x) for x from _NEAR_END. Not `exact`, it is good to an error of 1e-17, which is all that erf needs."""
    middle = polynomial(xp, x, MIDDLE_P) / polynomial(xp, x, MIDDLE_Q)
    if not exact:
        return middle * xp.exp(-x * x)
    t = 1.0 / (x * x)
    far = (0.5 * _SLOPE - t * polynomial(xp, t, _FAR_P) / polynomial(xp, t, _FAR_Q)) / x
    # x**2 = cut**2 + rest, where cut has so few digits that its square is exact: else exp would magnify the rounding.
    cut = xp.trunc(16.0 * x) / 16.0
    rest = (x - cut) * (x + cut)
    return xp.where(x <= _MIDDLE_END, middle, far) * xp.exp(-cut * cut) * xp.exp(-rest)
