"""Arithmetic: dtypes, special points of the gradients, and what is said of operands that do not fit."""

from __future__ import annotations

import re

import numpy as np
import pytest

from flowloom import ops
from flowloom.backends.portable import evaluate
from flowloom.compiler.expr import placeholder
from flowloom.compiler.gradient import gradients
from flowloom.spec import Spec, SpecError


def says(sentence: str) -> str:
    return f"^{re.escape(sentence)}$"


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("float32", "int64", "float32"),
        ("float32", "float64", "float64"),
        ("bool", "float32", "float32"),
        ("int32", "int64", "int64"),
        ("bool", "int32", "int32"),
    ],
)
def test_a_float_stays_as_wide_as_it_is_beside_integers(a: str, b: str, expected: str) -> None:
    result = ops.multiply(np.ones(3, a), np.ones(3, b))

    assert result.dtype == expected


@pytest.mark.parametrize(
    "name", ["exp", "log", "sqrt", "sin", "cos", "tanh", "sigmoid", "softplus", "gelu", "silu", "elu"]
)
def test_functions_of_integers_are_float32(name: str) -> None:
    x = np.array([1, 2, 3])

    result = getattr(ops, name)(x)

    assert result.dtype == np.float32
    np.testing.assert_allclose(result, getattr(ops, name)(x.astype(float)), rtol=1e-6)


def test_integers_divide_to_float32() -> None:
    result = ops.divide(np.array([1, 2]), np.array([2, 8]))

    assert result.dtype == np.float32
    assert result.tolist() == [0.5, 0.25]


def test_cast_cuts_off_what_is_behind_the_point() -> None:
    assert ops.cast(np.array([1.9, -1.9]), dtype="int32").tolist() == [1, -1]
    assert ops.cast(np.array([0.0, 0.5]), dtype=bool).tolist() == [False, True]


@pytest.mark.parametrize(("exponent", "expected"), [(0.0, 0.0), (1.0, 1.0), (2.0, 0.0)])
def test_the_gradient_of_a_power_at_zero_is_finite(exponent: float, expected: float) -> None:
    x = placeholder("x", Spec((), "float64"))
    b = placeholder("b", Spec((), "float64"))

    found = evaluate(gradients(x**b, [x, b]), {x: np.array(0.0), b: np.array(exponent)})

    assert found == [expected, 0.0]


def test_equal_operands_of_maximum_share_the_gradient() -> None:
    a, b = placeholder("a", Spec((2,), "float64")), placeholder("b", Spec((2,), "float64"))
    y = ops.sum(ops.maximum(a, b))

    ga, gb = evaluate(gradients(y, [a, b]), {a: np.array([1.0, 2.0]), b: np.array([1.0, 3.0])})

    assert ga.tolist() == [0.5, 0.0]
    assert gb.tolist() == [0.5, 1.0]


def test_no_gradient_passes_the_bounds_of_clip() -> None:
    x = placeholder("x", Spec((3,), "float64"))

    (g,) = evaluate(gradients(ops.sum(ops.clip(x, low=-1, high=1)), [x]), {x: np.array([-2.0, 0.5, 2.0])})

    assert g.tolist() == [0.0, 1.0, 0.0]


def test_an_integer_between_two_casts_ends_the_gradient() -> None:
    x = placeholder("x", Spec((2,), "float64"))
    y = ops.sum(ops.cast(ops.cast(x, dtype="int32"), dtype="float64") * x)

    (g,) = evaluate(gradients(y, [x]), {x: np.array([1.5, -2.5])})

    assert g.tolist() == [1.0, -2.0]


def test_shapes_that_do_not_broadcast() -> None:
    with pytest.raises(
        SpecError,
        match=says(
            "add(a: float32[batch, 3], b: float32[4]): shapes do not broadcast: axis -1 is 3 and 4; "
            "the sizes must be equal or 1"
        ),
    ) as error:
        ops.add(Spec(("batch", 3)), Spec((4,)))

    assert error.value.dimension == "axis -1: 3 != 4"


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "int4", "float16", "bfloat16", "float32"])
def test_clip_takes_all_numbers(dtype: str) -> None:
    x = np.array([0, 2, 5, 7]).astype(dtype)

    y = ops.clip(x, low=1, high=5)

    assert y.dtype == np.dtype(dtype)
    assert y.astype(int).tolist() == [1, 2, 5, 5]


def test_a_bound_beyond_the_dtype_is_none() -> None:
    small, large = np.array([-128, 127], np.int8), np.array([2**63 - 1, -(2**63)])

    assert ops.clip(small, low=-1000, high=float("inf")).tolist() == [-128, 127]
    assert ops.clip(large, low=float("-inf"), high=2.0**63).tolist() == large.tolist()
    assert ops.clip(np.array([1e4, np.inf], np.float16), low=-1e9, high=1e9).tolist() == [1e4, np.inf]


def test_bounds_that_integers_cannot_have() -> None:
    with pytest.raises(SpecError, match=says("clip(x: int32[3]): the bounds of integers must be whole; got low=0.5")):
        ops.clip(Spec((3,), "int32"), low=0.5)
    with pytest.raises(SpecError, match=says("clip(x: uint8[3]): uint8 holds no number from 300.0 to 400.0")):
        ops.clip(Spec((3,), "uint8"), low=300, high=400)


def test_bounds_in_the_wrong_order() -> None:
    with pytest.raises(SpecError, match=says("clip(x: float32[3]): low must not exceed high; got low=2.0, high=1.0")):
        ops.clip(Spec((3,)), low=2.0)


def test_arithmetic_on_bool() -> None:
    truth = Spec((3,), "bool")

    with pytest.raises(
        SpecError,
        match=says(
            "add(a: bool[3], b: bool[3]): both are bool; cast one to a number, or use logical_and and logical_or"
        ),
    ):
        ops.add(truth, truth)
    with pytest.raises(
        SpecError, match=says("negative(x: bool[3]): the elements must be numbers; got bool. Cast them first")
    ):
        ops.negative(truth)


def test_a_condition_that_is_no_truth() -> None:
    x = Spec((3,))

    with pytest.raises(
        SpecError,
        match=says(
            "where(condition: float32[3], a: float32[3], b: float32[3]): the condition must be bool; got float32. "
            "Compare it with something"
        ),
    ):
        ops.where(x, x, x)


def test_logic_on_numbers() -> None:
    with pytest.raises(
        SpecError,
        match=says("logical_not(x: int64[3]): the elements must be bool; got int64. Compare them first"),
    ):
        ops.logical_not(Spec((3,), "int64"))
