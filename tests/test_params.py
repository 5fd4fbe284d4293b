"""Parameters: what a call, a file or a form field may give for a keyword-only argument."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from flowloom.params import REQUIRED, Axes, Count, DType, Fraction, Pair, Param, Shape, choices, complete, params_of
from flowloom.spec import SpecError


def declared(x: Any, *, units: Count, rate: Fraction = 0.5, padding: Literal["valid", "same"] = "valid") -> None:
    """A declaration like those of the layers."""


PARAMS = params_of(declared)


def test_the_keyword_only_arguments_are_the_parameters() -> None:
    assert list(PARAMS) == ["units", "rate", "padding"]
    assert PARAMS["units"].default is REQUIRED
    assert PARAMS["rate"].default == 0.5


def test_what_is_not_given_has_its_default() -> None:
    assert complete(PARAMS, {"units": 3}, "layer()") == {"units": 3, "rate": 0.5, "padding": "valid"}


def test_an_unknown_parameter_is_met_with_the_nearest_name() -> None:
    with pytest.raises(
        TypeError, match=r"layer\(\) has no parameter 'unit'; did you mean 'units'\? There is: units, r"
    ):
        complete(PARAMS, {"unit": 3}, "layer()")


def test_a_missing_parameter_is_named() -> None:
    with pytest.raises(TypeError, match=r"layer\(\) needs the parameter 'units'"):
        complete(PARAMS, {}, "layer()")


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        (Count, np.int64(3), 3),
        (float, 3, 3.0),
        (float, "inf", float("inf")),
        (float, "-inf", float("-inf")),
        (Pair, 3, 3),
        (Pair, [3, 5], (3, 5)),
        (Pair, np.array([3, 5]), (3, 5)),
        (Axes, None, None),
        (Axes, [0, -1], (0, -1)),
        (Shape, ["batch", 3, None], ("batch", 3, None)),
        (DType, np.float32, "float32"),
        (DType, np.dtype("int64"), "int64"),
        (DType, bool, "bool"),
        (str, "inf", "inf"),
        (Any, [1, "nan"], [1, "nan"]),
    ],
)
def test_a_value_that_fits_is_brought_into_canonical_form(annotation: Any, value: Any, expected: Any) -> None:
    checked = Param("p", annotation).check(value)

    assert (checked, type(checked)) == (expected, type(expected))


def test_not_a_number_comes_back_from_its_text() -> None:
    assert np.isnan(Param("p", float).check("nan"))


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (Count, 0),
        (Count, -1),
        (Count, 2.5),
        (Count, True),
        (Count, "3"),
        (Count, "inf"),
        (Count, None),
        (Fraction, 1.0),
        (Fraction, float("nan")),
        (Fraction, "nan"),
        (Pair, [3]),
        (Pair, [3, 5, 7]),
        (Pair, [3, 0]),
        (Shape, [-1]),
        (Shape, 8),
        (bool, 1),
        (DType, complex),
        (DType, "float"),
        (float, object()),
        (float, {1: 2}),
        (Annotated[str, Meta(max_length=3)], "four"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_in_one_line_that_shows_it(annotation: Any, value: Any) -> None:
    with pytest.raises(SpecError, match=r"^p=.* does not fit: ") as caught:
        Param("p", annotation).check(value)

    assert "\n" not in str(caught.value)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=8))
def test_whatever_is_given_it_is_taken_or_refused(value: Any) -> None:
    for annotation in (Count, Fraction, Pair, Axes, Shape, DType, DType | None, float, bool, str):
        param = Param("p", annotation)
        try:
            checked = param.check(value)
        except SpecError:
            continue
        again = param.check(checked)
        assert again == checked or (again != again and checked != checked)


def test_a_wrong_choice_is_met_with_the_nearest() -> None:
    with pytest.raises(
        SpecError, match=r"padding='sam' does not fit: there is no 'sam'; did you mean 'same'\? There is: "
    ):
        PARAMS["padding"].check("sam")


def test_choices_are_found_beside_other_types() -> None:
    assert choices(Literal["a", "b"]) == choices(Literal["a", "b"] | None) == ("a", "b")
    assert choices(int) == ()
