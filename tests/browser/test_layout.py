"""Tidying large graphs: beside the page, cancelled by key and by button, undone as one step."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Show
from tests.browser.notebook import OpenNotebook

HEAP = """
import flowloom as fl
from flowloom.graph.document import AddNode, Connect, EdgeDoc, NodeDoc
g = fl.Graph("heap")
shape = {"shape": ["batch", 4]}
nodes = [NodeDoc(f"n{i}", "relu" if i else "input", f"n{i}", params={} if i else shape, x=40.0, y=30.0)
         for i in range(300)]
g.restore([*map(AddNode, nodes), *(Connect(EdgeDoc(f"n{i - 1}", "y", f"n{i}", "x")) for i in range(1, 300))])
editor = fl.widgets.GraphEditor(g)
depth = g.undo_depth
editor
"""
PLACES = "len({(n.x, n.y) for n in g.nodes.values()})"
IN_ORDER = "[n.id for n in sorted(g.nodes.values(), key=lambda n: n.x)] == list(g.nodes)"
SAID = ".fl-keys > .fl-hidden"

# Stands for a worker that is counted, one that never ends, and one that the page's policy forbids.
WORKERS = {
    "counted": "class extends Worker { constructor(code) { super(code); window.begun = (window.begun ?? 0) + 1; } }",
    "endless": "class { postMessage() {} terminate() { window.ended = (window.ended ?? 0) + 1; } }",
    "forbidden": "class { constructor() { throw new DOMException('no', 'SecurityError'); } }",
}


@pytest.fixture
def heap(show: Show) -> Iterator[OpenNotebook]:
    opened = show(HEAP)
    opened.page.get_by_test_id("node-n299").wait_for()
    opened.page.get_by_test_id("fullscreen").click()
    opened.page.evaluate("() => { window.plain = Worker; window.begun = window.ended = 0; }")
    yield opened
    opened.page.evaluate("() => { window.Worker = window.plain; }")


def workers_are(page: Page, which: str) -> None:
    page.evaluate(f"() => {{ window.Worker = {WORKERS[which]}; }}")


def tidy(page: Page) -> None:
    page.get_by_test_id("canvas").focus()
    page.keyboard.press("Control+Shift+L")


def test_a_large_graph_is_tidied_in_a_worker_as_one_step(heap: OpenNotebook) -> None:
    page = heap.page
    workers_are(page, "counted")
    tidy(page)
    heap.eventually(PLACES, 300)

    assert page.evaluate("() => window.begun") == 1
    assert heap.py(IN_ORDER)
    assert heap.py("min((n.x, n.y) for n in g.nodes.values())") == [40, 30]
    expect(page.locator(SAID)).to_have_text("Tidied")
    expect(page.get_by_test_id("tidying")).to_have_count(0)
    page.keyboard.press("Control+z")
    heap.eventually(PLACES, 1)
    assert heap.py("g.undo_depth == depth")


def test_a_layout_under_way_is_cancelled_by_key_and_by_button(heap: OpenNotebook) -> None:
    page = heap.page
    workers_are(page, "endless")
    strip = page.get_by_test_id("tidying")
    tidy(page)
    expect(strip).to_contain_text("Laying out 300 nodes")
    expect(page.locator(SAID)).to_have_text("Laying out 300 nodes. Escape cancels")
    page.keyboard.press("Escape")
    expect(strip).to_have_count(0)
    expect(page.locator(SAID)).to_have_text("Layout cancelled")

    page.get_by_test_id("tidy").click()
    page.get_by_test_id("cancel-tidy").click()
    expect(strip).to_have_count(0)
    expect(page.get_by_test_id("canvas")).to_be_focused()

    assert page.evaluate("() => window.ended") == 2
    assert heap.py(PLACES) == 1
    assert heap.py("g.undo_depth == depth")


def test_where_workers_are_forbidden_the_page_lays_out_by_itself(heap: OpenNotebook) -> None:
    workers_are(heap.page, "forbidden")
    heap.page.get_by_test_id("tidy").click()

    heap.eventually(PLACES, 300)
    assert heap.py(IN_ORDER)
