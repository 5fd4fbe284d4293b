"""Rounding: halves, signs, what is whole already, and integers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from flowloom import ops

X = [-2.5, -1.5, -0.7, -0.5, 0.2, 0.5, 1.5, 2.5, 2.7]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "bfloat16"])
def test_they_are_pythons_own(dtype: str) -> None:
    x = np.array(X).astype(dtype)

    assert ops.round(x).dtype == np.dtype(dtype)
    assert ops.round(x).astype(float).tolist() == [round(v) for v in X]
    assert ops.floor(x).astype(float).tolist() == [math.floor(v) for v in X]
    assert ops.ceil(x).astype(float).tolist() == [math.ceil(v) for v in X]
    assert ops.trunc(x).astype(float).tolist() == [math.trunc(v) for v in X]


@pytest.mark.parametrize("op", [ops.round, ops.floor, ops.ceil, ops.trunc], ids=lambda op: op.name)
def test_integers_stay_as_they_are(op: object) -> None:
    x = np.array([2**62 + 1, -3])

    y = op(x)  # type: ignore[operator]

    assert y.dtype == np.int64
    assert y.tolist() == x.tolist()
    assert not np.shares_memory(x, y)


def test_what_is_not_finite_stays() -> None:
    x = np.array([np.inf, -np.inf, np.nan])

    for op in (ops.round, ops.floor, ops.ceil, ops.trunc):
        np.testing.assert_array_equal(op(x), x)
