"""The tidy layout: from left to right, nothing on top of anything else, the same every time."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

import flowloom as fl
from flowloom.graph.document import Move
from flowloom.graph.layout import size

from . import walks


def assert_tidy(g: fl.Graph) -> None:
    boxes = {}
    for id, node in g.nodes.items():
        width, height = size(g.state, g._inference, id)
        assert node.x is not None
        assert node.y is not None
        boxes[id] = (node.x, node.y, node.x + width, node.y + height)
    for e in g.edges:
        assert boxes[e.source][2] < boxes[e.target][0], f"{e} leads to the left"
    for (a, one), (b, other) in combinations(boxes.items(), 2):
        apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
        assert apart, f"{g.nodes[a].name} and {g.nodes[b].name} overlap"


@settings(max_examples=40)
@given(st.data())
def test_any_graph_is_laid_out_without_overlaps_from_left_to_right(data: st.DataObject) -> None:
    g = walks.model()
    for patch in walks.walk(data, g, 12):
        try:
            g.apply(patch)
        except fl.PatchError:
            continue
    g.apply(g.tidying())

    assert_tidy(g)
    assert g.tidying() == []


def test_a_wide_graph_is_laid_out() -> None:
    with fl.Graph() as g:
        x = fl.input("x", shape=("batch", 2))
        for i in range(12):
            fl.add(fl.relu(x, name=f"a long name of a node {i}"), fl.tanh(x))
    g.place()

    assert_tidy(g)


def test_placing_is_no_step_and_leaves_a_placed_graph_alone() -> None:
    g = walks.model()
    depth = g.undo_depth
    g.place()
    assert (g.undo_depth, g.tidying()) == (depth, [])

    g.apply([Move("n1", 1000.0, 1000.0)])
    g.place()
    assert (g.nodes["n1"].x, g.nodes["n1"].y) == (1000.0, 1000.0)


def test_tidying_is_one_step_that_can_be_taken_back() -> None:
    g = walks.model()
    g.apply(g.tidying())
    g.undo()

    assert {(n.x, n.y) for n in g.nodes.values()} == {(None, None)}


def test_an_empty_graph_has_nothing_to_tidy() -> None:
    assert fl.Graph().tidying() == []
