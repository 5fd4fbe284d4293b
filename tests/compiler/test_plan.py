"""Plans: what shares memory is never alive at once, and a chain takes no more than its widest link."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from flowloom.compiler.expr import Expr, placeholder
from flowloom.compiler.memory import ALIGNMENT
from flowloom.compiler.plan import Plan, is_view, make_plan
from flowloom.ops import exp, matmul, relu, reshape, square, tanh, transpose
from flowloom.ops import sum as total
from flowloom.spec import Spec

X = placeholder("x", Spec((4, 6), "float64"))


def naive(plan: Plan) -> int:
    """The bytes that all placed results take without sharing."""
    return sum(-(-e.spec.nbytes // ALIGNMENT) * ALIGNMENT for e in plan.offsets)


def chain(length: int) -> Expr:
    y = X
    for i in range(length):
        y = (tanh, exp, square)[i % 3](y)
    return y


@st.composite
def pools(draw: st.DrawFn) -> list[Expr]:
    """Random expressions of many shapes, views among them, of which any may be read again."""
    pool = [X, placeholder("v", Spec((6,), "float64"))]
    for _ in range(draw(st.integers(1, 25))):
        a = draw(st.sampled_from(pool))
        made = draw(st.sampled_from(["tanh", "square", "add", "view", "flip", "sum", "matmul"]))
        if made == "view":
            a = reshape(a, shape=(a.spec.size,))
        elif made == "flip":
            a = transpose(a)
        elif made == "sum":
            a = total(a, axis=0) if a.spec.ndim else a
        elif made == "matmul":
            a = matmul(a, transpose(a)) if a.spec.ndim == 2 else a
        elif made == "add":
            others = [b for b in pool if b.shape == a.shape]
            a = a + draw(st.sampled_from(others))
        else:
            a = {"tanh": tanh, "square": square}[made](a)
        pool.append(a)
    return pool


def test_a_plan_runs_each_step_after_those_it_reads() -> None:
    y = total(relu(X) * exp(X))
    plan = make_plan([y])

    assert plan.inputs == (X,)
    assert plan.outputs == (y,)
    assert len(plan.steps) == 4
    for i, step in enumerate(plan.steps):
        assert all(a in plan.steps[:i] or not a.args for a in step.args)


def test_a_long_chain_needs_the_memory_of_two_links() -> None:
    plan = make_plan([chain(50)])

    assert naive(plan) == 49 * X.spec.nbytes
    assert plan.arena_bytes == 2 * X.spec.nbytes


def test_what_is_read_late_keeps_its_memory() -> None:
    early = exp(X)
    plan = make_plan([total(chain(20) + early)])
    start, size = plan.offsets[early], early.spec.nbytes

    later = plan.steps[plan.steps.index(early) + 1 :]
    assert all(
        plan.offsets[e] + e.spec.nbytes <= start or start + size <= plan.offsets[e]
        for e in later
        if e in plan.offsets and e.spec.nbytes
    )


def test_outputs_and_views_have_no_place_in_the_arena() -> None:
    kept, flat = exp(X), reshape(tanh(X), shape=(24,))
    plan = make_plan([kept, flat, total(square(flat))])

    assert kept not in plan.offsets
    assert flat not in plan.offsets
    assert flat.args[0] not in plan.offsets  # an output looks at it


@settings(max_examples=60)
@given(pools(), st.data())
def test_results_that_live_at_once_never_overlap(pool: list[Expr], data: st.DataObject) -> None:
    outputs = data.draw(st.lists(st.sampled_from(pool), min_size=1, max_size=3))
    plan = make_plan(outputs)

    def base(e: Expr) -> Expr:
        while is_view(e) and e.args:
            e = e.args[0]
        return e

    born = {e: i for i, e in enumerate(plan.steps)}
    dies = dict(born)
    for i, e in enumerate(plan.steps):
        for a in (e, *e.args):
            if base(a) in dies:
                dies[base(a)] = i
    placed = list(plan.offsets)
    for a in placed:
        assert plan.offsets[a] % ALIGNMENT == 0
        assert plan.offsets[a] + a.spec.nbytes <= plan.arena_bytes
        for b in placed:
            if a is not b and born[a] <= born[b] <= dies[a]:
                apart = np.array(
                    [
                        plan.offsets[a] + a.spec.nbytes <= plan.offsets[b],
                        plan.offsets[b] + b.spec.nbytes <= plan.offsets[a],
                    ]
                )
                assert apart.any(), f"{a} and {b} share memory"
    assert plan.arena_bytes <= naive(plan)
    assert not {base(o) for o in outputs} & set(placed)
