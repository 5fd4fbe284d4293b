"""Finding nodes, commands and keys, by keyboard alone and by mouse."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Show

MODEL = """
import flowloom as fl
g = fl.Graph("model")
with g:
    h = fl.input("pixels", shape=("batch", 8))
    for block in range(3):
        with g.scope(f"block_{block}"):
            h = fl.layers.dense(h, units=4, name="hidden")
            h = fl.relu(h, name="<b>bold" if block == 1 else "rectified")
    fl.layers.dense(h, units=2, name="scores")
editor = fl.widgets.GraphEditor(g)
editor
"""


@pytest.fixture
def page(show: Show) -> Page:
    page = show(MODEL).page
    page.get_by_test_id("node-pixels").wait_for()
    page.get_by_test_id("fullscreen").click()
    page.get_by_test_id("canvas").focus()
    return page


def titles(page: Page) -> list[str]:
    return page.locator(".fl-chooser-line > span:first-of-type").all_inner_texts()


def test_a_node_is_found_by_what_one_knows_of_it(page: Page) -> None:
    page.keyboard.press("Control+f")
    field = page.get_by_role("combobox", name="Find a node")
    expect(field).to_be_focused()
    page.keyboard.type("hidden")
    assert titles(page) == ["block_0/hidden", "block_1/hidden", "block_2/hidden"]
    page.keyboard.press("ArrowDown")
    expect(page.locator(".fl-chooser [aria-selected=true]")).to_contain_text("block_1/hidden")
    page.keyboard.press("Enter")

    expect(page.get_by_test_id("chooser")).to_have_count(0)
    expect(page.get_by_test_id("node-block_1/hidden")).to_have_attribute("data-selected", "true")
    expect(page.get_by_test_id("node-block_1/hidden")).to_be_in_viewport()
    expect(page.get_by_test_id("canvas")).to_be_focused()


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("batch, 8", ["pixels"]),
        ("relu block_2", ["block_2/rectified"]),
        ("<b>bold", ["block_1/<b>bold"]),
        ("nothing like that", []),
    ],
)
def test_by_spec_kind_and_place(page: Page, typed: str, found: list[str]) -> None:
    page.get_by_test_id("search").click()
    page.get_by_role("combobox", name="Find a node").fill(typed)
    assert titles(page) == found
    if not found:
        expect(page.get_by_text("Nothing is called that.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("combobox", name="Find a node")).to_have_count(0)


def test_one_in_a_folded_scope_is_shown_and_a_scope_too(page: Page) -> None:
    page.keyboard.press("Shift+F")
    expect(page.get_by_test_id("scope-block_2")).to_have_attribute("data-folded", "true")
    page.keyboard.press("Control+f")
    page.keyboard.type("block_2/rect")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("node-block_2/rectified")).to_have_attribute("data-selected", "true")
    page.keyboard.press("Control+f")
    page.keyboard.type("block_0")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("scope-block_0")).to_have_attribute("data-selected", "true")


def test_a_command_is_found_and_carried_out(page: Page) -> None:
    page.keyboard.press("Control+k")
    expect(page.get_by_test_id("choice-undo")).to_have_attribute("aria-disabled", "true")
    page.get_by_role("combobox", name="Find a command").fill("select all")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("node-pixels")).to_have_attribute("data-selected", "true")
    page.keyboard.press("Control+k")
    page.get_by_test_id("choice-bypass").click()
    expect(page.get_by_test_id("node-block_0/hidden")).to_have_attribute("data-bypassed", "true")
    page.keyboard.press("Control+z")
    expect(page.get_by_test_id("node-block_0/hidden")).not_to_have_attribute("data-bypassed", "true")


def test_the_keys_are_listed_and_a_node_explained(page: Page) -> None:
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys).to_contain_text("Ctrl+Shift+Z")
    page.keyboard.press("Escape")
    expect(keys).to_have_count(0)

    page.get_by_test_id("node-scores").click()
    page.keyboard.press("F1")
    expect(page.locator("details.fl-kind")).to_have_attribute("open", "")
    expect(page.locator("details.fl-kind summary")).to_be_focused()
