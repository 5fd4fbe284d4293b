"""The error function and its complement, to the accuracy that the module states."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special

from flowloom import ops

X = np.concatenate([np.linspace(-7, 7, 40_001), np.geomspace(1e-30, 1, 500), [0.46875, 4.0, 3.92, 5.9]])


def test_erf_in_float64() -> None:
    np.testing.assert_allclose(ops.erf(X), special.erf(X), rtol=2e-15)


def test_erf_in_float32() -> None:
    x = X.astype(np.float32)

    y = ops.erf(x)

    assert y.dtype == np.float32
    np.testing.assert_allclose(y, special.erf(x.astype(float)), rtol=6e-7)


def test_erf_in_float16_is_rounded_once() -> None:
    x = X.astype(np.float16)

    np.testing.assert_allclose(ops.erf(x), special.erf(x.astype(float)), rtol=6e-4, atol=6e-8)


def test_erfc_is_exact_where_it_is_small() -> None:
    # Python's own; SciPy loses three digits at the end.
    x = np.concatenate([np.linspace(-6, 26, 4_001), [0.46875, 4.0]])

    y = ops.erfc(x)

    np.testing.assert_allclose(y, [math.erfc(v) for v in x], rtol=2e-15)
    np.testing.assert_allclose(ops.erfc(x[x < 9].astype(np.float32)), special.erfc(x[x < 9]), rtol=2e-5)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_ends(dtype: str) -> None:
    x = np.array([np.inf, -np.inf, np.nan, 1e4, -1e4, -0.0], dtype)

    np.testing.assert_array_equal(ops.erf(x), [1, -1, np.nan, 1, -1, 0])
    np.testing.assert_array_equal(ops.erfc(x), [0, 2, np.nan, 0, 2, 1])
    assert np.signbit(ops.erf(x))[-1]


def test_more_elements_than_one_block() -> None:
    x = np.linspace(-3, 3, 100_002).reshape(2, -1)

    for seen in (x, x[:, ::-1], x.T):
        np.testing.assert_allclose(ops.erf(seen), special.erf(seen), rtol=2e-15)
