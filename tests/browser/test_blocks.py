"""Blocks that are saved and used again, and what the inspector and nodes say: sliders, notes, memory; Ctrl+Enter."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.canvas import Canvas
from tests.browser.conftest import Opener, Show
from tests.browser.handling import middle_at_rest
from tests.browser.studio import StudioPage
from tests.browser.test_responsive import MODEL as DIGITS

MODEL = """
import flowloom as fl, shutil
shutil.rmtree("blocks", ignore_errors=True)
g = fl.Graph("digits")
with g:
    image = fl.input("image", shape=("batch", 64))
    with g.scope("encoder"):
        hidden = fl.layers.dense(image, units=64, activation="relu", name="hidden")
        drop = fl.layers.dropout(hidden, rate=0.25, name="drop")
    more = fl.layers.dropout(drop, rate=0.5, name="more")
    scores = fl.layers.dense(more, units=10, name="scores")
editor = fl.widgets.GraphEditor(g)
editor
"""
PATHS = "sorted(n.path for n in g.nodes.values())"
WIRES = "sorted(f'{g.nodes[e.source].path} > {g.nodes[e.target].path}' for e in g.edges)"
BUILT = ["encoder/drop", "encoder/hidden", "image", "more", "scores"]
COPIED = sorted([*BUILT, "encoder_1/drop", "encoder_1/hidden"])


@pytest.fixture
def canvas(show: Show) -> Canvas:
    """The model in an editor that fills the screen."""
    return Canvas(show(MODEL), "scores")


def select(canvas: Canvas, name: str) -> None:
    canvas.wrapper(name).focus()
    canvas.keys.press("Space")


def test_a_scope_is_saved_as_a_block_and_put_on_a_wire_by_mouse(canvas: Canvas) -> None:
    page, opened = canvas.page, canvas.opened
    page.get_by_test_id("scope-bar-encoder").click()
    page.get_by_test_id("inspector-save-block").click()
    page.get_by_test_id("save-block-name").fill("en/coder")
    page.get_by_test_id("save-block-save").click()
    expect(page.get_by_test_id("save-block").get_by_role("alert")).to_be_visible()
    page.get_by_test_id("save-block-name").fill("encoder")
    page.get_by_test_id("save-block-save").click()
    canvas.says("encoder saved as the block encoder")
    assert opened.py("fl.blocks.names()") == ["encoder"]
    assert opened.py("fl.load('blocks/encoder.flow.json').problems") == []

    entry = page.get_by_test_id("palette-block-encoder")
    expect(entry).to_have_attribute("aria-label", "encoder, block: " + canvas_words())
    opened.exec("fl.blocks.save(g, 'encoder', 'from elsewhere')")
    entry.hover()
    expect(page.get_by_test_id("palette-block-from elsewhere")).to_be_visible()

    more, scores = (canvas.middle(canvas.port(*end)) for end in (("out", "more", "y"), ("in", "scores", "x")))
    canvas.drag(middle_at_rest(entry), ((more[0] + scores[0]) / 2, (more[1] + scores[1]) / 2))
    canvas.says("encoder wired, 2 nodes")
    opened.eventually(PATHS, COPIED)
    wired = ["encoder_1/drop > scores", "more > encoder_1/hidden"]
    assert set(wired) <= set(opened.py(WIRES))
    assert "more > scores" not in opened.py(WIRES)
    assert opened.py("[p.message for p in g.problems]") == []
    canvas.undo()
    opened.eventually(PATHS, BUILT)
    opened.eventually("'more > scores' in " + WIRES)

    entry.hover()
    page.get_by_test_id("delete-block-encoder").click()
    page.get_by_test_id("block-delete").click()
    expect(entry).to_have_count(0)
    opened.eventually("fl.blocks.names()", ["from elsewhere"])


def canvas_words() -> str:
    return "Takes image: float32[batch, 64]. Gives drop: float32[batch, 64]. 2 nodes, 4,160 parameters."


def test_what_is_selected_is_saved_used_again_renamed_and_deleted_by_keyboard(canvas: Canvas) -> None:
    page, opened, keys = canvas.page, canvas.opened, canvas.keys
    select(canvas, "more")
    keys.press("Control+Shift+B")
    keys.type("tail")
    keys.press("Enter")
    canvas.says("tail saved as the block tail")
    opened.eventually("'tail/more' in " + PATHS)

    page.get_by_test_id("palette-search").focus()
    keys.type("tail")
    keys.press("Enter")
    page.get_by_test_id("palette-search").fill("")
    canvas.says("tail added, 1 node")
    opened.eventually("'tail_1/more' in " + PATHS)
    expect(page.get_by_test_id("scope-tail_1")).to_have_attribute("data-selected", "true")
    canvas.undo()
    opened.eventually("'tail_1/more' in " + PATHS, False)

    page.locator(".react-flow__node[data-id='/tail']").focus()
    keys.press("Space")
    keys.press("Control+Shift+B")
    keys.press("Enter")
    expect(page.get_by_test_id("save-block").get_by_role("alert")).to_have_text("There is a block tail already")
    keys.press("Escape")
    expect(page.get_by_test_id("save-block")).to_have_count(0)
    expect(page.get_by_test_id("canvas")).to_be_focused()

    page.get_by_test_id("palette-block-tail").focus()
    keys.press("F2")
    keys.type("end")
    keys.press("Enter")
    opened.eventually("fl.blocks.names()", ["end"])
    page.get_by_test_id("palette-block-end").focus()
    keys.press("Delete")
    keys.press("Escape")
    expect(page.get_by_test_id("palette-block-end")).to_be_focused()
    keys.press("Delete")
    keys.press("Enter")
    canvas.says("Block end deleted")
    assert opened.py("fl.blocks.names()") == []
    assert opened.py("len(g.nodes)") == 5


def test_a_block_is_found_where_a_wire_is_dropped_and_wired_there(canvas: Canvas) -> None:
    canvas.opened.exec("fl.blocks.save(g, 'encoder', 'again')")
    canvas.page.get_by_test_id("palette-item-layers.dense").hover()
    expect(canvas.page.get_by_test_id("palette-block-again")).to_be_visible()
    canvas.drag(canvas.middle(canvas.port("out", "scores", "y")), canvas.empty())
    canvas.field.fill("again")
    expect(canvas.choice("block-again")).to_be_visible()
    canvas.keys.press("Enter")

    canvas.opened.eventually("'scores > again/hidden' in " + WIRES)
    assert canvas.opened.py("g['again/hidden'].spec.shape") == ["batch", 64]
    expect(canvas.page.locator(".react-flow__node[data-id='/again']")).to_be_focused()
    canvas.undo()
    canvas.opened.eventually(PATHS, BUILT)


def test_a_file_that_is_no_block_is_shown_as_such_and_adds_nothing(canvas: Canvas) -> None:
    hostile = "<img src=x onerror='window.hacked=1'>"
    canvas.opened.exec(
        f"import os, pathlib; os.makedirs('blocks'); pathlib.Path('blocks/bad.flow.json').write_text({hostile!r})"
    )
    canvas.page.get_by_test_id("palette-item-layers.dense").hover()
    canvas.page.get_by_test_id("palette-block-bad").focus()
    canvas.keys.press("Enter")

    expect(canvas.page.get_by_test_id("refusal")).to_contain_text("is not a whole .flow.json")
    assert canvas.opened.py(PATHS) == BUILT
    assert canvas.page.evaluate("() => window.hacked") is None


def test_a_slider_sets_a_number_live_and_each_drag_is_one_step(canvas: Canvas) -> None:
    page, opened, keys = canvas.page, canvas.opened, canvas.keys
    rate = "g.nodes[g['more'].id].params['rate']"
    select(canvas, "more")
    slider = page.get_by_test_id("slider-rate")
    box = slider.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, y, steps=5)
    opened.eventually(f"{rate} > 0.6")
    page.mouse.move(box["x"] + box["width"] * 0.9, y, steps=5)
    page.mouse.up()
    opened.eventually(f"{rate} > 0.8")
    canvas.undo()
    opened.eventually(rate, 0.5)
    expect(page.get_by_test_id("inspector-field-rate")).to_have_value("0.5")  # the page knows it, too

    slider.focus()
    keys.press("ArrowRight")
    opened.eventually(rate, 0.51)
    keys.press("ArrowRight")
    opened.eventually(rate, 0.52)
    expect(page.get_by_test_id("inspector-field-rate")).to_have_value("0.52")
    canvas.undo()
    opened.eventually(rate, 0.51)


def test_a_parameter_is_set_for_all_selected_nodes_of_a_kind(canvas: Canvas) -> None:
    select(canvas, "more")
    canvas.wrapper("encoder/drop").click(modifiers=["Shift"])
    field = canvas.page.get_by_test_id("inspector-common").get_by_test_id("inspector-field-rate")
    expect(field).to_have_attribute("placeholder", "mixed")
    field.fill("0.1")
    field.press("Enter")

    rates = "[n.params['rate'] for n in g.nodes.values() if n.kind == 'layers.dropout']"
    canvas.opened.eventually(rates, [0.1, 0.1])
    canvas.undo()
    canvas.opened.eventually(rates, [0.25, 0.5])


def test_nodes_say_their_notes_formulas_weights_and_memory(canvas: Canvas) -> None:
    page = canvas.page
    select(canvas, "scores")
    note = page.get_by_test_id("inspector-note")
    note.fill("One score for each digit.\n<b>The largest wins</b>")
    note.press("Enter")
    badge = page.get_by_test_id("node-scores").get_by_test_id("note")
    text = badge.locator(".fl-note-text")
    expect(text).to_be_hidden()
    badge.hover()
    expect(text).to_be_visible()
    expect(text).to_have_text("One score for each digit. <b>The largest wins</b>")
    page.mouse.move(5, 5)
    canvas.keys.press("Shift+Tab")  # focus by keyboard shows it, too
    canvas.wrapper("scores").focus()
    expect(text).to_be_visible()
    expect(canvas.wrapper("scores")).to_have_attribute(
        "aria-label",
        "scores, dense, float32[batch, 10], 650 parameters, note: One score for each digit.\n<b>The largest wins</b>",
    )
    canvas.keys.press("Control+f")
    canvas.keys.type("largest")
    expect(canvas.menu.get_by_role("option")).to_have_count(1)
    canvas.keys.press("Escape")

    expect(page.get_by_test_id("inspector-memory")).to_have_text("650 parameters, 2.6 kB; output 40 B a sample")
    expect(page.get_by_test_id("node-scores").get_by_test_id("weights")).to_contain_text("650")
    canvas.keys.press("F1")
    expect(page.get_by_test_id("formula")).to_have_text("y = activation(x @ kernel + bias)")
    page.get_by_test_id("fold-encoder").click()
    expect(page.get_by_test_id("scope-encoder").get_by_test_id("weights")).to_have_text(", 4.16 k")


def test_ctrl_enter_trains_pauses_and_goes_on_and_the_cell_is_not_run_again(notebook: Opener) -> None:
    opened = notebook([DIGITS])
    opened.run_all()
    studio, page = StudioPage(opened.page), opened.page
    count = page.locator(".jp-InputPrompt").first.inner_text()
    page.get_by_test_id("canvas").focus()
    page.keyboard.press("Control+Enter")
    studio.wait_for_status("running")
    page.locator(".react-flow__node:has([data-testid='node-scores'])").focus()
    page.keyboard.press("Control+Enter")
    studio.wait_for_status("paused")
    studio.node("scores").dblclick()
    field = page.get_by_test_id("inspector-field-units")
    field.focus()
    page.keyboard.press("Control+Enter")
    studio.wait_for_status("running")
    studio.press("stop")
    studio.wait_for_status("stopped")
    opened.exec("g.remove('scores')")
    page.get_by_test_id("canvas").focus()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_test_id("refusal")).to_contain_text("not connected")
    assert page.locator(".jp-InputPrompt").first.inner_text() == count


def test_ctrl_enter_says_that_there_is_nothing_to_run(canvas: Canvas) -> None:
    canvas.page.get_by_test_id("palette-search").focus()
    canvas.keys.press("Control+Enter")

    expect(canvas.page.get_by_test_id("refusal")).to_contain_text("nothing to run")
    assert canvas.opened.py("len(g.nodes)") == 5
