"""Activations against SciPy, far beyond where a careless formula overflows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from flowloom import ops
from flowloom.op import get_op

FAR = np.array([-1e4, -800.0, -90.0, -30.0, -3.0, -0.1, 0.0, 0.1, 3.0, 30.0, 90.0, 800.0, 1e4])


@pytest.fixture(autouse=True)
def _quiet() -> object:
    with np.errstate(all="ignore"):
        yield


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_they_are_right_for_any_size(dtype: str) -> None:
    x = FAR.astype(dtype)
    close = {"rtol": 2e-6 if dtype == "float32" else 1e-13, "atol": 1e-37}

    np.testing.assert_allclose(ops.sigmoid(x), special.expit(x), **close)
    np.testing.assert_allclose(ops.softplus(x), -special.log_expit(-x), **close)
    np.testing.assert_allclose(ops.silu(x), x * special.expit(x), **close)
    np.testing.assert_allclose(
        ops.elu(x, alpha=0.7), np.where(x > 0, x, 0.7 * special.expm1(np.minimum(x, 0))), **close
    )


def test_gelu_is_near_its_exact_form() -> None:
    # Hendrycks and Gimpel, 2016: x * Phi(x); the tanh form is within 5e-4 of it.
    x = np.linspace(-5, 5, 101)

    np.testing.assert_allclose(ops.gelu(x), x * special.ndtr(x), atol=5e-4)
    np.testing.assert_array_equal(ops.gelu(np.array([-1e4, 1e4])), [0, 1e4])


def test_relu_family() -> None:
    x = np.array([-2.0, 0.0, 3.0])

    assert ops.relu(x).tolist() == [0, 0, 3]
    assert ops.leaky_relu(x, negative_slope=0.1).tolist() == [-0.2, 0, 3]
    assert ops.relu(np.array([-1, 2])).dtype == np.int64


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "elu", "sigmoid", "tanh", "softplus", "gelu", "silu"])
def test_they_pass_nan_on(name: str) -> None:
    assert np.isnan(get_op(name)(np.array([np.nan]))).all()
