"""What a machine runs, as a picture: each expression once, wires for operands, scopes called like the nodes."""

from __future__ import annotations

from collections import Counter

import flowloom as fl
from flowloom.compiler.expr import ITEM, Expr, toposort
from flowloom.compiler.gradient import gradients
from flowloom.graph.lower import lower
from flowloom.graph.machine_picture import BACKWARD, End, machine_picture
from flowloom.graph.picture import Picture


def classifier() -> fl.Graph:
    """x -> hidden (dense) -> act (relu)."""
    graph = fl.Graph("classifier")
    with graph:
        x = fl.input("x", shape=("batch", 2))
        fl.relu(fl.layers.dense(x, units=3, name="hidden"), name="act")
    return graph


def drawn(graph: fl.Graph) -> tuple[Picture, tuple[Expr, ...]]:
    lowered = lower(graph, graph.outputs)
    return machine_picture(graph.state, lowered.outputs, lowered.origins), lowered.outputs


def wires(picture: Picture) -> set[tuple[str, str, str]]:
    """Each wire as (from, to, port), by paths."""
    paths = {d.node.id: d.node.path for d in picture.nodes}
    return {(paths[e.source], paths[e.target], e.target_port) for e in picture.edges}


def test_a_dense_layer_is_a_product_and_a_sum_in_a_scope_of_its_name() -> None:
    """A dense layer computes x @ kernel + bias: two operations and two variables."""
    picture, _ = drawn(classifier())

    assert {(d.node.path, d.node.kind) for d in picture.nodes} == {
        ("x", "input"),
        ("hidden/kernel", "variable"),
        ("hidden/bias", "variable"),
        ("hidden/matmul", "matmul"),
        ("hidden/add", "add"),
        ("act", "relu"),  # one operation stays the node that it was
    }
    assert wires(picture) == {
        ("x", "hidden/matmul", "a"),
        ("hidden/kernel", "hidden/matmul", "b"),
        ("hidden/matmul", "hidden/add", "a"),
        ("hidden/bias", "hidden/add", "b"),
        ("hidden/add", "act", "x"),
    }
    assert {d.node.path: dict(d.outputs)["y"] for d in picture.nodes}["hidden/add"] == "float32[batch, 3]"


def test_each_leads_back_to_its_node_and_is_folded_to_it() -> None:
    graph = classifier()
    picture, _ = drawn(graph)
    ids = {node.name: id for id, node in graph.nodes.items()}

    assert {d.node.path: d.origins for d in picture.nodes}["hidden/matmul"] == (ids["hidden"],)
    assert dict(picture.scopes) == {"hidden": ids["hidden"]}
    assert picture.folded["hidden"] is True


def test_every_expression_is_drawn_once_with_a_wire_for_each_operand() -> None:
    """Also in a layer of several outputs, of which each is a port."""
    graph = fl.Graph("several")
    with graph:
        x = fl.input("x", shape=("batch", 5, 4))
        state, _, carry = fl.layers.lstm(x, units=3, return_state=True)
        values, indices = fl.top_k(fl.softmax(state + carry), k=2)
        fl.output(values, "values")
        fl.output(indices, "indices")
    picture, results = drawn(graph)
    exprs = [e for e in toposort(results) if e.op is not ITEM]
    numbers = [e for e in exprs if e.value is not None and e.value.size == 1]

    assert len([d for d in picture.nodes if d.node.kind != "constant"]) == len(
        [e for e in exprs if e.op.name != "constant"]
    )
    assert len(picture.edges) == sum(len(e.args) for e in exprs)
    assert len(numbers) <= len([d for d in picture.nodes if d.node.kind == "constant"])
    by_kind = {d.node.kind: d for d in picture.nodes}
    assert [name for name, _ in by_kind["top_k"].outputs] == ["values", "indices"]
    assert any("a body of" in fact for fact in by_kind["scan"].facts)


def test_a_number_is_drawn_where_it_is_read_and_a_constant_once() -> None:
    """Dropout puts a zero where it drops: the two that are here do not fetch it from each other."""
    graph = fl.Graph("numbers")
    with graph:
        x = fl.input("x", shape=("batch",))
        eighth = fl.constant(0.125, name="eighth")
        for name in ("left", "right"):
            x = fl.layers.dropout(x, rate=0.25, name=name) * eighth
    lowered = lower(graph, graph.outputs, training=True)
    picture = machine_picture(graph.state, lowered.outputs, lowered.origins)

    constants = Counter((d.node.scope, d.node.name) for d in picture.nodes if d.node.kind == "constant")
    assert constants[("", "eighth")] == 1
    assert {scope for scope, _ in constants} == {"", "left", "right"}
    assert max(constants.values()) == 1


def test_the_backward_pass_lies_in_scopes_of_its_own() -> None:
    """The loss of one parabola: d(w*w)/dw is w + w, whichever way it is written."""
    graph = fl.Graph("parabola")
    with graph:
        w = fl.variable("w", shape=())
        loss = fl.multiply(w, w, name="loss")
    lowered = lower(graph, [loss])
    (leaf,) = (v.expr for v in lowered.variables.values())
    (made,) = gradients(lowered.outputs[0], [leaf], origins=lowered.origins)
    picture = machine_picture(
        graph.state,
        lowered.outputs,
        lowered.origins,
        ends=[End("gradient of w", w.id, made, True)],
        forward=lowered.outputs,
    )
    ahead = set(toposort(lowered.outputs))
    behind = [e for e in toposort([made]) if e not in ahead and e.op.name != "constant"]
    paths = {d.node.path: d for d in picture.nodes}

    assert {"w", "loss", "gradients/gradient of w"} <= set(paths)
    inner = [
        d for d in picture.nodes if d.node.scope.startswith(BACKWARD) and d.node.kind not in ("constant", "output")
    ]
    assert sorted(d.node.kind for d in inner) == sorted(e.op.name for e in behind)
    assert all(d.origins == (loss.id,) for d in inner)
    assert picture.folded[BACKWARD] is False


def test_a_node_called_like_a_scope_keeps_apart_from_it() -> None:
    graph = fl.Graph("twins")
    with graph:
        x = fl.input("x", shape=("batch", 2))
        with graph.scope("block"):
            h = fl.relu(x, name="inner")
        fl.layers.dense(h, units=3, name="block")
    picture, _ = drawn(graph)

    assert {d.node.scope for d in picture.nodes} == {"", "block", "block (node)"}


def test_all_nodes_have_places_of_their_own() -> None:
    picture, _ = drawn(classifier())

    places = [(d.node.x, d.node.y) for d in picture.nodes]
    assert len(set(places)) == len(places)
    assert None not in {x for place in places for x in place}


def test_a_large_picture_has_one_node_for_each_of_the_graph() -> None:
    graph = classifier()
    lowered = lower(graph, graph.outputs)
    picture = machine_picture(graph.state, lowered.outputs, lowered.origins, most=5)
    nodes = {d.node.path: d for d in picture.nodes}

    assert set(nodes) == {"x", "hidden", "act"}
    assert {(source, target) for source, target, _ in wires(picture)} == {("x", "hidden"), ("hidden", "act")}
    assert set(nodes["hidden"].facts) == {"variable: 2", "matmul: 1", "add: 1"}
    assert nodes["hidden"].origins == (graph["hidden"].id,)
    assert [spec for _, spec in nodes["hidden"].outputs] == ["float32[batch, 3]"]
    for edge in picture.edges:
        ends = {d.node.id: d for d in picture.nodes}
        assert edge.source_port in dict(ends[edge.source].outputs)
        assert edge.target_port in dict(ends[edge.target].inputs)
