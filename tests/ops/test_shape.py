"""Shapes, slices and joins: named dimensions, Python's and NumPy's rules, and mistakes."""

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


@pytest.mark.parametrize("reps", [2, (1, 2), (2, 1, 3), (0, 2)])
def test_tile_is_numpys(reps: int | tuple[int, ...]) -> None:
    x = np.arange(6).reshape(2, 3)

    np.testing.assert_array_equal(ops.tile(x, reps=reps), np.tile(x, reps))


@pytest.mark.parametrize("width", [1, ((1, 0), (2, 3))])
def test_pad_is_numpys(width: Any) -> None:
    x = np.arange(6.0).reshape(2, 3)

    np.testing.assert_array_equal(ops.pad(x, pad_width=width, value=7), np.pad(x, width, constant_values=7))


def test_concatenation_adds_sizes_and_keeps_names() -> None:
    x = Spec(("batch", 3))

    assert ops.concatenate(x, Spec(("batch", 4)), axis=1).shape == ("batch", 7)
    assert ops.concatenate(x, x).shape == ("2*batch", 3)
    assert ops.concatenate(x, Spec((5, 3))).shape == (None, 3)
    assert ops.stack(x, x, axis=-1).shape == ("batch", 3, 2)


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
            lambda: ops.concatenate(Spec((2, 3)), Spec((2, 4))),
            "concatenate(xs.0: float32[2, 3], xs.1: float32[2, 4]): xs.0 and xs.1 differ along axis 1: 3 and 4",
        ),
        (
            lambda: ops.stack(Spec((2, 3)), Spec((2,))),
            "stack(xs.0: float32[2, 3], xs.1: float32[2]): xs.0 has 2 dimensions, xs.1 has 1",
        ),
        (
            lambda: ops.pad(Spec((2, 3)), pad_width=((1, 1),)),
            "pad(x: float32[2, 3]): pad_width needs a (before, after) for each of the 2 axes; got 1",
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
