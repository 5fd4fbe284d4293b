"""The portable backend: the numbers of op-by-op evaluation, in memory that is nobody else's."""

from __future__ import annotations

import threading
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowloom.backends.portable import KernelError, PortableStep, evaluate
from flowloom.compiler.expr import CONSTANT, INPUT, ITEM, Expr, constant, placeholder, toposort
from flowloom.compiler.plan import make_plan
from flowloom.op import REGISTRY
from flowloom.ops import (
    broadcast_to,
    concatenate,
    exp,
    matmul,
    maximum,
    one_hot,
    relu,
    reshape,
    softmax,
    square,
    take,
    tanh,
    transpose,
    where,
)
from flowloom.ops import sum as total
from flowloom.spec import Spec

Array = np.ndarray[Any, Any]
A = placeholder("a", Spec((3, 4), "float64"))
B = placeholder("b", Spec((4, 3), "float64"))
RNG = np.random.default_rng(5)
FEEDS: dict[Expr, Array] = {A: RNG.normal(size=(3, 4)), B: RNG.normal(size=(4, 3))}


def eager(outputs: list[Expr], feeds: dict[Expr, Array]) -> list[Array]:
    """The values of `outputs`, op by op, each result in fresh memory that nothing else uses."""
    values: dict[Expr, Any] = {}
    for e in toposort(outputs):
        if e.op is INPUT:
            values[e] = feeds[e].copy()
        elif e.op is CONSTANT:
            values[e] = e.value
        elif e.op is ITEM:
            values[e] = values[e.args[0]][dict(e.params)["index"]]
        else:
            with np.errstate(all="ignore"):
                values[e] = np.array(e.op.compute(np, *(values[a].copy() for a in e.args), **dict(e.params)))
    return [values[o] for o in outputs]


def step(*outputs: Expr) -> PortableStep:
    return PortableStep(make_plan(outputs))


def run(compiled: PortableStep, feeds: dict[Expr, Array] = FEEDS) -> list[Array]:
    return compiled([feeds[e] for e in compiled.plan.inputs])


@st.composite
def pools(draw: st.DrawFn) -> list[Expr]:
    """Random expressions of many ops and shapes, of which any may be read again."""
    pool = [A, B, constant(np.arange(12.0).reshape(3, 4)), constant(0.5, "float64")]
    for _ in range(draw(st.integers(1, 25))):
        a, b = (draw(st.sampled_from(pool)) for _ in range(2))
        match draw(st.integers(0, 11)):
            case 0:
                pool.append(transpose(a))
            case 1:
                pool.append(reshape(a, shape=(a.spec.size,)))
            case 2:
                pool.append(matmul(a, transpose(a)) if a.spec.ndim == 2 else tanh(a))
            case 3:
                pool.append(total(a, axis=-1, keepdims=True) if a.spec.ndim else a + 1.0)
            case 4 if a.shape == b.shape and a.spec.ndim:
                pool.append(concatenate(a, b, axis=0))
            case 5 if a.shape == b.shape:
                pool.append(where(a > b, a, b))
            case 6 if a.spec.ndim == 2:
                pool.append(softmax(a))
            case 7 if a.shape == b.shape:
                pool.append(maximum(a, b) - b)
            case 8:
                pool.append(relu(a))
            case 9 if a.spec.ndim == 1:
                pool.append(broadcast_to(a, shape=(2, *a.shape)))
            case _:
                pool.append(tanh(a) + 0.5)
    return pool


@settings(max_examples=80)
@given(pools(), st.data())
def test_any_expressions_have_the_values_of_op_by_op_evaluation(pool: list[Expr], data: st.DataObject) -> None:
    outputs = data.draw(st.lists(st.sampled_from(pool), min_size=1, max_size=4))
    compiled = step(*outputs)
    expected = eager(outputs, FEEDS)
    inputs = {e: FEEDS[e].copy() for e in compiled.plan.inputs}

    first = run(compiled, inputs)
    copies = [r.copy() for r in first]
    second = run(compiled, {e: 1.0 - v for e, v in inputs.items()})
    for got, want, o in zip(first, expected, outputs, strict=True):
        np.testing.assert_array_equal(got, want)
        assert Spec.of(got) == o.spec
    for got, copy in zip(first, copies, strict=True):
        np.testing.assert_array_equal(got, copy, err_msg="a later call wrote into a result")
    constants = [e.value for e in compiled.plan.constants if e.value is not None]
    arena = [compiled._arena]
    for a, b in combinations([*first, *second], 2):
        assert not np.shares_memory(a, b)
    for result in (*first, *second):
        assert not any(np.shares_memory(result, other) for other in (*inputs.values(), *constants, *arena))
    for e, fed in inputs.items():
        np.testing.assert_array_equal(fed, FEEDS[e], err_msg="a step wrote into its input")


@pytest.mark.parametrize(
    "output",
    [A, transpose(A), reshape(A, shape=(12,)), constant(np.ones(3)), reshape(constant(np.ones((2, 2))), shape=(4,))],
    ids=str,
)
def test_a_result_may_be_written_to(output: Expr) -> None:
    compiled = step(output)
    feeds = {A: np.arange(12.0).reshape(3, 4)}
    (first,) = compiled([feeds[e] for e in compiled.plan.inputs])
    kept = first.copy()
    first += 1.0

    np.testing.assert_array_equal(compiled([feeds[e] for e in compiled.plan.inputs])[0], kept)
    np.testing.assert_array_equal(feeds[A], np.arange(12.0).reshape(3, 4))


def test_the_same_output_asked_for_twice_comes_in_two_arrays() -> None:
    one, other = run(step(exp(A), exp(A)))

    np.testing.assert_array_equal(one, other)
    assert not np.shares_memory(one, other)


def test_no_op_keeps_hold_of_its_operands_unless_it_is_a_view() -> None:
    for op in REGISTRY.values():
        assert op.cases is not None
        if op.composite:
            continue  # it is no step of a plan: its parts are
        for args, params in op.cases(np.random.default_rng(1)):
            arrays = [np.asarray(a) for a in args]
            full = {k: p.check(params.get(k, p.default)) for k, p in op.params.items()}
            results = op.compute(np, *arrays, **full)
            for result in results if isinstance(results, tuple) else (results,):
                shared = any(np.shares_memory(result, a) for a in arrays)
                assert op.view or not shared, f"{op.name} gives back memory of its operand"


def test_inputs_of_any_memory_layout_are_read_rightly() -> None:
    y = matmul(tanh(A), B)
    feeds = {A: np.asfortranarray(FEEDS[A]), B: np.repeat(FEEDS[B], 2, axis=1)[:, ::2]}

    np.testing.assert_allclose(run(step(y), feeds)[0], np.tanh(FEEDS[A]) @ FEEDS[B])


def test_empty_arrays_run() -> None:
    empty = placeholder("empty", Spec((0, 3), "float64"))
    summed, mapped = evaluate([total(tanh(empty)), square(exp(empty))], {empty: np.zeros((0, 3))})

    assert summed == 0.0
    assert mapped.shape == (0, 3)


def test_threads_may_share_a_step() -> None:
    compiled = step(total(tanh(matmul(A, B)) * matmul(A, B)))
    feeds = [{A: FEEDS[A] * i, B: FEEDS[B]} for i in range(4)]
    expected = [run(compiled, f)[0] for f in feeds]
    wrong: list[int] = []

    def work(i: int) -> None:
        wrong.extend(i for _ in range(100) if run(compiled, feeds[i])[0] != expected[i])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert wrong == []


def test_a_value_that_a_kernel_refuses_names_the_step() -> None:
    index = placeholder("index", Spec((2,), "int64"))
    broken = take(A, index, axis=0)
    with pytest.raises(KernelError, match="take: ") as caught:
        evaluate([total(exp(broken))], FEEDS | {index: np.array([0, 7])})

    assert caught.value.expr is broken


def test_a_step_that_failed_runs_again() -> None:
    index = placeholder("index", Spec((2,), "int64"))
    compiled = step(one_hot(index, depth=3))
    with pytest.raises(KernelError):
        compiled([np.array([0, 7])])

    np.testing.assert_array_equal(compiled([np.array([0, 2])])[0], np.eye(3, dtype=np.float32)[[0, 2]])


def test_a_trace_shows_each_step_until_it_is_told_to_stop() -> None:
    y = total(exp(tanh(A)))
    compiled = step(y)
    seen: list[tuple[str, Array]] = []

    def look(e: Expr, value: Any) -> bool:
        seen.append((e.op.name, np.array(value)))
        return e.op is exp

    assert compiled.trace([FEEDS[A]], look) is exp(tanh(A))
    assert [name for name, _ in seen] == ["tanh", "exp"]
    np.testing.assert_allclose(seen[1][1], np.exp(np.tanh(FEEDS[A])))
