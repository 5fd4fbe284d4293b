"""Padding: NumPy's results for every mode and width; what is cut off; the reverse as the transpose of a linear map."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowloom import ops
from flowloom.spec import Spec, SpecError

MODES = ["constant", "reflect", "edge", "wrap"]
every_mode = pytest.mark.parametrize("mode", MODES)


@given(st.sampled_from(MODES), st.integers(1, 5), st.integers(0, 12), st.integers(0, 12))
def test_pad_is_numpys(mode: Any, size: int, before: int, after: int) -> None:
    x = np.arange(2.0 * size).reshape(2, size)
    width = ((0, 1), (before, after))

    np.testing.assert_array_equal(ops.pad(x, pad_width=width, mode=mode), np.pad(x, width, mode=mode))
    np.testing.assert_array_equal(ops.pad_by(x, np.array(width), mode=mode), np.pad(x, width, mode=mode))


def test_pad_with_a_value() -> None:
    x = np.arange(6).reshape(2, 3)

    np.testing.assert_array_equal(ops.pad(x, pad_width=1, value=7), np.pad(x, 1, constant_values=7))


@given(st.sampled_from(MODES), st.integers(1, 5), st.integers(-4, 6), st.integers(-4, 6))
def test_a_negative_width_cuts_off_what_the_other_side_may_still_show(mode: Any, size: int, b: int, a: int) -> None:
    x = np.arange(1.0, size + 1)
    if size + b + a < 0:
        with pytest.raises(SpecError, match=f"an axis of size {size} cannot lose {-a - b}"):
            ops.pad(x, pad_width=((b, a),), mode=mode)
        return
    most = np.pad(x, 12, mode=mode)

    np.testing.assert_array_equal(ops.pad(x, pad_width=((b, a),), mode=mode), most[12 - b : 12 + size + a])


@every_mode
def test_folding_is_the_transpose_of_padding(mode: Any) -> None:
    width = ((2, -1), (3, 4))
    rows = [ops.pad(e.reshape(3, 2), pad_width=width, mode=mode).reshape(-1) for e in np.eye(6)]
    g = np.random.default_rng(0).normal(size=(4, 9))

    found = ops.fold_pad(g, pad_width=width, mode=mode)

    np.testing.assert_allclose(found.reshape(-1), np.array(rows) @ g.reshape(-1), atol=1e-12)


def test_names_stay_where_nothing_is_added() -> None:
    x = Spec(("batch", "time", 3))

    assert ops.pad(x, pad_width=((0, 0), (1, 1), (2, -1))).shape == ("batch", None, 4)
    assert ops.pad_by(x, Spec((3, 2), "int64")).shape == (None, None, None)


@pytest.mark.parametrize(
    ("width", "mode", "sentence"),
    [
        (((1, 1),), "constant", "pad_width needs a (before, after) for each of the 2 axes; got 1"),
        (((0, 0), (-2, -2)), "constant", "an axis of size 3 cannot lose 4"),
        (((1, 0), (0, 0)), "edge", "mode 'edge' has nothing to repeat along an axis of size 0"),
    ],
)
def test_mistakes(width: Any, mode: Any, sentence: str) -> None:
    with pytest.raises(SpecError, match=re.escape(sentence)):
        ops.pad(Spec((0, 3)), pad_width=width, mode=mode)
