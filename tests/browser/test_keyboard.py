"""By keyboard alone: add a node, wire it, set it, train, undo; go about the graph and see what can be done there."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.canvas import Canvas
from tests.browser.conftest import Opener, Show
from tests.browser.studio import StudioPage
from tests.browser.test_responsive import MODEL


def test_node_is_added_wired_set_and_trained_by_keyboard(notebook: Opener) -> None:
    opened = notebook([MODEL.replace("100_000", "2")])
    opened.run_all()
    studio = StudioPage(opened.page)
    page, keys = opened.page, opened.page.keyboard

    page.get_by_test_id("palette-search").focus()
    keys.type("dropout")
    _tab_to(page, "palette-item-layers.dropout")
    keys.press("Enter")
    studio.node("dropout").wait_for()
    opened.eventually("[n.name for n in g.nodes.values()][-1]", "dropout")

    _select(page, "scores")
    _connect(page, "dropout: x")
    opened.eventually("{e.target_port for e in g.edges if e.target == g['dropout'].id} == {'x'}")
    _select(page, "dropout")
    field = page.get_by_test_id("inspector-field-rate")
    field.focus()
    keys.press("Control+A")
    keys.type("0.25")
    keys.press("Enter")
    opened.eventually("[n.params for n in g.nodes.values() if n.name == 'dropout']", [{"rate": 0.25}])

    _focus(page, "dropout")
    keys.press("Delete")
    opened.eventually("'dropout' in [n.name for n in g.nodes.values()]", False)
    keys.press("Control+z")
    opened.eventually("[n.params for n in g.nodes.values() if n.name == 'dropout']", [{"rate": 0.25}])
    keys.press("Control+Shift+Z")
    opened.eventually("'dropout' in [n.name for n in g.nodes.values()]", False)

    studio.train_button.focus()
    keys.press("Enter")
    studio.wait_for_status("finished")
    assert opened.py("len(g.nodes)") == 6


def _tab_to(page: Page, test_id: str) -> None:
    """Press Tab until the element has the focus."""
    for _ in range(40):
        if page.evaluate("() => document.activeElement?.dataset?.testid") == test_id:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not lead to {test_id}")


def _focus(page: Page, node: str) -> None:
    """Focus a node, as Tab does."""
    page.locator(f".react-flow__node:has([data-testid='node-{node}'])").focus()


def _select(page: Page, node: str) -> None:
    """Focus a node and open it in the inspector."""
    _focus(page, node)
    page.keyboard.press("Enter")


def _connect(page: Page, target: str) -> None:
    """Choose a target from the list of those that fit, in the inspector."""
    choice = page.get_by_test_id("inspector-connect-y")
    choice.focus()
    option = choice.locator("option").filter(has_text=target)
    option.wait_for(state="attached")
    choice.select_option(label=option.inner_text())


# ---------------------------------------------------------------- about the graph

GRAPH = """
import flowloom as fl
g = fl.Graph("digits")
with g:
    image = fl.input("image", shape=("batch", 8, 8, 1))
    label = fl.input("label", shape=("batch",), dtype="int64")
    with g.scope("encoder"):
        pixels = fl.layers.flatten(image, name="pixels")
        scores = fl.layers.dense(pixels, units=10, name="scores")
    fl.losses.softmax_cross_entropy(scores, label, name="loss")
    fl.metrics.accuracy(scores, label, name="accuracy")
editor = fl.widgets.GraphEditor(g)
editor
"""
WIRES = "sorted(f'{g.nodes[e.source].name} > {g.nodes[e.target].name}.{e.target_port}' for e in g.edges)"
BUILT = [
    "image > pixels.x",
    "label > accuracy.label",
    "label > loss.label",
    "pixels > scores.x",
    "scores > accuracy.logits",
    "scores > loss.logits",
]


@pytest.fixture
def canvas(show: Show) -> Canvas:
    """The graph in an editor that fills the screen, the focus on its canvas."""
    canvas = Canvas(show(GRAPH), "encoder/scores")
    canvas.page.get_by_test_id("canvas").focus()
    return canvas


def test_tab_goes_into_the_graph_and_out_again_in_two_steps(canvas: Canvas) -> None:
    canvas.keys.press("Tab")
    expect(canvas.wrapper("image")).to_be_focused()
    canvas.keys.press("End")
    expect(canvas.wrapper("accuracy")).to_be_focused()
    canvas.keys.press("ArrowUp")
    expect(canvas.wrapper("loss")).to_be_focused()
    canvas.keys.press("ArrowUp")
    expect(canvas.wrapper("encoder/scores")).to_be_focused()
    canvas.keys.press("Control+ArrowRight")
    expect(canvas.wrapper("loss")).to_be_focused()
    canvas.keys.press("Control+ArrowLeft")
    expect(canvas.wrapper("label")).to_be_focused()  # the first that feeds it
    canvas.keys.press("Home")
    expect(canvas.wrapper("image")).to_be_focused()

    canvas.keys.press("Tab")
    assert canvas.page.evaluate("() => document.activeElement.closest('.fl-bar') !== null")
    canvas.keys.press("Shift+Tab")
    expect(canvas.page.get_by_test_id("canvas")).to_be_focused()
    canvas.keys.press("Tab")
    expect(canvas.wrapper("image")).to_be_focused()  # where it was
    canvas.keys.press("Escape")
    expect(canvas.page.get_by_test_id("canvas")).to_be_focused()


def test_arrows_follow_the_data_from_port_to_wire_to_port(canvas: Canvas) -> None:
    canvas.wrapper("label").focus()
    canvas.keys.press("ArrowRight")
    expect(canvas.port("out", "label", "y")).to_be_focused()
    canvas.keys.press("ArrowRight")
    wire = canvas.page.locator(".react-flow__edge:focus")
    expect(wire).to_have_attribute("aria-label", "label to label of loss, int64[batch]")
    canvas.keys.press("ArrowDown")
    expect(wire).to_have_attribute("aria-label", "label to label of accuracy, int64[batch]")
    canvas.keys.press("ArrowRight")
    expect(canvas.port("in", "accuracy", "label")).to_be_focused()
    canvas.keys.press("ArrowLeft")
    expect(wire).to_have_attribute("aria-label", "label to label of accuracy, int64[batch]")

    canvas.keys.press("Delete")  # with nothing selected, what has the focus
    canvas.opened.eventually(WIRES, [w for w in BUILT if w != "label > accuracy.label"])
    canvas.says("label disconnected from accuracy")
    canvas.keys.press("Control+z")
    canvas.opened.eventually(WIRES, BUILT)


def test_an_end_of_a_wire_is_taken_elsewhere(canvas: Canvas) -> None:
    canvas.wrapper("image").focus()
    canvas.keys.press("ArrowRight")
    canvas.keys.press("ArrowRight")
    canvas.page.locator(".react-flow__edge:focus").wait_for()
    canvas.keys.press("Shift+F10")
    expect(canvas.field).to_be_focused()
    canvas.keys.type("another input")
    canvas.keys.press("Enter")
    expect(canvas.page.get_by_role("combobox", name="Connect image to another input instead")).to_be_focused()
    canvas.keys.type("scores")
    canvas.keys.press("Enter")
    moved = sorted(["image > scores.x", *(w for w in BUILT if w not in ("image > pixels.x", "pixels > scores.x"))])
    canvas.opened.eventually(WIRES, moved)
    canvas.keys.press("Control+z")
    canvas.opened.eventually(WIRES, BUILT)


def test_inputs_of_a_folded_scope_are_reached_and_wired(canvas: Canvas) -> None:
    canvas.wrapper("encoder/scores").focus()
    canvas.keys.press("f")
    scope = canvas.page.locator(".react-flow__node:has([data-testid='scope-encoder'])")
    expect(scope).to_be_focused()
    canvas.keys.press("ArrowLeft")
    expect(canvas.port("in", "encoder", "image")).to_be_focused()
    canvas.keys.press("Delete")
    canvas.opened.eventually(WIRES, [w for w in BUILT if w != "image > pixels.x"])
    canvas.keys.press("Control+z")
    canvas.opened.eventually(WIRES, BUILT)

    canvas.port("in", "encoder", "image").wait_for()
    scope.focus()
    canvas.keys.press("ArrowLeft")
    canvas.keys.press("Enter")
    expect(canvas.page.get_by_role("combobox", name="Connect x of pixels to another output")).to_be_focused()
    canvas.choice("label:y").wait_for()
    canvas.keys.type("label")
    canvas.keys.press("Enter")
    canvas.opened.eventually(WIRES, sorted(["label > pixels.x", *(w for w in BUILT if w != "image > pixels.x")]))


def test_several_are_selected_one_after_another_and_moved(canvas: Canvas) -> None:
    canvas.wrapper("loss").focus()
    canvas.keys.press("Space")
    canvas.says("loss selected")
    canvas.keys.press("ArrowDown")
    canvas.keys.press("Shift+Space")
    canvas.says("accuracy selected, 2 in all")
    canvas.keys.press("Shift+Space")
    canvas.says("accuracy no longer selected, 1 in all")
    canvas.keys.press("Shift+Enter")
    canvas.says("accuracy selected, 2 in all")
    canvas.keys.press("Control+g")
    canvas.opened.eventually("sorted(n.name for n in g.nodes.values() if n.scope == 'group')", ["accuracy", "loss"])
    canvas.undo()
    canvas.opened.eventually("{n.scope for n in g.nodes.values()} == {'', 'encoder'}")

    before = canvas.middle(canvas.wrapper("image"))
    canvas.wrapper("image").focus()
    canvas.keys.press("Shift+ArrowDown")  # it need not be selected before
    canvas.says("image moved")
    assert canvas.middle(canvas.wrapper("image"))[1] > before[1]


def test_view_is_moved_and_zoomed_and_the_focus_never_falls_out(canvas: Canvas) -> None:
    x, y = canvas.middle(canvas.wrapper("image"))
    canvas.keys.press("ArrowRight")
    canvas.keys.press("ArrowDown")
    assert canvas.middle(canvas.wrapper("image")) == pytest.approx((x - 80, y - 80), abs=1)
    canvas.keys.press("0")
    canvas.says("100 %")
    canvas.keys.press("+")
    canvas.says("120 %")
    canvas.wrapper("loss").focus()
    for _ in range(12):
        canvas.keys.press("-")
    expect(canvas.page.get_by_test_id("canvas")).to_have_attribute("data-zoom", "block")
    expect(canvas.wrapper("loss")).to_be_focused()
    canvas.keys.press("ArrowLeft")  # comes near enough to see the ports
    expect(canvas.port("in", "loss", "logits")).to_be_focused()
    expect(canvas.page.get_by_test_id("canvas")).to_have_attribute("data-zoom", "full")

    canvas.keys.press("Escape")
    canvas.opened.exec("g.remove('loss')")  # what has the focus goes away
    expect(canvas.wrapper("loss")).to_have_count(0)
    expect(canvas.page.get_by_test_id("canvas")).to_be_focused()


def test_menu_of_a_node_has_its_commands_and_the_inspector_leads_back(canvas: Canvas) -> None:
    canvas.wrapper("image").focus()
    canvas.keys.press("ContextMenu")
    expect(canvas.page.get_by_role("combobox", name="image")).to_be_focused()
    expect(canvas.choice("duplicate")).to_be_visible()
    expect(canvas.choice("ungroup")).to_have_count(0)
    canvas.keys.type("rename")
    canvas.keys.press("Enter")
    name = canvas.page.get_by_test_id("inspector-name")
    expect(name).to_be_focused()
    canvas.keys.type("picture")
    canvas.keys.press("Escape")  # what was typed
    expect(name).to_have_value("image")
    expect(name).to_be_focused()
    canvas.keys.press("Escape")
    expect(canvas.wrapper("image")).to_be_focused()
    expect(canvas.page.get_by_test_id("fullscreen")).to_have_text("Leave full screen")


def test_same_words_are_said_anew(canvas: Canvas) -> None:
    canvas.page.get_by_test_id("canvas").focus()
    canvas.keys.press("m")
    canvas.says("Map hidden")
    first = canvas.page.locator(".fl-keys > .fl-hidden > span").element_handle()
    canvas.keys.press("m")
    canvas.keys.press("m")
    canvas.says("Map hidden")
    assert not first.evaluate("element => element.isConnected")
