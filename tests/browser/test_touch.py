"""The editor under fingers: the canvas pans and zooms, nodes and wires are drawn, and the page still scrolls."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.handling import Point, middle_at_rest
from tests.browser.lab import Lab
from tests.browser.notebook import OpenNotebook

MODEL = """
import flowloom as fl
g = fl.Graph("digits")
with g:
    image = fl.input("image", shape=("batch", 64))
    scores = fl.layers.dense(image, units=10, name="scores")
    fl.softmax(scores, name="likely")
editor = fl.widgets.GraphEditor(g)
editor
"""
WIRES = "sorted(f'{g.nodes[e.source].name} > {g.nodes[e.target].name}.{e.target_port}' for e in g.edges)"


class Tablet:
    """A page of 1000 by 860 pixels that fingers handle; `opened` shows the editor in it."""

    def __init__(self, opened: OpenNotebook) -> None:
        self.opened, self.page = opened, opened.page
        self.fingers = self.page.context.new_cdp_session(self.page)
        self.page.get_by_test_id("node-scores").wait_for()
        self.page.get_by_test_id("editor").scroll_into_view_if_needed()
        self.page.get_by_test_id("fit").tap()
        self.at(self.node("scores"))

    def touch(self, kind: str, *points: Point) -> None:
        """Send what a touch screen sends: "touchStart", "touchMove" or "touchEnd", and where the fingers are."""
        at = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(points)]
        self.fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    def drag(self, *ways: tuple[Point, Point]) -> None:
        """Draw fingers, each from a point to another, all at once."""
        self.touch("touchStart", *(start for start, _ in ways))
        for step in range(1, 11):
            share = step / 10
            self.touch("touchMove", *((x + (u - x) * share, y + (v - y) * share) for (x, y), (u, v) in ways))
        self.touch("touchEnd")

    def at(self, what: Locator) -> Point:
        return middle_at_rest(what)

    def node(self, name: str) -> Locator:
        return self.page.get_by_test_id(f"node-{name}")

    def port(self, side: str, node: str, port: str) -> Locator:
        return self.page.get_by_test_id(f"port-{side}-{node}-{port}")

    def empty(self) -> Point:
        box = self.page.locator(".react-flow__pane").bounding_box()
        assert box is not None
        return box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.8


@pytest.fixture(scope="module")
def tablet_notebook(lab: Lab, browser: Browser) -> Iterator[OpenNotebook]:
    lab.add([MODEL], "tablet.ipynb")
    size = {"width": 1000, "height": 860}
    context = browser.new_context(viewport=size, has_touch=True, reduced_motion="reduce")
    opened = OpenNotebook(lab, context.new_page(), "tablet.ipynb")
    yield opened
    opened.close()
    assert opened.errors == []


@pytest.fixture
def tablet(tablet_notebook: OpenNotebook) -> Iterator[Tablet]:
    tablet_notebook.run_all()
    yield Tablet(tablet_notebook)
    tablet_notebook.clear()


def test_one_finger_pans_two_zoom_and_the_page_scrolls_from_elsewhere(tablet: Tablet) -> None:
    x, y = tablet.at(tablet.node("scores"))
    left, top = tablet.empty()
    tablet.drag(((left, top), (left + 60, top - 90)))
    assert tablet.at(tablet.node("scores")) == pytest.approx((x + 60, y - 90), abs=12)

    zoom = tablet.page.locator(".fl-bar-zoom")
    before = int(zoom.inner_text().rstrip("%"))
    tablet.drag(((left - 40, top), (left - 120, top)), ((left + 40, top), (left + 120, top)))
    expect(zoom).not_to_have_text(f"{before}%")
    assert int(zoom.inner_text().rstrip("%")) > before * 1.5

    scrolled = "() => document.querySelector('.jp-WindowedPanel-outer').scrollTop"
    start = tablet.page.evaluate(scrolled)
    tablet.drag(((left, top), (left, top - 80)))
    assert tablet.page.evaluate(scrolled) == start
    title_x, title_y = tablet.at(tablet.page.get_by_text("Palette", exact=True))
    tablet.drag(((title_x, title_y), (title_x, title_y - 80)))
    tablet.page.wait_for_function(f"start => ({scrolled})() > start + 20", arg=start)


def test_tap_selects_a_drag_moves_and_a_long_press_asks(tablet: Tablet) -> None:
    x, y = tablet.at(tablet.node("likely"))
    tablet.page.touchscreen.tap(x, y)
    expect(tablet.node("likely")).to_have_attribute("data-selected", "true")
    tablet.drag(((x, y), (x - 30, y + 80)))
    tablet.opened.eventually("(lambda y: y['likely'] - y['scores'] > 40)({n.name: n.y for n in g.nodes.values()})")
    assert tablet.at(tablet.node("likely"))[1] == pytest.approx(y + 80, abs=20)  # less what a press may tremble

    tablet.touch("touchStart", tablet.at(tablet.node("scores")))
    tablet.page.get_by_role("combobox", name="scores").wait_for()
    tablet.touch("touchEnd")
    tablet.page.get_by_test_id("choice-duplicate").tap()
    tablet.opened.eventually("'scores_1' in {n.name for n in g.nodes.values()}")

    tablet.touch("touchStart", tablet.empty())
    tablet.page.get_by_role("combobox", name="Graph digits").wait_for()
    tablet.touch("touchEnd")
    tablet.page.get_by_test_id("choice-undo").tap()
    tablet.opened.eventually("'scores_1' in {n.name for n in g.nodes.values()}", False)


BLOCK = """
with fl.Graph("tapped") as part:
    with part.scope("tapped"):
        fl.relu(fl.input("x", shape=("batch", 4)), name="inner")
fl.blocks.save(part, "tapped", replace=True)
"""


def test_wires_are_drawn_by_finger_and_entries_are_added_by_a_tap(tablet: Tablet) -> None:
    tablet.opened.exec(BLOCK)
    x, y = tablet.at(tablet.port("out", "image", "y"))
    tablet.page.touchscreen.tap(x + 9, y)  # beside it, but within what is hit
    tablet.page.touchscreen.tap(*tablet.at(tablet.port("in", "likely", "x")))
    tablet.opened.eventually(WIRES, ["image > likely.x", "image > scores.x"])

    tablet.drag((tablet.at(tablet.port("out", "scores", "y")), tablet.at(tablet.port("in", "likely", "x"))))
    tablet.opened.eventually(WIRES, ["image > scores.x", "scores > likely.x"])

    tablet.page.get_by_test_id("unfold-palette").click()
    tablet.page.get_by_test_id("palette-item-layers.dropout").tap()
    tablet.opened.eventually("'dropout' in {n.name for n in g.nodes.values()}")
    expect(tablet.node("dropout")).to_be_in_viewport()
    tablet.page.get_by_test_id("palette-block-tapped").tap()
    tablet.opened.eventually("'tapped/inner' in {n.path for n in g.nodes.values()}")
    tablet.opened.exec("fl.blocks.remove('tapped')")


def test_what_fingers_hit_is_large_enough(tablet: Tablet) -> None:
    assert tablet.page.evaluate("() => matchMedia('(pointer: coarse)').matches")
    small = tablet.page.evaluate(
        """() => [...document.querySelectorAll(".fl-root :is(button, input, select, [role=tab])")]
            .map(element => [element.getBoundingClientRect(), element.outerHTML.slice(0, 120)])
            .filter(([{ width, height }]) => width > 0 && (width < 24 || height < 24))
            .map(([{ width, height }, html]) => `${width} x ${height}: ${html}`)"""
    )
    assert small == []
