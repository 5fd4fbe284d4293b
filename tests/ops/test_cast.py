"""Casts to and from the narrow dtypes, held to the tables in ONNX's description of Cast."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from flowloom import ops
from flowloom.backends.portable import evaluate
from flowloom.compiler.expr import placeholder
from flowloom.compiler.gradient import gradients
from flowloom.spec import Spec

INF, NAN = np.inf, np.nan
ALL = ["float16", "bfloat16", "float8_e4m3fn", "float8_e5m2", "float4_e2m1fn", "int4", "uint4", "int2", "int32", "bool"]


@pytest.fixture(autouse=True)
def _quiet() -> object:
    with np.errstate(all="ignore"):
        yield


# ONNX, Cast: the largest number of each format, and what -0, beyond the range and the infinities become unsaturated.
@pytest.mark.parametrize(
    ("dtype", "largest", "negative_zero", "beyond"),
    [
        ("float8_e4m3fn", 448.0, True, NAN),
        ("float8_e4m3fnuz", 240.0, False, NAN),
        ("float8_e5m2", 57344.0, True, INF),
        ("float8_e5m2fnuz", 57344.0, False, NAN),
    ],
)
def test_float8_saturates_if_told_so(dtype: str, largest: float, negative_zero: bool, beyond: float) -> None:
    x = np.array([0.0, -0.0, NAN, INF, -INF, 1e6, -1e6, 1.0, -0.5], np.float32)

    limited = ops.cast(x, dtype=dtype).astype(float)
    free = ops.cast(x, dtype=dtype, saturate=False).astype(float)

    np.testing.assert_array_equal(limited, [0, 0, NAN, largest, -largest, largest, -largest, 1, -0.5])
    np.testing.assert_array_equal(free, [0, 0, NAN, beyond, -beyond, beyond, -beyond, 1, -0.5])
    assert np.signbit(limited[1]) == negative_zero


@pytest.mark.parametrize("source", ["float64", "float16", "bfloat16", "int32"])
def test_float8_rounds_to_the_nearest_even_number(source: str) -> None:
    # Between 16 and 32 the numbers of E4M3 are 2 apart: 17 and 19 lie halfway.
    x = np.array([16, 17, 18, 19, 21, 23]).astype(source)

    assert ops.cast(x, dtype="float8_e4m3fn").astype(int).tolist() == [16, 16, 18, 20, 20, 24]


@pytest.mark.parametrize(
    ("round_mode", "expected"), [("up", [1, 2, 4, 4, 8]), ("down", [1, 2, 2, 2, 4]), ("nearest", [1, 2, 2, 4, 4])]
)
def test_float8_e8m0_holds_powers_of_two(round_mode: str, expected: list[float]) -> None:
    x = np.array([1.0, 2.0, 2.9, 3.0, 5.9])

    assert ops.cast(x, dtype="float8_e8m0fnu", round_mode=round_mode).astype(float).tolist() == expected


def test_float8_e8m0_beyond_its_range() -> None:
    x = np.array([0.0, 1e-300, 1e300, INF, NAN, -1.0])
    least, largest = 2.0**-127, 2.0**127

    limited = ops.cast(x, dtype="float8_e8m0fnu").astype(float)
    free = ops.cast(x, dtype="float8_e8m0fnu", saturate=False, round_mode="nearest").astype(float)

    np.testing.assert_array_equal(limited, [least, least, largest, largest, NAN, NAN])
    assert np.isnan(free).all()


def test_float4_saturates_always() -> None:
    x = np.array([0.2, 0.3, 2.5, 5.0, 100.0, -INF], np.float32)

    assert ops.cast(x, dtype="float4_e2m1fn").astype(float).tolist() == [0, 0.5, 2, 4, 6, -6]


def test_integers_keep_their_lower_bits() -> None:
    x = np.array([-9, -8, 7, 8, 15, 16, 200])

    assert ops.cast(x, dtype="int4").astype(int).tolist() == [7, -8, 7, -8, -1, 0, -8]
    assert ops.cast(x, dtype="uint4").astype(int).tolist() == [7, 8, 7, 8, 15, 0, 8]
    assert ops.cast(np.array([200], np.int16), dtype="int8").tolist() == [-56]
    assert ops.cast(np.array([2.9, -2.9]), dtype="int4").astype(int).tolist() == [2, -2]


@pytest.mark.parametrize("source", ALL)
@pytest.mark.parametrize("target", ALL)
def test_every_dtype_is_cast_to_every_other(source: str, target: str) -> None:
    x = np.array([0, 1, 1, 0]).astype(source)

    y = ops.cast(x, dtype=target)

    assert y.dtype == np.dtype(target)
    assert y.astype(int).tolist() == [0, 1, 1, 0]


def test_bool_is_what_is_not_zero() -> None:
    x = np.array([0.0, -0.0, 0.25, NAN, INF])

    for dtype in ("float32", "bfloat16", "float8_e5m2"):
        assert ops.cast(x.astype(dtype), dtype="bool").tolist() == [False, False, True, True, True]


@pytest.mark.parametrize("between", ["bfloat16", "float16", "float8_e4m3fn"])
def test_the_gradient_passes_a_narrow_float(between: str) -> None:
    x = placeholder("x", Spec((2,)))
    y = ops.sum(ops.cast(ops.cast(x, dtype=between), dtype="float32") * 3.0)

    (g,) = evaluate(gradients(y, [x]), {x: np.array([1.0, -2.0], np.float32)})

    assert g.dtype == np.float32
    assert g.tolist() == [3.0, 3.0]


def test_computing_in_bfloat16_rounds_once() -> None:
    a: Any = np.array([1.0, 3.0], ml_dtypes.bfloat16)

    y = ops.divide(a, np.array([3.0, 7.0], ml_dtypes.bfloat16))

    assert y.dtype == ml_dtypes.bfloat16
    np.testing.assert_array_equal(y, np.array([1 / 3, 3 / 7]).astype(ml_dtypes.bfloat16))
