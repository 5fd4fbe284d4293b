"""Large graphs seen from afar: one picture instead of elements, in which nodes are still selected and gone to."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Show

MODEL = """
import flowloom as fl
from flowloom.graph.document import AddNode, NodeDoc
g = fl.Graph("large")
shape = {"shape": ["batch", 4]}
places = [(240.0 * (i % 30), 90.0 * (i // 30)) for i in range(450)]
nodes = [NodeDoc(f"n{i}", "input", f"node {i}", params=shape, x=x, y=y) for i, (x, y) in enumerate(places)]
g.restore([AddNode(node) for node in nodes])
editor = fl.widgets.GraphEditor(g)
editor
"""


def test_from_afar_the_graph_is_one_picture(show: Show) -> None:
    page = show(MODEL).page
    page.locator(".react-flow__node").first.wait_for()
    page.get_by_test_id("fullscreen").click()
    page.get_by_test_id("fit").click()
    overview = page.get_by_test_id("overview")
    overview.wait_for()
    expect(page.locator(".react-flow__node")).to_have_count(0)
    drawn = overview.locator("canvas").evaluate(
        """canvas => {
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            return data.some(value => value > 0);
        }"""
    )
    assert drawn

    # The first node lies at the upper left corner of what is fitted into view.
    pane = page.locator(".react-flow__pane")
    zoom = float(page.locator(".fl-bar-zoom").inner_text().rstrip("%")) / 100
    matrix = page.locator(".react-flow__viewport").evaluate(
        "element => { const { e, f } = new DOMMatrix(getComputedStyle(element).transform); return [e, f]; }"
    )
    at = {"x": matrix[0] + 80 * zoom, "y": matrix[1] + 28 * zoom}
    pane.click(position=at)
    expect(page.get_by_test_id("inspector-name")).to_have_value("node 0")
    pane.dblclick(position=at)
    expect(overview).to_have_count(0)
    expect(page.get_by_test_id("node-node 0")).to_have_attribute("data-selected", "true")
    expect(page.get_by_test_id("node-node 0")).to_be_in_viewport()

    page.keyboard.press("Control+f")
    page.keyboard.type("node 449")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("node-node 449")).to_be_in_viewport()
