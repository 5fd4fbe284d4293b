"""Positions and orders against NumPy: ties, NaN, unsigned integers, the best few of many."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowloom import ops
from flowloom.backends.portable import evaluate
from flowloom.compiler.expr import placeholder
from flowloom.compiler.gradient import gradients
from flowloom.spec import Spec, SpecError


def test_the_first_of_equals_is_the_position_or_the_last() -> None:
    x = np.array([[1, 3, 3], [2, 2, 0]])

    assert ops.argmax(x, axis=1).tolist() == [1, 0]
    assert ops.argmax(x, axis=1, select_last=True).tolist() == [2, 1]
    assert ops.argmin(np.array([4, 1, 1])) == 1
    assert ops.argmin(np.array([4, 1, 1]), select_last=True) == 2
    assert ops.argmax(x, select_last=True, keepdims=True).tolist() == [[2]]


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_sorting_is_numpys(axis: int) -> None:
    x = np.random.default_rng(0).integers(0, 5, (6, 7, 2), dtype=np.uint8)

    np.testing.assert_array_equal(ops.sort(x, axis=axis), np.sort(x, axis=axis))
    np.testing.assert_array_equal(ops.sort(x, axis=axis, descending=True), np.flip(np.sort(x, axis=axis), axis))
    np.testing.assert_array_equal(ops.argsort(x, axis=axis), np.argsort(x, axis=axis, kind="stable"))


def test_falling_order_keeps_equals_in_order() -> None:
    assert ops.argsort(np.array([1, 0, 1, 0], np.uint8), descending=True).tolist() == [0, 2, 1, 3]


def test_the_gradient_goes_where_the_element_came_from() -> None:
    x = placeholder("x", Spec((3,), "float64"))
    weighted = ops.sum(ops.multiply(ops.sort(x), np.array([1.0, 10.0, 100.0])))
    value, _ = ops.top_k(x, k=1)

    found = evaluate([*gradients(weighted, [x]), *gradients(ops.sum(value), [x])], {x: np.array([5.0, 7.0, 3.0])})

    assert [g.tolist() for g in found] == [[10, 100, 1], [0, 1, 0]]


@given(st.data())
def test_the_best_are_the_first_in_stable_order(data: st.DataObject) -> None:
    numbers = st.sampled_from([0.0, 1.0, 2.0, np.nan, np.inf, -np.inf])
    x = np.array(data.draw(st.lists(st.lists(numbers, min_size=9, max_size=9), min_size=1, max_size=3)))
    k, largest = data.draw(st.integers(0, 9)), data.draw(st.booleans())
    rank = np.where(np.isnan(x), 4.0, np.searchsorted([-np.inf, 0.0, 1.0, 2.0, np.inf], x) - 1.0)  # NaN above all
    expected = np.argsort(-rank if largest else rank, axis=1, kind="stable")[:, :k]

    values, indices = ops.top_k(x, k=k, largest=largest)
    _, unordered = ops.top_k(x, k=k, largest=largest, sorted=False)

    np.testing.assert_array_equal(indices, expected)
    np.testing.assert_array_equal(values, np.take_along_axis(x, expected, axis=1))
    np.testing.assert_array_equal(unordered, np.sort(expected, axis=1))


def test_the_best_of_unsigned_integers_along_another_axis() -> None:
    values, indices = ops.top_k(np.array([[3, 0], [255, 7], [0, 7]], np.uint8), k=2, axis=0)

    assert values.tolist() == [[255, 7], [3, 7]]
    assert indices.tolist() == [[1, 1], [0, 2]]


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: ops.top_k(Spec((2, 3)), k=4), "top_k(x: float32[2, 3]): there are 3 elements along axis 1; got k=4"),
        (lambda: ops.sort(Spec(())), "sort(x: float32[]): axis -1 is outside a tensor of 0 dimensions"),
    ],
)
def test_mistakes(call: object, sentence: str) -> None:
    with pytest.raises(SpecError, match=f"^{re.escape(sentence)}$"):
        call()  # type: ignore[operator]
