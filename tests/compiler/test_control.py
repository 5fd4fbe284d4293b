"""Branches and loops as expressions: what they compute, only what they must, and their gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from flowloom.backends.portable import KernelError, evaluate
from flowloom.compiler.control import cond, scan, while_loop
from flowloom.compiler.expr import Expr, constant, placeholder
from flowloom.compiler.gradient import gradients
from flowloom.ops import add, cast, exp, log, matmul, maximum, multiply, sin, sqrt, square, subtract, sum, take, tanh
from flowloom.spec import Spec, SpecError

X = placeholder("x", Spec((3,), "float64"))
W = placeholder("w", Spec((3, 3), "float64"))
FLAG = placeholder("flag", Spec((), "bool"))
SEQUENCE = placeholder("xs", Spec((5, 3), "float64"))


def slope(f: Expr, feeds: dict[Expr, Any], x: Expr, direction: Any, step: float = 1e-5) -> float:
    def at(t: float) -> float:
        return float(evaluate([f], feeds | {x: feeds[x] + t * direction})[0])

    return (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step)


def check_gradients(f: Expr, feeds: dict[Expr, Any], wrt: list[Expr]) -> None:
    """First and second derivatives of `f` against finite differences."""
    rng = np.random.default_rng(0)
    first = gradients(f, wrt)
    for x, g in zip(wrt, first, strict=True):
        direction = rng.normal(size=x.shape)
        assert np.sum(evaluate([g], feeds)[0] * direction) == pytest.approx(slope(f, feeds, x, direction), rel=1e-6)
        along = sum(g * constant(direction))
        for other, gg in zip(wrt, gradients(along, wrt), strict=True):
            second = rng.normal(size=other.shape)
            expected = slope(along, feeds, other, second)
            assert np.sum(evaluate([gg], feeds)[0] * second) == pytest.approx(expected, rel=1e-5, abs=1e-7)


def choose() -> tuple[Expr, ...]:
    return tuple(cond(FLAG, lambda x: [sin(x) * x], lambda x: [exp(matmul(x, W))], [X]))


def recur(*, reverse: bool = False) -> tuple[Expr, Expr]:
    """h <- tanh(h W + x), and the outputs h * h + index."""

    def step(index: Expr, h: Expr, x: Expr) -> list[Expr]:
        new = tanh(matmul(h, W) + x)
        return [new, new * new + cast(index, dtype="float64")]

    last, outputs = scan(step, [X], [SEQUENCE], reverse=reverse)
    return last, outputs


def feeds(flag: bool = True) -> dict[Expr, Any]:
    rng = np.random.default_rng(1)
    values = {FLAG: np.asarray(flag)}
    return values | {e: rng.normal(size=e.shape) * 0.5 for e in (X, W, SEQUENCE)}


def test_a_condition_chooses_a_branch() -> None:
    (y,) = choose()
    values = feeds()
    x, w = values[X], values[W]

    np.testing.assert_allclose(evaluate([y], values | {FLAG: np.asarray(True)})[0], np.sin(x) * x)
    np.testing.assert_allclose(evaluate([y], values | {FLAG: np.asarray(False)})[0], np.exp(x @ w))


def test_the_other_branch_is_not_computed() -> None:
    (y,) = cond(FLAG, lambda x: [x], lambda x: [_refusing(x)], [X])

    np.testing.assert_array_equal(evaluate([y], feeds(True))[0], feeds()[X])
    with pytest.raises(KernelError):
        evaluate([y], feeds(False))


def _refusing(x: Expr) -> Expr:
    """An expression in the shape of `x` that fails when it runs: an index is out of range."""
    index = cast(x * 0.0 + 99.0, dtype="int64")
    return take(x, index, axis=0)  # type: ignore[no-any-return]


@pytest.mark.parametrize("flag", [True, False])
def test_a_branch_has_the_gradient_of_what_was_computed(flag: bool) -> None:
    check_gradients(sum(choose()[0]), feeds(flag), [X, W])


def test_branches_of_different_specs_are_refused() -> None:
    with pytest.raises(SpecError, match=r"both branches must give one spec as result 0; got float64\[3\] and"):
        cond(FLAG, lambda x: [x], lambda x: [sum(x)], [X])


def test_a_condition_is_one_bool() -> None:
    with pytest.raises(SpecError, match=r"the condition must be one bool; got float64\[3\]"):
        cond(X, lambda x: [x], lambda x: [x], [X])


@pytest.mark.parametrize("reverse", [False, True])
def test_a_scan_is_the_loop_written_out(reverse: bool) -> None:
    values = feeds()
    h, outputs = values[X], np.zeros((5, 3))
    for n in reversed(range(5)) if reverse else range(5):
        h = np.tanh(h @ values[W] + values[SEQUENCE][n])
        outputs[n] = h * h + n

    last, stacked = evaluate(recur(reverse=reverse), values)

    np.testing.assert_allclose(last, h)
    np.testing.assert_allclose(stacked, outputs)


@pytest.mark.parametrize("reverse", [False, True])
def test_a_scan_has_first_and_second_derivatives(reverse: bool) -> None:
    last, outputs = recur(reverse=reverse)
    weights = constant(np.random.default_rng(2).normal(size=(5, 3)))

    check_gradients(sum(last) + sum(outputs * weights), feeds(), [X, W, SEQUENCE])


def test_a_scan_over_no_steps_gives_its_first_states() -> None:
    none = placeholder("none", Spec((0, 3), "float64"))
    last, outputs = scan(lambda i, h, x: [h + x, h], [X], [none])

    values = evaluate([last, outputs], feeds() | {none: np.zeros((0, 3))})

    np.testing.assert_array_equal(values[0], feeds()[X])
    assert values[1].shape == (0, 3)


def test_a_scan_may_run_over_nothing_for_a_number_of_steps() -> None:
    last, powers = scan(lambda i, h: [h * 2.0, h], [constant(1.0, "float64")], [], length=4)

    assert evaluate([last], {})[0] == 16
    np.testing.assert_array_equal(evaluate([powers], {})[0], [1, 2, 4, 8])


def test_a_state_keeps_its_spec() -> None:
    with pytest.raises(SpecError, match=r"state 0 must keep its spec; it begins as float64\[3\] and becomes"):
        scan(lambda i, h, x: [sum(h)], [X], [SEQUENCE])


def test_sequences_have_as_many_steps() -> None:
    other = placeholder("other", Spec((4, 3), "float64"))

    with pytest.raises(SpecError, match="all sequences must have as many steps; got 5 and 4"):
        scan(lambda i, h, x, z: [h + x + z], [X], [SEQUENCE, other])


def test_a_loop_runs_while_its_condition_holds() -> None:
    """Newton's iteration for the square root of 2, until it stands still."""
    two = constant(2.0, "float64")

    def body(index: Expr, y: Expr) -> list[Expr]:
        new = (y + two / y) * 0.5
        return [new, subtract(square(new), two)]

    root, errors = while_loop(lambda i, y: maximum(square(y) - two, two - square(y)) > 1e-12, body, [two], collected=1)
    found, seen = evaluate([root, errors], {})

    assert found == pytest.approx(np.sqrt(2), rel=1e-12)
    assert seen.shape == (5,)
    assert errors.spec == Spec((None,), "float64")


def test_a_loop_has_no_gradient_and_says_what_has() -> None:
    (last,) = while_loop(lambda i, y: i < 3, lambda i, y: [y * y], [sum(X)])

    with pytest.raises(SpecError, match="while_loop has no gradient; use scan"):
        gradients(last, [X])


def test_loops_nest_and_capture_what_is_around_them() -> None:
    def outer(index: Expr, h: Expr, x: Expr) -> list[Expr]:
        (inner,) = scan(lambda j, s: [tanh(add(multiply(s, x), h))], [h], [], length=3)
        (kept,) = cond(
            sum(inner) > 0.0, lambda v: [sqrt(square(v) + 1.0)], lambda v: [log(square(v) + h * h + 1.0)], [inner]
        )
        return [kept]

    (last,) = scan(outer, [X], [SEQUENCE])
    values = feeds()
    h = values[X]
    for x in values[SEQUENCE]:
        s = h
        for _ in range(3):
            s = np.tanh(s * x + h)
        h = np.sqrt(s**2 + 1) if s.sum() > 0 else np.log(s**2 + h * h + 1)

    np.testing.assert_allclose(evaluate([last], values)[0], h)
    check_gradients(sum(last), values, [X, SEQUENCE])
