"""Cross-entropies against SciPy and ONNX's examples, for logits of any size; labels to ignore, and out of range."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special

from flowloom import ops
from flowloom.backends.portable import evaluate
from flowloom.compiler.expr import placeholder
from flowloom.compiler.gradient import gradients
from flowloom.spec import Spec, SpecError

LOGITS = np.array([[1.0, 2.0, 3.0], [1000.0, 1001.0, -1000.0], [-1e5, 0.0, 1e5], [0.1, 0.1, 0.1]])
LABELS = np.array([0, 1, 0, 2])
# The examples in the description of ONNX's NegativeLogLikelihoodLoss, with the classes last: (2, 2, 3).
SCORES = np.moveaxis(np.array([[[1.0, 2.0], [2.0, 2.0], [3.0, 2.0]], [[0.0, 1.0], [2.0, 2.0], [1.0, 2.0]]]), 1, -1)
TARGET = np.array([[2, 1], [0, 2]])
WEIGHTS = np.array([0.2, 0.3, 0.1])


def test_cross_entropy_is_the_log_probability_of_the_label() -> None:
    expected = -special.log_softmax(LOGITS, axis=1)[np.arange(4), LABELS]

    np.testing.assert_allclose(ops.sparse_softmax_cross_entropy(LOGITS, LABELS), expected, rtol=1e-14)


def test_its_gradient_is_the_probabilities_less_the_labels() -> None:
    x, labels = placeholder("x", Spec((4, 3), "float64")), placeholder("labels", Spec((4,), "int64"))
    loss = ops.sum(ops.sparse_softmax_cross_entropy(x, labels))

    (g,) = evaluate(gradients(loss, [x]), {x: LOGITS, labels: LABELS})

    np.testing.assert_allclose(g, special.softmax(LOGITS, axis=1) - np.eye(3)[LABELS], atol=1e-15)


def test_named_dimensions_pass_through() -> None:
    loss = ops.sparse_softmax_cross_entropy(Spec(("batch", None, 10)), Spec(("batch", "time"), "int64"))

    assert loss == Spec(("batch", "time"))


def test_a_label_out_of_range() -> None:
    with pytest.raises(IndexError, match=r"^label 12 is outside 0\.\.9, at position \(5,\)$"):
        ops.sparse_softmax_cross_entropy(np.zeros((7, 10)), np.array([0, 1, 2, 3, 4, 12, 99]))


@pytest.mark.parametrize(
    ("weights", "reduction", "expected"),
    [
        (None, "none", [[-3.0, -2.0], [0.0, -2.0]]),
        (WEIGHTS, "sum", -1.1),
        (WEIGHTS, "mean", -1.1 / 0.7),
        (None, "mean", -7 / 4),
    ],
)
def test_onnxs_examples(weights: Any, reduction: str, expected: Any) -> None:
    found = ops.negative_log_likelihood(SCORES, TARGET, weights, reduction=reduction)

    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("ignore_index", [-100, 0])
def test_ignored_labels_count_for_nothing(ignore_index: int) -> None:
    labels = np.array([1, ignore_index, 2, ignore_index])
    kept = LOGITS[[0, 2]], labels[[0, 2]]
    x = placeholder("x", Spec((4, 3), "float64"))

    losses = ops.sparse_softmax_cross_entropy(LOGITS, labels, ignore_index=ignore_index)
    mean = ops.negative_log_likelihood(ops.log_softmax(LOGITS), labels, ignore_index=ignore_index)
    loss = ops.sum(ops.sparse_softmax_cross_entropy(x, labels, ignore_index=ignore_index))
    (g,) = evaluate(gradients(loss, [x]), {x: LOGITS})

    assert losses[[1, 3]].tolist() == [0, 0]
    np.testing.assert_allclose(losses[[0, 2]], ops.sparse_softmax_cross_entropy(*kept), rtol=1e-14)
    np.testing.assert_allclose(mean, np.mean(losses[[0, 2]]), rtol=1e-14)
    assert not g[[1, 3]].any()
    assert g[[0, 2]].any()


def test_an_ignored_row_may_be_impossible() -> None:
    rows = np.array([[-np.inf, 0.0], [0.0, 0.0]])

    found = ops.negative_log_likelihood(rows, np.array([-1, 1]), ignore_index=-1, reduction="none")

    assert found.tolist() == [0, 0]


@pytest.mark.parametrize("axis", [0, 1])
def test_probabilities_as_labels(axis: int) -> None:
    labels = special.softmax(np.random.default_rng(0).normal(size=(4, 3)), axis=axis)
    expected = -np.sum(labels * special.log_softmax(LOGITS, axis=axis), axis=axis)

    np.testing.assert_allclose(ops.softmax_cross_entropy(LOGITS, labels, axis=axis), expected, rtol=1e-14)


def test_a_class_that_cannot_be_counts_for_nothing() -> None:
    x = placeholder("x", Spec((2,), "float64"))
    labels = np.array([1.0, 0.0])

    loss = ops.softmax_cross_entropy(x, labels)
    found = evaluate([loss, *gradients(loss, [x])], {x: np.array([3.0, -np.inf])})

    assert [f.tolist() for f in found] == [0, [0, 0]]


def test_yes_or_no() -> None:
    logits, labels = np.array([-800.0, -2.0, 0.0, 30.0, 800.0]), np.array([0.0, 0.3, 1.0, 1.0, 0.0])
    expected = -labels * special.log_expit(logits) - (1 - labels) * special.log_expit(-logits)

    np.testing.assert_allclose(ops.sigmoid_cross_entropy(logits, labels), expected, rtol=1e-14)


def test_the_slope_of_yes_or_no_is_the_error() -> None:
    x = placeholder("x", Spec((3,), "float64"))
    labels, values = np.array([0.0, 0.5, 1.0]), np.array([0.0, 0.0, 2.0])

    (g,) = evaluate(gradients(ops.sum(ops.sigmoid_cross_entropy(x, labels)), [x]), {x: values})

    np.testing.assert_allclose(g, special.expit(values) - labels, rtol=1e-14)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: ops.sparse_softmax_cross_entropy(Spec(("batch", 10)), Spec(("batch",))),
            "sparse_softmax_cross_entropy(logits: float32[batch, 10], labels: float32[batch]): "
            "labels must be integers; got float32",
        ),
        (
            lambda: ops.sparse_softmax_cross_entropy(Spec((4, 10)), Spec((4, 10), "int64")),
            "sparse_softmax_cross_entropy(logits: float32[4, 10], labels: int64[4, 10]): "
            "logits must have one dimension more than labels, the classes; got 2 and 2",
        ),
        (
            lambda: ops.sparse_softmax_cross_entropy(Spec((4, 10)), Spec((5,), "int64")),
            "sparse_softmax_cross_entropy(logits: float32[4, 10], labels: int64[5]): "
            "axis 0 is 4 in logits and 5 in labels",
        ),
        (
            lambda: ops.softmax_cross_entropy(Spec(("batch", 10)), Spec(("batch", 9))),
            "softmax_cross_entropy(logits: float32[batch, 10], labels: float32[batch, 9]): "
            "logits and labels must have the same shape; got [batch, 10] and [batch, 9]",
        ),
        (
            lambda: ops.negative_log_likelihood(Spec((4, 10)), Spec((4,), "int64"), Spec((10, 1))),
            "negative_log_likelihood(log_probabilities: float32[4, 10], labels: int64[4], weights: float32[10, 1]): "
            "weights need one dimension, the classes; got 2",
        ),
    ],
)
def test_mistakes(call: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(SpecError, match=f"^{re.escape(sentence)}$"):
        call()
