"""Lowering: the expressions of a part of a graph, with sizes for names and the way back to the nodes."""

from __future__ import annotations

import pytest

import flowloom as fl
from flowloom.compiler.expr import toposort
from flowloom.graph.document import Disconnect
from flowloom.graph.lower import lower, needed
from flowloom.spec import Spec


@pytest.fixture
def graph() -> fl.Graph:
    with fl.Graph("net") as g:
        x = fl.input("x", shape=("batch", 4))
        h = fl.layers.dense(x, units=3, activation="relu", name="hidden")
        fl.layers.batch_normalization(h, name="norm")
        fl.layers.dense(h, units=2, name="aside")
        fl.input("not read", shape=(2,))
    return g


def test_only_what_the_outputs_need_is_lowered(graph: fl.Graph) -> None:
    lowered = lower(graph, [graph["aside"]])

    assert [graph.nodes[id].name for id in needed(graph, [graph["aside"]])] == ["x", "hidden", "aside"]
    assert list(lowered.inputs) == ["x"]
    assert len(lowered.variables) == 4


def test_names_become_sizes(graph: fl.Graph) -> None:
    lowered = lower(graph, [graph["aside"]], {"x": Spec((7, 4))})

    assert lowered.outputs[0].spec == Spec((7, 2))
    assert all(e.spec.is_concrete for e in toposort(lowered.outputs))


def test_every_expression_knows_its_node(graph: fl.Graph) -> None:
    lowered = lower(graph, [graph["norm"], graph["aside"]])
    names = [{graph.nodes[id].name for id in lowered.origins.of(e)} for e in toposort(lowered.outputs)]

    assert all(len(n) == 1 for n in names)
    assert set().union(*names) == {"x", "hidden", "norm", "aside"}


def test_updates_are_there_only_while_the_graph_learns(graph: fl.Graph) -> None:
    learning = lower(graph, [graph["norm"]], training=True)

    assert lower(graph, [graph["norm"]]).updates == {}
    assert set(learning.updates) <= set(learning.variables)
    assert len(learning.updates) == 2


def test_a_graph_that_does_not_typecheck_is_refused_with_the_node(graph: fl.Graph) -> None:
    outputs = [graph["aside"]]
    edge = next(e for e in graph.edges if e.target == graph["hidden"].id)
    graph.apply([Disconnect(edge)])

    with pytest.raises(fl.SpecError, match=r"does not typecheck. hidden: input 'x' is not connected"):
        lower(graph, outputs)


def test_sizes_that_no_batch_can_have_name_the_node() -> None:
    with fl.Graph() as g:
        x = fl.input("x", shape=("batch",))
        y = fl.reshape(fl.add(x, fl.input("y", shape=(None,))), shape=("batch", 1), name="shaped")
    with pytest.raises(fl.SpecError, match="node 'add'"):
        lower(g, [y], {"x": Spec((3,)), "y": Spec((4,))})


def test_a_tensor_that_is_gone_is_refused(graph: fl.Graph) -> None:
    aside = graph["aside"]
    graph.remove("aside")
    with pytest.raises(fl.SpecError, match="not in graph 'net' any more"):
        lower(graph, [aside])
