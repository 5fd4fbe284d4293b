"""Arranging: lining up and tidying what is selected, by the list of commands and by the inspector."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Show

MODEL = """
import flowloom as fl
g = fl.Graph("model")
with g:
    x = fl.input("x", shape=("batch", 8))
    a = fl.layers.dense(x, units=4, name="a")
    b = fl.relu(a, name="b")
    c = fl.tanh(a, name="c")
for name, place in {"x": (0, 0), "a": (300, 90), "b": (650, 10), "c": (620, 200)}.items():
    g.apply([fl.graph.document.Move(g[name].id, *map(float, place))])
editor = fl.widgets.GraphEditor(g)
editor
"""


@pytest.fixture
def page(show: Show) -> Page:
    page = show(MODEL).page
    page.get_by_test_id("node-x").wait_for()
    page.get_by_test_id("fullscreen").click()
    page.get_by_test_id("fit").click()
    return page


def select(page: Page, *names: str) -> None:
    page.get_by_test_id(f"node-{names[0]}").click()
    for name in names[1:]:
        page.get_by_test_id(f"node-{name}").click(modifiers=["Control"])


def wait_until(page: Page, condition: str) -> None:
    """Wait until that holds of the boxes of the nodes, by their names."""
    boxes = "Object.fromEntries(['x', 'a', 'b', 'c'].map(n => [n, box(n)]))"
    box = "n => document.querySelector(`[data-testid=node-${n}]`).getBoundingClientRect()"
    page.wait_for_function(f"() => {{ const box = {box}; const {{ x, a, b, c }} = {boxes}; return {condition}; }}")


def test_by_the_list_of_commands(page: Page) -> None:
    select(page, "b", "c")
    page.keyboard.press("Control+k")
    page.keyboard.type("left edges")
    page.keyboard.press("Enter")
    wait_until(page, "Math.abs(b.left - c.left) < 1")
    page.keyboard.press("Control+z")
    wait_until(page, "b.left - c.left > 5")


def test_by_the_inspector_and_tidying_only_the_selection(page: Page) -> None:
    select(page, "a", "b", "c")
    page.get_by_test_id("line-up").select_option("top")
    wait_until(page, "Math.abs(a.top - b.top) < 1 && Math.abs(b.top - c.top) < 1")
    place = page.get_by_test_id("node-x").bounding_box()
    page.get_by_test_id("tidy").click()
    wait_until(page, "c.top - b.bottom > 0 || b.top - c.bottom > 0")
    assert page.get_by_test_id("node-x").bounding_box() == place
