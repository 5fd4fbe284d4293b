"""Metrics are the numbers that scikit-learn gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import metrics

import flowloom as fl
from tests.test_losses import value

RNG = np.random.default_rng(8)


def test_accuracy_is_the_share_of_largest_logits_at_the_label() -> None:
    logits, label = RNG.normal(size=(60, 5)).astype("float32"), RNG.integers(0, 5, 60)

    expected = metrics.accuracy_score(label, logits.argmax(1))
    assert value(fl.metrics.accuracy, logits, label) == pytest.approx(expected)


def test_accuracy_takes_small_label_types() -> None:
    assert value(fl.metrics.accuracy, np.float32([[0, 1], [1, 0]]), np.uint8([1, 1])) == 0.5


@pytest.mark.parametrize("shape", [(60,), (60, 1)])
@pytest.mark.parametrize("dtype", ["int64", "bool", "float32"])
def test_binary_accuracy_cuts_at_even_odds(shape: tuple[int, ...], dtype: str) -> None:
    logits, label = RNG.normal(size=60), RNG.integers(0, 2, 60)

    expected = metrics.accuracy_score(label, logits > 0)
    assert value(fl.metrics.binary_accuracy, logits.reshape(shape), label.astype(dtype)) == pytest.approx(expected)


def test_mean_absolute_error_is_scikit_learns() -> None:
    a, b = RNG.normal(size=(30, 2)), RNG.normal(size=(30, 2))

    expected = metrics.mean_absolute_error(b, a)
    assert value(fl.metrics.mean_absolute_error, a, b) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("shape", "dtype"), [(("batch", 1), "int64"), (("batch",), "float32"), (("other",), "int64")])
def test_accuracy_refuses_labels_that_are_not_one_integer_a_row(shape: tuple[Any, ...], dtype: str) -> None:
    with fl.Graph("wrong"):
        logits, label = fl.input("logits", shape=("batch", 3)), fl.input("label", shape=shape, dtype=dtype)
        with pytest.raises(fl.SpecError, match="In node 'accuracy'"):
            fl.metrics.accuracy(logits, label)
