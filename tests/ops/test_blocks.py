"""Blocks against channels: known answers, names, and there and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from flowloom import ops
from flowloom.spec import Spec, SpecError


def test_channels_become_a_block() -> None:
    x = np.array([[[[1, 2, 3, 4]]]])

    assert ops.depth_to_space(x, block_size=2).tolist() == [[[[1], [2]], [[3], [4]]]]
    assert ops.space_to_depth(np.array([[[[1], [2]], [[3], [4]]]]), block_size=2).tolist() == [[[[1, 2, 3, 4]]]]


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_there_and_back(mode: Any) -> None:
    x = np.random.default_rng(0).normal(size=(2, 6, 3, 9))
    wide = ops.depth_to_space(x, block_size=3, mode=mode)

    assert wide.shape == (2, 18, 9, 1)
    np.testing.assert_array_equal(ops.space_to_depth(wide, block_size=3, mode=mode), x)


def test_names() -> None:
    x = Spec(("batch", "height", None, 8))

    assert ops.depth_to_space(x, block_size=2).shape == ("batch", "2*height", None, 2)
    assert ops.space_to_depth(x, block_size=2).shape == ("batch", None, None, 32)


def test_mistakes() -> None:
    with pytest.raises(SpecError, match="the 6 channels do not divide into blocks of 2 x 2"):
        ops.depth_to_space(Spec((1, 2, 2, 6)), block_size=2)
    with pytest.raises(SpecError, match="axis 2 of size 5 does not divide into blocks of 2"):
        ops.space_to_depth(Spec((1, 4, 5, 6)), block_size=2)
    with pytest.raises(SpecError, match=r"x must be \(batch, height, width, channels\); got 3 dimensions"):
        ops.space_to_depth(Spec((4, 5, 6)), block_size=2)
