"""The logarithm of the gamma function and its derivatives. Computed in float64, whatever the dtype."""

from __future__ import annotations

import math
from functools import partial
from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from flowloom.op import op
from flowloom.ops.inference import floating
from flowloom.ops.kernels import as_float, in_blocks, polynomial, room
from flowloom.ops.sampling import away_from_zero, unary
from flowloom.spec import Spec

_EULER = 0.57721566490153286061
# zeta(k) - 1 for k = 2, 3, ...: the coefficients of log(gamma(2 + t)), Abramowitz and Stegun, equation 6.1.33.
_ZETA_LESS_ONE = (
    6.4493406684822644e-01,
    2.0205690315959429e-01,
    8.2323233711138192e-02,
    3.6927755143369926e-02,
    1.7343061984449140e-02,
    8.3492773819228268e-03,
    4.0773561979443394e-03,
    2.0083928260822144e-03,
    9.9457512781808534e-04,
    4.9418860411946456e-04,
    2.4608655330804830e-04,
    1.2271334757848915e-04,
    6.1248135058704829e-05,
    3.0588236307020494e-05,
    1.5282259408651872e-05,
    7.6371976378997622e-06,
    3.8172932649998399e-06,
    1.9082127165539390e-06,
    9.5396203387279611e-07,
    4.7693298678780646e-07,
    2.3845050272773300e-07,
    1.1921992596531107e-07,
    5.9608189051259480e-08,
    2.9803503514652280e-08,
    1.4901554828365042e-08,
    7.4507117898354294e-09,
)
# B(2), B(4), ...: the Bernoulli numbers of Stirling's series, Abramowitz and Stegun, table 23.2.
BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)
_LARGE = 8.5  # from here Stirling's series of 8 terms is exact to float64
_NUMBERED = [*enumerate(BERNOULLI, 1)][::-1]  # (k, B(2k)), highest k first, as polynomials are written
_STIRLING = [b / (2 * k * (2 * k - 1)) for k, b in _NUMBERED]
_SERIES = [z / k if k % 2 == 0 else -z / k for k, z in [*enumerate(_ZETA_LESS_ONE, 2)][::-1]] + [1 - _EULER, 0.0]


@op(family="elementwise")
def lgamma(x: Spec) -> Spec:
    """Logarithm of the magnitude of the gamma function: infinite at 0, -1, -2, ...; log((n - 1)!) at a whole n.

    A float dtype stays; integers give float32.
    """
    return floating(x)


@lgamma.kernel
def _(xp: Any, x: Any, *, out: Any = None) -> Any:
    x = as_float(x)
    return in_blocks(xp, _lgamma, x, room(xp, x, out))


def _lgamma(xp: Any, x: Any, out: Any) -> None:
    x = x.astype("float64", copy=False)
    above = xp.where(x < 0, 1.0 - x, x)
    y = xp.where(above < _LARGE, _near(xp, xp.minimum(above, _LARGE)), _stirling(xp, xp.maximum(above, _LARGE)))
    # gamma(x) * gamma(1 - x) = pi / sin(pi * x)
    part = _part(xp, x)
    mirrored = math.log(math.pi) - xp.log(abs(xp.sin(math.pi * part))) - y
    out[...] = xp.where(xp.isinf(x), np.inf, xp.where(x < 0, mirrored, y))


def _part(xp: Any, x: Any) -> Any:
    """How far negative numbers are from the nearest whole one; 0.5, which no formula minds, for all others."""
    below = xp.minimum(x, 0)
    return xp.where(x < 0, below - xp.rint(below), 0.5)


def _near(xp: Any, x: Any) -> Any:
    """log(gamma(x)) from 0 to _LARGE: from the series around 2 by gamma(x + 1) = x * gamma(x)."""
    whole = xp.rint(x)
    factors = xp.where(whole == 0, x * (1.0 + x), xp.where(whole == 1, x, 1.0))
    for i in range(1, int(_LARGE) - 1):
        factors = xp.where(whole >= i + 2, factors * (x - i), factors)
    logarithm = xp.log(factors)
    return polynomial(xp, x - whole, _SERIES) + xp.where(whole < 2, -logarithm, logarithm)


def _stirling(xp: Any, x: Any) -> Any:
    """log(gamma(x)) from _LARGE: Abramowitz and Stegun, equation 6.1.40."""
    rest = polynomial(xp, 1.0 / (x * x), _STIRLING) / x
    return (x - 0.5) * (xp.log(x) - 1.0) + (0.5 * math.log(2 * math.pi) - 0.5) + rest


@lgamma.vjp
def _(g: Any, y: Any, x: Any) -> Any:
    return (g * polygamma(x, order=0),)


lgamma.scalar("lgamma({x})").samples(unary(0.3, 9.0))


@op(family="elementwise", composite=True)
def digamma(x: Any) -> Any:
    """The derivative of `lgamma`: NaN at -1, -2, ...; infinite at 0. A float dtype stays; integers give float32."""
    return polygamma(x, order=0)


digamma.samples(unary(0.3, 9.0))


@op(family="elementwise")
def polygamma(x: Spec, *, order: Annotated[int, Meta(ge=0, le=50)] = 1) -> Spec:
    """The derivative of `digamma` of that order. A float dtype stays; integers give float32.

    At 0, -1, -2, ... an odd order is infinite. An even one is NaN, but infinite at 0.
    """
    return floating(x)


@polygamma.kernel
def _(xp: Any, x: Any, *, order: int, out: Any = None) -> Any:
    x = as_float(x)
    return in_blocks(xp, partial(_polygamma, order), x, room(xp, x, out))


def _polygamma(order: int, xp: Any, x: Any, out: Any) -> None:
    x = x.astype("float64", copy=False)
    sign = (-1.0) ** order
    y = -sign * _polygamma_above(xp, xp.where(x < 0, 1.0 - x, x), order)
    # The derivative of the same order of digamma(1 - x) - digamma(x) = pi * cot(pi * x); equation 6.4.7.
    part = _part(xp, x)
    mirrored = sign * y - polynomial(xp, 1.0 / xp.tan(math.pi * part), _cotangent(order))
    mirrored = xp.where(part == 0, np.inf if order % 2 else np.nan, mirrored)
    out[...] = xp.where(x < 0, mirrored, y)


def _polygamma_above(xp: Any, x: Any, order: int) -> Any:
    """polygamma(x) for x from 0, times (-1)**(order + 1): Abramowitz and Stegun, equations 6.4.6 and 6.4.11."""
    steps = 14 + order
    z = x + steps
    rest = polynomial(xp, 1.0 / (z * z), [b * _rising(order, 2 * k) for k, b in _NUMBERED])
    rest = rest / z + 0.5 * math.factorial(order)
    y = rest / z ** (order + 1) + (math.factorial(order - 1) / z**order if order else -xp.log(z))
    for i in range(steps):
        y = y + math.factorial(order) / (x + i if i else x) ** (order + 1)  # -0.0 + 0 would lose its sign
    return y


def _rising(order: int, k: int) -> float:
    return math.factorial(k + order - 1) / math.factorial(k)


def _cotangent(order: int) -> list[float]:
    """The derivative of that order of pi * cot(pi * x), as a polynomial in cot(pi * x), highest power first.

    The derivative of cot(pi * x) is -pi * (1 + cot(pi * x)**2).
    """
    p = np.polynomial.Polynomial([0.0, math.pi])
    for _ in range(order):
        p = p.deriv() * np.polynomial.Polynomial([-math.pi, 0.0, -math.pi])
    return [float(c) for c in p.coef[::-1]]


@polygamma.vjp
def _(g: Any, y: Any, x: Any, *, order: int) -> Any:
    return (g * polygamma(x, order=order + 1),)


polygamma.scalar("polygamma({order}, {x})")


@polygamma.samples
def _(rng: np.random.Generator) -> Any:
    yield (rng.uniform(0.3, 9.0, (3, 4)),), {"order": 0}
    yield (away_from_zero(rng, 3) * 1.1,), {"order": 1}
    yield (np.array(-0.3),), {"order": 2}
    yield (rng.uniform(0.3, 9.0, (0, 2)),), {"order": 3}
