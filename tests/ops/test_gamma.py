"""The logarithm of the gamma function and its derivatives, against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from flowloom import ops

POSITIVE = np.concatenate([np.linspace(0.01, 12, 4_001), np.geomspace(1e-10, 1e10, 500)])
NEGATIVE = np.linspace(-11.93, -0.03, 1_000)


def test_lgamma() -> None:
    np.testing.assert_allclose(ops.lgamma(POSITIVE), special.gammaln(POSITIVE), rtol=5e-15, atol=1e-15)
    np.testing.assert_allclose(ops.lgamma(NEGATIVE), special.gammaln(NEGATIVE), rtol=1e-12, atol=5e-14)


def test_lgamma_near_its_zeros() -> None:
    # Abramowitz and Stegun, 6.1.33, its first two terms; SciPy is off by 1e-4 here.
    x = np.array([-1e-6, -1e-9, -1e-12, 1e-12, 1e-9, 1e-6])
    above_1, above_2 = (1 + x) - 1, (2 + x) - 2

    expected_1 = -np.euler_gamma * above_1 + np.pi**2 / 12 * above_1**2
    expected_2 = (1 - np.euler_gamma) * above_2 + (np.pi**2 / 6 - 1) / 2 * above_2**2

    np.testing.assert_allclose(ops.lgamma(1 + x), expected_1, rtol=2e-12)
    np.testing.assert_allclose(ops.lgamma(2 + x), expected_2, rtol=2e-12)


def test_lgamma_of_whole_numbers_is_the_logarithm_of_a_factorial() -> None:
    expected = np.log([1, 1, 2, 6, 24, 120, 720, 5040, 40320, 362880])

    np.testing.assert_allclose(ops.lgamma(np.arange(1, 11)), expected, rtol=1e-7)
    np.testing.assert_allclose(ops.lgamma(np.arange(1.0, 11)), expected, rtol=2e-15)


def test_digamma() -> None:
    np.testing.assert_allclose(ops.digamma(POSITIVE), special.digamma(POSITIVE), rtol=1e-14, atol=2e-15)
    np.testing.assert_allclose(ops.digamma(NEGATIVE), special.digamma(NEGATIVE), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("order", [1, 2, 3, 6])
def test_polygamma(order: int) -> None:
    np.testing.assert_allclose(ops.polygamma(POSITIVE, order=order), special.polygamma(order, POSITIVE), rtol=5e-14)


def test_trigamma_of_negative_numbers() -> None:
    # Abramowitz and Stegun, 6.4.10: the sum over k of 1 / (x + k)**2, here with the tail's integral.
    x = np.array([-0.3, -2.7, -7.5])
    k = np.arange(200_000.0)
    expected = (1 / (x[:, None] + k) ** 2).sum(axis=1) + 1 / (x + k[-1] + 0.5)

    np.testing.assert_allclose(ops.polygamma(x, order=1), expected, rtol=1e-10)


def test_the_poles() -> None:
    x = np.array([0.0, -1.0, -20.0])

    with np.errstate(divide="ignore"):
        np.testing.assert_array_equal(ops.lgamma(x), np.inf)
        np.testing.assert_array_equal(ops.digamma(x), [-np.inf, np.nan, np.nan])
        np.testing.assert_array_equal(ops.polygamma(x, order=1), np.inf)
    np.testing.assert_array_equal(ops.lgamma(np.array([np.inf, np.nan])), [np.inf, np.nan])


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_narrower_floats_are_rounded_once(dtype: str) -> None:
    x = np.linspace(0.5, 9, 101).astype(dtype)

    for op, known in ((ops.lgamma, special.gammaln), (ops.digamma, special.digamma)):
        y = op(x)

        assert y.dtype == np.dtype(dtype)
        np.testing.assert_array_equal(y, known(x.astype(float)).astype(dtype))
