"""Functions that ONNX does not have, by the approximations of `flowloom.ops`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from flowloom import ops
from flowloom.formats.onnx.writing.table import becomes
from flowloom.ops.error_function import MIDDLE_P, MIDDLE_Q
from flowloom.ops.gamma import BERNOULLI
from flowloom.spec import is_float

_STEPS = 12  # by which an argument is moved up, where Stirling's series is exact to float64
_NUMBERED = [*enumerate(BERNOULLI, 1)]  # (k, B(2k))


@becomes("erfc")
def _erfc(x: Any) -> Any:
    """exp(-x**2) times a quotient that Cody fitted to 0.47..4; from 0 to 10 its error stays below 2e-10."""
    x = _floating(x)
    size = abs(x)
    tail = ops.exp(-size * size) * (_polynomial(size, MIDDLE_P) / _polynomial(size, MIDDLE_Q))
    return ops.where(x < 0, 2.0 - tail, ops.where(size > 28.0, 0.0, tail))


def _polynomial(x: Any, coefficients: Sequence[float]) -> Any:
    """The polynomial with these coefficients, highest power first."""
    y: Any = coefficients[0]
    for c in coefficients[1:]:
        y = y * x + c
    return y


# ---------------------------------------------------------------- gamma and its derivatives, in float64


@becomes("lgamma")
def _lgamma(x: Any) -> Any:
    """Stirling's series, moved down by gamma(x + 1) = x gamma(x), and mirrored below 0: pi / sin(pi x)."""
    x, back = _doubled(x)
    above = ops.where(x < 0, 1.0 - x, x)
    z = above + float(_STEPS)
    series: Any = _series(z, [b / (2 * k * (2 * k - 1)) for k, b in _NUMBERED]) * z
    factors: Any = above
    for i in range(1, _STEPS):
        factors = factors * (above + float(i))
    y = (z - 0.5) * ops.log(z) - z + 0.5 * math.log(2 * math.pi) + series - ops.log(factors)
    mirrored = math.log(math.pi) - ops.log(abs(ops.sin(math.pi * _part(x)))) - y
    return back(ops.where(ops.isinf(x), np.inf, ops.where(x < 0, mirrored, y)))


@becomes("polygamma")
def _polygamma(x: Any, *, order: int) -> Any:
    """As `_lgamma`: Abramowitz and Stegun, equations 6.4.6, 6.4.7 and 6.4.11."""
    x, back = _doubled(x)
    sign = (-1.0) ** order
    part = _part(x)
    y = -sign * _above(ops.where(x < 0, 1.0 - x, x), order)
    angle = math.pi * part
    mirrored = sign * y - _polynomial(ops.cos(angle) / ops.sin(angle), _cotangent(order))
    mirrored = ops.where(ops.equal(part, 0), np.inf if order % 2 else np.nan, mirrored)
    return back(ops.where(x < 0, mirrored, y))


def _above(x: Any, order: int) -> Any:
    """(-1)**(order + 1) times the function from 0 on."""
    steps = _STEPS + order
    z = x + float(steps)
    rest = _series(z, [b * math.factorial(2 * k + order - 1) / math.factorial(2 * k) for k, b in _NUMBERED])
    rest = rest * z + 0.5 * math.factorial(order)
    y = rest / z ** float(order + 1) + (math.factorial(order - 1) / z ** float(order) if order else -ops.log(z))
    for i in range(steps):
        y = y + math.factorial(order) / (x + float(i)) ** float(order + 1)
    return y


def _series(z: Any, coefficients: Sequence[float]) -> Any:
    """The sum of c[k] / z**(2 k), k from 1."""
    return _polynomial(1.0 / (z * z), [*coefficients[::-1], 0.0])


def _part(x: Any) -> Any:
    """How far negative numbers are from the nearest whole one; 0.5, which no formula minds, for all others."""
    below = ops.minimum(x, 0.0)
    return ops.where(x < 0, below - ops.round(below), 0.5)


def _cotangent(order: int) -> list[float]:
    """The derivative of that order of pi cot(pi x), as a polynomial in cot(pi x), highest power first."""
    p = np.polynomial.Polynomial([0.0, math.pi])
    for _ in range(order):
        p = p.deriv() * np.polynomial.Polynomial([-math.pi, 0.0, -math.pi])
    return [float(c) for c in p.coef[::-1]]


def _floating(x: Any) -> Any:
    return x if is_float(x.dtype) else ops.cast(x, dtype="float32")


def _doubled(x: Any) -> tuple[Any, Any]:
    """`x` in float64, and the way back."""
    name = _floating(x).dtype.name
    return ops.cast(x, dtype="float64"), lambda y: ops.cast(y, dtype=name)
