"""Bypassed nodes: they pass their first input on, and keep what they are for when they compute again."""

from __future__ import annotations

import numpy as np
import pytest

import flowloom as fl
from flowloom.graph import PatchError
from flowloom.graph.document import AddNode, Connect, EdgeDoc, NodeDoc, SetBypassed


@pytest.fixture
def graph() -> fl.Graph:
    with fl.Graph("model") as g:
        x = fl.input("x", shape=("batch", 3))
        h = fl.layers.dense(x, units=3, name="hidden")
        h = fl.relu(h, name="relu")
        fl.output(fl.layers.dense(h, units=2, name="scores"), "y")
    return g


X = np.array([[1.0, -2.0, 3.0]], np.float32)


def test_a_bypassed_node_computes_nothing(graph: fl.Graph) -> None:
    graph.bypass("hidden")
    graph.bypass("relu")
    kernel, bias = graph.variable("scores/kernel").value, graph.variable("scores/bias").value

    np.testing.assert_allclose(fl.compile(graph["y"])({"x": X}), X @ kernel + bias, rtol=1e-6)
    assert [v.name for v in graph.variables] == ["scores/kernel", "scores/bias"]


def test_its_weights_wait_for_it(graph: fl.Graph) -> None:
    program = fl.compile(graph["y"])
    graph.variable("hidden/bias").value = [1.0, 2.0, 3.0]
    before = program({"x": X})
    graph.bypass("hidden")
    assert not np.array_equal(program({"x": X}), before)
    graph.bypass("hidden", False)
    np.testing.assert_array_equal(program({"x": X}), before)
    graph.undo()
    assert graph.nodes[graph["hidden"].id].bypassed


def test_what_comes_behind_is_inferred_anew(graph: fl.Graph) -> None:
    graph.set("hidden", units=7)
    assert str(graph.spec(graph["relu"])) == "float32[batch, 7]"
    graph.bypass("hidden")
    assert str(graph.spec(graph["relu"])) == "float32[batch, 3]"


def test_it_may_be_what_does_not_typecheck(graph: fl.Graph) -> None:
    graph.apply(
        [
            AddNode(NodeDoc("n90", "layers.dense", "broken", params={"units": -1})),
            Connect(EdgeDoc(graph["x"].id, "y", "n90", "x")),
        ]
    )
    assert [p.node for p in graph.problems] == ["n90"]
    graph.bypass("broken")
    assert graph.problems == []
    with pytest.raises(fl.SpecError, match=r"that does not typecheck has no source. broken: units=-1 does not fit"):
        graph.to_python()


def test_any_wired_input_is_passed_on_and_without_one_that_is_a_problem() -> None:
    g = fl.Graph("sum")
    with g:
        fl.input("x", shape=(2,))
    g.apply([AddNode(NodeDoc("n90", "add", "sum")), Connect(EdgeDoc(g["x"].id, "y", "n90", "b"))])
    g.bypass("sum")
    assert str(g.spec(g["sum"])) == "float32[2]"
    g.apply([AddNode(NodeDoc("n91", "relu", "lonely", bypassed=True))])
    assert [p.message for p in g.problems] == ["it is bypassed, and no input is connected"]


@pytest.mark.parametrize("name", ["x", "y"])
def test_what_has_nothing_to_pass_on_is_refused(graph: fl.Graph, name: str) -> None:
    before = graph.revision
    with pytest.raises(
        PatchError, match=rf"node '{name}' .* cannot be bypassed: it has no input that it could pass on"
    ):
        graph.bypass(name)
    with pytest.raises(PatchError, match="cannot be bypassed"):
        graph.apply([AddNode(NodeDoc("n90", "constant", "c", params={"value": 1.0}, bypassed=True))])
    assert graph.revision == before


def test_files_and_source_keep_it(graph: fl.Graph) -> None:
    graph.bypass("relu")
    source = graph.to_python()
    assert '    g.bypass("relu")' in source.splitlines()
    again = fl.formats.python.load(source)
    assert again.to_python() == source
    assert again.nodes[again["relu"].id].bypassed
    assert fl.formats.flow.decode(fl.formats.flow.encode(graph)).to_python() == source


def test_loops_and_branches_are_not_bypassed() -> None:
    with fl.Graph("loop") as g:
        x = fl.input("x", shape=(4, 3))
        fl.scan(lambda total, row: (total + row, total), fl.constant([0.0] * 3), x)
    for node in g.nodes.values():
        if node.kind in ("scan_begin", "scan"):
            with pytest.raises(PatchError, match="cannot be bypassed"):
                g.apply([SetBypassed(node.id, True)])
