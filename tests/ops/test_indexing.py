"""Gather, scatter and one-hot: known answers, and indices out of range."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from flowloom import ops
from flowloom.spec import Spec, SpecError


def test_take_is_numpys() -> None:
    x = np.arange(24).reshape(2, 3, 4)
    indices = np.array([[2, 0], [1, 1]], np.uint64)

    np.testing.assert_array_equal(ops.take(x, indices, axis=1), np.take(x, indices.astype(int), axis=1))


def test_repeated_indices_add_up() -> None:
    updates = np.array([[1.0, 2.0], [10.0, 20.0], [100.0, 200.0]])

    found = ops.scatter_add(updates, np.array([2, 0, 2]), size=4)

    assert found.tolist() == [[10, 20], [0, 0], [101, 202], [0, 0]]


def test_one_hot_rows() -> None:
    found = ops.one_hot(np.array([[1], [0]], np.uint8), depth=3, dtype="int32")

    assert found.tolist() == [[[0, 1, 0]], [[1, 0, 0]]]


def test_named_dimensions_pass_through() -> None:
    tokens = Spec(("batch", "time"), "int64")

    assert ops.take(Spec((1000, 16)), tokens) == Spec(("batch", "time", 16))
    assert ops.one_hot(tokens, depth=10) == Spec(("batch", "time", 10))
    assert ops.scatter_add(Spec(("batch", "time", 16)), tokens, size=1000) == Spec((1000, 16))


def test_an_index_below_zero_counts_from_the_end() -> None:
    x = np.arange(12).reshape(3, 4)

    np.testing.assert_array_equal(ops.take(x, np.array([-1, 0, -3]), axis=1), x[:, [-1, 0, -3]])
    np.testing.assert_array_equal(ops.scatter_add(np.array([1, 2, 4]), np.array([-1, 0, 2]), size=3), [2, 0, 5])
    np.testing.assert_array_equal(ops.one_hot(np.array([-1, 1]), depth=3, dtype="int8"), [[0, 0, 1], [0, 1, 0]])


def test_one_hot_along_any_axis_with_any_values() -> None:
    indices = np.array([[1, 2], [0, 3]])

    for axis in range(-3, 3):
        found = ops.one_hot(indices, depth=4, axis=axis, on=2.0, off=-1.0)
        np.testing.assert_array_equal(found, np.moveaxis(np.eye(4)[indices] * 3 - 1, -1, axis))


def test_one_hot_leaves_out_what_lies_outside_where_it_is_told_to() -> None:
    found = ops.one_hot(np.array([-5, 9, 1]), depth=4, outside="off", dtype="int8")

    assert found.tolist() == [[0, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]]


@pytest.mark.parametrize(
    "call",
    [
        lambda i: ops.take(np.zeros(10), i),
        lambda i: ops.scatter_add(np.zeros(i.shape), i, size=10),
        lambda i: ops.one_hot(i, depth=10),
        lambda i: ops.gather_nd(np.zeros(10), i[..., None]),
        lambda i: ops.take_along_axis(np.zeros(10), i.reshape(-1)),
    ],
)
def test_an_index_out_of_range(call: Callable[[Any], Any]) -> None:
    with pytest.raises(IndexError, match=r"^(index|coordinate 0) 12 is outside -10\.\.9, at position \(5,\)$"):
        call(np.array([0, 1, 2, 3, 4, 12, 99]))
    with pytest.raises(IndexError, match=r"^(index|coordinate 0) -11 is outside -10\.\.9, at position \(1,( 0)?\)$"):
        call(np.array([[0], [-11]]))


def test_an_index_alone_out_of_range() -> None:
    with pytest.raises(IndexError, match=r"^index 10 is outside -10\.\.9$"):
        ops.take(np.zeros(10), np.array(10))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: ops.take(Spec((5,)), Spec((2,))),
            "take(x: float32[5], indices: float32[2]): indices must be integers; got float32",
        ),
        (
            lambda: ops.scatter_add(Spec((3, 2)), Spec((4,), "int64"), size=5),
            "scatter_add(updates: float32[3, 2], indices: int64[4]): updates have [3] where indices have [4]",
        ),
        (
            lambda: ops.one_hot(Spec((2,), "int64"), depth=0),
            "depth=0 does not fit: it must be int >= 1",
        ),
    ],
)
def test_mistakes(call: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(SpecError, match=f"^{re.escape(sentence)}$"):
        call()
