"""Comparisons of every dtype, logic, and what is not finite."""

from __future__ import annotations

import numpy as np
import pytest

from flowloom import ops

DTYPES = ["bool", "uint8", "int8", "int16", "uint64", "float16", "bfloat16", "float32", "float64", "int4"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_compares(dtype: str) -> None:
    a, b = np.array([0, 1, 1, 0]).astype(dtype), np.array([0, 1, 0, 1]).astype(dtype)

    assert ops.equal(a, b).tolist() == [True, True, False, False]
    assert ops.not_equal(a, b).tolist() == [False, False, True, True]
    assert ops.less(a, b).tolist() == [False, False, False, True]
    assert ops.less_equal(a, b).tolist() == [True, True, False, True]
    assert ops.greater(a, b).tolist() == [False, False, True, False]
    assert ops.greater_equal(a, b).tolist() == [True, True, True, False]
    assert ops.equal(a, b).dtype == bool


def test_integers_compare_exactly() -> None:
    a, b = np.array([2**53 + 1]), np.array([2**53])

    assert ops.equal(a, b).tolist() == [False]
    assert ops.greater(np.array([-1]), np.array([2**64 - 1], np.uint64)).tolist() == [False]


def test_logic() -> None:
    a, b = np.array([True, True, False, False]), np.array([True, False, True, False])

    assert ops.logical_and(a, b).tolist() == [True, False, False, False]
    assert ops.logical_or(a, b).tolist() == [True, True, True, False]
    assert ops.logical_xor(a, b).tolist() == [False, True, True, False]
    assert ops.logical_not(a).tolist() == [False, False, True, True]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "float8_e5m2"])
def test_what_is_not_finite_is_found(dtype: str) -> None:
    x = np.array([1.0, np.inf, -np.inf, np.nan]).astype(dtype)

    assert ops.isnan(x).tolist() == [False, False, False, True]
    assert ops.isfinite(x).tolist() == [True, False, False, False]
    assert ops.isinf(x).tolist() == [False, True, True, False]
    assert ops.isinf(x, detect_negative=False).tolist() == [False, True, False, False]
    assert ops.isinf(x, detect_positive=False).tolist() == [False, False, True, False]
    assert not ops.isinf(x, detect_positive=False, detect_negative=False).any()


def test_integers_are_finite() -> None:
    x = np.array([0, -5, 2**62])

    assert ops.isfinite(x).all()
    assert not ops.isnan(x).any()
    assert not ops.isinf(x, detect_negative=False).any()
