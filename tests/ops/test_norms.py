"""Lengths against NumPy, vectors of zeros, and mistakes."""

from __future__ import annotations

import re

import numpy as np
import pytest

from flowloom import ops
from flowloom.backends.portable import evaluate
from flowloom.compiler.expr import placeholder
from flowloom.compiler.gradient import gradients
from flowloom.spec import Spec, SpecError

X = np.random.default_rng(0).normal(size=(3, 4, 5))


@pytest.mark.parametrize("order", [1.0, 2.0, 3.5, np.inf])
@pytest.mark.parametrize("axis", [None, 1, (0, 2)])
def test_they_are_numpys(order: float, axis: int | tuple[int, ...] | None) -> None:
    expected = np.linalg.vector_norm(X, ord=order, axis=axis, keepdims=True)

    np.testing.assert_allclose(ops.norm(X, ord=order, axis=axis, keepdims=True), expected, rtol=1e-13)
    np.testing.assert_allclose(ops.normalize(X, ord=order, axis=axis), X / expected, rtol=1e-13)


@pytest.mark.parametrize("order", [1.0, 2.0, 3.0, np.inf])
def test_a_vector_of_zeros(order: float) -> None:
    x = placeholder("x", Spec((2, 3), "float64"))
    zeros = np.zeros((2, 3))

    unit, slope = evaluate(
        [ops.normalize(x, ord=order), *gradients(ops.sum(ops.norm(x, ord=order, axis=1)), [x])], {x: zeros}
    )

    assert unit.tolist() == zeros.tolist()
    assert slope.tolist() == zeros.tolist()


def test_integers_become_floats() -> None:
    assert ops.norm(np.array([3, -4])) == np.float32(5)


def test_an_order_that_is_none() -> None:
    sentence = "norm(x: float32[3]): ord must be above 0; got 0.0"

    with pytest.raises(SpecError, match=f"^{re.escape(sentence)}$"):
        ops.norm(Spec((3,)), ord=0)
