"""Specs: dimensions that are numbers, names, products or unknown; broadcasting as in NumPy, dtypes as in JAX."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

from flowloom.spec import (
    Spec,
    SpecError,
    as_array,
    broadcast,
    merge,
    merge_shapes,
    normalize_axis,
    product,
    promote,
    quotient,
)

F32, F64, I64, I8, BOOL = (np.dtype(n) for n in ("float32", "float64", "int64", "int8", "bool"))
names = st.sampled_from(["batch", "time", "width"])
dims = st.one_of(st.integers(1, 9), names)


# ---------------------------------------------------------------- what a spec is


def test_a_spec_reads_as_people_write_it() -> None:
    assert str(Spec(("batch", 8, None), "int64")) == "int64[batch, 8, ?]"


def test_a_spec_knows_its_sizes_once_all_are_numbers() -> None:
    spec = Spec((2, 3), "float64")

    assert (spec.is_concrete, spec.sizes, spec.size, spec.nbytes) == (True, (2, 3), 6, 48)


def test_sizes_are_refused_while_one_is_a_name() -> None:
    with pytest.raises(SpecError, match=r"must be known; got float32\[batch, 3\]"):
        _ = Spec(("batch", 3)).size


def test_numbers_of_any_kind_are_dimensions() -> None:
    assert Spec((np.int32(3), 4)) == Spec((3, 4)) == Spec(("3", 4))


def test_a_product_has_one_way_to_be_written() -> None:
    assert Spec(("time*2*batch*3",)).shape == ("6*batch*time",)


@pytest.mark.parametrize("dim", [-1, 1.5, True, "", "*", "a**b", "two words", "a-b", [3]])
def test_what_is_no_dimension_is_refused(dim: Any) -> None:
    with pytest.raises(SpecError, match="a dimension"):
        Spec((dim,))


# ---------------------------------------------------------------- arithmetic of dimensions


def test_a_name_is_only_itself() -> None:
    assert merge("batch", "batch") == "batch"
    assert merge(None, "batch") == merge("batch", None) == "batch"
    with pytest.raises(SpecError) as caught:
        merge("batch", 3)

    assert caught.value.dimension == "batch != 3"


def test_two_shapes_are_one_where_no_size_contradicts() -> None:
    assert merge_shapes(("batch", None, 3), ("batch", 4, None)) == ("batch", 4, 3)
    with pytest.raises(SpecError, match=r"shapes differ, \[batch, 4\] and \[batch, 4, 1\]"):
        merge_shapes(("batch", 4), ("batch", 4, 1))
    with pytest.raises(SpecError, match="the weights do not fit") as caught:
        merge_shapes((2, None), (3, 4), "the weights do not fit")

    assert caught.value.dimension == "[2, ?] != [3, 4]"


@given(st.lists(dims, max_size=4), st.lists(dims, max_size=3))
def test_dividing_takes_a_product_apart_again(kept: list[Any], divided: list[Any]) -> None:
    assert quotient(product([*kept, *divided]), product(divided)) == product(kept)


@given(st.lists(dims, max_size=5), st.dictionaries(names, st.integers(1, 7), min_size=3))
def test_a_product_is_the_product_of_its_sizes(factors: list[Any], sizes: dict[str, int]) -> None:
    def number(d: Any) -> int:
        return int(np.prod([int(p) if p.isdecimal() else sizes[p] for p in str(d).split("*")]))

    assert number(product(factors)) == np.prod([number(d) for d in factors], dtype=int)


def test_what_is_unknown_stays_unknown() -> None:
    assert product([2, None]) is None
    assert quotient(None, 2) is None
    assert quotient("batch", "time") is None


def test_a_division_with_a_rest_is_refused() -> None:
    with pytest.raises(SpecError, match="10 elements cannot be divided by 4"):
        quotient(10, 4)


# ---------------------------------------------------------------- broadcasting


@given(array_shapes(min_dims=0, min_side=0, max_side=3), array_shapes(min_dims=0, min_side=0, max_side=3))
def test_numbers_broadcast_as_in_numpy(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    try:
        expected = np.broadcast_shapes(a, b)
    except ValueError:
        with pytest.raises(SpecError, match="do not broadcast"):
            broadcast(Spec(a), Spec(b))
    else:
        assert broadcast(Spec(a), Spec(b)).shape == expected


def test_a_named_dimension_survives_broadcasting() -> None:
    assert broadcast(Spec(("batch", 1, 3)), Spec((4, 1)), Spec(())).shape == ("batch", 4, 3)
    assert broadcast(Spec((None, 3)), Spec(("batch", 1))).shape == ("batch", 3)


def test_two_names_do_not_broadcast_and_the_axis_is_named() -> None:
    with pytest.raises(SpecError) as caught:
        broadcast(Spec(("batch", 3)), Spec(("time", 3)))

    assert caught.value.dimension == "axis -2: batch != time"


def test_an_axis_counts_from_either_end() -> None:
    assert [normalize_axis(a, 3) for a in (0, 2, -1, -3)] == [0, 2, 2, 0]
    with pytest.raises(SpecError, match="axis 3 is outside a tensor of 3 dimensions"):
        normalize_axis(3, 3)


# ---------------------------------------------------------------- dtypes and literals


@pytest.mark.parametrize(
    ("dtypes", "expected"),
    [
        ((F32, I64), F32),  # as JAX: an integer does not widen a float
        ((F32, F64), F64),
        ((I8, I64), I64),
        ((BOOL, I8), I8),
        ((BOOL, F32), F32),
        ((np.dtype("float16"), np.dtype("uint64")), np.dtype("float16")),
    ],
)
def test_mixed_dtypes_promote_as_in_jax(dtypes: tuple[Any, ...], expected: Any) -> None:
    assert promote(*dtypes) == promote(*dtypes[::-1]) == expected


@pytest.mark.parametrize(
    ("value", "beside", "expected"),
    [
        (2, [], I64),
        (2.0, [], F32),
        (True, [], BOOL),
        (2, [F64], F64),
        (2.0, [F64], F64),
        (2, [I8], I8),
        (2.5, [I8], F32),
        (np.pi, [np.dtype("float16")], np.dtype("float16")),
        (2, [BOOL], I64),
        ([1.0, 2], [], F32),
        ([1, 2], [F32], I64),
        (np.array([1.0]), [F32], F64),
    ],
)
def test_a_literal_takes_the_dtype_of_what_stands_beside_it(value: Any, beside: list[Any], expected: Any) -> None:
    assert as_array(value, beside=beside).dtype == expected


@pytest.mark.parametrize(
    "value", [None, "abc", b"x", {}, {1}, object(), [1, [2]], ["a"], 1j, np.datetime64("2020"), slice(1), Spec((3,))]
)
def test_what_is_not_made_of_numbers_is_refused_in_one_line(value: Any) -> None:
    with pytest.raises(SpecError, match="is not an array of numbers") as caught:
        as_array(value)

    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (300, "int8"),
        (-1, "uint8"),
        (1.5, "int64"),
        (np.nan, "int64"),
        (2, "bool"),
        (1e300, "float32"),
        (2**70, "int64"),
    ],
)
def test_a_number_that_the_dtype_cannot_hold_is_refused(value: Any, dtype: str) -> None:
    with pytest.raises(SpecError, match=f"that {dtype} holds"):
        as_array(value, dtype)


def test_what_is_not_finite_can_be_held() -> None:
    np.testing.assert_array_equal(as_array(["nan", 1.0, "-inf"], "float32"), np.float32([np.nan, 1, -np.inf]))
    assert as_array(float("inf"), "float16") == np.inf


def test_an_array_is_taken_as_it_is() -> None:
    array = np.arange(3.0)

    assert as_array(array) is array


# ---------------------------------------------------------------- the error


def test_the_innermost_call_is_the_one_that_is_named() -> None:
    error = SpecError("the rule", dimension="4 != 5").within("matmul(a)").within("dense(x)")

    assert (str(error), error.rule, error.dimension) == ("matmul(a): the rule", "the rule", "4 != 5")
