"""Angles, exponentials and logarithms against NumPy in float64, and gradients at special points."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from flowloom import ops
from flowloom.backends.portable import evaluate
from flowloom.compiler.expr import placeholder
from flowloom.compiler.gradient import gradients
from flowloom.op import get_op
from flowloom.spec import Spec

UNARY = ["tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "arcsinh", "arctanh", "expm1", "log1p", "log2", "log10"]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "int32"])
@pytest.mark.parametrize("name", UNARY)
def test_they_are_numpys(name: str, dtype: str) -> None:
    x = np.array([0.125, 0.5, 0.75]).astype(dtype)
    precision = {"float16": 2e-3, "bfloat16": 8e-3, "float64": 1e-15}

    with np.errstate(divide="ignore"):
        y, expected = get_op(name)(x), getattr(np, name)(x.astype(float))

    assert y.dtype == np.dtype("float32" if dtype == "int32" else dtype)
    np.testing.assert_allclose(y.astype(float), expected, rtol=precision.get(dtype, 1e-6))


def test_arccosh_and_rsqrt() -> None:
    x = np.array([1.0, 4.0, 9.0])

    np.testing.assert_allclose(ops.arccosh(x), np.arccosh(x), rtol=1e-15)
    assert ops.rsqrt(x).tolist() == [1, 0.5, 1 / 3]


def test_arctan2_knows_the_quadrants() -> None:
    up, right = np.array([1.0, 1.0, -1.0, -1.0, 0.0]), np.array([1.0, -1.0, -1.0, 1.0, -1.0])

    np.testing.assert_allclose(ops.arctan2(up, right), np.pi * np.array([0.25, 0.75, -0.75, -0.25, 1]))


def test_hypot_does_not_overflow() -> None:
    big = np.array([3e30], np.float32)

    np.testing.assert_allclose(ops.hypot(big, big), np.sqrt(2) * 3e30, rtol=1e-6)


def slopes(function: Any, *at: float, dtype: str = "float32") -> list[float]:
    xs = [placeholder(f"x{i}", Spec((), dtype)) for i in range(len(at))]
    found = evaluate(gradients(function(*xs), xs), {x: np.array(a, dtype) for x, a in zip(xs, at, strict=True)})
    return [float(g) for g in found]


def test_gradients_of_large_numbers() -> None:
    # d arctan2(a, b) = (b da - a db) / (a**2 + b**2), whose squares overflow in float32.
    assert slopes(ops.arctan2, 3e20, 4e20) == pytest.approx([4e-20 / 25, -3e-20 / 25], rel=1e-6)
    assert slopes(ops.hypot, 3e20, 4e20) == pytest.approx([0.6, 0.8], rel=1e-6)
    assert slopes(ops.arcsinh, 1e25) == pytest.approx([1e-25], rel=1e-6)


def test_gradients_at_the_origin_are_zero() -> None:
    assert slopes(ops.hypot, 0.0, 0.0) == [0, 0]
    assert slopes(ops.arctan2, 0.0, 0.0) == [0, 0]


def test_gradients_near_the_ends_keep_their_digits() -> None:
    near = 1 - 2.0**-20

    assert slopes(ops.arcsin, near) == pytest.approx([(1 - near**2) ** -0.5], rel=1e-6)
    assert slopes(ops.arctanh, near) == pytest.approx([1 / (1 - near**2)], rel=1e-6)
