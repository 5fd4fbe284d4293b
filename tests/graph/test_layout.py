"""The tidy layout: from left to right, nothing on top of anything else, the same every time."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flowloom as fl
from flowloom.graph.document import Move, SetScope
from flowloom.graph.layout import SIDE, TITLE, arrange, short_count, size

from . import walks


def assert_tidy(g: fl.Graph) -> None:
    boxes = {}
    for id, node in g.nodes.items():
        width, height = size(g.state, g._inference, id)
        assert node.x is not None
        assert node.y is not None
        boxes[id] = (node.x, node.y, node.x + width, node.y + height)
    for e in g.edges:
        scopes = {g.nodes[e.source].scope, g.nodes[e.target].scope}  # scopes may read from each other
        assert boxes[e.source][2] < boxes[e.target][0] or len(scopes) > 1, f"{e} leads to the left"
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


def boxes_of(g: fl.Graph) -> dict[str, tuple[float, float, float, float]]:
    """The edges (left, top, right, bottom) of each scope's box and, by path, of each node."""
    sizes = {id: size(g.state, g._inference, id) for id in g.nodes}
    drawing = arrange(g.state, sizes)
    boxes = {f"/{path}": (x, y, x + width, y + height) for path, (x, y, width, height) in drawing.boxes.items()}
    nodes = {g.nodes[id].path: (x, y, x + sizes[id][0], y + sizes[id][1]) for id, (x, y) in drawing.places.items()}
    return boxes | nodes


def assert_boxed(g: fl.Graph) -> None:
    boxes = boxes_of(g)
    outer_of = {path: f"/{path.removeprefix('/').rpartition('/')[0]}" for path in boxes}
    for path, (left, top, right, bottom) in boxes.items():
        if outer_of[path] != "/":
            x0, y0, x1, y1 = boxes[outer_of[path]]
            assert x0 + SIDE <= left, f"{path} sticks out of its scope"
            assert y0 + TITLE <= top, f"{path} sticks out of its scope"
            assert right + SIDE <= x1, f"{path} sticks out of its scope"
            assert bottom < y1, f"{path} sticks out of its scope"
    for a, b in combinations(boxes, 2):
        if outer_of[a] == outer_of[b]:
            one, other = boxes[a], boxes[b]
            apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
            assert apart, f"{a} and {b} overlap"


@settings(max_examples=40)
@given(st.data())
def test_scopes_lie_around_their_nodes_and_beside_all_else(data: st.DataObject) -> None:
    g = walks.model()
    scopes = st.sampled_from(["", "a", "a/b", "a/b/c", "b", "b/b"])
    for id in list(g.nodes):
        g.apply([SetScope(id, data.draw(scopes))])
    g.apply(g.tidying())

    assert_boxed(g)
    assert g.tidying() == []


def test_what_begins_a_zone_is_at_its_left_edge_and_what_ends_it_at_its_right() -> None:
    with fl.Graph() as g:
        flag = fl.input("flag", shape=(), dtype="bool")
        x = fl.input("x", shape=("time", 3))
        last, _ = fl.scan(lambda t, row: (t + row, fl.tanh(t * row)), fl.constant([0.0, 0.0, 0.0]), x)
        fl.cond(flag, lambda a: fl.sin(a) * 2.0, lambda a: (a, a)[0] * 3.0, last, name="choice")
    boxes = boxes_of(g)

    assert_boxed(g)
    for zone in ("scan", "choice"):
        inside = {p: b for p, b in boxes.items() if p.removeprefix("/").startswith(f"{zone}/")}
        others = [b for p, b in inside.items() if p not in (f"{zone}/begin", f"{zone}/end")]
        assert all(inside[f"{zone}/begin"][2] < b[0] for b in others)
        assert all(b[2] < inside[f"{zone}/end"][0] for b in others)


def test_wires_between_scopes_lead_to_the_right() -> None:
    with fl.Graph() as g:
        h = fl.input("x", shape=("batch", 4))
        for name in ("one", "two", "three"):
            with g.scope(name):
                h = fl.tanh(fl.relu(h))
    boxes = boxes_of(g)

    assert boxes["x"][2] < boxes["/one"][0] < boxes["/one"][2] < boxes["/two"][0]
    assert boxes["/two"][2] < boxes["/three"][0]


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


def test_some_nodes_are_laid_out_by_themselves_and_the_others_stay() -> None:
    g = walks.model()
    g.place()
    for id in list(g.nodes):
        g.apply([Move(id, 500.0 + 7 * len(id), 300.0)])
    chosen = [g[name].id for name in ("x", "hidden", "scale")]
    before = {id: (n.x, n.y) for id, n in g.nodes.items()}

    g.apply(g.tidying(chosen))

    corner = tuple(min(before[id][axis] for id in chosen) for axis in (0, 1))
    after = {id: (n.x, n.y) for id, n in g.nodes.items()}
    assert tuple(min(after[id][axis] for id in chosen) for axis in (0, 1)) == corner
    assert len({after[id] for id in chosen}) == len(chosen)
    assert {id: place for id, place in after.items() if id not in chosen} == {
        id: place for id, place in before.items() if id not in chosen
    }
    g.undo()
    assert {id: (n.x, n.y) for id, n in g.nodes.items()} == before
    with pytest.raises(fl.PatchError, match="there is no node 'ghost'"):
        g.tidying(["ghost"])


def test_a_node_keeps_room_for_the_number_of_its_weights() -> None:
    with fl.Graph() as g:
        x = fl.input("x", shape=("batch", 1000))
        fl.relu(x, name="y")
        fl.layers.dense(x, units=1000, name="z")

    (plain, *_), (weighty, *_) = (size(g.state, g._inference, g[name].id) for name in "yz")
    assert plain < weighty <= 240
    assert [short_count(n) for n in (650, 30_634, 999_600, 1_234_567)] == ["650", "30.6 k", "1 M", "1.23 M"]
