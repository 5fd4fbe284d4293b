"""Followers: which kinds fit behind an output, before an input, and on a wire."""

from __future__ import annotations

import pytest

import flowloom as fl
from flowloom.graph import PatchError
from flowloom.graph.document import AddNode, Connect, Disconnect, EdgeDoc, Follower, NodeDoc
from flowloom.graph.kinds import find_kind


@pytest.fixture
def graph() -> fl.Graph:
    """Images and labels of digits: image -> pixels -> scores, and a loss of scores and label."""
    graph = fl.Graph("digits")
    with graph:
        image = fl.input("image", shape=("batch", 8, 8, 1))
        label = fl.input("label", shape=("batch",), dtype="int64")
        pixels = fl.layers.flatten(image, name="pixels")
        scores = fl.layers.dense(pixels, units=10, name="scores")
        fl.losses.softmax_cross_entropy(scores, label, name="loss")
    return graph


def output(graph: fl.Graph, name: str) -> tuple[str, str]:
    return graph[name].id, "y"


def named(found: list[Follower]) -> dict[str, Follower]:
    return {f.kind: f for f in found}


def test_what_takes_an_image_follows_it_and_what_takes_labels_follows_them(graph: fl.Graph) -> None:
    image = named(graph.followers(output(graph, "image")))
    label = named(graph.followers(output(graph, "label")))

    assert {"layers.conv2d", "layers.flatten", "layers.dense", "max_pool2d", "add", "output"} <= image.keys()
    assert not {"layers.embedding", "layers.conv1d", "one_hot", "bitwise_and"} & image.keys()
    assert {"layers.embedding", "one_hot", "metrics.accuracy", "losses.softmax_cross_entropy"} <= label.keys()
    assert not {"layers.conv2d", "max_pool2d", "layers.lstm"} & label.keys()
    assert label["losses.softmax_cross_entropy"].port == "label"
    assert image["layers.conv2d"] == Follower("layers.conv2d", "x", "y")


def test_internal_kinds_and_those_that_come_in_pairs_are_left_out(graph: fl.Graph) -> None:
    for found in (graph.followers(output(graph, "scores")), graph.followers(None, (graph["scores"].id, "x"))):
        kinds = [find_kind(f.kind) for f in found]

        assert not [k for k in kinds if k is None or k.internal]
        assert not {"cond", "scan", "scan_begin", "while_loop"} & named(found).keys()


@pytest.mark.parametrize("name", ["image", "label", "scores"])
def test_every_follower_is_taken_by_the_graph(graph: fl.Graph, name: str) -> None:
    source, port = output(graph, name)

    for found in graph.followers((source, port)):
        assert found.port is not None
        new = AddNode(NodeDoc("new", found.kind, "new", params=found.params))

        assert graph.refusal([new, Connect(EdgeDoc(source, port, "new", found.port))]) is None, found


def test_what_may_come_before_an_input_has_an_output_that_fits(graph: fl.Graph) -> None:
    loss = graph["loss"].id
    labels = named(graph.followers(None, (loss, "label")))
    logits = named(graph.followers(None, (loss, "logits")))

    assert {"random.categorical", "input", "cast"} <= labels.keys()
    assert {"layers.dense", "layers.relu", "input"} <= logits.keys()
    assert not {"random.categorical", "equal"} & logits.keys()
    assert labels["input"].params == {"shape": ["batch"], "dtype": "int64"}
    assert logits["input"].params == {"shape": ["batch", 10], "dtype": "float32"}


def test_what_goes_on_a_wire_fits_at_both_ends(graph: fl.Graph) -> None:
    pixels, scores = graph["pixels"].id, graph["scores"].id
    between = named(graph.followers((pixels, "y"), (scores, "x")))
    old = EdgeDoc(pixels, "y", scores, "x")

    assert {"layers.relu", "layers.dropout", "layers.dense"} <= between.keys()
    assert not {"sum", "layers.conv2d", "losses.mean_squared_error"} & between.keys()
    for kind in ("layers.relu", "layers.dropout", "layers.dense", "add"):
        found = between[kind]
        assert found.port is not None
        assert found.output is not None
        new = AddNode(NodeDoc("new", kind, "new"))
        wires = [Connect(EdgeDoc(pixels, "y", "new", found.port)), Connect(EdgeDoc("new", found.output, scores, "x"))]
        assert graph.refusal([Disconnect(old), new, *wires]) is None, kind


def test_after_an_output_that_is_not_known_yet_all_may_follow(graph: fl.Graph) -> None:
    graph.apply([AddNode(NodeDoc("open", "layers.dense", "open"))])

    found = named(graph.followers(("open", "y")))

    assert {"layers.dense", "layers.embedding", "losses.softmax_cross_entropy"} <= found.keys()
    assert "input" not in found


def test_asking_changes_nothing(graph: fl.Graph) -> None:
    before = (dict(graph.nodes), graph.edges, graph.problems, graph.revision)

    graph.followers(output(graph, "pixels"), (graph["scores"].id, "x"))
    graph.followers(None, (graph["loss"].id, "label"))

    assert (dict(graph.nodes), graph.edges, graph.problems, graph.revision) == before


@pytest.mark.parametrize("end", [("nobody", "y"), ("", "y")])
def test_a_port_that_is_not_there_is_refused(graph: fl.Graph, end: tuple[str, str]) -> None:
    with pytest.raises(PatchError, match="there is no node"):
        graph.followers(end)
    with pytest.raises(PatchError, match="has no input"):
        graph.followers(None, (graph["loss"].id, "nothing"))
