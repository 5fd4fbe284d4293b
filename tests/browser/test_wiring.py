"""Wiring on the canvas: nodes added where they are wanted, and wires made and taken away, by mouse and keyboard."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.canvas import Canvas
from tests.browser.conftest import Show

MODEL = """
import flowloom as fl
g = fl.Graph("digits")
with g:
    image = fl.input("image", shape=("batch", 8, 8, 1))
    label = fl.input("label", shape=("batch",), dtype="int64")
    pixels = fl.layers.flatten(image, name="pixels")
    scores = fl.layers.dense(pixels, units=10, name="scores")
    fl.losses.softmax_cross_entropy(scores, label, name="loss")
editor = fl.widgets.GraphEditor(g)
editor
"""
NAMES = "sorted(n.name for n in g.nodes.values())"
WIRES = "sorted(f'{g.nodes[e.source].name} > {g.nodes[e.target].name}.{e.target_port}' for e in g.edges)"
BUILT = ["image > pixels.x", "label > loss.label", "pixels > scores.x", "scores > loss.logits"]
INSERTED = sorted({*BUILT, "pixels > dropout.x", "dropout > scores.x"} - {"pixels > scores.x"})


@pytest.fixture
def canvas(show: Show) -> Canvas:
    """The model in an editor that fills the screen."""
    return Canvas(show(MODEL), "scores")


# ---------------------------------------------------------------- the add menu


def test_double_click_adds_a_node_there(canvas: Canvas) -> None:
    x, y = canvas.empty()
    canvas.page.mouse.dblclick(x, y)

    expect(canvas.field).to_be_focused()
    canvas.keys.type("drop")
    expect(canvas.choice("layers.dropout")).to_have_attribute("aria-selected", "true")
    canvas.keys.press("Enter")

    canvas.wrapper("dropout").wait_for()
    expect(canvas.wrapper("dropout")).to_be_focused()
    assert canvas.middle(canvas.wrapper("dropout")) == pytest.approx((x, y), abs=3)
    canvas.says("dropout added")
    canvas.undo()
    canvas.opened.eventually(NAMES, ["image", "label", "loss", "pixels", "scores"])


def test_a_key_adds_what_fits_after_the_node_that_has_the_focus_and_wires_it(canvas: Canvas) -> None:
    canvas.wrapper("scores").focus()
    canvas.keys.press("a")
    expect(canvas.choice("layers.flatten")).to_be_visible()
    expect(canvas.choice("layers.conv2d")).to_have_count(0)
    canvas.keys.type("relu")
    canvas.keys.press("Enter")

    expect(canvas.wrapper("relu")).to_be_focused()
    assert canvas.middle(canvas.wrapper("relu"))[0] > canvas.middle(canvas.wrapper("scores"))[0]
    canvas.opened.eventually(WIRES, sorted([*BUILT, "scores > relu.x"]))


def test_enter_on_the_canvas_opens_the_menu_and_escape_leaves_it(canvas: Canvas) -> None:
    canvas.page.get_by_test_id("canvas").focus()
    canvas.keys.press("Enter")
    expect(canvas.page.get_by_role("combobox", name="Add a node")).to_be_focused()

    canvas.keys.press("ArrowDown")
    canvas.keys.press("ArrowDown")
    canvas.keys.press("ArrowUp")
    second = canvas.menu.get_by_role("option").nth(1)
    expect(second).to_have_attribute("aria-selected", "true")
    expect(canvas.field).to_have_attribute("aria-activedescendant", second.get_attribute("id") or "-")
    canvas.keys.type("no such thing")
    expect(canvas.menu).to_contain_text("Nothing is called that.")
    canvas.keys.press("Escape")

    expect(canvas.menu).to_have_count(0)
    expect(canvas.page.get_by_test_id("canvas")).to_be_focused()
    assert canvas.opened.py("len(g.nodes)") == 5


def test_the_menu_stays_inside_the_canvas_in_a_narrow_window(canvas: Canvas) -> None:
    canvas.page.set_viewport_size({"width": 900, "height": 700})
    try:
        around = canvas.page.get_by_test_id("canvas").bounding_box()
        assert around is not None
        canvas.page.mouse.dblclick(around["x"] + around["width"] - 6, around["y"] + around["height"] - 6)
        box = canvas.menu.bounding_box()
    finally:
        canvas.page.set_viewport_size({"width": 1440, "height": 900})

    assert box is not None
    assert box["x"] >= around["x"]
    assert box["y"] >= around["y"]
    assert box["x"] + box["width"] <= around["x"] + around["width"]
    assert box["y"] + box["height"] <= around["y"] + around["height"]
    canvas.page.mouse.click(*canvas.empty())
    expect(canvas.menu).to_have_count(0)


def test_a_wire_dropped_on_nothing_offers_what_could_follow_and_wires_it(canvas: Canvas) -> None:
    canvas.drag(canvas.middle(canvas.port("out", "image", "y")), canvas.empty())

    expect(canvas.choice("layers.conv2d")).to_be_visible()
    expect(canvas.choice("layers.embedding")).to_have_count(0)
    expect(canvas.menu.get_by_role("group").first).to_have_attribute("aria-label", "Layers")
    canvas.choice("layers.conv2d").click()

    canvas.opened.eventually(WIRES, sorted([*BUILT, "image > conv2d.x"]))
    canvas.says("conv2d added after image")
    canvas.undo()
    canvas.opened.eventually(NAMES, ["image", "label", "loss", "pixels", "scores"])
    canvas.opened.eventually(WIRES, BUILT)


def test_a_wire_drawn_backwards_offers_what_could_come_before(canvas: Canvas) -> None:
    canvas.drag(canvas.middle(canvas.port("in", "loss", "sample_weight")), canvas.empty())
    canvas.field.fill("input")
    canvas.choice("input").click()

    canvas.opened.eventually(WIRES, sorted([*BUILT, "input > loss.sample_weight"]))
    canvas.opened.eventually("[p.message for p in g.problems]", [])


def test_with_a_wire_selected_a_node_is_inserted(canvas: Canvas) -> None:
    canvas.page.locator(".react-flow__edge[data-id$=':x']").last.focus()
    canvas.keys.press("Enter")
    canvas.keys.press("a")
    expect(canvas.page.get_by_role("combobox", name="Insert a node")).to_be_focused()
    expect(canvas.choice("layers.relu")).to_be_visible()
    expect(canvas.choice("sum")).to_have_count(0)
    canvas.keys.type("dropout")
    canvas.keys.press("Enter")

    canvas.opened.eventually(WIRES, INSERTED)
    canvas.says("dropout added after pixels before scores")
    canvas.undo()
    canvas.opened.eventually(WIRES, BUILT)


# ---------------------------------------------------------------- ports by keyboard


def test_wires_are_made_and_taken_away_by_keyboard(canvas: Canvas) -> None:
    canvas.wrapper("loss").focus()
    canvas.keys.press("ArrowLeft")
    expect(canvas.port("in", "loss", "logits")).to_be_focused()
    canvas.keys.press("ArrowDown")
    expect(canvas.port("in", "loss", "label")).to_be_focused()
    expect(canvas.port("in", "loss", "label")).to_have_attribute("aria-label", "input label: int64[batch]")
    canvas.keys.press("Delete")
    canvas.opened.eventually(WIRES, [w for w in BUILT if "label" not in w])
    canvas.says("label disconnected from loss")

    canvas.keys.press("Enter")
    expect(canvas.field).to_be_focused()
    expect(canvas.choice("label:y")).to_be_visible()
    expect(canvas.choice("image:y")).to_have_count(0)
    canvas.keys.press("Enter")
    canvas.opened.eventually(WIRES, BUILT)
    canvas.says("label connected to label of loss")
    expect(canvas.port("in", "loss", "label")).to_be_focused()

    canvas.keys.press("ArrowRight")
    expect(canvas.port("out", "loss", "y")).to_be_focused()
    canvas.keys.press("Escape")
    expect(canvas.wrapper("loss")).to_be_focused()
    assert canvas.opened.py("len(g.nodes)") == 5


def test_an_output_lists_the_inputs_that_it_fits_and_a_new_node(canvas: Canvas) -> None:
    canvas.wrapper("image").focus()
    canvas.keys.press("ArrowRight")
    canvas.keys.press("Enter")
    expect(canvas.choice("scores:x")).to_contain_text("instead of pixels")
    expect(canvas.choice("loss:label")).to_have_count(0)
    canvas.keys.type("new")
    canvas.keys.press("Enter")
    expect(canvas.choice("layers.conv2d")).to_be_visible()
    canvas.keys.type("conv2d")
    canvas.keys.press("Enter")

    canvas.opened.eventually(WIRES, sorted([*BUILT, "image > conv2d.x"]))
    expect(canvas.wrapper("conv2d")).to_be_focused()


# ---------------------------------------------------------------- wires by mouse


def test_the_end_of_a_wire_dropped_on_nothing_disconnects_it(canvas: Canvas) -> None:
    x, y = canvas.middle(canvas.port("in", "scores", "x"))
    canvas.drag((x - 12, y), canvas.empty())

    canvas.opened.eventually(WIRES, [w for w in BUILT if w != "pixels > scores.x"])
    expect(canvas.menu).to_have_count(0)
    canvas.says("pixels disconnected from scores")
    canvas.undo()
    canvas.opened.eventually(WIRES, BUILT)


def test_a_wire_is_drawn_by_two_clicks(canvas: Canvas) -> None:
    canvas.page.mouse.click(*canvas.middle(canvas.port("out", "image", "y")))
    canvas.page.mouse.click(*canvas.middle(canvas.port("in", "scores", "x")))

    canvas.opened.eventually(WIRES, sorted(["image > scores.x", *(w for w in BUILT if w != "pixels > scores.x")]))


# ---------------------------------------------------------------- nodes on wires


def test_what_is_dragged_from_the_palette_onto_a_wire_is_inserted(canvas: Canvas) -> None:
    item = canvas.page.get_by_test_id("palette-item-layers.dropout")
    canvas.drag(canvas.middle(item), middle_of_wire(canvas))

    canvas.opened.eventually(WIRES, INSERTED)
    canvas.says("dropout inserted")
    new, old = (canvas.wrapper(name).bounding_box() for name in ("dropout", "pixels"))
    assert new is not None
    assert old is not None
    assert new["y"] >= old["y"] + old["height"]
    expect(canvas.page.locator("[data-aimed]")).to_have_count(0)
    canvas.undo()
    canvas.opened.eventually(WIRES, BUILT)
    canvas.opened.eventually("len(g.nodes)", 5)


def test_a_wire_is_marked_while_what_is_dragged_is_over_it(canvas: Canvas) -> None:
    canvas.page.mouse.move(*canvas.middle(canvas.page.get_by_test_id("palette-item-layers.dropout")))
    canvas.page.mouse.down()
    canvas.page.mouse.move(*canvas.empty(), steps=4)
    expect(canvas.page.locator("[data-aimed]")).to_have_count(0)
    canvas.page.mouse.move(*middle_of_wire(canvas), steps=4)
    expect(canvas.page.locator("[data-aimed]")).to_have_count(1)

    canvas.keys.press("Escape")
    expect(canvas.page.locator("[data-aimed]")).to_have_count(0)
    canvas.page.mouse.up()
    assert canvas.opened.py(WIRES) == BUILT
    assert canvas.opened.py("len(g.nodes)") == 5


def test_what_does_not_fit_on_a_wire_is_refused_and_not_added(canvas: Canvas) -> None:
    item = canvas.page.get_by_test_id("palette-item-layers.conv2d")
    canvas.drag(canvas.middle(item), middle_of_wire(canvas))

    expect(canvas.page.get_by_test_id("refusal")).to_contain_text("float32[batch, 64]")
    expect(canvas.wrapper("conv2d")).to_have_count(0)
    assert canvas.opened.py(WIRES) == BUILT
    assert canvas.opened.py("len(g.nodes)") == 5


def test_a_loose_node_is_dragged_onto_a_wire(canvas: Canvas) -> None:
    canvas.page.mouse.dblclick(*canvas.empty())
    canvas.keys.type("dropout")
    canvas.keys.press("Enter")
    canvas.opened.eventually("len(g.nodes)", 6)
    canvas.come_to_rest("dropout")

    canvas.drag(canvas.middle(canvas.wrapper("dropout")), middle_of_wire(canvas))

    canvas.opened.eventually(WIRES, INSERTED)
    canvas.undo()
    canvas.opened.eventually(WIRES, BUILT)
    canvas.opened.eventually("len(g.nodes)", 6)


def middle_of_wire(canvas: Canvas) -> tuple[float, float]:
    """The middle of the wire from pixels to scores."""
    (x, y), (x2, _) = (canvas.middle(canvas.port(*end)) for end in (("out", "pixels", "y"), ("in", "scores", "x")))
    return (x + x2) / 2, y
