"""Sequences of different lengths: masks, and writing from a place of their own."""

from __future__ import annotations

import re

import numpy as np
import pytest

from flowloom import ops
from flowloom.spec import Spec, SpecError


def test_a_mask_says_which_steps_are_there() -> None:
    lengths = np.array([1, 3, 0])

    assert ops.sequence_mask(lengths, max_length=4, dtype="int8").tolist() == [[1, 0, 0, 0], [1, 1, 1, 0], [0, 0, 0, 0]]
    assert ops.sequence_mask(lengths).shape == (3, 3)
    assert ops.sequence_mask(Spec(("batch",), "int32")) == Spec(("batch", None), "bool")
    assert ops.sequence_mask(Spec(("batch",), "int32"), max_length=9) == Spec(("batch", 9), "bool")


def test_each_sequence_is_written_from_its_own_start() -> None:
    x, updates = np.zeros((2, 4, 1), np.int64), np.array([[[1], [2]], [[3], [4]]])

    assert ops.update_slice(x, updates, np.array([0, 2]))[..., 0].tolist() == [[1, 2, 0, 0], [0, 0, 3, 4]]
    assert ops.update_slice(x, updates, np.array([3, 2]), wrap=True)[..., 0].tolist() == [[2, 0, 0, 1], [0, 0, 3, 4]]


def test_mistakes() -> None:
    with pytest.raises(IndexError, match=re.escape("place 4 is outside 0..3, at position (1, 1)")):
        ops.update_slice(np.zeros((2, 4, 1)), np.zeros((2, 2, 1)), np.array([0, 3]))
    with pytest.raises(SpecError, match="5 updates do not fit into 4 places along axis 1"):
        ops.update_slice(Spec((2, 4, 1)), Spec((2, 5, 1)), Spec((2,), "int64"))
    with pytest.raises(SpecError, match="axis 0 is the batch; write along another one"):
        ops.update_slice(Spec((2, 4)), Spec((2, 4)), Spec((2,), "int64"))
    with pytest.raises(SpecError, match="lengths must be integers; got float32"):
        ops.sequence_mask(Spec((2,)))
