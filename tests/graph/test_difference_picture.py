"""Two versions of a graph as one picture: every node and wire of both, and what became of each."""

from __future__ import annotations

import pytest

import flowloom as fl
from flowloom.graph import PatchError
from flowloom.graph.difference_picture import Difference, difference_picture
from flowloom.graph.document import Move, SetNote


def model() -> fl.Graph:
    graph = fl.Graph("model")
    with graph:
        x = fl.input("x", shape=("batch", 8))
        h = fl.layers.dense(x, units=4, name="hidden")
        fl.softmax(fl.relu(h, name="act"), name="out")
    return graph


def since(graph: fl.Graph, steps: int) -> tuple[dict[str, str], list[Difference]]:
    """The sign of each node by its path, and the list of changes."""
    before = graph.earlier(steps)
    picture, differences = difference_picture(before, graph, {id: id for id in graph.nodes})
    return {d.node.path: d.sign for d in picture.nodes}, differences


def test_nothing_differs_but_where_nodes_lie() -> None:
    graph = model()
    graph.apply([Move(id, 7.0, i * 50.0) for i, id in enumerate(graph.nodes)])
    signs, differences = since(graph, 1)

    assert (set(signs.values()), differences) == ({""}, [])


def test_parameters_names_notes_scopes_and_bypasses_are_told_in_words() -> None:
    graph = model()
    hidden = graph["hidden"].id
    graph.set("hidden", units=16)
    graph.apply([SetNote(hidden, "wide")])
    graph.bypass("act")
    graph.rename("act", "activation")
    signs, differences = since(graph, 4)

    assert signs == {"x": "", "hidden": "~", "activation": "~", "out": ""}
    assert [(d.label, d.facts) for d in differences] == [
        ("hidden", ("units: 4 → 16", 'note: "" → "wide"')),
        ("activation", ("renamed, was act", "bypassed")),
    ]


def test_the_union_has_all_nodes_and_wires_of_both() -> None:
    graph = model()
    graph.remove("act")
    with graph:
        wide = fl.tanh(graph["hidden"], name="act")
    out = graph.state.find("out")
    assert out is not None
    graph.apply([fl.graph.document.Connect(fl.graph.document.EdgeDoc(wide.id, "y", out, "x"))])
    before = graph.earlier(3)
    picture, differences = difference_picture(before, graph, {id: id for id in graph.nodes})

    found = sorted((d.node.path, d.node.kind, d.sign) for d in picture.nodes)
    assert found == [
        ("act", "relu", "-"),
        ("act", "tanh", "+"),
        ("hidden", "layers.dense", ""),
        ("out", "softmax", ""),
        ("x", "input", ""),
    ]
    paths = {d.node.id: f"{d.node.path}:{d.node.kind}" for d in picture.nodes}
    drawn = {(paths[e.source], paths[e.target], e.target_port): sign for e, sign in picture.signs.items()}
    assert drawn == {
        ("x:input", "hidden:layers.dense", "x"): "",
        ("hidden:layers.dense", "act:relu", "x"): "-",
        ("act:relu", "out:softmax", "x before"): "-",
        ("hidden:layers.dense", "act:tanh", "x"): "+",
        ("act:tanh", "out:softmax", "x"): "+",
    }
    assert [(d.sign, d.label) for d in differences] == [("+", "act"), ("-", "act")]


def test_a_wire_between_nodes_that_stay_is_listed() -> None:
    graph = model()
    state = graph.state
    (edge,) = state.incoming[state.find("out") or ""].values()
    hidden = graph["hidden"].id
    new = fl.graph.document.EdgeDoc(hidden, "y", edge.target, "x")
    graph.apply([fl.graph.document.Disconnect(edge), fl.graph.document.Connect(new)])
    _, differences = since(graph, 1)

    assert [(d.sign, d.label, d.facts) for d in differences] == [
        ("+", "hidden → x of out", ("wire",)),
        ("-", "act → x of out", ("wire",)),
    ]


def test_two_graphs_are_compared_by_names_and_wires() -> None:
    """Ids say nothing: those of another graph are its own."""
    other = fl.Graph("other", seed=3)
    with other:
        fl.input("first", shape=("batch",))
        x = fl.input("x", shape=("batch", 8))
        h = fl.layers.dense(x, units=4, name="hidden")
        fl.softmax(fl.relu(h, name="act"), name="result")
    picture, differences = difference_picture(model(), other)

    assert [(d.sign, d.label, d.facts) for d in differences] == [
        ("~", "Name of the graph", ('"model" → "other"',)),
        ("~", "Seed of the graph", ("0 → 3",)),
        ("+", "first", ()),
        ("~", "result", ("renamed, was out",)),
    ]
    assert {d.node.id for d in picture.nodes} == set(other.nodes)


def test_nodes_stay_where_they_are_and_what_is_gone_makes_room() -> None:
    graph = model()
    graph.apply([Move(id, i * 300.0, 7.0) for i, id in enumerate(graph.nodes)])
    act = graph["act"].id
    graph.remove("act")
    graph.apply([Move(graph["hidden"].id, 600.0, 7.0)])
    with graph:
        fl.tanh(graph["hidden"], name="new")
    picture, _ = difference_picture(graph.earlier(3), graph, {id: id for id in graph.nodes})
    places = {d.node.id: (d.node.x, d.node.y) for d in picture.nodes}

    assert places[graph["hidden"].id] == (600.0, 7.0)
    assert places[graph["new"].id] == (None, None)  # the canvas finds it one
    x, y = places[f"-{act}"]
    assert (x, y is not None and y > 50) == (600.0, True)  # below what lies there now


def test_scopes_without_changes_begin_folded() -> None:
    graph = fl.Graph("blocks")
    with graph:
        x = fl.input("x", shape=("batch", 8))
        for i in range(2):
            with graph.scope(f"block_{i}"):
                x = fl.layers.dense(x, units=8, name="hidden")
    graph.set("block_1/hidden", units=9)
    picture, _ = difference_picture(graph.earlier(1), graph, {id: id for id in graph.nodes})

    assert dict(picture.folded) == {"block_0": True, "block_1": False}


def test_an_earlier_graph_is_one_of_its_own() -> None:
    graph = model()
    graph.set("hidden", units=16)
    graph.remove("out")
    past = graph.earlier(2)
    past.rename("hidden", "other")

    assert str(past["out"].spec) == "float32[batch, 4]"
    assert "hidden" in {node.name for node in graph.nodes.values()}
    with pytest.raises(PatchError, match="steps to go back; got 99"):
        graph.earlier(99)
