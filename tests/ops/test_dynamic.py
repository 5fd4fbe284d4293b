"""Shapes and bounds as tensors: the results and gradients of the ops that take them as parameters, and mistakes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from flowloom import ops
from flowloom.backends.portable import evaluate
from flowloom.compiler.expr import constant, placeholder
from flowloom.compiler.gradient import pull_back
from flowloom.spec import Spec, SpecError

X = np.random.default_rng(0).normal(size=(3, 1, 4))
INDICES = np.array([[0, -1], [2, 1]])


def integers(*values: Any) -> Any:
    return constant(np.array(values, np.int64))


@pytest.mark.parametrize(
    ("ours", "namesake"),
    [
        (lambda x: ops.reshape_to(x, integers(2, -1)), lambda x: ops.reshape(x, shape=(2, -1))),
        (lambda x: ops.expand_dims_at(x, integers(0, -1)), lambda x: ops.expand_dims(x, axis=(0, -1))),
        (lambda x: ops.squeeze_at(x, integers(-2)), lambda x: ops.squeeze(x, axis=-2)),
        (
            lambda x: ops.moveaxis_at(x, integers(0, -1), integers(-1, 0)),
            lambda x: ops.moveaxis(x, source=(0, -1), destination=(-1, 0)),
        ),
        (lambda x: ops.broadcast_to_shape(x, integers(2, 3, 5, 4)), lambda x: ops.broadcast_to(x, shape=(2, 3, 5, 4))),
        (
            lambda x: ops.slice_at(x, integers(-1, 1), integers(-9, 3), integers(-2, 1), axes=(0, 2)),
            lambda x: ops.slice(x, start=(-1, None, 1), stop=(-9, None, 3), step=(-2, None, 1)),
        ),
        (lambda x: ops.tile_by(x, integers(2, 1, 3, 2)), lambda x: ops.tile(x, reps=(2, 1, 3, 2))),
        (
            lambda x: ops.pad_by(x, integers([1, 0], [0, 0], [-1, 2]), value=3.0),
            lambda x: ops.pad(x, pad_width=((1, 0), (0, 0), (-1, 2)), value=3.0),
        ),
        (
            lambda x: ops.pad_by(x, integers([1, 0], [0, 0], [5, 2]), mode="reflect"),
            lambda x: ops.pad(x, pad_width=((1, 0), (0, 0), (5, 2)), mode="reflect"),
        ),
        (lambda x: ops.split_by(x, integers(1, 3), axis=2)[1], lambda x: ops.split(x, sizes=(1, 3), axis=2)[1]),
        (lambda x: ops.triangle_by(x, constant(1)), lambda x: ops.triu(x, k=1)),
    ],
)
def test_results_and_gradients_are_those_of_the_namesake(ours: Any, namesake: Any) -> None:
    x = placeholder("x", Spec(X.shape, "float64"))
    found, expected = ours(x), namesake(x)
    seed = constant(np.random.default_rng(1).normal(size=expected.shape))
    pairs = [(found, expected)]
    pairs += [(pull_back([found], [seed], [x])[0], pull_back([expected], [seed], [x])[0])]  # type: ignore[list-item]

    for a, b in pairs:
        one, other = evaluate([a, b], {x: X})
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_one_hot_with_a_depth_from_elsewhere(axis: int) -> None:
    how = {"axis": axis, "on": 3.0, "off": 1.0, "dtype": "int32"}

    np.testing.assert_array_equal(ops.one_hot_by(INDICES, np.array(4), **how), ops.one_hot(INDICES, depth=4, **how))


def test_what_is_known_before() -> None:
    x, three = Spec(("batch", "time", 4)), Spec((3,), "int64")

    assert ops.shape_of(x, start=1) == Spec((2,), "int64")
    assert ops.reshape_to(x, three).shape == (None, None, None)
    assert ops.reshape_to(x, Spec((1,), "int32")).shape == ("4*batch*time",)
    assert ops.slice_at(x, Spec((1,), "int64"), Spec((1,), "int64"), axes=(1,)).shape == ("batch", None, 4)
    assert ops.broadcast_to_shape(x, Spec((4,), "int64")).shape == (None, None, None, 4)
    assert ops.full_of(three, Spec((), "float16")) == Spec((None, None, None), "float16")
    assert ops.one_hot_by(Spec(("batch",), "int64"), Spec((), "int64")) == Spec(("batch", None))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: ops.reshape_to(Spec((3, 4)), Spec((None,), "int64")),
            "reshape_to(x: float32[3, 4], shape: int64[?]): the length of shape must be known; got int64[?]",
        ),
        (
            lambda: ops.reshape_to(Spec((3, 4)), Spec((2,))),
            "reshape_to(x: float32[3, 4], shape: float32[2]): shape must be integers; got float32",
        ),
        (
            lambda: ops.slice_at(Spec((3, 4)), Spec((2,), "int64"), Spec((1,), "int64")),
            "slice_at(x: float32[3, 4], starts: int64[2], stops: int64[1]): stops must have an element for each of the "
            "2 axes; got 1",
        ),
        (
            lambda: ops.squeeze_at(Spec((3,)), Spec((2,), "int64")),
            "squeeze_at(x: float32[3], axes: int64[2]): x has 1 dimensions; 2 cannot be removed",
        ),
    ],
)
def test_mistakes(call: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(SpecError, match=f"^{re.escape(sentence)}$"):
        call()


def test_values_that_do_not_fit_when_it_runs() -> None:
    with pytest.raises(ValueError, match="the step cannot be 0"):
        ops.arange_of(np.array(0), np.array(3), np.array(0))
    with pytest.raises(ValueError, match="cannot reshape"):
        ops.reshape_to(X, np.array([5, 5]))
    with pytest.raises(ValueError, match="nothing repeats -1 times"):
        ops.tile_by(X, np.array([-1]))
