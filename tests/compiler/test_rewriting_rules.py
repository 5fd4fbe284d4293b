"""Each rule by itself: it fires where it should, as often as it should, and what comes out is the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from flowloom.backends.portable import KernelError, evaluate
from flowloom.compiler.expr import CONSTANT, Expr, constant, placeholder, toposort
from flowloom.compiler.gradient import gradients
from flowloom.compiler.rewriting import RULES, rewrite
from flowloom.op import get_op
from flowloom.ops import (
    abs,
    add,
    arange,
    at_labels,
    broadcast_to,
    cast,
    concatenate,
    divide,
    exp,
    expand_dims,
    flatten,
    full_like,
    greater,
    layer_normalization,
    less,
    logical_and,
    logical_not,
    logical_or,
    matmul,
    max,
    maximum,
    mean,
    negative,
    one_hot,
    ones_like,
    power,
    reshape,
    reshape_like,
    scatter_add,
    sin,
    slice,
    softmax,
    square,
    squeeze,
    stop_gradient,
    sum,
    sum_like,
    sum_to,
    take,
    tanh,
    transpose,
    var,
    where,
    zeros_like,
)
from flowloom.spec import Spec

size, attention_window = get_op("size"), get_op("attention_window")
X = placeholder("x", Spec((3, 4), "float64"))
Y = placeholder("y", Spec((3, 4), "float64"))
ROW = placeholder("row", Spec((4,), "float64"))
CUBE = placeholder("cube", Spec((2, 3, 4), "float64"))
COUNTS = placeholder("counts", Spec((3, 4), "int32"))
HOLDS = placeholder("holds", Spec((3, 4), "bool"))
LEAVES = (X, Y, ROW, CUBE, COUNTS, HOLDS)


def feeds(seed: int = 0) -> dict[Expr, Any]:
    rng = np.random.default_rng(seed)
    drawn = {e: rng.normal(size=e.shape) for e in (X, Y, ROW, CUBE)}
    return drawn | {COUNTS: rng.integers(-5, 5, (3, 4)), HOLDS: rng.random((3, 4)) > 0.5}


def fired(*outputs: Expr) -> Counter[str]:
    """How often each rule was applied, over all phases."""
    total: Counter[str] = Counter()
    for phase in rewrite(outputs).phases:
        total.update(phase.rules)
    return total


def ops_of(outputs: Sequence[Expr]) -> list[str]:
    """The names of the ops that are left."""
    return [e.op.name for e in toposort(outputs) if e.args]


def made_of(*outputs: Expr) -> list[str]:
    return ops_of(rewrite(outputs).outputs)


def assert_same(*outputs: Expr) -> None:
    """The outputs have the same specs and values, rewritten and not."""
    made = rewrite(outputs).outputs
    assert [e.spec for e in made] == [e.spec for e in outputs]
    for before, after in zip(evaluate(outputs, feeds()), evaluate(made, feeds()), strict=True):
        assert before.dtype == after.dtype
        np.testing.assert_allclose(after, before, rtol=1e-12, atol=1e-14)


def normalized() -> list[Expr]:
    """The gradient of a layer normalization, which sums over what is centred."""
    return gradients(sum(sin(layer_normalization(X, ROW, epsilon=0.1))), [X])


# For each rule: an expression, how often the rule fires, and what ops are left (None: too many to list).
CASES: dict[str, tuple[Callable[[], Any], int, list[str] | None]] = {
    # shapes
    "nothing_to_do": (lambda: transpose(cast(reshape(X, shape=(3, 4)), dtype="float64"), axes=(0, 1)), 3, []),
    "gradient_of_its_own": (lambda: var(X), 1, ["mean", "subtract", "multiply", "mean"]),
    "gradient_is_built": (lambda: stop_gradient(X) + Y, 1, ["add"]),
    "whole_slice": (lambda: slice(X, start=(None, 0), stop=(3, 9)), 1, []),
    "concatenation_of_one": (lambda: concatenate(X, axis=1), 1, []),
    "one_reshape": (lambda: squeeze(expand_dims(flatten(X), axis=0), axis=0), 3, ["reshape"]),
    "reduction_of_one": (lambda: sum(expand_dims(X, axis=1), axis=1), 1, []),
    "sum_of_leading_ones": (lambda: sum_to(reshape(X, shape=(1, 1, 3, 4)), shape=(1, 3, 4)), 1, ["reshape"]),
    "transpose_of_transpose": (lambda: transpose(transpose(CUBE, axes=(1, 2, 0)), axes=(1, 2, 0)), 1, ["transpose"]),
    "transpose_of_ones": (lambda: transpose(reshape(ROW, shape=(4, 1))), 1, ["reshape"]),
    "one_order": (lambda: transpose(X), 1, ["transpose"]),
    "transpose_of_product": (lambda: transpose(matmul(transpose(X), Y)), 1, ["transpose", "matmul"]),
    "one_broadcast": (lambda: broadcast_to(broadcast_to(ROW, shape=(3, 4)), shape=(2, 3, 4)), 1, ["broadcast_to"]),
    "one_sum_to": (lambda: sum_like(CUBE, ROW), 1, ["sum_to"]),
    "reshape_of_broadcast": (
        lambda: reshape(broadcast_to(ROW, shape=(3, 4)), shape=(3, 1, 4)),
        1,
        ["broadcast_to"],
    ),
    "cast_of_cast": (lambda: cast(cast(COUNTS, dtype="int64"), dtype="float64"), 1, ["cast"]),
    # signs
    "negative_of_negative": (lambda: negative(-X), 1, []),
    "magnitude_of_negative": (lambda: abs(-X), 1, ["abs"]),
    "sum_with_negative": (lambda: (-X) + Y, 1, ["subtract"]),
    "less_a_negative": (lambda: X - (-Y), 1, ["add"]),
    "negative_difference": (lambda: -(X - Y), 1, ["subtract"]),
    "product_with_negative": (lambda: (-X) * 3.0, 1, ["multiply"]),
    "negative_product": (lambda: -(X / ROW), 1, ["negative", "divide"]),
    "sum_of_negatives": (lambda: sum(-X, axis=0), 1, ["sum", "negative"]),
    # arithmetic
    "constant_behind": (lambda: greater(2.0 + X, 0.5), 1, ["add", "greater"]),
    "square_is_product": (lambda: square(X), 1, ["multiply"]),
    "small_power": (lambda: power(X, 4.0), 1, ["multiply", "multiply"]),
    "power_of_zero": (lambda: power(X, 0.0) + Y, 1, ["add"]),
    "quotient_by_power_of_two": (lambda: X / 8.0, 1, ["multiply"]),
    "factors_in_one": (lambda: X * 3.0 / 6.0 * 10.0, 2, ["multiply"]),
    "where_not": (lambda: where(logical_not(HOLDS), X, Y), 1, ["where"]),
    "where_all_the_same": (lambda: where(HOLDS, X, X), 1, []),
    "where_chosen_before": (lambda: where(HOLDS, where(HOLDS, X, 1.0), where(HOLDS, 2.0, Y)), 2, ["where"]),
    # constants
    "constant_result": (lambda: X + matmul(constant(np.eye(3)), np.ones((3, 4))), 1, ["add"]),
    "same_number": (lambda: tanh(broadcast_to(constant(0.5, "float64"), shape=(3, 4))), 1, ["broadcast_to"]),
    "same_number_seen_otherwise": (
        lambda: transpose(broadcast_to(constant(0.5, "float64"), shape=(3, 4))),
        1,
        ["broadcast_to"],
    ),
    "known_size": (lambda: X * cast(size(X, axis=0), dtype="float64"), 1, ["multiply"]),
    "one_number_like": (lambda: X + full_like(X, value=2.0), 1, ["add"]),
    "only_its_shape": (
        lambda: where(attention_window(_scores(), np.array(0), np.array(4), right=0), _scores(), 0.0),
        1,
        ["where"],
    ),
    "known_choice": (lambda: where(constant(True), X, Y), 1, []),
    "known_side": (lambda: logical_and(HOLDS, constant(True)), 1, []),
    "decided": (lambda: where(logical_or(HOLDS, constant(True)), X, Y), 1, []),
    # algebra
    "neutral_operand": (lambda: maximum((X + 0.0) * 1.0, -np.inf) / 1.0 - zeros_like(X), 5, []),
    "zero_less": (lambda: 0.0 - X, 1, ["negative"]),
    "minus_one": (lambda: X * -1.0, 1, ["negative"]),
    "integers_times_zero": (lambda: COUNTS * 0 + cast(HOLDS, dtype="int32"), 1, ["cast"]),
    "broadcast_by_itself": (lambda: X * broadcast_to(ROW, shape=(3, 4)), 1, ["multiply"]),
    "ones_in_front": (lambda: X * expand_dims(ROW, axis=0), 1, ["multiply"]),
    "reduction_of_equal": (lambda: sum(broadcast_to(ROW, shape=(3, 4)), axis=0), 1, ["multiply"]),
    "factor_of_sum": (lambda: sum(X * ROW, axis=0), 1, ["sum", "multiply"]),
    "constant_factor_of_sum": (lambda: sum(X * 3.0), 1, ["sum", "multiply"]),
    "reduction_of_reduction": (lambda: max(max(CUBE, axis=1), axis=0), 1, ["max", "reshape"]),
    "sum_to_of_sum_to": (lambda: sum_to(sum_to(CUBE, shape=(3, 4)), shape=(4,)), 1, ["sum_to"]),
    "take_of_a_run": (lambda: take(take(X, arange(stop=4), axis=1), np.array([1, 2])), 2, ["slice"]),
    "scatter_to_all": (lambda: scatter_add(X, arange(stop=3), size=3), 1, []),
    "sum_around_the_mean": (normalized, 1, None),
}


def _scores() -> Any:
    return reshape(X, shape=(1, 1, 3, 4))


@pytest.mark.parametrize("name", CASES)
def test_a_rule(name: str) -> None:
    build, count, left = CASES[name]
    made = build()
    outputs = made if isinstance(made, list) else [made]

    assert fired(*outputs)[name] == count
    assert_same(*outputs)
    assert left is None or made_of(*outputs) == left


def test_every_rule_that_is_no_loops_or_stable_forms_has_a_case() -> None:
    names = RULES.names

    assert {n for phase in ("canonicalise", "fold", "algebra") for n in names[phase]} == set(CASES)


# ---------------------------------------------------------------- what they leave alone


@pytest.mark.parametrize(
    "build",
    [
        lambda: X * 0.0,  # 0 times NaN is NaN
        lambda: X - X,
        lambda: X / X,
        lambda: X / 3.0,  # not exactly X times a third
        lambda: power(X, 0.5),  # of -inf it is inf, and sqrt is NaN
        lambda: power(X, 5.0),
        lambda: maximum(X, 0.0),
        lambda: (X + 1e16) - 1e16,  # sums do not regroup
        lambda: X * 1e-200 * 1e-200,  # the product of the factors is 0
        lambda: reshape(transpose(X), shape=(12,)),
        lambda: cast(cast(X, dtype="float32"), dtype="float64"),
        lambda: cast(cast(X, dtype="int32"), dtype="float64"),
        lambda: take(X, np.array([1, 0])),
        lambda: take(X, np.array([-3, -2, -1])),
        lambda: sum(X * Y, axis=0),
        lambda: where(HOLDS, X, 0.0),
    ],
)
def test_what_might_change_a_value_stays(build: Callable[[], Any]) -> None:
    y = build()
    written_otherwise = {"one_order", "one_reshape"}

    assert set(fired(y)) <= written_otherwise
    assert_same(y)


def test_an_op_whose_result_is_read_twice_is_not_computed_twice() -> None:
    product = matmul(transpose(X), Y)
    y, shared = transpose(product), X / ROW

    assert ops_of(rewrite([y, tanh(product)]).outputs).count("matmul") == 1
    assert ops_of(rewrite([-shared, exp(shared)]).outputs).count("divide") == 1


def test_a_copy_that_two_read_in_other_shapes_is_made_once() -> None:
    copied = reshape(transpose(X), shape=(12,))

    assert ops_of(rewrite([tanh(copied), reshape(copied, shape=(2, 6))]).outputs).count("transpose") == 1
    assert ops_of(rewrite([reshape(copied, shape=(2, 6))]).outputs) == ["transpose", "reshape", "reshape"]


def test_a_broadcast_is_left_to_what_reads_it_in_any_order() -> None:
    spread = broadcast_to(expand_dims(sum(X, axis=0), axis=0), shape=(3, 4))

    assert made_of(2.0 * spread * X) == ["sum", "multiply", "multiply"]
    assert_same(2.0 * spread * X, sum(spread), spread + spread)


def test_what_is_left_of_a_mean_of_squares_and_its_gradient() -> None:
    loss = mean(square(X - 1.0))

    assert made_of(loss, *gradients(loss, [X])) == ["subtract", "multiply", "mean", "multiply"]
    assert_same(loss, *gradients(loss, [X]))


# ---------------------------------------------------------------- NaN, infinities, integers


def test_nan_and_infinities_come_out_as_they_did() -> None:
    special = np.array([np.nan, np.inf, -np.inf, 0.0, 1.5, -2.0, 1e300, -1e300, 3.0, np.nan, 0.5, 7.0]).reshape(3, 4)
    for name, (build, _, _) in CASES.items():
        made = build()
        outputs = made if isinstance(made, list) else [made]
        if name in ("factors_in_one", "factor_of_sum", "constant_factor_of_sum", "sum_around_the_mean"):
            continue  # what overflows between two factors need not, and the others are documented
        values = feeds() | {X: special}
        for before, after in zip(evaluate(outputs, values), evaluate(rewrite(outputs).outputs, values), strict=True):
            np.testing.assert_allclose(after, before, rtol=1e-12, err_msg=name)


def test_nan_in_one_row_of_a_normalization_reaches_all_of_its_gradient() -> None:
    x = np.random.default_rng(0).normal(size=(3, 4))
    x[1, 2] = np.nan
    (before,), (after,) = (evaluate(e, feeds() | {X: x}) for e in (normalized(), rewrite(normalized()).outputs))

    assert np.isnan(after[1]).all()
    np.testing.assert_allclose(after, before, rtol=1e-9, atol=1e-13)


def test_small_integers_wrap_around_as_before() -> None:
    small = placeholder("small", Spec((300,), "int8"))
    y = sum_to(broadcast_to(small * 2 + -small, shape=(2, 300)), shape=(300,))
    value = {small: np.arange(300).astype("int8")}

    np.testing.assert_array_equal(evaluate(rewrite([y]).outputs, value)[0], evaluate([y], value)[0])


def test_half_floats_do_not_overflow_where_they_did_not() -> None:
    half = placeholder("half", Spec((4000,), "float16"))
    y = sum(half * np.float16(0.001)) + sum(broadcast_to(constant(0.5, "float16"), shape=(100_000,)) * half[0])
    value = {half: np.full(4000, 100.0, "float16")}

    assert np.isfinite(evaluate([sum(half * np.float16(0.001))], value)[0])
    np.testing.assert_array_equal(evaluate(rewrite([y]).outputs, value)[0], evaluate([y], value)[0])


# ---------------------------------------------------------------- constants


def test_a_constant_that_would_be_large_is_not_made() -> None:
    large = constant(np.ones((1, 300)), "float64")
    outer = transpose(large) * large  # 720 kB of 2.4 kB

    assert "multiply" in made_of(outer + 1.0)
    assert_same(outer + 1.0)


def test_one_number_takes_no_memory_however_large_its_tensor() -> None:
    big = placeholder("big", Spec((1000, 1000, 1000)))
    (made,) = rewrite([ones_like(big) * 2.0 + zeros_like(big)]).outputs

    assert made.op is broadcast_to
    assert made.args[0].op is CONSTANT
    assert made.args[0].value == 2.0


def test_a_constant_index_that_is_out_of_range_is_refused_when_it_runs() -> None:
    y = take(constant(np.arange(3.0)), np.array([5])) + X[0, 0]
    made = rewrite([y]).outputs

    with pytest.raises(KernelError, match="index 5"):
        evaluate(made, feeds())


# ---------------------------------------------------------------- checks

LABELS = placeholder("labels", Spec((3,), "int64"))
CHECKED = {
    "only the size is read": lambda: X * cast(size(take(X, LABELS)), dtype="float64"),
    "only the shape is read": lambda: X + zeros_like(one_hot(LABELS, depth=4, dtype="float64")),
    "both branches are one": lambda: where(greater(at_labels(X, LABELS), 0.0), ROW[:3], ROW[:3]),
    "a power of zero": lambda: power(at_labels(X, LABELS), 0.0),
    "what is added up is zero times": lambda: 0 * one_hot(LABELS, depth=4, dtype="int64"),
    "a shift that cancels": lambda: softmax(X - at_labels(X, LABELS)[0]),
    "a choice that is known": lambda: where(less(constant(1.0), 2.0), X, expand_dims(at_labels(X, LABELS), axis=1)),
}


@pytest.mark.parametrize("name", CHECKED)
def test_a_value_that_was_refused_is_refused(name: str) -> None:
    y = CHECKED[name]()
    made = rewrite([y]).outputs

    np.testing.assert_allclose(
        evaluate(made, feeds() | {LABELS: [0, 1, 2]})[0], evaluate([y], feeds() | {LABELS: [0, 1, 2]})[0]
    )
    with pytest.raises(KernelError, match="9"):
        evaluate(made, feeds() | {LABELS: [0, 9, 2]})


def test_what_is_checked_elsewhere_may_be_left_out() -> None:
    chosen = take(X, LABELS)
    outputs = [sum(chosen), X * cast(size(chosen), dtype="float64")]

    assert "size" not in made_of(*outputs)
    with pytest.raises(KernelError, match="9"):
        evaluate(rewrite(outputs).outputs, feeds() | {LABELS: [0, 9, 2]})


def test_operands_of_unknown_size_are_left_alone() -> None:
    nonzero = get_op("nonzero")
    y = sum(cast(nonzero(X), dtype="float64") * 1.0 + 0.0)

    assert fired(y) == Counter()
    assert_same(y, add(X, 0.0), divide(X, 1.0), negative(X), reshape_like(X, Y))
