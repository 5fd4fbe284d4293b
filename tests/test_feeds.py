"""Feeds: what may be fed to an input, and what a user reads when it does not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays, floating_dtypes, integer_dtypes

from flowloom.feeds import FeedError, bind
from flowloom.spec import Spec

DECLARED = {"image": Spec(("batch", 2)), "label": Spec(("batch",), "int64")}
IMAGE, LABEL = np.zeros((3, 2), np.float32), np.zeros(3, np.int64)


def test_arrays_that_fit_are_taken_as_they_are() -> None:
    bound = bind(DECLARED, {"label": LABEL, "image": IMAGE})

    assert list(bound) == ["image", "label"]
    assert bound["image"] is IMAGE


@pytest.mark.parametrize(
    ("value", "dtype"),
    [([[1, 2]], "float32"), ([[1.5, 2]], "float32"), (np.float64([[1, 2]]), "float32"), ([[True, False]], "float32")],
)
def test_lists_and_neighbouring_dtypes_are_converted(value: Any, dtype: str) -> None:
    bound = bind({"x": Spec(("batch", 2), dtype)}, {"x": value})

    assert bound["x"].dtype == dtype
    np.testing.assert_array_equal(bound["x"], np.asarray(value))


def test_not_a_number_can_be_fed() -> None:
    assert np.isnan(bind({"x": Spec(())}, {"x": float("nan")})["x"])


@pytest.mark.parametrize(
    ("feeds", "why"),
    [
        ({"image": IMAGE}, r"input 'label' \(int64\[batch\]\) is not fed"),
        ({"image": IMAGE, "lable": LABEL}, "there is no input 'lable'; did you mean 'label'"),
        ({3: IMAGE}, "there is no input 3"),
        ([IMAGE, LABEL], r"feeds are a dict of arrays by input name \(image, label\); got list"),
        ({"image": IMAGE, "label": LABEL[:2]}, "'batch' is 3 in input 'image' and 2 in input 'label'"),
        ({"image": IMAGE[0], "label": LABEL}, r"input 'image' takes float32\[batch, 2\]; got 1 dimensions: \[2\]"),
        ({"image": IMAGE[:, :1], "label": LABEL}, r"takes float32\[batch, 2\]; axis 1 has size 1, not 2"),
        ({"image": IMAGE, "label": LABEL * 1.0}, r"input 'label' takes int64\[batch\]; got float64 of shape \[3\]"),
        ({"image": [[1, 2], [3]], "label": LABEL}, "the rows given differ in length"),
        ({"image": None, "label": LABEL}, "input 'image' takes .* got object"),
        ({"image": [["a", "b"]], "label": LABEL}, "input 'image' takes .* got <U1"),
        ({"image": IMAGE * 1j, "label": LABEL}, "got complex64"),
        ({"image": IMAGE.astype("float64") + 1e300, "label": LABEL}, "got float64 with values that it cannot hold"),
        ({"image": IMAGE, "label": np.uint64([2**63, 0, 0])}, "got uint64 with values that it cannot hold"),
    ],
)
def test_a_feed_that_does_not_fit_is_refused_with_its_name(feeds: Any, why: str) -> None:
    with pytest.raises(FeedError, match=why) as caught:
        bind(DECLARED, feeds)

    assert "\n" not in str(caught.value)


@given(arrays(integer_dtypes() | floating_dtypes(sizes=(16, 32, 64)), array_shapes(max_dims=1, max_side=4)), st.data())
def test_a_conversion_changes_no_integer(given_array: Any, data: st.DataObject) -> None:
    spec = Spec((None,), data.draw(st.sampled_from(["int8", "int32", "int64", "uint8", "uint64"])))
    try:
        bound = bind({"x": spec}, {"x": given_array})
    except FeedError:
        return

    assert bound["x"].tolist() == given_array.tolist()
