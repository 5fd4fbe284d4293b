"""The map in a corner of the canvas: it shows where the view is, and moves it."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Show

MODEL = """
import flowloom as fl
g = fl.Graph("long")
with g:
    h = fl.input("first", shape=("batch", 8))
    for _ in range(14):
        h = fl.relu(h)
    fl.tanh(h, name="last")
editor = fl.widgets.GraphEditor(g)
editor
"""


def test_it_is_there_while_not_all_is_in_view(show: Show) -> None:
    page = show(MODEL).page
    page.get_by_test_id("node-first").wait_for()
    page.get_by_test_id("fullscreen").click()
    page.get_by_test_id("fit").click()
    expect(page.get_by_test_id("minimap")).to_have_count(0)
    page.get_by_test_id("node-first").click()
    page.keyboard.press(".")
    minimap = page.get_by_test_id("minimap")
    minimap.wait_for()
    expect(page.get_by_test_id("node-last")).not_to_be_in_viewport()

    box = minimap.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] - 12, box["y"] + box["height"] / 2)
    expect(page.get_by_test_id("node-last")).to_be_in_viewport()
    expect(page.get_by_test_id("node-first")).not_to_be_in_viewport()
    page.mouse.move(box["x"] + box["width"] - 12, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 12, box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()
    expect(page.get_by_test_id("node-first")).to_be_in_viewport()

    page.get_by_test_id("canvas").focus()
    page.keyboard.press("m")
    expect(minimap).to_have_count(0)
    page.keyboard.press("m")
    expect(minimap).to_have_count(1)
