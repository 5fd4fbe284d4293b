"""Loops after rewriting: less at each step, more before and after them, and the same numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from flowloom.backends.portable import KernelError, evaluate
from flowloom.compiler.control import SCAN, cond, scan, while_loop
from flowloom.compiler.expr import Expr, constant, placeholder, toposort
from flowloom.compiler.function import Function
from flowloom.compiler.gradient import gradients
from flowloom.compiler.rewriting import RULES, rewrite
from flowloom.ops import (
    add,
    cast,
    concatenate,
    exp,
    greater,
    matmul,
    mean,
    negative,
    sigmoid,
    sin,
    softmax,
    split,
    square,
    sum,
    take,
    tanh,
    transpose,
    where,
)
from flowloom.spec import Spec

STEPS, BATCH, UNITS = 5, 2, 3
H = placeholder("h", Spec((BATCH, UNITS), "float64"))
C = placeholder("c", Spec((BATCH, UNITS), "float64"))
XS = placeholder("xs", Spec((STEPS, BATCH, UNITS), "float64"))
GATES = placeholder("gates", Spec((STEPS, BATCH, 4 * UNITS), "float64"))
W = placeholder("w", Spec((UNITS, UNITS), "float64"))
R = placeholder("r", Spec((UNITS, 4 * UNITS), "float64"))
FLAG = placeholder("flag", Spec((), "bool"))
INDICES = placeholder("indices", Spec((STEPS,), "int64"))
LEAVES = (H, C, XS, GATES, W, R)


def feeds() -> dict[Expr, Any]:
    rng = np.random.default_rng(0)
    drawn = {e: rng.normal(size=e.shape) for e in LEAVES}
    return drawn | {FLAG: True, INDICES: np.array([2, 0, 1, 1, 0])}


def fired(outputs: Sequence[Expr]) -> Counter[str]:
    total: Counter[str] = Counter()
    for phase in rewrite(outputs).phases:
        total.update(phase.rules)
    return total


def assert_same(outputs: Sequence[Expr]) -> tuple[Expr, ...]:
    """The outputs have the same specs and values, rewritten and not; gives them rewritten."""
    made = rewrite(outputs).outputs
    assert [e.spec for e in made] == [e.spec for e in outputs]
    for before, after in zip(evaluate(outputs, feeds()), evaluate(made, feeds()), strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-10, atol=1e-13)
    return made


def scans(outputs: Sequence[Expr]) -> list[Expr]:
    return [e for e in toposort(outputs) if e.op is SCAN]


def body_of(whole: Expr) -> list[str]:
    """The names of the ops in the body of a scan."""
    body: Function = dict(whole.params)["body"]
    return [e.op.name for e in toposort(body.outputs) if e.args]


def lstm(h: Any, c: Any, gates: Any, r: Any) -> list[Any]:
    """The states after each step of long short-term memory (Hochreiter and Schmidhuber 1997)."""

    def step(index: Any, h: Any, c: Any, x: Any) -> list[Any]:
        i, f, g, o = split(x + matmul(h, r), sections=4, axis=-1)
        new = sigmoid(f) * c + sigmoid(i) * tanh(g)
        return [sigmoid(o) * tanh(new), new]

    return list(scan(step, [h, c], [gates]))


def trained_lstm() -> list[Expr]:
    loss = sum(square(lstm(H, C, GATES, R)[0]))
    return [loss, *gradients(loss, [H, C, GATES, R])]


def test_the_gradient_of_an_lstm_has_its_large_products_outside_the_loop() -> None:
    outputs = trained_lstm()
    before, after = scans(outputs), scans(assert_same(outputs))

    assert [body_of(e).count("matmul") for e in before] == [1, 3]
    assert [body_of(e).count("matmul") for e in after] == [1, 1]
    assert "tanh" not in body_of(after[1])
    assert "sigmoid" not in body_of(after[1])
    assert "transpose" not in body_of(after[1])
    assert len(body_of(after[1])) < 0.6 * len(body_of(before[1]))


def test_what_was_taken_out_can_be_differentiated_again() -> None:
    along = sum(square(trained_lstm()[4])) + sum(trained_lstm()[1])

    assert_same(gradients(along, [H, GATES, R]))


# ---------------------------------------------------------------- each rule


def simple(step: Callable[..., list[Any]], states: Sequence[Expr] = (H,), xs: Sequence[Expr] = (XS,)) -> list[Any]:
    return list(scan(step, list(states), list(xs)))


CASES: dict[str, tuple[Callable[[], list[Any]], int]] = {
    "known_branch": (lambda: list(cond(constant(True), lambda x: [sin(x), x], lambda x: [exp(x), x], [H])), 2),
    "unread_results": (lambda: simple(lambda i, h, c, x: [tanh(h + x), c + h, exp(h)], (H, C))[:1], 1),
    "unread_operands": (lambda: simple(lambda i, h, x, y, z: [tanh(h + x - z)], (H,), (XS, XS + 1.0, XS)), 1),
    "same_at_every_step": (lambda: gradients(sum(simple(lambda i, h, x: [tanh(h @ W) + x])[0]), [H]), 1),
    "all_steps_at_once": (lambda: simple(lambda i, h, x: [tanh(h + sigmoid(matmul(x, W)))]), 1),
    "sum_over_steps": (
        lambda: simple(lambda i, s, h, x: [s + matmul(transpose(x), h), tanh(h + x), h], (W, H)),
        3,  # once for each result of the loop
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_rule(name: str) -> None:
    build, count = CASES[name]

    assert fired(build())[name] == count
    assert_same(build())


def test_every_rule_of_loops_has_a_case() -> None:
    assert set(RULES.names["loops"]) == set(CASES)


@pytest.mark.parametrize("reverse", [False, True])
def test_sums_of_many_kinds_leave_the_loop(reverse: bool) -> None:
    def step(i: Any, product: Any, total: Any, row: Any, kept: Any, h: Any, x: Any) -> list[Any]:
        new = tanh(h + x)
        return [
            product + matmul(transpose(concatenate(x, x, axis=0)), concatenate(new, h, axis=0)),
            sum(x * 2.0, axis=0) + total,
            row + sum(square(x)),
            kept,
            new,
            new,
            h,
            x * 2.0,
        ]

    states = [W, sum(H, axis=0), sum(C), C, H]
    outputs = list(scan(step, states, [XS], reverse=reverse))
    (after,) = scans(assert_same(outputs))

    assert dict(after.params)["states"] < 5


def test_a_sum_that_the_loop_reads_stays_in_it() -> None:
    outputs = simple(lambda i, s, h, x: [s + matmul(transpose(x), h), tanh(h + matmul(x, s))], (W, H))

    assert "sum_over_steps" not in fired(outputs)
    assert_same(outputs)


def test_what_reads_a_state_stays_in_the_loop() -> None:
    outputs = simple(lambda i, h, x: [tanh(matmul(h, W) + x), softmax(h)])

    assert set(fired(outputs)) & set(RULES.names["loops"]) == set()


def test_what_is_cheap_stays_in_the_loop() -> None:
    outputs = simple(lambda i, h, x: [tanh(h + x * 2.0 - 1.0)])

    assert "all_steps_at_once" not in fired(outputs)


def test_what_would_take_much_memory_for_all_steps_stays_in_the_loop() -> None:
    thin = placeholder("thin", Spec((1000, 4), "float64"))
    wide = placeholder("wide", Spec((4, 5000), "float64"))
    outputs = [scan(lambda i, s, x: [s + sum(tanh(x[None] @ wide))], [sum(W)], [thin])[0]]

    assert "all_steps_at_once" not in fired(outputs)


def test_steps_with_operands_of_fewer_dimensions_are_the_same_at_once() -> None:
    rows, numbers = XS[:, 0], XS[:, 0, 0]

    def step(i: Any, h: Any, row: Any, n: Any, x: Any) -> list[Any]:
        mixed = softmax(exp(row * 0.1) * x + n, axis=0) + mean(sin(x), axis=-1, keepdims=True)
        first, second = split(sigmoid(mixed @ W), sizes=(1, 2), axis=1)
        return [tanh(h + first * n) * sum(second), where(greater(x, n), tanh(row), 0.0)]

    outputs = simple(step, (H,), (rows, numbers, XS))

    assert fired(outputs)["all_steps_at_once"] >= 1
    assert_same(outputs)


def test_bodies_are_rewritten_like_everything_else() -> None:
    outputs = [
        *scan(lambda i, h, x: [tanh(h + (x + 0.0) * 1.0), square(-h)], [H], [XS]),
        *while_loop(lambda i, h: sum(square(h)) < 50.0, lambda i, h: [negative(-h) * 1.5 + 0.0], [H]),
        *cond(FLAG, lambda x: [x * 2.0 * 3.0], lambda x: [transpose(transpose(x))], [H]),
    ]
    made = assert_same(outputs)

    bodies = [v for e in toposort(made) for _, v in e.params if isinstance(v, Function)]
    left = Counter(e.op.name for f in bodies for e in toposort(f.outputs) if e.args)
    assert left["negative"] == left["transpose"] == 0
    assert left["multiply"] == 4  # the square, the square in the condition, h * 1.5 and x * 6


def test_loops_in_loops_are_rewritten() -> None:
    def outer(i: Any, h: Any, x: Any) -> list[Any]:
        inner = scan(lambda j, s, y: [tanh(s + sigmoid(y @ W) * 1.0)], [h], [XS])
        return [inner[0] + x]

    outputs = simple(outer)

    assert fired(outputs)["all_steps_at_once"] == 1
    assert fired(outputs)["same_at_every_step"] >= 1
    assert_same(outputs)


def test_a_loop_of_no_steps_gives_what_it_began_with() -> None:
    none = placeholder("none", Spec((0, BATCH, UNITS), "float64"))
    outputs = list(scan(lambda i, s, h, x: [s + transpose(x) @ h, tanh(h + sigmoid(x)), h], [W, H], [none]))
    values = feeds() | {none: np.zeros((0, BATCH, UNITS))}

    for before, after in zip(evaluate(outputs, values), evaluate(rewrite(outputs).outputs, values), strict=True):
        np.testing.assert_array_equal(after, before)


def test_a_while_loop_that_collects_stays_as_it_is() -> None:
    """How many steps there are is not known, so nothing that reads its result is looked into."""
    made = while_loop(lambda i, h: sum(h) < 10.0, lambda i, h: [h + 1.0, h * 1.0], [square(H)], collected=1)

    assert_same([sum(made[1] * 1.0), made[0]])


# ---------------------------------------------------------------- checks in bodies


def test_a_value_that_a_body_refuses_is_refused_though_nobody_reads_it() -> None:
    outputs = [scan(lambda i, h, n: [tanh(h), take(H, n)], [H], [INDICES])[0]]
    made = rewrite(outputs).outputs

    np.testing.assert_allclose(
        evaluate(made, feeds() | {INDICES: np.zeros(STEPS)})[0],
        evaluate(outputs, feeds() | {INDICES: np.zeros(STEPS)})[0],
    )
    with pytest.raises(KernelError, match="index 7"):
        evaluate(made, feeds() | {INDICES: np.array([0, 1, 7, 0, 0])})


def test_what_may_be_refused_is_not_computed_before_a_loop_that_may_have_no_steps() -> None:
    one = take(H, INDICES)
    outputs = [scan(lambda i, h, x: [h + sum(take(H, INDICES)) * x], [H], [XS])[0], add(one, 0.0)]

    assert "same_at_every_step" not in fired(outputs[:1])


def test_an_error_in_a_rewritten_body_names_what_it_was_made_from() -> None:
    def step(i: Any, h: Any, n: Any) -> list[Any]:
        return [h + (take(H, n) * 1.0 + cast(i, dtype="float64") * 0.0)]

    outputs = [scan(step, [H], [INDICES])[0]]
    bad = feeds() | {INDICES: np.array([0, 1, 9, 0, 0])}
    errors = []
    for made in (outputs, rewrite(outputs).outputs):
        with pytest.raises(KernelError, match="index 9") as caught:
            evaluate(made, bad)
        errors.append(caught.value.expr)

    assert errors[0] is errors[1]
