"""Joins, cuts, copies and grids: NumPy's rules, named dimensions, and mistakes."""

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

M = np.arange(12.0).reshape(3, 4)


def test_concatenation_adds_sizes_and_keeps_names() -> None:
    x = Spec(("batch", 3))

    assert ops.concatenate(x, Spec(("batch", 4)), axis=1).shape == ("batch", 7)
    assert ops.concatenate(x, x).shape == ("2*batch", 3)
    assert ops.concatenate(x, Spec((5, 3))).shape == (None, 3)
    assert ops.stack(x, x, axis=-1).shape == ("batch", 3, 2)


def test_the_gradient_of_a_concatenation_is_cut_at_sizes_known_when_it_runs() -> None:
    a, b = (placeholder(name, Spec((None, 2), "float64")) for name in "ab")
    y = ops.concatenate(a, b)
    found = gradients(ops.sum(y * y), [a, b])
    feeds = {a: np.arange(2.0).reshape(1, 2), b: np.arange(6.0).reshape(3, 2)}

    for gradient, value in zip(evaluate(found, feeds), feeds.values(), strict=True):
        np.testing.assert_array_equal(gradient, 2 * value)


def test_parts_are_numpys() -> None:
    for found, expected in [
        (ops.split(M, sections=2, axis=1), np.split(M, 2, axis=1)),
        (ops.split(M, sizes=(1, -1, 2), axis=-1), np.split(M, [1, 2], axis=1)),
        (ops.split_by(M, np.array([2, 0, 1])), np.split(M, [2, 2])),
        (ops.unstack(M, axis=1), [M[:, i] for i in range(4)]),
    ]:
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_array_equal(a, b)


def test_parts_of_a_name() -> None:
    assert [p.shape for p in ops.split(Spec(("2*batch", 3)), sections=2)] == [("batch", 3)] * 2
    assert [p.shape for p in ops.split(Spec(("batch", 3)), sections=2)] == [(None, 3)] * 2
    assert [p.shape for p in ops.split(Spec(("batch", 3)), sizes=(2, -1))] == [(2, 3), (None, 3)]
    assert [p.shape for p in ops.unstack(Spec(("batch", 2)), axis=1)] == [("batch",)] * 2


def test_a_part_that_is_not_used_has_no_gradient() -> None:
    x = placeholder("x", Spec((3, 4), "float64"))
    _, middle, _ = ops.split(x, sizes=(1, 2, 1), axis=1)
    [gradient] = gradients(ops.sum(middle), [x])

    np.testing.assert_array_equal(evaluate([gradient], {x: M})[0], [[0, 1, 1, 0]] * 3)


@pytest.mark.parametrize("indexing", ["xy", "ij"])
def test_grids_are_numpys(indexing: Any) -> None:
    axes = [np.arange(3.0), np.arange(4), np.arange(2.0)]

    for found, expected in zip(
        ops.meshgrid(*axes, indexing=indexing), np.meshgrid(*axes, indexing=indexing), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("reps", [2, (1, 2), (2, 1, 3), (0, 2)])
def test_tile_is_numpys(reps: int | tuple[int, ...]) -> None:
    np.testing.assert_array_equal(ops.tile(M, reps=reps), np.tile(M, reps))
    np.testing.assert_array_equal(ops.tile_by(M, np.atleast_1d(reps)), np.tile(M, reps))


@pytest.mark.parametrize(("repeats", "axis"), [(2, None), (3, 0), (2, -1), ((1, 0, 2), 0), ((2, 1, 0, 1), 1), (0, 1)])
def test_repeat_is_numpys(repeats: Any, axis: int | None) -> None:
    np.testing.assert_array_equal(ops.repeat(M, repeats=repeats, axis=axis), np.repeat(M, repeats, axis))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: ops.concatenate(Spec((2, 3)), Spec((2, 4))),
            "concatenate(xs.0: float32[2, 3], xs.1: float32[2, 4]): xs.0 and xs.1 differ along axis 1: 3 and 4",
        ),
        (
            lambda: ops.stack(Spec((2, 3)), Spec((2,))),
            "stack(xs.0: float32[2, 3], xs.1: float32[2]): xs.0 has 2 dimensions, xs.1 has 1",
        ),
        (lambda: ops.split(Spec((4,))), "split(x: float32[4]): give either sections or sizes"),
        (
            lambda: ops.split(Spec((4,)), sections=3),
            "split(x: float32[4]): an axis of size 4 does not divide into 3",
        ),
        (
            lambda: ops.split(Spec((4,)), sizes=(1, 2)),
            "split(x: float32[4]): an axis of size 4 does not divide into (1, 2)",
        ),
        (
            lambda: ops.unstack(Spec(("batch", 2))),
            "unstack(x: float32[batch, 2]): the size of axis 0 is not known: batch. It is the number of outputs",
        ),
        (
            lambda: ops.repeat(Spec((3, 2)), repeats=(1, 2), axis=0),
            "repeat(x: float32[3, 2]): there must be a count for each of the 3 slices along axis 0; got 2",
        ),
        (
            lambda: ops.meshgrid(Spec((3,)), Spec((3, 2))),
            "meshgrid(xs.0: float32[3], xs.1: float32[3, 2]): xs.1 must have 1 dimensions; got 2",
        ),
    ],
)
def test_mistakes(call: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(SpecError, match=f"^{re.escape(sentence)}$"):
        call()


def test_sizes_that_do_not_divide_when_it_runs() -> None:
    with pytest.raises(ValueError, match=re.escape("an axis of size 3 does not divide into [1, 1]")):
        ops.split_by(M, np.array([1, 1]))
