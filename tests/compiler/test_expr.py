"""Expressions: equal ones are one object, different ones never are, and none outlives its use."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowloom.compiler.expr import Expr, constant, placeholder, toposort
from flowloom.ops import clip, exp, one_hot, relu, reshape, square
from flowloom.ops import sum as total
from flowloom.spec import Spec, SpecError

X = placeholder("x", Spec(("batch", 3)))


# ---------------------------------------------------------------- one object for one value


def test_equal_expressions_are_one_object() -> None:
    assert exp(X) + relu(X) is exp(X) + relu(X)
    assert clip(X, low=0, high=2) is clip(X, low=0.0, high=2.0)
    assert constant([1.0, 2.0]) is constant(np.float32([1, 2]))


def test_an_input_is_known_by_its_name_and_its_spec() -> None:
    assert placeholder("x", Spec(("batch", 3))) is X
    assert placeholder("x", Spec(("batch", 4))) is not X
    assert placeholder("y", Spec(("batch", 3))) is not X


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (0, False),
        (1, True),
        (0, 0.0),
        (0.0, -0.0),
        (0.0, float("nan")),
        (float("nan"), -float("nan")),
        (1.0, 1.0000001),
        ([0.0], 0.0),
        ([[1, 2]], [[1], [2]]),
        (np.float32(1), np.array(1.0)),
        (np.zeros(100), np.zeros((10, 10))),
        (np.zeros(100), -np.zeros(100)),
    ],
)
def test_constants_differ_where_their_bits_their_type_or_their_shape_do(a: Any, b: Any) -> None:
    assert constant(a) is constant(a)
    assert constant(a) is not constant(b)


@pytest.mark.parametrize(
    ("a", "b"),
    [({"low": 0.0}, {"low": -0.0}), ({"low": 0.0}, {"low": -1e-300}), ({"high": 1.0}, {"high": float("inf")})],
)
def test_parameters_differ_where_their_bits_do(a: Any, b: Any) -> None:
    assert clip(X, **a) is not clip(X, **b)


@given(st.floats(width=32), st.floats(width=32))
def test_two_numbers_are_one_constant_exactly_if_their_bits_agree(a: float, b: float) -> None:
    same = np.float32(a).tobytes() == np.float32(b).tobytes()

    assert (constant(a, "float32") is constant(b, "float32")) == same


def test_a_constant_does_not_follow_the_array_it_was_made_from() -> None:
    array = np.zeros(3)
    made = constant(array)
    array[0] = 1

    assert made.value is not None
    np.testing.assert_array_equal(made.value, 0)
    with pytest.raises(ValueError, match="read-only"):
        made.value[0] = 1


# ---------------------------------------------------------------- lifetime


def test_what_nobody_holds_is_forgotten() -> None:
    held = weakref.ref(square(placeholder("short lived", Spec((3,)))))
    gc.collect()

    assert held() is None


def test_a_chain_of_fifty_thousand_is_built_walked_and_forgotten() -> None:
    start = placeholder("start", Spec((2,)))
    x = start
    for _ in range(50_000):
        x = x + 1.0
    held = weakref.ref(x)

    assert len(toposort([x])) == 50_002
    del x
    gc.collect()
    assert held() is None


def test_threads_that_build_the_same_get_the_same() -> None:
    built: list[list[Expr]] = [[] for _ in range(6)]
    start = threading.Barrier(6)

    def build(out: list[Expr]) -> None:
        start.wait()
        for i in range(300):
            out.append(exp(placeholder("shared", Spec((2,)))) * float(i % 50))
            relu(placeholder(f"of a moment {i}", Spec((2,))))

    threads = [threading.Thread(target=build, args=(out,)) for out in built]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert all(a is b for others in built[1:] for a, b in zip(built[0], others, strict=True))


# ---------------------------------------------------------------- building


def test_a_literal_takes_the_dtype_of_the_expression_beside_it() -> None:
    x = placeholder("x", Spec((3,), "float16"))

    assert (2 * x).dtype == (x + 0.5).dtype == np.float16
    with pytest.raises(SpecError, match="that int8 holds"):
        placeholder("i", Spec((3,), "int8")) + 300


def test_operands_that_do_not_fit_are_refused_where_they_are_written() -> None:
    with pytest.raises(SpecError, match=r"add\(a: float32\[batch, 3\], b: float32\[4\]\)"):
        X + placeholder("y", Spec((4,)))


def test_arguments_come_before_what_reads_them_each_once() -> None:
    shared = exp(X)
    y = total(shared * shared + relu(shared))
    order = toposort([y, shared])

    assert len(order) == len(set(order))
    assert all(order.index(a) < order.index(e) for e in order for a in e.args)
    assert order[-1] is y


def test_a_walk_stops_where_it_is_told() -> None:
    middle = exp(X)

    assert toposort([relu(middle)], stop=[middle]) == [relu(middle)]


def test_named_dimensions_stay_through_a_model() -> None:
    image = placeholder("image", Spec(("batch", 4, 4, 2)))
    flat = reshape(image, shape=("batch", 32))

    assert (flat @ constant(np.zeros((32, 5), np.float32))).shape == ("batch", 5)
    assert one_hot(placeholder("label", Spec(("batch",), "int64")), depth=10).shape == ("batch", 10)
