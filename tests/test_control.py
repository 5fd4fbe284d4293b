"""Branches and loops in a graph: built from Python, drawn as scopes, run, differentiated, saved and loaded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import flowloom as fl

ROWS = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
SIGNS = [np.asarray(True), np.asarray(False)]


def branching() -> tuple[fl.Graph, Any, Any]:
    g = fl.Graph()
    with g:
        flag = fl.input("flag", shape=(), dtype="bool")
        x = fl.input("x", shape=("batch", 3))
        outside = x * 2.0
        y = fl.cond(flag, lambda a: fl.sin(a) + outside, lambda a: fl.exp(a), x)
    return g, x, y


def running_sum() -> tuple[fl.Graph, Any, Any, Any]:
    g = fl.Graph()
    with g:
        x = fl.input("x", shape=("time", 3))
        start = fl.constant([1.0, 2.0, 3.0])
        last, sums = fl.scan(lambda total, row: (total + row, total * row), start, x)
    return g, x, last, sums


@pytest.mark.parametrize("flag", SIGNS)
def test_a_condition_chooses_a_branch(flag: Any) -> None:
    _, _, y = branching()

    found = fl.compile(y)({"flag": flag, "x": ROWS})

    np.testing.assert_allclose(found, np.sin(ROWS) + 2 * ROWS if flag else np.exp(ROWS), rtol=1e-6)
    assert str(y.spec) == "float32[batch, 3]"


def test_branches_lie_in_scopes_and_get_all_they_read_through_the_node_that_begins_them() -> None:
    g, _, _ = branching()
    scopes = {n.path: n.scope for n in g.nodes.values()}

    assert scopes["cond/then/sin"] == "cond/then"
    assert scopes["cond/otherwise/exp"] == "cond/otherwise"
    inside = {id for id, n in g.nodes.items() if n.scope.startswith("cond/")}
    begin = next(id for id, n in g.nodes.items() if n.path == "cond/begin")
    assert {e.source for e in g.edges if e.target in inside} <= inside | {begin}


def test_the_branch_that_is_not_chosen_is_not_computed() -> None:
    with fl.Graph():
        flag = fl.input("flag", shape=(), dtype="bool")
        rows, where = fl.input("rows", shape=(4, 3)), fl.input("where", shape=(2,), dtype="int64")
        y = fl.cond(flag, lambda: fl.take(rows, where, axis=0), lambda: fl.slice(rows, start=(0, 0), stop=(2, 3)))
    program = fl.compile(y)
    feeds = {"rows": ROWS, "where": np.array([0, 99])}

    np.testing.assert_array_equal(program({"flag": np.asarray(False), **feeds}), ROWS[:2])
    with pytest.raises(fl.RunError, match="node 'cond/then/take'"):
        program({"flag": np.asarray(True), **feeds})


def test_a_scan_gives_the_last_state_and_the_stacked_values() -> None:
    _, _, last, sums = running_sum()
    final, stacked = fl.compile([last, sums])({"x": ROWS})
    totals = np.cumsum(np.vstack([[1, 2, 3], ROWS]), axis=0)

    np.testing.assert_allclose(final, totals[-1], rtol=1e-6)
    np.testing.assert_allclose(stacked, totals[:-1] * ROWS, rtol=1e-5)
    assert str(sums.spec) == "float32[time, 3]"


def test_gradients_go_through_scan_and_cond() -> None:
    g, x, last, sums = running_sum()
    with g:
        loss = fl.cond(fl.sum(last) > 0.0, lambda: fl.mean(sums), lambda: fl.mean(last * last))
        (gradient,) = fl.gradients(loss, [x])
    program = fl.compile([loss, gradient])
    _, slope = program({"x": ROWS})
    step = np.random.default_rng(1).normal(size=ROWS.shape).astype(np.float32)
    ahead, behind = (program({"x": ROWS + s * 1e-2 * step})[0] for s in (1, -1))

    assert np.sum(slope * step) == pytest.approx((ahead - behind) / 2e-2, rel=2e-3)


def test_a_loop_runs_until_its_condition_fails() -> None:
    with fl.Graph():
        x = fl.input("x", shape=(), dtype="int64")
        steps, _ = fl.while_loop(
            lambda n, v: v > 1,
            lambda n, v: (n + 1, fl.where(fl.equal(v % 2, 0), v // 2, 3 * v + 1)),
            (fl.constant(0), x),
        )

    assert fl.compile(steps)({"x": np.asarray(27)}) == 111  # Collatz (OEIS A006577)


def test_a_loop_may_be_bounded_and_collect() -> None:
    with fl.Graph():
        last, squares = fl.while_loop(
            lambda n: n > 0, lambda n: (n + 1, n * n), fl.constant(1), max_iterations=4, collect=True
        )
        found = fl.compile([last, squares])({})

    assert found[0] == 5
    np.testing.assert_array_equal(found[1], [1, 4, 9, 16])


def test_variables_of_layers_in_a_loop_are_shared_by_its_steps_and_trained() -> None:
    with fl.Graph() as g:
        x = fl.input("x", shape=("time", 3))
        start = fl.constant([[0.0, 0.0]])
        state, _ = fl.scan(
            lambda h, row: (
                fl.layers.dense(fl.concatenate(h, fl.expand_dims(row, axis=0), axis=1), units=2, activation="tanh"),
                None,
            ),
            start,
            x,
        )
        loss = fl.mean(fl.square(state))

    assert [v.name for v in g.trainable_variables] == ["scan/dense/kernel", "scan/dense/bias"]
    gradients = fl.compile(fl.gradients(loss, g.trainable_variables))({"x": ROWS})
    assert all(np.any(a != 0) for a in gradients)


@pytest.mark.parametrize("build", [branching, running_sum])
def test_it_survives_a_file(build: Any, tmp_path: Any) -> None:
    g, *_ = build()
    g.save(tmp_path / "g.flow.json")
    loaded = fl.load(tmp_path / "g.flow.json")

    assert loaded.problems == []
    feeds = {"x": ROWS} | ({"flag": SIGNS[0]} if build is branching else {})
    for a, b in zip(fl.compile(g.outputs)(feeds), fl.compile(loaded.outputs)(feeds), strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_lies_inside_a_loop_has_no_value_outside() -> None:
    g, *_ = running_sum()

    with pytest.raises(fl.SpecError, match=r"scan/multiply lies inside a loop or branch"):
        fl.compile(g["scan/multiply"])


def test_a_body_that_fails_leaves_the_graph_as_it_was() -> None:
    with fl.Graph() as g:
        x = fl.input("x", shape=("time", 3))
        start = fl.constant([1.0, 2.0])
        before = set(g.nodes)
        with pytest.raises(fl.SpecError, match="state 0 must keep its spec"):
            fl.scan(lambda h, row: (fl.sum(h), None), start, x)

        assert set(g.nodes) == before


def test_branches_with_other_numbers_of_results_are_refused() -> None:
    with fl.Graph():
        flag = fl.input("flag", shape=(), dtype="bool")
        with pytest.raises(fl.SpecError, match="one branch gives 2 results, the other 1"):
            fl.cond(flag, lambda: (1.0, 2.0), lambda: 1.0)


def test_the_outputs_of_a_graph_may_be_declared() -> None:
    with fl.Graph() as g:
        x = fl.input("x")
        y = x * 2.0
        fl.output(y, "double")
        fl.output(x, "same")

    assert [t.name for t in g.outputs] == ["double", "same"]
    np.testing.assert_array_equal(fl.compile(g.outputs)({"x": ROWS[0]})[1], ROWS[0])


def test_a_random_node_draws_anew_at_every_step_and_the_same_again_at_the_same_seed() -> None:
    def noisy(seed: int) -> Any:
        with fl.Graph(seed=seed):
            x = fl.input("x", shape=("time", 100))
            _, kept = fl.scan(lambda s, row: (s, fl.layers.dropout(row, rate=0.5)), fl.constant(0.0), x)
        return fl.compile(kept, training=True)({"x": np.ones((3, 100), np.float32)})

    first = noisy(1)

    assert 0.3 < np.mean(first > 0) < 0.7
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first[1], first[2])
    np.testing.assert_array_equal(first, noisy(1))
    assert not np.array_equal(first, noisy(2))
