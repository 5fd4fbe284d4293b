"""Scopes on the canvas: boxes that fold and open, by mouse and keyboard; grouped, renamed, taken away."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Show
from tests.browser.notebook import OpenNotebook

MODEL = """
import flowloom as fl
g = fl.Graph("branches")
with g:
    flag = fl.input("flag", shape=(), dtype="bool")
    x = fl.input("x", shape=("time", 4))
    with g.scope("encoder"):
        h = fl.layers.dense(x, units=4, name="first")
        with g.scope("block"):
            h = fl.relu(h, name="second")
    last, sums = fl.scan(lambda total, row: (total + row, total * row), fl.constant([0.0] * 4), h)
    y = fl.cond(flag, lambda a: fl.sin(a), lambda a: fl.exp(a), sums)
    fl.add(y, last, name="sum")
editor = fl.widgets.GraphEditor(g)
editor
"""
LARGE = """
import flowloom as fl
g = fl.Graph("large")
with g:
    h = fl.input("x", shape=("batch", 8))
    for block in range(40):
        with g.scope(f"block_{block}"):
            for _ in range(25):
                h = fl.relu(h)
editor = fl.widgets.GraphEditor(g)
editor
"""


@pytest.fixture
def opened(show: Show) -> OpenNotebook:
    """The model in an editor that fills the screen."""
    return _opened(show, MODEL, "scope-encoder")


def _opened(show: Show, cell: str, shown: str) -> OpenNotebook:
    opened = show(cell)
    opened.page.get_by_test_id(shown).wait_for()
    opened.page.get_by_test_id("fullscreen").click()
    return opened


def scope(page: Page, path: str) -> Locator:
    return page.get_by_test_id(f"scope-{path}")


def wrapper(page: Page, path: str) -> Locator:
    """What of a scope takes the focus."""
    return page.locator(f".react-flow__node[data-id='/{path}']")


def folded(page: Page, path: str) -> bool:
    return scope(page, path).get_attribute("data-folded") == "true"


def look_at(page: Page, path: str) -> None:
    """Bring an open or folded scope into view, at a size at which all of it is drawn."""
    page.get_by_test_id("fit").click()
    wrapper(page, path).focus()
    page.keyboard.press("Space")
    page.keyboard.press(".")
    expect(page.get_by_test_id("canvas")).to_have_attribute("data-zoom", "full")


def test_open_scopes_are_boxes_around_their_nodes(opened: OpenNotebook) -> None:
    page = opened.page
    page.get_by_test_id("fit").click()
    look_at(page, "cond")

    for path, node in (
        ("cond", "cond/begin"),
        ("cond", "cond/end"),
        ("cond", "cond/then/sin"),
        ("cond/then", "cond/then/sin"),
    ):
        outer, inner = scope(page, path).bounding_box(), page.get_by_test_id(f"node-{node}").bounding_box()
        assert outer is not None
        assert inner is not None
        assert outer["x"] < inner["x"], (path, node)
        assert outer["y"] < inner["y"], (path, node)
        assert inner["x"] + inner["width"] < outer["x"] + outer["width"], (path, node)
        assert inner["y"] + inner["height"] < outer["y"] + outer["height"], (path, node)
    expect(scope(page, "cond")).to_contain_text("condition")
    expect(scope(page, "cond/otherwise")).to_contain_text("branch")


def test_fold_shows_one_node_with_what_goes_in_and_out(opened: OpenNotebook) -> None:
    page = opened.page
    look_at(page, "cond")

    page.get_by_test_id("fold-cond").click()

    expect(scope(page, "cond")).to_contain_text("4 nodes")
    page.get_by_test_id("node-cond/begin").wait_for(state="detached")
    scope(page, "cond/then").wait_for(state="detached")
    for port, spec in (("in-cond-flag", "bool[]"), ("in-cond-scan/end.y.1", "float32[time, 4]")):
        assert spec in (page.get_by_test_id(f"port-{port}").get_attribute("title") or "")
    page.get_by_test_id("port-out-cond-cond/end").wait_for()

    scope(page, "cond").dblclick()

    page.get_by_test_id("node-cond/begin").wait_for()
    assert opened.py("g.undo_depth") == opened.py("editor.graph_part._floor"), "to fold is no edit"


def test_a_fold_outlives_the_page(opened: OpenNotebook) -> None:
    page = opened.page
    look_at(page, "scan")
    page.get_by_test_id("fold-scan").click()
    opened.eventually("editor._folds", {"scan": True})

    opened.command("docmanager:save")
    opened.reload()

    scope(opened.page, "scan").wait_for()
    assert folded(opened.page, "scan")
    assert not folded(opened.page, "encoder")


def test_scopes_are_folded_opened_named_and_ungrouped_by_keyboard(opened: OpenNotebook) -> None:
    page, keys = opened.page, opened.page.keyboard
    page.get_by_test_id("fit").click()

    wrapper(page, "encoder").focus()
    keys.press("f")
    expect(scope(page, "encoder")).to_have_attribute("data-folded", "true")
    expect(page.get_by_test_id("fold-encoder")).to_have_attribute("aria-expanded", "false")
    expect(page.get_by_role("status").filter(has_text="encoder folded")).to_be_attached()
    expect(wrapper(page, "encoder")).to_be_focused()
    keys.press("Enter")
    expect(scope(page, "encoder")).to_have_attribute("data-folded", "false")

    page.locator(".react-flow__node:has([data-testid='node-encoder/block/second'])").focus()
    keys.press("f")
    expect(wrapper(page, "encoder/block")).to_be_focused()
    keys.press("Enter")

    keys.press("Shift+F")
    for path in ("encoder", "scan", "cond"):
        expect(scope(page, path)).to_have_attribute("data-folded", "true")
    keys.press("Shift+F")
    expect(scope(page, "cond/then")).to_have_attribute("data-folded", "false")

    wrapper(page, "encoder").focus()
    keys.press("Enter")
    expect(page.get_by_test_id("inspector-name")).to_be_focused()
    keys.press("Control+A")
    keys.type("stem")
    keys.press("Enter")
    opened.eventually(
        "sorted(n.path for n in g.nodes.values() if 'stem' in n.scope)", ["stem/block/second", "stem/first"]
    )

    wrapper(page, "stem").focus()
    keys.press("Space")
    keys.press("Control+Shift+G")
    opened.eventually(
        "sorted(n.path for n in g.nodes.values() if n.name in ('first', 'second'))", ["block/second", "first"]
    )
    keys.press("Control+z")
    opened.eventually("len([n for n in g.nodes.values() if n.scope.startswith('stem')])", 2)


def test_selected_nodes_are_grouped_under_a_name(opened: OpenNotebook) -> None:
    page, keys = opened.page, opened.page.keyboard
    page.get_by_test_id("fit").click()
    page.get_by_test_id("node-sum").click()
    page.get_by_test_id("node-flag").click(modifiers=["Shift"])

    page.get_by_test_id("group").click()

    expect(page.get_by_test_id("inspector-name")).to_be_focused()
    keys.type("ends")
    keys.press("Enter")
    opened.eventually("sorted(n.name for n in g.nodes.values() if n.scope == 'ends')", ["flag", "sum"])
    scope(page, "ends").wait_for()
    assert opened.py("g.problems") == []


def test_a_problem_is_told_by_the_folded_scope_and_opens_it(opened: OpenNotebook) -> None:
    page = opened.page
    page.get_by_test_id("fit").click()
    wrapper(page, "encoder").focus()
    page.keyboard.press("f")

    opened.exec(
        "from flowloom.graph.document import Disconnect\n"
        "second = g['encoder/block/second'].id\n"
        "g.apply([Disconnect(e) for e in g.edges if e.target == second])"
    )

    expect(scope(page, "encoder").locator(".fl-node-badge")).to_have_text("1")
    page.get_by_role("tab", name="Problems").click()
    page.get_by_test_id("problem-0").get_by_role("button", name="encoder/block/second").click()
    page.get_by_test_id("node-encoder/block/second").wait_for()
    assert not folded(page, "encoder")


def test_what_was_selected_inside_gives_way_to_the_folded_scope(opened: OpenNotebook) -> None:
    page = opened.page
    look_at(page, "encoder")
    page.get_by_test_id("node-encoder/first").click()

    page.get_by_test_id("fold-encoder").click()

    expect(scope(page, "encoder")).to_have_attribute("data-selected", "true")
    expect(page.get_by_test_id("inspector-scope")).to_contain_text("2 nodes")


def test_a_box_is_dragged_by_its_bar_with_all_its_nodes(opened: OpenNotebook) -> None:
    page = opened.page
    look_at(page, "encoder")
    before = opened.py("{n.path: [n.x, n.y] for n in g.nodes.values()}")
    bar = page.get_by_test_id("scope-bar-encoder").bounding_box()
    zoom = float(page.locator(".fl-bar-zoom").inner_text().removesuffix("%")) / 100
    assert bar is not None

    page.mouse.move(bar["x"] + bar["width"] - 4, bar["y"] + bar["height"] / 2)
    page.mouse.down()
    page.mouse.move(bar["x"] + bar["width"] + 36, bar["y"] + bar["height"] / 2 + 60, steps=8)
    page.mouse.up()

    opened.eventually("g.nodes[g['encoder/first'].id].y > " + str(before["encoder/first"][1]))
    after = opened.py("{n.path: [n.x, n.y] for n in g.nodes.values()}")
    moved = {path: [after[path][i] - before[path][i] for i in (0, 1)] for path in after if after[path] != before[path]}
    assert set(moved) == {"encoder/first", "encoder/block/second"}
    assert moved["encoder/first"] == moved["encoder/block/second"]
    assert abs(moved["encoder/first"][1] - 60 / zoom) < 12 / zoom  # a drag begins after the first step


def test_a_graph_of_a_thousand_nodes_opens_with_its_scopes_folded(show: Show) -> None:
    opened = _opened(show, LARGE, "scope-block_0")
    page = opened.page

    assert opened.py("len(g.nodes)") == 1001
    page.get_by_test_id("fit").click()
    scope(page, "block_39").wait_for()
    assert page.locator(".react-flow__node").count() == 41
    page.get_by_test_id("zoom-in").wait_for()
    wrapper(page, "block_1").focus()
    page.keyboard.press("Enter")

    page.get_by_test_id("node-block_1/relu").wait_for()
    assert not folded(page, "block_1")
    assert folded(page, "block_2")


def test_parameters_that_are_mappings_and_pairs_have_their_form(show: Show) -> None:
    cell = """
import flowloom as fl
g = fl.Graph("forms")
with g:
    image = fl.input("image", shape=("batch", 8, 8, 1))
    fl.layers.conv2d(image, filters=4, kernel_size=3, name="conv")
fl.widgets.GraphEditor(g)
"""
    opened = _opened(show, cell, "node-conv")
    page = opened.page
    page.get_by_test_id("node-conv").dblclick()

    page.get_by_test_id("inspector-field-kernel_initializer").select_option("constant")
    page.get_by_test_id("inspector-field-kernel_initializer.value").fill("0.5")
    page.get_by_test_id("inspector-field-kernel_initializer.value").press("Enter")
    opened.eventually("g.nodes[g['conv'].id].params['kernel_initializer']", {"name": "constant", "value": 0.5})
    page.get_by_test_id("inspector-field-padding").fill("((1, 1), (2, 2))")
    page.get_by_test_id("inspector-field-padding").press("Enter")
    opened.eventually("str(g['conv'].spec)", "float32[batch, 8, 10, 4]")
    page.get_by_test_id("inspector-field-padding").fill("same")
    page.get_by_test_id("inspector-field-padding").press("Enter")

    opened.eventually("str(g['conv'].spec)", "float32[batch, 8, 8, 4]")
