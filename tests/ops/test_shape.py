"""Shapes and slices: named dimensions, Python's and NumPy's rules, and mistakes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowloom import ops
from flowloom.spec import Spec, SpecError


@pytest.mark.parametrize(
    ("shape", "to", "expected"),
    [
        (("batch", 8, 8, 16), (-1, 1024), ("batch", 1024)),
        (("batch", 8, 8, 16), ("batch", 1024), ("batch", 1024)),
        (("batch", 8, 8, 16), ("batch", -1), ("batch", 1024)),
        (("batch", "time", 3), (-1, 3), ("batch*time", 3)),
        (("batch", 6), (-1, 3), ("2*batch", 3)),
        (("2*batch", 3), ("batch", 6), ("batch", 6)),
        ((None, 8), (-1, 4), (None, 4)),
        ((0, 3), (-1, 3), (0, 3)),
    ],
)
def test_reshape_counts_with_names(shape: tuple, to: tuple, expected: tuple) -> None:
    assert ops.reshape(Spec(shape), shape=to) == Spec(expected)


def test_a_slice_keeps_the_name_of_what_it_takes_whole() -> None:
    x = Spec(("batch", "time", 9))

    assert ops.slice(x, start=(None, 1), stop=(None, None)).shape == ("batch", None, 9)
    assert ops.slice(x, start=(None, None, 2), stop=(None, None, 5)).shape == ("batch", "time", 3)
    assert ops.flip(x).shape == ("batch", "time", 9)


_bound = st.none() | st.integers(-7, 7)


@given(_bound, _bound, st.none() | st.integers(-3, 3).filter(bool))
def test_slice_and_unslice_are_pythons(start: int | None, stop: int | None, step: int | None) -> None:
    x = np.arange(1.0, 6.0)
    bounds = {"start": (start,), "stop": (stop,), "step": (step,)}

    part = ops.slice(x, **bounds)
    back = ops.unslice(part, shape=(5,), **bounds)

    np.testing.assert_array_equal(part, x[start:stop:step])
    np.testing.assert_array_equal(back, np.where(np.isin(x, part), x, 0))


def test_flatten_and_unflatten_multiply_and_divide_names() -> None:
    x = Spec(("batch", "time", 3, 4))

    assert ops.flatten(x).shape == ("12*batch*time",)
    assert ops.flatten(x, first=1, last=2).shape == ("batch", "3*time", 4)
    assert ops.flatten(Spec(())).shape == (1,)
    assert ops.unflatten(Spec(("batch", 12)), axis=1, shape=(-1, 4)).shape == ("batch", 3, 4)
    assert ops.unflatten(Spec(("6*batch", 2)), axis=0, shape=(3, -1)).shape == (3, "2*batch", 2)
    assert ops.unflatten(Spec(("batch", 2)), axis=0, shape=(3, -1)).shape == (3, None, 2)


def test_axes_move_as_in_numpy() -> None:
    x = np.arange(24).reshape(2, 3, 4)

    np.testing.assert_array_equal(ops.moveaxis(x, source=0, destination=-1), np.moveaxis(x, 0, -1))
    np.testing.assert_array_equal(ops.moveaxis(x, source=(2, 0), destination=(0, -1)), np.moveaxis(x, (2, 0), (0, -1)))
    np.testing.assert_array_equal(ops.swapaxes(x, axis1=0, axis2=-1), np.swapaxes(x, 0, -1))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: ops.reshape(Spec((3, 4)), shape=(5, 2)),
            "reshape(x: float32[3, 4]): the 12 elements of [3, 4] do not fit the shape [5, 2]",
        ),
        (
            lambda: ops.reshape(Spec(("batch", 8)), shape=(-1, 3)),
            "reshape(x: float32[batch, 8]): the 8*batch elements of [batch, 8] do not fit the shape [-1, 3]",
        ),
        (
            lambda: ops.reshape(Spec((3, 4)), shape=(-1, -1)),
            "reshape(x: float32[3, 4]): one dimension may be -1; got [-1, -1]",
        ),
        (
            lambda: ops.transpose(Spec((3, 4)), axes=(0,)),
            "transpose(x: float32[3, 4]): axes must name each of the 2 axes once; got (0,)",
        ),
        (lambda: ops.squeeze(Spec((3, 1)), axis=0), "squeeze(x: float32[3, 1]): axis 0 has size 3, not 1"),
        (
            lambda: ops.flatten(Spec((3, 4)), first=1, last=0),
            "flatten(x: float32[3, 4]): the first axis comes after the last: 1 and 0",
        ),
        (
            lambda: ops.unflatten(Spec((3, 8)), axis=1, shape=(3, -1)),
            "unflatten(x: float32[3, 8]): the 8 elements of [8] do not fit the shape [3, -1]",
        ),
        (
            lambda: ops.moveaxis(Spec((3, 8)), source=(0, 1), destination=0),
            "moveaxis(x: float32[3, 8]): source and destination need the same number of axes; got 2 and 1",
        ),
        (
            lambda: ops.slice(Spec((2,)), start=(0, 0), stop=(1, 1)),
            "slice(x: float32[2]): start, stop and step need the same length, up to 1; got 2, 2 and 0",
        ),
        (
            lambda: ops.slice(Spec((2,)), start=(0,), stop=(1,), step=(0,)),
            "slice(x: float32[2]): a step cannot be 0; got (0,)",
        ),
    ],
)
def test_mistakes(call: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(SpecError, match=f"^{re.escape(sentence)}$"):
        call()
