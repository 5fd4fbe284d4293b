"""Names and seeds of graphs are changed as their nodes are; other graphs are put in their place, or beside them."""

from __future__ import annotations

import numpy as np
import pytest

import flowloom as fl
from flowloom.formats import flow
from flowloom.graph import PatchError
from flowloom.graph.difference import new_nodes
from flowloom.graph.document import Describe, Move


def model(name: str = "model", seed: int = 0) -> fl.Graph:
    graph = fl.Graph(name, seed=seed)
    with graph:
        x = fl.input("x", shape=("batch", 3))
        with graph.scope("body"):
            fl.layers.dense(x, units=2, name="y")
    graph.place()
    return graph


def test_name_and_seed_are_one_step_that_can_be_taken_back() -> None:
    graph = model()
    graph.apply([Describe("other", 5)])
    assert (graph.name, graph.seed, graph.values.seed) == ("other", 5, 5)

    graph.undo()
    assert (graph.name, graph.seed, graph.values.seed) == ("model", 0, 0)
    graph.redo()
    assert (graph.name, graph.seed, graph.values.seed) == ("other", 5, 5)


def test_an_assigned_name_is_a_step() -> None:
    graph = model()
    graph.name = "other"

    assert graph.name == "other"
    graph.undo()
    assert graph.name == "model"


def test_seed_decides_the_first_values_from_then_on() -> None:
    graph, seeded = model(), model(seed=5)
    graph.apply([Describe("model", 5)])

    ours, theirs = (g.variable("body/y/kernel").value for g in (graph, seeded))
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", ["x" * 501, "\ud800"])
def test_a_name_that_no_file_holds_is_refused_with_all_of_its_patch(name: str) -> None:
    graph = model()
    before = flow.document(graph)

    with pytest.raises(PatchError, match="the name of a graph is a text of at most 500 characters"):
        graph.apply([Move(graph["x"].id, 1.0, 2.0), Describe(name, 1)])

    assert flow.document(graph) == before
    assert graph.values.seed == 0


def test_undo_goes_back_to_any_name_that_a_graph_was_made_with() -> None:
    graph = fl.Graph("x" * 500)
    graph.apply([Describe("short", 0)])
    graph.undo()

    assert graph.name == "x" * 500


def test_becoming_another_graph_brings_its_name_and_seed_and_its_places_if_asked() -> None:
    graph, other = model(), model("other", seed=3)
    other.apply([Move(other["x"].id, -100.0, 7.0)])
    kept = graph.becoming(other)
    assert kept == [Describe("other", 3)]

    graph.apply(graph.becoming(other, places=True))

    assert flow.document(graph) == flow.document(other)


def test_nodes_that_are_all_new_get_ids_that_were_never_used() -> None:
    graph, other = model(), model("other")
    gone = graph["body/y"].id
    graph.remove("body/y")

    ids = new_nodes(graph.state, other.state)
    graph.apply(graph.becoming(other, ids, places=True))

    assert gone not in graph.nodes
    assert len(set(graph.nodes) & set(other.nodes)) == 0
    assert [n.path for n in graph.nodes.values()] == ["x", "body/y"]


def test_no_id_of_a_file_is_given_to_a_node_that_is_made_later() -> None:
    graph = fl.Graph("empty")
    graph.apply(graph.becoming(model()))
    ids = list(graph.nodes)
    graph.apply(graph.state.removal(ids))
    with graph:
        fl.input("again", shape=("batch",))
        fl.input("and again", shape=("batch",))

    assert set(graph.nodes).isdisjoint(ids)


def test_another_graph_is_added_below_under_free_names_with_its_values() -> None:
    graph, other = model(), model("other", seed=9)
    other.variable("body/y/kernel").value = np.full((3, 2), 4.0)
    lowest = max(n.y or 0.0 for n in graph.nodes.values())

    patch, ids = graph.inserting(other)
    graph.apply(patch)
    graph.values.take(other.values, ids)

    assert [n.path for n in graph.nodes.values()] == ["x", "body/y", "x_1", "body_1/y"]
    assert (graph.name, graph.seed) == ("model", 0)
    assert graph.variable("body_1/y/kernel").value[0, 0] == 4
    assert graph.variable("body/y/kernel").value[0, 0] != 4
    assert min(graph.nodes[id].y or 0.0 for id in ids.values()) > lowest
    assert graph.problems == []
