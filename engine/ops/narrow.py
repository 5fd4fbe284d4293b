"""Conversion to the floats of 8 bits, for `cast`. Those of `ml_dtypes` never saturate; here they may."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import ml_dtypes
import numpy as np

from flowloom.spec import DEFAULT_DTYPE

RoundMode: TypeAlias = Literal["up", "down", "nearest"]

FLOAT8 = ("float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz")
E8M0 = "float8_e8m0fnu"
E8M0_LIMIT = 127  # the numbers are 2**-127 to 2**127, stored as the exponent + 127; 255 is NaN


def to_float8(xp: Any, x: Any, dtype: str) -> Any:
    """`x` limited to what `dtype`, one of FLOAT8, can hold: an infinity becomes the largest number. NaN stays."""
    largest = float(ml_dtypes.finfo(dtype).max)  # type: ignore[no-untyped-call]
    if x.dtype != "float64":
        x = x.astype(DEFAULT_DTYPE, copy=False)
    return xp.clip(x, -largest, largest)


def to_e8m0(xp: Any, x: Any, saturate: bool, round_mode: RoundMode) -> Any:
    """`x` as powers of two in float8_e8m0fnu, NaN for negative numbers. Halfway between two, "nearest" goes up.

    Beyond the range, and at 0, it is the end of the range with `saturate`, else NaN.
    Source: OCP Microscaling Formats (MX) Specification 1.0, section 5.4.1; ONNX, operator Cast.
    """
    x = x.astype("float64")
    fraction, exponent = xp.frexp(x)  # x = fraction * 2**exponent, with the fraction in 0.5..1, 0.5 included
    least = {"up": np.nextafter(0.5, 1.0), "nearest": 0.75, "down": 1.0}[round_mode]
    exponent = xp.where(fraction >= least, exponent, exponent - 1)
    exponent = xp.where(x == np.inf, E8M0_LIMIT + 1, xp.where(x == 0, -E8M0_LIMIT - 1, exponent))
    outside = xp.isnan(x) | (x < 0)
    if not saturate:
        outside |= abs(exponent) > E8M0_LIMIT
    code = xp.clip(exponent, -E8M0_LIMIT, E8M0_LIMIT) + E8M0_LIMIT
    return xp.where(outside, 255, code).astype("uint8").view(E8M0)
