"""From an empty canvas to a network that trains on digits, as someone does it who has read nothing."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.canvas import Canvas
from tests.browser.conftest import Show

CELL = """
import flowloom as fl
g = fl.Graph("digits")
view = fl.widgets.Studio(g, fl.data.load("digits"), epochs=2)
view
"""
KINDS = "[n.kind.rpartition('.')[2] for n in g.nodes.values()]"
LAYERS = ["conv2d", "max_pool2d", "flatten", "dense"]
BUILT = ["input", "input", *LAYERS, "softmax_cross_entropy", "accuracy"]


def train(canvas: Canvas) -> None:
    """Press Train, be told that there is no loss, take the one that is offered, and train."""
    page = canvas.page
    page.get_by_test_id("train").click()
    expect(page.get_by_test_id("run-message")).to_contain_text("the graph has no loss")
    page.get_by_role("button", name="Add softmax_cross_entropy and accuracy of dense and label").click()
    expect(page.get_by_test_id("run-message")).to_have_text("")
    expect(page.get_by_test_id("node-accuracy")).to_be_in_viewport(ratio=1)
    assert canvas.opened.py(KINDS) == BUILT
    page.get_by_test_id("train").click()
    expect(page.get_by_test_id("run-status")).to_have_text("Finished", timeout=60_000)


def test_by_mouse(show: Show) -> None:
    canvas = Canvas(show(CELL), None)
    canvas.page.get_by_test_id("add-inputs").click()
    last = "image"
    for kind in LAYERS:
        canvas.come_to_rest(last)
        x, y = canvas.middle(canvas.port("out", last, "y"))
        canvas.drag((x, y), (x + 60, y + 10))
        expect(canvas.field).to_be_focused()
        canvas.keys.type(kind)
        canvas.keys.press("Enter")
        expect(canvas.page.get_by_test_id(f"node-{kind}")).to_be_in_viewport(ratio=1)
        last = kind

    train(canvas)


def test_by_keyboard(show: Show) -> None:
    canvas = Canvas(show(CELL), None)
    canvas.page.get_by_test_id("add-inputs").press("Enter")
    canvas.wrapper("image").focus()
    for kind in LAYERS:
        canvas.keys.press("a")
        expect(canvas.field).to_be_focused()
        canvas.keys.type(kind)
        canvas.keys.press("Enter")
        expect(canvas.wrapper(kind)).to_be_focused()

    train(canvas)
