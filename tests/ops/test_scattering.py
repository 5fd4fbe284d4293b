"""Gather and scatter along an axis and by coordinates: NumPy's rules, equal places, and mistakes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from flowloom import ops
from flowloom.backends.portable import evaluate
from flowloom.compiler.expr import placeholder
from flowloom.compiler.gradient import gradients
from flowloom.spec import Spec, SpecError

X = np.arange(24.0).reshape(2, 3, 4)


@pytest.mark.parametrize(("shape", "axis"), [((2, 3, 2), 2), ((2, 1, 4), 1), ((1, 3, 5), -1), ((5, 1, 1), 0)])
def test_take_along_axis_is_numpys(shape: tuple[int, ...], axis: int) -> None:
    indices = np.random.default_rng(0).integers(-2, 2, shape)

    np.testing.assert_array_equal(ops.take_along_axis(X, indices, axis=axis), np.take_along_axis(X, indices, axis))


def test_gather_elements_reads_the_first_rows_where_there_are_fewer_indices() -> None:
    assert ops.gather_elements(X[0], np.array([[3, 0]]), axis=1).tolist() == [[3, 0]]
    assert ops.take_along_axis(X[0], np.array([[3, 0]]), axis=1).tolist() == [[3, 0], [7, 4], [11, 8]]


def test_rows_have_coordinates_of_their_own_along_common_axes() -> None:
    indices = np.array([[[0, -1], [2, 1]], [[1, 1], [1, 1]]])
    found = ops.gather_nd(X, indices, batch_dims=1)

    assert found.tolist() == [[3, 9], [17, 17]]
    assert ops.scatter_nd(X, indices, -found, reduction="add", batch_dims=1).sum() == X.sum() - 3 - 9 - 17 - 17


@pytest.mark.parametrize(
    ("reduction", "expected"),
    [("none", [30, 2, 10]), ("add", [51, 2, 13]), ("mul", [600, 2, 30]), ("max", [30, 2, 10]), ("min", [1, 2, 3])],
)
def test_equal_places_are_combined(reduction: Any, expected: list[float]) -> None:
    x, places, updates = np.array([1.0, 2, 3]), np.array([0, 2, 0]), np.array([20.0, 10, 30])

    assert ops.scatter_elements(x, places, updates, reduction=reduction).tolist() == expected
    assert ops.scatter_nd(x, places[:, None], updates, reduction=reduction).tolist() == expected


@pytest.mark.parametrize(
    ("reduction", "at_x", "at_updates"),
    [
        ("none", [0, 5, 0], [0, 7, 3]),  # the second update is gone
        ("add", [3, 5, 7], [3, 7, 3]),
        ("mul", [0, 5, 0], [0, 21, 60]),  # a 0 among the factors
        ("max", [0, 5, 7], [1.5, 0, 1.5]),  # two that are equal share
    ],
)
def test_gradients_at_equal_places(reduction: Any, at_x: list[float], at_updates: list[float]) -> None:
    x, u = placeholder("x", Spec((3,), "float64")), placeholder("u", Spec((3,), "float64"))
    values = {"none": [2.0, 1, 4], "add": [2.0, 1, 4], "mul": [20.0, 0, 0], "max": [9.0, 1, 9]}[reduction]
    y = ops.scatter_elements(x, np.array([0, 2, 0]), u, reduction=reduction)
    found = evaluate(
        gradients(ops.sum(y * np.array([3.0, 5, 7])), [x, u]), {x: np.array([1.0, 2, 3]), u: np.array(values)}
    )

    assert found[0].tolist() == at_x
    assert found[1].tolist() == at_updates


def test_named_dimensions_pass_through() -> None:
    x, rows = Spec(("batch", "time", 16)), Spec(("batch", 5), "int64")

    assert ops.gather_nd(x, Spec(("batch", 5, 1), "int64"), batch_dims=1).shape == ("batch", 5, 16)
    assert ops.gather_nd(x, Spec((7, 2), "int64")).shape == (7, 16)
    assert ops.take_along_axis(Spec(("batch", 10)), rows).shape == ("batch", 5)
    assert ops.scatter_elements(Spec(("batch", 10)), rows, Spec(("batch", 5)), axis=1).shape == ("batch", 10)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: ops.gather_nd(Spec((3, 4)), Spec((2, 3), "int64")),
            "gather_nd(x: float32[3, 4], indices: int64[2, 3]): 0 common axes and 3 coordinates do not fit x [3, 4] "
            "and indices int64[2, 3]",
        ),
        (
            lambda: ops.gather_nd(Spec((3, 4)), Spec((2, None), "int64")),
            "gather_nd(x: float32[3, 4], indices: int64[2, ?]): the size of the last axis of indices must be known: it "
            "is the number of coordinates; got int64[2, ?]",
        ),
        (
            lambda: ops.scatter_nd(Spec((3, 4)), Spec((2, 1), "int64"), Spec((2, 3))),
            "scatter_nd(x: float32[3, 4], indices: int64[2, 1], updates: float32[2, 3]): updates must be "
            "[2, 4]; got [2, 3]",
        ),
        (
            lambda: ops.scatter_elements(
                Spec((3, 4), "bool"), Spec((1, 4), "int64"), Spec((1, 4), "bool"), reduction="add"
            ),
            "scatter_elements(x: bool[3, 4], indices: int64[1, 4], updates: bool[1, 4]): the elements must be numbers; "
            "got bool. Cast them first",
        ),
        (
            lambda: ops.gather_elements(Spec((3, 4)), Spec((4, 4), "int64"), axis=1),
            "gather_elements(x: float32[3, 4], indices: int64[4, 4]): indices are larger than x along axis 0: 4 and 3",
        ),
    ],
)
def test_mistakes(call: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(SpecError, match=f"^{re.escape(sentence)}$"):
        call()
