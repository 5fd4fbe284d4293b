"""Native steps as a whole: threads, several steps at once, and what is refused."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import flowloom as fl
from flowloom.backends.choice import make_step
from flowloom.backends.native.driver import most_threads, team
from flowloom.backends.native.listing import make_listing
from flowloom.backends.native.step import NativeStep
from flowloom.backends.portable import NotFiniteError, PortableStep
from flowloom.compiler.expr import Expr, placeholder
from flowloom.compiler.plan import make_plan
from flowloom.graph.lower import lower
from flowloom.spec import Spec
from flowloom.training.step import TrainStep
from tests.backends.network import built, trained


def leaf(name: str, *shape: int, dtype: str = "float32") -> Any:
    return placeholder(name, Spec(shape, dtype))


def random(e: Expr, seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).standard_normal(e.spec.sizes).astype(e.dtype)


@pytest.fixture
def network() -> tuple[fl.Graph, dict[str, np.ndarray[Any, Any]]]:
    return built()


def test_training_is_the_same_on_both_backends() -> None:
    portable, native = trained("portable", 12), trained("native", 12)
    np.testing.assert_allclose(native[0], portable[0], rtol=2e-3)
    assert portable[0][-1] < 0.75 * portable[0][0]


def test_steps_taken_at_once_are_bit_identical_to_single_ones() -> None:
    single, together = trained("native", 9), trained("native", 9, at_once=4)
    assert single[0] == together[0]
    for a, b in zip(single[1], together[1], strict=True):
        np.testing.assert_array_equal(a, b)


def test_two_trainings_are_bit_identical() -> None:
    first, second = trained("native", 10, 3), trained("native", 10, 1)
    assert first[0] == second[0]
    for a, b in zip(first[1], second[1], strict=True):
        np.testing.assert_array_equal(a, b)


def test_threads_share_the_work(network: Any) -> None:
    g, batch = network
    lowered = lower(g, [g["loss"]], {n: Spec.of(a) for n, a in batch.items()})
    plan = make_plan(lowered.outputs)
    values = {e: batch[n] for n, e in lowered.inputs.items()}
    values |= {v.expr: g.values.get(v) for v in lowered.variables.values()}
    inputs = [values[e] for e in plan.inputs]
    one, two, three = (NativeStep(plan, threads=t)(inputs)[0] for t in (1, 2, 3))
    np.testing.assert_allclose(two, one, rtol=1e-5)
    np.testing.assert_allclose(three, one, rtol=1e-5)


def test_programs_that_run_at_the_same_time_give_the_same_bits_as_one_alone() -> None:
    a, b = leaf("a", 96, 160), leaf("b", 160, 128)
    plan = make_plan([fl.ops.softmax(fl.ops.matmul(a, b)), fl.ops.sum(fl.ops.exp(a), axis=0)])
    inputs = [random(e) for e in plan.inputs]
    steps = [NativeStep(plan, threads=threads) for threads in (2, 2, 3)]
    alone = [step(inputs) for step in steps]
    differing: list[int] = []

    def run(k: int) -> None:
        for _ in range(200):
            found = steps[k](inputs)
            if not all((f == e).all() for f, e in zip(found, alone[k], strict=True)):
                differing.append(k)

    threads = [threading.Thread(target=run, args=(k,)) for k in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert differing == []


def test_an_input_may_change_where_it_lies_and_what_it_holds() -> None:
    x = leaf("x", 5)
    step = NativeStep(make_plan([x + 1.0]))
    fed = np.zeros(5, np.float32)
    assert step([fed])[0][0] == 1
    fed[:] = 3
    assert step([fed])[0][0] == 4
    assert step([np.full(5, 7, np.float32)])[0][0] == 8
    assert step([np.full(10, 9, np.float32)[::2]])[0][0] == 10
    assert step([fed])[0][0] == 4


def test_the_number_of_threads_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWLOOM_THREADS", "3")
    assert most_threads() == 3
    monkeypatch.setenv("FLOWLOOM_THREADS", "16")
    with pytest.raises(ValueError, match=r"1 to 15; got '16'"):
        most_threads()
    with pytest.raises(ValueError, match="a step uses at most 15 threads; got 16"):
        team(16)
    monkeypatch.setenv("FLOWLOOM_THREADS", "many")
    with pytest.raises(ValueError, match=r"FLOWLOOM_THREADS is how many threads .* got 'many'"):
        most_threads()
    monkeypatch.delenv("FLOWLOOM_THREADS")
    assert 1 <= most_threads() <= 8


def test_softmax_and_what_surrounds_it_is_one_kernel() -> None:
    x, bias = leaf("x", 8, 100), leaf("bias", 100)
    plan = make_plan([fl.ops.softmax(x + bias) * 2.0])
    (instruction,) = make_listing(plan).instructions
    assert [e.op.name for e in instruction.computes] == ["add", "max", "subtract", "exp", "sum", "divide", "multiply"]

    (found,) = NativeStep(plan)([random(e) for e in plan.inputs])
    (expected,) = PortableStep(plan)([random(e) for e in plan.inputs])
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_group_never_depends_on_itself_through_others() -> None:
    x, w = leaf("x", 4, 4), leaf("w", 4, 4)
    a = fl.ops.exp(x)
    b = fl.ops.matmul(a, w)
    plan = make_plan([a * b + fl.ops.sum(b), fl.ops.tanh(a) + b])
    inputs = [random(e) for e in plan.inputs]
    for found, expected in zip(NativeStep(plan)(inputs), PortableStep(plan)(inputs), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_results_are_never_written_to_again() -> None:
    x = leaf("x", 1000)
    step = NativeStep(make_plan([x + 1.0]))
    kept = [step([np.full(1000, i, np.float32)])[0] for i in range(9)]
    assert [a[0] for a in kept] == [i + 1 for i in range(9)]
    part = step([np.zeros(1000, np.float32)])[0][:3]
    for i in range(9):
        step([np.full(1000, i, np.float32)])
    assert part.tolist() == [1, 1, 1]


def test_an_output_that_is_an_input_or_another_output_is_a_copy() -> None:
    x = leaf("x", 3)
    y = fl.ops.exp(x)
    step = NativeStep(make_plan([x, y, y, fl.ops.reshape(y, shape=(3, 1))]))
    fed = np.zeros(3, np.float32)
    made = step([fed])
    made[0][0] = 7
    made[1][0] = 8
    assert fed[0] == 0
    assert [m.reshape(-1).tolist() for m in made] == [[7, 0, 0], [8, 1, 1], [1, 1, 1], [1, 1, 1]]


@pytest.mark.parametrize("backend", ["portable", "native"])
def test_what_must_be_finite_is_watched(backend: Any) -> None:
    x = leaf("x", 40)
    plan = make_plan([fl.ops.log(x), fl.ops.exp(x)])
    step = make_step(plan, backend, finite=[0])
    assert np.isfinite(step([np.ones(40, np.float32)])[0]).all()
    with pytest.raises(NotFiniteError):
        step([np.zeros(40, np.float32)])
    assert np.isinf(step([np.full(40, 1000, np.float32)])[1]).all()  # which nobody asked about


def test_a_product_that_must_be_finite_is_watched_too() -> None:
    a, b = leaf("a", 3, 3), leaf("b", 3, 3)
    step = make_step(make_plan([fl.ops.matmul(a, b)]), "native", finite=[0])
    with pytest.raises(NotFiniteError):
        step([np.full((3, 3), 1e30, np.float32)] * 2)


def test_repeating_stops_where_something_is_not_finite(network: Any) -> None:
    g, batch = network
    step = TrainStep({"loss": g["loss"]}, fl.optimizers.sgd(1e-2), backend="native")
    bad = dict(batch, x=np.full_like(batch["x"], np.nan))
    before = None
    taken = step.some([batch, batch, bad, batch])
    assert len(taken["loss"]) == 2
    before = [np.array(v.value) for v in g.variables]
    with pytest.raises(fl.RunError, match="not finite"):
        step.some([bad, batch])
    for v, a in zip(g.variables, before, strict=True):
        np.testing.assert_array_equal(v.value, a)


def test_a_label_out_of_range_is_named_also_among_steps_taken_at_once(network: Any) -> None:
    g, batch = network
    step = TrainStep({"loss": g["loss"]}, fl.optimizers.sgd(1e-2), backend="native")
    bad = dict(batch, label=np.full(16, 9))
    assert len(step.some([batch, bad])["loss"]) == 1
    with pytest.raises(fl.RunError, match=r"label 9 is outside 0\.\.3.*node 'loss'"):
        step.some([bad, batch])


def test_what_cannot_be_compiled_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> Any:
        raise RuntimeError("no compiler today")

    monkeypatch.setattr("flowloom.backends.native.step.make_listing", fails)
    x = leaf("x", 5)
    with pytest.raises(RuntimeError, match="no compiler today"):
        make_step(make_plan([x * 3.0]), "native")


def test_only_the_native_backend_takes_steps_at_once(network: Any) -> None:
    g, batch = network
    for backend, most in (("portable", 1), ("auto", 1), ("native", 3)):
        step = TrainStep({"loss": g["loss"]}, fl.optimizers.sgd(1e-2), backend=backend)
        assert len(step.some([batch] * 3)["loss"]) == most


def test_sizes_that_depend_on_values_run_portable() -> None:
    x = leaf("x", 4)
    step = make_step(make_plan([fl.ops.nonzero(x)]), "native")
    assert step([np.array([0, 1, 0, 2], np.float32)])[0].reshape(-1).tolist() == [1, 3]


def test_a_batch_that_must_be_converted_is_so_each_time_it_comes() -> None:
    def losses(at_once: bool) -> list[float]:
        g, batch = built()
        wide = dict(batch, x=batch["x"].astype(np.float64) * 2)
        step = TrainStep({"loss": g["loss"]}, fl.optimizers.sgd(1e-2), backend="native")
        batches = [wide, batch, wide]
        taken = [step.some(batches)] if at_once else [step.some([b]) for b in batches]
        return [value for values in taken for value in values["loss"]]

    together = losses(at_once=True)
    assert len(together) == 3
    assert together == losses(at_once=False)
