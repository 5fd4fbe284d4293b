"""Whole quotients and their remainders, against Python's and C's."""

from __future__ import annotations

import math

import numpy as np
import pytest

from flowloom import ops
from flowloom.backends.portable import evaluate
from flowloom.compiler.expr import placeholder
from flowloom.compiler.gradient import gradients
from flowloom.spec import Spec

A = [7, -7, 7, -7, 0, 6]
B = [3, 3, -3, -3, -3, 2]


@pytest.mark.parametrize("dtype", ["int32", "int8", "float32", "float16", "bfloat16", "int4"])
def test_the_remainder_goes_with_the_quotient(dtype: str) -> None:
    a, b = np.array(A).astype(dtype), np.array(B).astype(dtype)
    pairs = list(zip(A, B, strict=True))

    assert ops.floor_divide(a, b).astype(int).tolist() == [x // y for x, y in pairs]
    assert ops.remainder(a, b).astype(int).tolist() == [x % y for x, y in pairs]
    assert ops.trunc_divide(a, b).astype(int).tolist() == [math.trunc(x / y) for x, y in pairs]
    assert ops.fmod(a, b).astype(int).tolist() == [math.fmod(x, y) for x, y in pairs]
    assert ops.fmod(a, b).dtype == np.dtype(dtype)


def test_large_integers_divide_exactly() -> None:
    a = np.array([2**62 + 1, -(2**62) - 1])

    assert ops.trunc_divide(a, 3).tolist() == [(2**62 + 1) // 3, -((2**62 + 1) // 3)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_division_by_zero(dtype: str) -> None:
    a, zero = np.array([1.0, -1.0, 0.0], dtype), np.zeros((), dtype)

    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(ops.floor_divide(a, zero), [np.inf, -np.inf, np.nan])
        np.testing.assert_array_equal(ops.trunc_divide(a, zero), [np.inf, -np.inf, np.nan])
        assert np.isnan(ops.remainder(a, zero)).all()
        assert np.isnan(ops.fmod(a, zero)).all()
        assert ops.remainder(np.array([3]), np.array([0])).tolist() == [0]


def test_the_remainder_by_infinity() -> None:
    # ONNX, Mod: of x and infinity it is x where the signs are equal, else the infinity; and x with fmod.
    a, b = np.array([1.5, -1.5]), np.array(np.inf)

    assert ops.remainder(a, b).tolist() == [1.5, np.inf]
    assert ops.fmod(a, b).tolist() == [1.5, -1.5]


@pytest.mark.parametrize(("op", "quotient"), [(ops.remainder, -3.0), (ops.fmod, -2.0)])
def test_the_slope_by_the_divisor_is_the_quotient(op: object, quotient: float) -> None:
    a, b = placeholder("a", Spec((), "float64")), placeholder("b", Spec((), "float64"))

    found = evaluate(gradients(op(a, b), [a, b]), {a: np.array(-5.0), b: np.array(2.0)})  # type: ignore[operator]

    assert found == [1.0, -quotient]


def test_reciprocals_of_integers_are_float32() -> None:
    y = ops.reciprocal(np.array([2, 4]))

    assert y.dtype == np.float32
    assert y.tolist() == [0.5, 0.25]
