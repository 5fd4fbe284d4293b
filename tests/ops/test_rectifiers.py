"""Rectifiers: their pieces, their joints, and the constants they are known by."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from flowloom import ops
from flowloom.backends.portable import evaluate
from flowloom.compiler.expr import placeholder
from flowloom.compiler.gradient import gradients
from flowloom.op import get_op
from flowloom.spec import Spec, SpecError

X = np.array([-4.0, -1.0, -0.5, 0.0, 0.5, 1.0, 7.0])
NAMES = [
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "selu",
    "celu",
    "threshold",
    "shrink",
    "hard_shrink",
    "soft_shrink",
    "hard_tanh",
    "hard_sigmoid",
    "hard_silu",
]


def test_straight_lines() -> None:
    assert ops.relu(X).tolist() == [0, 0, 0, 0, 0.5, 1, 7]
    assert ops.relu6(X).tolist() == [0, 0, 0, 0, 0.5, 1, 6]
    assert ops.leaky_relu(X, negative_slope=0.5).tolist() == [-2, -0.5, -0.25, 0, 0.5, 1, 7]
    assert ops.threshold(X, threshold=0.5, default_value=9.0).tolist() == [9, 9, 9, 9, 9, 1, 7]
    assert ops.hard_tanh(X).tolist() == [-1, -1, -0.5, 0, 0.5, 1, 1]
    assert ops.hard_sigmoid(X, alpha=0.25).tolist() == [0, 0.25, 0.375, 0.5, 0.625, 0.75, 1]


def test_hard_sigmoid_is_that_of_keras() -> None:
    # Keras: relu6(x + 3) / 6. And hard_silu is x times that.
    expected = np.clip(X + 3, 0, 6) / 6

    np.testing.assert_allclose(ops.hard_sigmoid(X), expected)
    np.testing.assert_allclose(ops.hard_silu(X), X * expected)


def test_shrinking() -> None:
    assert ops.shrink(X, lambd=0.75, bias=0.25).tolist() == [-3.75, -0.75, 0, 0, 0, 0.75, 6.75]
    assert ops.hard_shrink(X).tolist() == [-4, -1, 0, 0, 0, 1, 7]
    assert ops.soft_shrink(X).tolist() == [-3.5, -0.5, 0, 0, 0, 0.5, 6.5]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_exponentials(dtype: str) -> None:
    x = np.array([-1e4, -90.0, -3.0, -1e-4, 0.0, 1e-4, 3.0, 800.0, 1e4], dtype)
    close = {"rtol": 1e-6 if dtype == "float32" else 1e-14}
    below, above = np.minimum(x, 0), np.maximum(x, 0)

    np.testing.assert_allclose(ops.elu(x, alpha=0.7), above + 0.7 * special.expm1(below), **close)
    np.testing.assert_allclose(ops.celu(x, alpha=0.7), above + 0.7 * special.expm1(below / 0.7), **close)
    np.testing.assert_allclose(
        ops.selu(x), 1.0507009873554805 * (above + 1.6732632423543772 * special.expm1(below)), **close
    )


def test_selu_keeps_mean_and_variance() -> None:
    # Klambauer et al., 2017: 0 and 1 are its fixed point. By Gauss-Hermite quadrature of a normal variable.
    nodes, weights = np.polynomial.hermite_e.hermegauss(180)
    weights = weights / weights.sum()
    y = ops.selu(nodes)

    assert weights @ y == pytest.approx(0, abs=3e-3)
    assert weights @ y**2 == pytest.approx(1, abs=3e-3)


def test_prelu_has_a_slope_for_each_channel() -> None:
    x = np.array([[-2.0, -2.0], [3.0, 3.0]])

    assert ops.prelu(x, np.array([0.5, 0.0])).tolist() == [[-1, 0], [3, 3]]
    assert ops.prelu(np.array([-2, 3]), np.array([4])).tolist() == [-8, 3]


def test_prelu_learns_its_slope() -> None:
    x, slope = placeholder("x", Spec((2, 2), "float64")), placeholder("slope", Spec((2,), "float64"))
    feeds = {x: np.array([[-2.0, 1.0], [-3.0, -1.0]]), slope: np.array([0.5, 0.1])}

    gx, gs = evaluate(gradients(ops.sum(ops.prelu(x, slope)), [x, slope]), feeds)

    assert gx.tolist() == [[0.5, 1], [0.5, 0.1]]
    assert gs.tolist() == [-5, -1]


@pytest.mark.parametrize("name", ["elu", "celu", "selu"])
def test_no_gradient_is_nan_far_away(name: str) -> None:
    x = placeholder("x", Spec((2,)))

    (g,) = evaluate(gradients(ops.sum(get_op(name)(x)), [x]), {x: np.array([-1e4, 1e4], np.float32)})

    assert np.isfinite(g).all()
    assert g[0] == 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_they_pass_nan_on(name: str, dtype: str) -> None:
    y = get_op(name)(np.array([np.nan, 0.75]).astype(dtype))

    assert y.dtype == np.dtype(dtype)
    assert np.isnan(y.astype(float)).tolist() == [True, False]


def test_integers() -> None:
    x = np.array([-2, 8])

    for name, expected in (("relu", [0, 8]), ("relu6", [0, 6]), ("hard_tanh", [-1, 1])):
        assert get_op(name)(x).dtype == np.int64
        assert get_op(name)(x).tolist() == expected
    assert ops.shrink(x, bias=1.0).dtype == np.float32


def test_parameters_outside_their_range() -> None:
    with pytest.raises(SpecError, match="alpha=0 does not fit"):
        ops.celu(Spec((3,)), alpha=0)
    with pytest.raises(SpecError, match="lambd=-1 does not fit"):
        ops.shrink(Spec((3,)), lambd=-1)
