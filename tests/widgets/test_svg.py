"""The static picture: valid, complete, and safe whatever the names are."""

from __future__ import annotations

from xml.etree import ElementTree

import flowloom as fl
from flowloom.graph.document import Disconnect
from flowloom.widgets.svg import HEIGHT, WIDTH, graph_svg
from tests.widgets.models import digits_model

SVG = "{http://www.w3.org/2000/svg}"


def test_every_node_and_edge_is_drawn_with_its_spec() -> None:
    drawn = ElementTree.fromstring(graph_svg(digits_model()))

    texts = [t.text for t in drawn.iter(f"{SVG}text")]
    assert {"image", "label", "pixels", "scores", "loss", "accuracy", "float32[batch, 10]"} <= set(texts)
    assert len(list(drawn.iter(f"{SVG}path"))) == 6


def test_nodes_do_not_overlap() -> None:
    drawn = ElementTree.fromstring(graph_svg(digits_model()))

    places = _places(drawn)
    assert all(
        abs(a[0] - b[0]) >= WIDTH or abs(a[1] - b[1]) >= HEIGHT for i, a in enumerate(places) for b in places[:i]
    )


def _places(drawn: ElementTree.Element) -> list[tuple[float, ...]]:
    """The corners of the nodes."""
    transforms = (g.attrib.get("transform", "") for g in drawn.iter(f"{SVG}g"))
    return [tuple(map(float, t.removeprefix("translate(").removesuffix(")").split())) for t in transforms if t]


def test_scopes_are_drawn_as_boxes_around_their_nodes() -> None:
    with fl.Graph() as graph:
        x = fl.input("x", shape=("batch", 4))
        with graph.scope("encoder"):
            fl.relu(x, name="first")
            with graph.scope("block"):
                fl.tanh(x, name="second")
    drawn = ElementTree.fromstring(graph_svg(graph))

    boxes = [r.attrib for r in drawn.iter(f"{SVG}rect") if r.attrib.get("class") == "scope"]
    inside = [
        sum(
            float(b["x"]) < x
            and x + WIDTH < float(b["x"]) + float(b["width"])
            and float(b["y"]) < y
            and y + HEIGHT < float(b["y"]) + float(b["height"])
            for x, y in _places(drawn)
        )
        for b in boxes
    ]
    assert inside == [2, 1]
    assert {"encoder", "block"} <= {t.text for t in drawn.iter(f"{SVG}text")}


def test_hostile_name_stays_text() -> None:
    graph = fl.Graph("<script>alert(1)</script>")
    with graph:
        fl.input("<img src=x onerror=alert(1)>&\"'")

    drawn = ElementTree.fromstring(graph_svg(graph))

    assert {e.tag for e in drawn.iter()} <= {SVG + t for t in ("svg", "title", "style", "rect", "path", "g", "text")}


def test_problem_is_marked_and_told() -> None:
    graph = digits_model()
    graph.apply([Disconnect(next(e for e in graph.edges if e.target == graph["scores"].id))])

    svg = graph_svg(graph)

    assert 'class="box problem"' in svg
    assert "is not connected" in svg


def test_empty_graph_is_a_picture_too() -> None:
    ElementTree.fromstring(graph_svg(fl.Graph()))
