"""Rolls and reversed sequences: NumPy's rules, and mistakes."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from flowloom import ops
from flowloom.spec import Spec, SpecError

M = np.arange(12.0).reshape(3, 4)


@pytest.mark.parametrize(
    ("shift", "axis"), [(2, None), (-5, None), (1, 0), (-9, -1), ((1, 2), (0, 1)), (1, (0, 1)), (0, 0)]
)
def test_roll_is_numpys(shift: Any, axis: Any) -> None:
    np.testing.assert_array_equal(ops.roll(M, shift=shift, axis=axis), np.roll(M, shift, axis))


def test_a_sequence_is_reversed_up_to_its_length() -> None:
    found = ops.reverse_sequence(M, np.array([3, 0, 4]))

    assert found.tolist() == [[2, 1, 0, 3], [4, 5, 6, 7], [11, 10, 9, 8]]


def test_mistakes() -> None:
    with pytest.raises(SpecError, match=re.escape("there must be a shift for each axis; got 2 and 1")):
        ops.roll(Spec((3, 4)), shift=(1, 2), axis=0)
    with pytest.raises(SpecError, match="time_axis and batch_axis must differ; both are 1"):
        ops.reverse_sequence(Spec((3, 4)), Spec((3,), "int64"), batch_axis=-1)
    with pytest.raises(IndexError, match=re.escape("the lengths must be in 0..4; they go from 1 to 5")):
        ops.reverse_sequence(M, np.array([1, 5, 2]))
