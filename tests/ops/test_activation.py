"""Smooth activations against SciPy, far beyond where a careless formula overflows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from flowloom import ops
from flowloom.backends.portable import evaluate
from flowloom.compiler.expr import placeholder
from flowloom.compiler.gradient import gradients
from flowloom.op import get_op
from flowloom.spec import Spec

FAR = np.array([-1e4, -800.0, -90.0, -30.0, -3.0, -0.1, 0.0, 0.1, 3.0, 30.0, 90.0, 800.0, 1e4])
NAMES = [
    "sigmoid",
    "log_sigmoid",
    "tanh",
    "softplus",
    "softsign",
    "squareplus",
    "gelu",
    "silu",
    "mish",
]


@pytest.fixture(autouse=True)
def _quiet() -> object:
    with np.errstate(all="ignore"):
        yield


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_they_are_right_for_any_size(dtype: str) -> None:
    x = FAR.astype(dtype)
    close = {"rtol": 2e-6 if dtype == "float32" else 1e-13, "atol": 1e-37}
    softplus = -special.log_expit(-x)

    np.testing.assert_allclose(ops.sigmoid(x), special.expit(x), **close)
    np.testing.assert_allclose(ops.log_sigmoid(x), special.log_expit(x), **close)
    np.testing.assert_allclose(ops.softplus(x), softplus, **close)
    np.testing.assert_allclose(ops.softplus(x, beta=0.5), -2 * special.log_expit(-0.5 * x), **close)
    np.testing.assert_allclose(ops.silu(x), x * special.expit(x), **close)
    np.testing.assert_allclose(ops.silu(x, alpha=1.702), x * special.expit(1.702 * x), **close)
    np.testing.assert_allclose(ops.mish(x), x * np.tanh(softplus), **close)
    np.testing.assert_allclose(ops.softsign(x), x / (1 + np.abs(x)), **close)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_squareplus_keeps_its_digits_below_zero(dtype: str) -> None:
    # Barron, "Squareplus", 2021: the formula as it stands, in numbers long enough for its cancellation.
    x = np.array([-1e4, -30.0, -1.0, 0.0, 1.0, 1e4], np.longdouble)
    expected = (x + np.sqrt(x * x + 4)) / 2

    np.testing.assert_allclose(ops.squareplus(x.astype(dtype)), expected.astype(float), rtol=5e-7)


def test_gelu_is_near_its_exact_form() -> None:
    # Hendrycks and Gimpel, 2016: x * Phi(x); the tanh form is within 5e-4 of it.
    x = np.linspace(-5, 5, 101)

    np.testing.assert_allclose(ops.gelu(x), x * special.ndtr(x), atol=5e-4)
    np.testing.assert_allclose(ops.gelu(x, approximate=False), x * special.ndtr(x), atol=1e-15)
    np.testing.assert_allclose(ops.gelu(x.astype(np.float32), approximate=False), x * special.ndtr(x), atol=5e-7)
    for approximate in (True, False):
        np.testing.assert_array_equal(ops.gelu(np.array([-1e4, 1e4]), approximate=approximate), [0, 1e4])


@pytest.mark.parametrize(
    ("name", "slope"),
    [("squareplus", 0.5), ("softplus", 0.5), ("gelu", 0.5), ("silu", 0.5), ("mish", 0.6), ("softsign", 1.0)],
)
def test_the_slope_at_zero(name: str, slope: float) -> None:
    x = placeholder("x", Spec((), "float64"))

    (g,) = evaluate(gradients(get_op(name)(x), [x]), {x: np.array(0.0)})

    assert float(g) == pytest.approx(slope)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_they_pass_nan_on(name: str, dtype: str) -> None:
    y = get_op(name)(np.array([np.nan, 0.5]).astype(dtype))

    assert y.dtype == np.dtype(dtype)
    assert np.isnan(y.astype(float)).tolist() == [True, False]


@pytest.mark.parametrize("name", NAMES)
def test_in_float16_they_are_right_to_its_precision(name: str) -> None:
    x = np.array([-1e4, -20.0, -3.0, -0.5, 0.5, 3.0, 20.0, 1e4], np.float16)
    op = get_op(name)

    np.testing.assert_allclose(op(x).astype(float), op(x.astype(float)), rtol=4e-3, atol=1e-3)
