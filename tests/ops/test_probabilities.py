"""Softmax and cross-entropy against SciPy, for logits of any size, and labels out of range."""

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


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_they_are_scipys(axis: int) -> None:
    np.testing.assert_allclose(ops.softmax(LOGITS, axis=axis), special.softmax(LOGITS, axis=axis), rtol=1e-14)
    np.testing.assert_allclose(ops.log_softmax(LOGITS, axis=axis), special.log_softmax(LOGITS, axis=axis), rtol=1e-14)


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
            lambda: ops.softmax(Spec(()), axis=-1),
            "softmax(x: float32[]): axis -1 is outside a tensor of 0 dimensions",
        ),
    ],
)
def test_mistakes(call: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(SpecError, match=f"^{re.escape(sentence)}$"):
        call()
