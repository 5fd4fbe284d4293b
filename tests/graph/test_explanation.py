"""A program explains itself: its phases, rules, kernels and memory, and the graph as it is at each phase."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import flowloom as fl
from flowloom.backends.portable import evaluate

X = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")


@pytest.fixture
def graph() -> fl.Graph:
    """The cross-entropy of a dense layer as in a book, with a few detours."""
    with fl.Graph("book", seed=0) as g:
        x = fl.input("x", shape=("batch", 3))
        h = fl.layers.dense(x, units=4, name="dense") * 1.0 + 0.0
        fl.mean(-fl.log(fl.softmax(h)), name="loss")
    return g


def test_it_says_what_was_rewritten_by_phase_and_rule(graph: fl.Graph) -> None:
    explanation = fl.compile(graph["loss"]).explain({"x": X})

    assert [p.name for p in explanation.phases] == ["stabilise", "loops", "canonicalise", "fold", "algebra"]
    assert explanation.rules["log_of_softmax"] == 1
    assert explanation.rules["neutral_operand"] == 2
    assert explanation.ops == (8, 5)
    assert explanation.kernels == 5
    assert 0 < explanation.peak_bytes <= explanation.arena_bytes


def test_it_prints_as_a_table(graph: fl.Graph) -> None:
    lines = repr(fl.compile(graph["loss"]).explain({"x": X})).splitlines()

    assert lines[0].startswith("8 ops, rewritten 5, in 5 kernels; 0.2 KiB arena")
    assert lines[1].split() == ["phase", "ops", "ms", "rules"]
    assert lines[2].split()[:4] == ["stabilise", "8", "->", "7"]
    assert lines[2].endswith("log_of_softmax 1")
    assert lines[3].endswith("-")
    assert len(lines) == 7


def test_sizes_are_enough(graph: fl.Graph) -> None:
    program = fl.compile(graph["loss"])
    by_spec = program.explain({"x": fl.Spec((5, 3))})

    assert by_spec.lowered == program.explain({"x": X}).lowered
    assert program.explain({"x": fl.Spec((50_000, 3))}).arena_bytes > 1_000 * by_spec.arena_bytes
    with pytest.raises(fl.SpecError, match="the sizes must be known"):
        program.explain({"x": fl.Spec(("batch", 3))})
    with pytest.raises(fl.FeedError, match=r"input 'x' .* is not fed"):
        program.explain()


def test_the_expressions_of_each_phase_are_there(graph: fl.Graph) -> None:
    explanation = fl.compile(graph["loss"]).explain({"x": X})
    (end,) = explanation.phase("algebra")
    values: dict[Any, Any] = {e: X for e, name in explanation.names.items() if name == "x"}
    values |= {v.info.expr: v.value for v in graph.variables}

    for name in ("lowered", "stabilise", "algebra"):
        np.testing.assert_allclose(
            evaluate(explanation.phase(name), values)[0], fl.compile(graph["loss"])({"x": X}), rtol=1e-6
        )
    assert end.op.name == "negative"
    with pytest.raises(KeyError, match="there is no phase 'fusion'; there is: lowered, stabilise, loops"):
        explanation.phase("fusion")


def test_a_phase_is_shown_as_a_graph(graph: fl.Graph) -> None:
    explanation = fl.compile(graph["loss"]).explain({"x": X})
    before, after = explanation.graph("lowered"), explanation.graph()
    feeds = {"x": X} | {v.name.replace("/", " "): v.value for v in graph.variables}

    assert [n.kind for n in before.nodes.values()].count("softmax") == 1
    assert [n.kind for n in after.nodes.values()].count("log_softmax") == 1
    assert {t.name for t in after.inputs} == {"x", "dense kernel", "dense bias"}
    for shown in (before, after):
        np.testing.assert_allclose(fl.compile(shown.outputs)(feeds)[0], fl.compile(graph["loss"])({"x": X}), rtol=1e-6)


def test_a_loop_has_no_graph_op_by_op() -> None:
    with fl.Graph("loop"):
        x = fl.input("x", shape=("batch", 4, 2))
        y = fl.layers.lstm(x, units=3)
    explanation = fl.compile(y).explain({"x": fl.Spec((2, 4, 2))})

    assert explanation.ops[0] > explanation.kernels
    with pytest.raises(fl.SpecError, match="scan cannot be shown op by op"):
        explanation.graph()
