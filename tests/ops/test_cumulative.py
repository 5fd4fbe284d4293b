"""Running totals against NumPy, and their gradients at zeros and ties."""

from __future__ import annotations

import re

import numpy as np
import pytest

from flowloom import ops
from flowloom.backends.portable import evaluate
from flowloom.compiler.expr import Expr, placeholder
from flowloom.compiler.gradient import gradients
from flowloom.spec import Spec, SpecError

X = np.random.default_rng(0).normal(size=(3, 4, 2))


def gradient_at(y: Expr, x: Expr, value: np.ndarray) -> list[float]:
    return evaluate(gradients(y, [x]), {x: value})[0].tolist()


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
def test_they_are_numpys(axis: int | None) -> None:
    np.testing.assert_allclose(ops.cumsum(X, axis=axis), np.cumsum(X, axis=axis), rtol=1e-14)
    np.testing.assert_allclose(ops.cumprod(X, axis=axis), np.cumprod(X, axis=axis), rtol=1e-14)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_running_extremes_are_numpys(axis: int) -> None:
    np.testing.assert_array_equal(ops.cummax(X, axis=axis), np.maximum.accumulate(X, axis=axis))
    np.testing.assert_array_equal(ops.cummin(X, axis=axis), np.minimum.accumulate(X, axis=axis))


@pytest.mark.parametrize(
    ("exclusive", "reverse", "sums", "products"),
    [  # the examples of ONNX's CumSum and CumProd
        (False, False, [1, 3, 6], [1, 2, 6]),
        (True, False, [0, 1, 3], [1, 1, 2]),
        (False, True, [6, 5, 3], [6, 6, 3]),
        (True, True, [5, 3, 0], [6, 3, 1]),
    ],
)
def test_without_the_element_itself_and_from_the_end(
    exclusive: bool, reverse: bool, sums: list[int], products: list[int]
) -> None:
    how = {"axis": 0, "exclusive": exclusive, "reverse": reverse}

    assert ops.cumsum(np.array([1, 2, 3]), **how).tolist() == sums
    assert ops.cumprod(np.array([1, 2, 3]), **how).tolist() == products


def test_small_integers_are_summed_in_64_bits() -> None:
    assert ops.cumsum(np.full(3, 100, np.int8)).tolist() == [100, 200, 300]
    assert ops.cumprod(Spec((3,), "uint8")).dtype == np.uint64


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([2.0, 3.0, 4.0], [1 + 3 + 12, 2 + 8, 6]),
        ([2.0, 0.0, 4.0], [1, 2 + 8, 0]),
        ([0.0, 0.0, 4.0], [1, 0, 0]),
    ],
)
def test_the_gradient_of_a_running_product_with_zeros(value: list[float], expected: list[float]) -> None:
    x = placeholder("x", Spec((3,), "float64"))

    assert gradient_at(ops.sum(ops.cumprod(x)), x, np.array(value)) == expected


def test_the_last_of_equals_takes_the_gradient() -> None:
    x = placeholder("x", Spec((5,), "float64"))

    assert gradient_at(ops.sum(ops.cummax(x)), x, np.array([1.0, 3.0, 2.0, 3.0, 0.0])) == [1, 2, 0, 2, 0]


def test_a_recurrence_is_what_it_says() -> None:
    rng = np.random.default_rng(1)
    factor, x = rng.normal(size=(2, 9, 3))
    forwards, backwards = x.copy(), x.copy()
    for i in range(1, 9):
        forwards[i] += factor[i] * forwards[i - 1]
        backwards[-1 - i] += factor[-i] * backwards[-i]

    np.testing.assert_allclose(ops.linear_recurrence(factor, x, axis=0), forwards, rtol=1e-12)
    np.testing.assert_allclose(ops.linear_recurrence(factor, x, axis=0, reverse=True), backwards, rtol=1e-12)


def test_names_pass_through() -> None:
    assert ops.cumsum(Spec(("batch", 3)), axis=0) == Spec(("batch", 3))
    assert ops.cumsum(Spec(("batch", 3))) == Spec(("3*batch",))


def test_an_axis_outside() -> None:
    sentence = "cumsum(x: float32[3]): axis 1 is outside a tensor of 1 dimensions"

    with pytest.raises(SpecError, match=f"^{re.escape(sentence)}$"):
        ops.cumsum(Spec((3,)), axis=1)
