"""The difference of two graphs: a patch that keeps what is the same."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import hypothesis.strategies as st
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings

import flowloom as fl
from flowloom.formats import flow, python
from flowloom.graph import PatchError
from flowloom.graph.difference import difference, same_nodes
from flowloom.graph.document import Move, Rename, Reorder, ResetParam, SetScope
from flowloom.graph.kinds import find_kind
from flowloom.graph.layout import size
from tests.property.weave import Woven, graphs

MODEL = """
import flowloom as fl

with fl.Graph("model") as g:
    x = fl.input("x", shape=("batch", 4))
    with g.scope("body"):
        hidden = fl.layers.dense(x, units=8, activation="relu", name="hidden")
        kept = fl.layers.dropout(hidden, rate=0.5, name="kept")
    y = fl.layers.dense(kept, units=2, name="y")
    fl.output(y, "result")
"""


def model(*changes: tuple[str, str]) -> fl.Graph:
    """The model with some of its text changed."""
    text = MODEL
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return python.load(text)


def becomes(*changes: tuple[str, str]) -> tuple[fl.Graph, Any]:
    """The model, and the patch that changes it, applied."""
    g = model()
    g.apply(g.tidying())
    patch = difference(g.state, model(*changes).state)
    g.apply(patch)
    return g, patch


def test_a_graph_that_was_written_and_read_is_the_same() -> None:
    g = model()

    assert difference(g.state, python.load(g.to_python()).state) == []


def test_a_parameter_is_set_where_it_is_another() -> None:
    g, patch = becomes(("units=8", "units=16"))

    assert [type(c).__name__ for c in patch] == ["SetParam"]
    assert g.to_python() == model(("units=8", "units=16")).to_python()


def test_a_parameter_set_to_its_default_is_not_set() -> None:
    assert becomes((', activation="relu"', ', activation="relu", use_bias=True'))[1] == []


def test_a_parameter_left_out_is_taken_back() -> None:
    g, patch = becomes((', activation="relu"', ""))

    assert patch == [ResetParam(g["body/hidden"].id, "activation")]


def test_a_node_renamed_in_the_text_keeps_its_weights_and_its_place() -> None:
    before = model()
    before.apply(before.tidying())
    old = before.nodes[before["body/hidden"].id]
    weights = before.variable("body/hidden/kernel").value

    before.apply(patch := difference(before.state, model(('name="hidden"', 'name="first"')).state))

    new = before.nodes[before["body/first"].id]
    assert patch == [Rename(old.id, "first")]
    assert (new.id, new.x, new.y) == (old.id, old.x, old.y)
    np.testing.assert_array_equal(before.variable("body/first/kernel").value, weights)


def test_a_node_in_another_scope_is_moved_there() -> None:
    g = model()
    id = g["body/hidden"].id

    patch = difference(g.state, model(('g.scope("body")', 'g.scope("trunk")')).state)

    assert patch == [SetScope(id, "trunk"), SetScope(g["body/kept"].id, "trunk")]


def test_names_are_swapped() -> None:
    g = model()
    hidden, y = g["body/hidden"].id, g["y"].id
    g.apply([SetScope(hidden, ""), SetScope(g["body/kept"].id, "")])
    other = python.load(g.to_python().replace('"hidden"', '"?"').replace('"y"', '"hidden"').replace('"?"', '"y"'))
    same = {id: g.state.find(other.nodes[id].name, "") for id in other.nodes}
    same |= {other["hidden"].id: y, other["y"].id: hidden}

    g.apply(difference(g.state, other.state, same))

    assert (g["hidden"].id, g["y"].id) == (y, hidden)
    assert shape_of(g) == shape_of(other)


def test_names_go_round_through_scopes() -> None:
    g = fl.Graph()
    with g:
        for scope, name in ROUND:
            with g.scope(scope):
                fl.input(name, shape=(2,))
    other = flow.decode(flow.encode(g))
    ids = list(g.nodes)
    for i, id in enumerate(ids):
        other.apply([Rename(id, f"?{i}")])
    for id, (scope, name) in zip(ids, [*ROUND[1:], ROUND[0]], strict=True):
        other.apply([SetScope(id, scope), Rename(id, name)])

    g.apply(difference(g.state, other.state, {id: id for id in ids}))

    assert [n.path for n in g.nodes.values()] == [n.path for n in other.nodes.values()]


ROUND = [("a", "p"), ("b", "q"), ("a", "q"), ("b", "p"), ("a/c", "p")]


def test_a_new_node_has_an_id_that_no_node_ever_had() -> None:
    g, _ = becomes(("fl.output(y", "fl.output(fl.layers.dense(y, units=2, name='z')"))
    first = g["z"].id
    g.remove("z")

    g.apply(difference(g.state, model(("fl.output(y", "fl.output(fl.layers.dense(y, units=2, name='z')")).state))

    assert g["z"].id != first


def test_a_new_node_lies_right_of_what_feeds_it_and_covers_no_other() -> None:
    g = model()
    g.apply(g.tidying())
    more = "h = fl.layers.dense(y, units=3, name='more')\n    fl.input('z', shape=())\n    fl.output("
    before = {n.id: (n.x, n.y) for n in g.nodes.values()}

    g.apply(g.becoming(model(("fl.output(", more))))

    boxes = {id: (n.x, n.y, *size(g.state, g._inference, id)) for id, n in g.nodes.items()}
    assert all(boxes[id][:2] == place for id, place in before.items())
    assert boxes[g["more"].id][0] > boxes[g["y"].id][0] + boxes[g["y"].id][2]
    for one, other in combinations(boxes.values(), 2):
        assert any(one[i] + one[i + 2] <= other[i] or other[i] + other[i + 2] <= one[i] for i in (0, 1))


def test_a_new_node_has_no_place_while_others_have_none() -> None:
    g = model()

    g.apply(g.becoming(model(("fl.output(", "fl.layers.dense(y, units=3, name='more')\n    fl.output("))))

    assert {n.x for n in g.nodes.values()} == {None}


def test_a_node_of_another_kind_takes_the_place_on_the_canvas() -> None:
    g, _ = becomes(("fl.layers.dropout(hidden, rate=0.5,", "fl.layers.activation(hidden, activation='relu',"))
    before = model()
    before.apply(before.tidying())
    old, new = before.nodes[before["body/kept"].id], g.nodes[g["body/kept"].id]

    assert new.kind == "layers.activation"
    assert new.id != old.id
    assert (new.x, new.y) == (old.x, old.y)


def test_lines_that_change_places_are_an_order() -> None:
    inputs = "    a = fl.input('a', shape=())\n    b = fl.input('b', shape=())\n"
    text = f"import flowloom as fl\nwith fl.Graph() as g:\n{inputs}"
    g = python.load(text)

    patch = difference(
        g.state, python.load(text.replace("'a'", "'?'").replace("'b'", "'a'").replace("'?'", "'b'")).state
    )
    g.apply(patch)

    assert patch == [Reorder(["n2", "n1"])]
    assert [t.name for t in g.inputs] == ["b", "a"]
    g.undo()
    assert [t.name for t in g.inputs] == ["a", "b"]


@pytest.mark.parametrize("ids", [["n1", "n1"], ["n1", "nothing"]])
def test_an_order_names_nodes_that_are_there_once_each(ids: list[str]) -> None:
    g = model()
    before = list(g.nodes)

    with pytest.raises(PatchError):
        g.apply([Reorder(ids)])

    assert list(g.nodes) == before


def test_gradients_go_by_the_variables_that_are_kept() -> None:
    g = fl.Graph()
    with g:
        x = fl.input("x", shape=("batch", 3))
        loss = fl.mean(fl.layers.dense(x, units=2, name="a"))
        fl.gradients(loss, g.trainable_variables)
    other = python.load(
        g.to_python().replace("import", "\nimport").replace("    x =", "    w = fl.input('w', shape=(2,))\n    x =")
    )
    assert difference(g.state, python.load(g.to_python()).state) == []

    g.apply(difference(g.state, other.state))

    assert g.problems == []
    assert g.to_python() == other.to_python()


# ---------------------------------------------------------------- of random graphs


@settings(deadline=None, max_examples=40)
@given(graphs(8), graphs(8))
def test_random_graphs_become_one_another(one: Woven, other: Woven) -> None:
    g = one.graph
    g.apply(g.tidying())
    before = flow.encode(g)
    places = {id: (n.x, n.y) for id, n in g.nodes.items()}
    same = same_nodes(g.state, other.graph.state)

    g.apply(difference(g.state, other.graph.state))

    assert shape_of(g) == shape_of(other.graph)
    assert {id: (n.x, n.y) for id, n in g.nodes.items() if id in same.values() and id in places} == {
        id: places[id] for id in places if id in same.values()
    }
    assert difference(g.state, other.graph.state) == []
    g.undo()
    assert flow.encode(g) == before


@settings(deadline=None, max_examples=40)
@given(graphs(12), st.randoms(use_true_random=False))
def test_random_edits_are_found_again(woven: Woven, random: Any) -> None:
    """Nodes renamed, put elsewhere and taken out."""
    g, edited = woven.graph, flow.decode(flow.encode(woven.graph))
    assert difference(g.state, edited.state) == []
    for id in random.sample(list(edited.nodes), min(4, len(edited.nodes))):
        edited.apply([Rename(id, f"other {id}")])
    scoped = random.choice(list(edited.nodes))
    edited.apply([SetScope(scoped, "elsewhere"), Move(scoped, 3.0, 4.0)])
    edited.remove(edited.nodes[random.choice(list(edited.nodes))].path)

    g.apply(difference(g.state, edited.state))

    assert shape_of(g) == shape_of(edited)


@settings(deadline=None, max_examples=40)
@given(graphs(12))
def test_random_graphs_are_the_same_as_their_source(woven: Woven) -> None:
    assert difference(woven.graph.state, python.load(woven.graph.to_python()).state) == []


def shape_of(graph: fl.Graph) -> Any:
    """All of a graph but ids, positions and parameters that are set to their defaults; as text where it has one."""
    if not graph.problems:
        return python.to_python(without_defaults(graph))
    name = {id: node.path for id, node in graph.nodes.items()}
    return (
        [(name[id], graph.nodes[id].kind, set_of(graph, id), graph.nodes[id].note) for id in graph.state.written()],
        sorted((name[e.source], e.source_port, name[e.target], e.target_port) for e in graph.edges),
    )


def set_of(graph: fl.Graph, id: str) -> dict[str, Any]:
    node = graph.nodes[id]
    kind = find_kind(node.kind)
    assert kind is not None
    plain = {key: msgspec.json.encode(value) for key, value in node.params.items()}
    return {k: v for k, v in plain.items() if v != default(kind.params[k].default)}


def default(value: Any) -> bytes | None:
    return msgspec.json.encode(value, enc_hook=lambda _: None)


def without_defaults(graph: fl.Graph) -> fl.Graph:
    copy = flow.decode(flow.encode(graph))
    copy.name = "graph"
    for id, node in copy.nodes.items():
        copy.apply([ResetParam(id, key) for key in node.params if key not in set_of(graph, id)])
    return copy
