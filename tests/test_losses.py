"""Losses are the numbers that scikit-learn and SciPy give, also where a naive formula would overflow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import special
from sklearn import metrics

import flowloom as fl

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(6)


def value(loss: Any, a: Any, b: Any) -> Array:
    """The loss of two arrays."""
    a, b = np.asarray(a), np.asarray(b)
    with fl.Graph("loss"):
        first = fl.input("a", shape=("batch", *a.shape[1:]), dtype=a.dtype)
        second = fl.input("b", shape=("batch", *b.shape[1:]), dtype=b.dtype)
        result: Array = fl.compile(loss(first, second))({"a": a, "b": b})
        return result


def test_softmax_cross_entropy_is_the_log_loss_of_the_softmax() -> None:
    logits, label = RNG.normal(scale=3, size=(50, 6)), RNG.integers(0, 6, 50)

    expected = metrics.log_loss(label, special.softmax(logits, axis=1), labels=range(6))
    assert value(fl.losses.softmax_cross_entropy, logits, label) == pytest.approx(expected, rel=1e-12)


def test_sigmoid_cross_entropy_is_the_log_loss_of_the_sigmoid() -> None:
    logits, label = RNG.normal(scale=3, size=50), RNG.integers(0, 2, 50)

    expected = metrics.log_loss(label, special.expit(logits))
    assert value(fl.losses.sigmoid_cross_entropy, logits, label) == pytest.approx(expected, rel=1e-12)


def test_logits_far_from_zero_neither_overflow_nor_lose_the_loss() -> None:
    """By hand: -log sigmoid(-1000) = 1000 and -log softmax([1000, 0])[1] = 1000."""
    assert value(fl.losses.sigmoid_cross_entropy, np.float32([-1000, 1000]), [1, 1]) == 500
    assert value(fl.losses.softmax_cross_entropy, np.float32([[1000, 0], [1000, 0]]), [1, 0]) == 500


def test_the_gradient_at_zero_logits_is_half_way() -> None:
    """The derivative of -log sigmoid(x) is sigmoid(x) - 1."""
    with fl.Graph("start"):
        x, y = fl.input("x"), fl.input("y")
        gradients = fl.gradients(fl.losses.sigmoid_cross_entropy(x, y), [x])

    np.testing.assert_allclose(fl.compile(gradients)({"x": [0, 0], "y": [1, 0]})[0], [-0.25, 0.25])


@pytest.mark.parametrize(
    ("loss", "reference"),
    [
        (fl.losses.mean_squared_error, metrics.mean_squared_error),
        (fl.losses.mean_absolute_error, metrics.mean_absolute_error),
    ],
)
@pytest.mark.parametrize("shape", [(20,), (20, 3)])
def test_regression_losses_are_scikit_learns(loss: Any, reference: Any, shape: tuple[int, ...]) -> None:
    a, b = RNG.normal(size=shape), RNG.normal(size=shape)

    assert value(loss, a, b) == pytest.approx(reference(b, a), rel=1e-12)


@pytest.mark.parametrize("first", [(7,), (7, 1)])
@pytest.mark.parametrize("second", [(7,), (7, 1)])
def test_a_last_dimension_of_one_does_not_broadcast(first: tuple[int, ...], second: tuple[int, ...]) -> None:
    a, b = RNG.normal(size=7), RNG.normal(size=7)

    result = value(fl.losses.mean_squared_error, a.reshape(first), b.reshape(second))
    assert result == pytest.approx(metrics.mean_squared_error(b, a), rel=1e-12)


@pytest.mark.parametrize("target", [("batch", 2), ("batch", 3, 2), (4, 3), ("other", 3)])
def test_shapes_that_differ_are_refused_with_both_of_them(target: tuple[Any, ...]) -> None:
    with fl.Graph("wrong"):
        a, b = fl.input("a", shape=("batch", 3)), fl.input("b", shape=target)
        with pytest.raises(fl.SpecError, match=r"must have the same shape; got float32\[batch, 3\] and ") as caught:
            fl.losses.mean_squared_error(a, b)

    assert caught.value.dimension == f"{a.spec} != {b.spec}"


def test_a_dimension_of_any_size_fits_a_named_one() -> None:
    with fl.Graph("any"):
        loss = fl.losses.mean_squared_error(fl.input("a", shape=("batch", 1)), fl.input("b", shape=(None,)))

    assert fl.compile(loss)({"a": [[1], [2]], "b": [0, 0]}) == 2.5
    with pytest.raises(fl.SpecError, match="same shape"):
        fl.compile(loss)({"a": [[1], [2]], "b": [0, 0, 0]})


def test_integer_predictions_are_refused() -> None:
    with fl.Graph("wrong"), pytest.raises(fl.SpecError, match=r"must be floats; got int64\[batch\]"):
        fl.losses.mean_squared_error(fl.input("a", dtype="int64"), fl.input("b"))


@pytest.mark.parametrize("label", [3, -1])
def test_a_label_out_of_range_is_named_with_its_node(label: int) -> None:
    with fl.Graph("digits"):
        logits, labels = fl.input("logits", shape=("batch", 3)), fl.input("label", dtype="int64")
        loss = fl.losses.softmax_cross_entropy(logits, labels, name="loss")

    with pytest.raises(fl.RunError, match=rf"node 'loss' .*label {label} is outside 0\.\.2") as caught:
        fl.compile(loss)({"logits": np.zeros((2, 3)), "label": [0, label]})

    assert caught.value.node == loss.id
