"""Bypassing nodes on the canvas: by key, by the inspector, and back."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import Show

MODEL = """
import flowloom as fl
g = fl.Graph("model")
with g:
    x = fl.input("x", shape=("batch", 8))
    with g.scope("block"):
        h = fl.layers.dense(x, units=4, name="hidden")
        h = fl.layers.dropout(h, rate=0.5, name="dropout")
    fl.layers.dense(h, units=2, name="scores")
editor = fl.widgets.GraphEditor(g)
editor
"""


def opened(show: Show) -> Page:
    page = show(MODEL).page
    page.get_by_test_id("node-block/hidden").wait_for()
    page.get_by_test_id("fullscreen").click()
    return page


def spec_before(page: Page) -> str:
    """The spec of what reaches the last node."""
    title = page.get_by_test_id("port-in-scores-x").get_attribute("title")
    assert title is not None
    return title


def test_by_keyboard(show: Show) -> None:
    page = opened(show)
    node = page.get_by_test_id("node-block/hidden")
    wrapper = page.locator(".react-flow__node", has=node)
    wrapper.focus()
    page.keyboard.press("Space")
    page.keyboard.press("Control+b")

    expect(node).to_have_attribute("data-bypassed", "true")
    expect(page.get_by_test_id("port-in-scores-x")).to_have_attribute("title", "x: float32[batch, 8]")
    expect(wrapper).to_have_accessible_name("block/hidden, dense, float32[batch, 8], bypassed")
    expect(page.get_by_role("status").filter(has_text="hidden bypassed")).to_be_attached()

    page.keyboard.press("Control+b")
    expect(node).not_to_have_attribute("data-bypassed", "true")
    expect(page.get_by_test_id("port-in-scores-x")).to_have_attribute("title", "x: float32[batch, 4]")
    page.keyboard.press("Control+z")
    expect(node).to_have_attribute("data-bypassed", "true")


def test_by_mouse_also_a_whole_scope(show: Show) -> None:
    page = opened(show)
    page.get_by_test_id("node-scores").click()
    page.get_by_test_id("inspector-bypass").check()
    expect(page.get_by_test_id("node-scores")).to_have_attribute("data-bypassed", "true")
    page.get_by_test_id("node-x").click()
    expect(page.get_by_test_id("inspector-bypass")).to_have_count(0)

    page.get_by_test_id("scope-bar-block").click()
    page.keyboard.press("Control+b")
    expect(page.get_by_test_id("node-block/hidden")).to_have_attribute("data-bypassed", "true")
    expect(page.get_by_test_id("node-block/dropout")).to_have_attribute("data-bypassed", "true")
