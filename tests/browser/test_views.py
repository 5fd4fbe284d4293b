"""Other views of the graph on its canvas: what the machine runs, its gradients, and what changed between versions."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.canvas import Canvas
from tests.browser.conftest import Show
from tests.browser.notebook import OpenNotebook

MODEL = """
import flowloom as fl
g = fl.Graph("digits")
with g:
    image = fl.input("image", shape=("batch", 8, 8, 1))
    label = fl.input("label", shape=("batch",), dtype="int64")
    h = fl.layers.conv2d(image, filters=16, kernel_size=3, activation="relu", name="conv")
    h = fl.layers.flatten(fl.layers.max_pool2d(h, pool_size=2, name="pool"), name="flat")
    scores = fl.layers.dense(h, units=10, name="scores")
    loss = fl.losses.softmax_cross_entropy(scores, label, name="loss")
    fl.metrics.accuracy(scores, label, name="accuracy")
"""
EDITOR = f"{MODEL}fl.widgets.GraphEditor(g)"
DIFF = f"""{MODEL}
before = fl.Graph("before")
with before:
    fl.layers.dense(fl.input("image", shape=("batch", 8, 8, 1)), units=10, name="scores")
fl.widgets.GraphDiff(before, g)"""


class Pictures(Canvas):
    """An editor, and the picture that is open over it."""

    def __init__(self, opened: OpenNotebook) -> None:
        super().__init__(opened, "image")
        self.picture = self.page.get_by_test_id("picture")
        self.canvas = self.picture.get_by_test_id("canvas")
        self.back = self.page.get_by_test_id("picture-back")
        self.page.get_by_test_id("canvas").focus()

    def at(self, id: str) -> Locator:
        """Something in the picture."""
        return self.picture.get_by_test_id(id)

    def choose(self, words: str) -> None:
        """Open a picture by keys alone."""
        self.keys.press("v")
        expect(self.field).to_be_focused()
        self.keys.type(words)
        expect(self.page.locator(".fl-chooser-line")).to_have_count(1)
        self.keys.press("Enter")
        expect(self.canvas).to_be_focused()

    def find(self, name: str) -> None:
        """Find something in the picture by its name, by keys alone."""
        self.keys.press("Control+f")
        expect(self.picture.get_by_test_id("chooser-search")).to_be_focused()
        self.keys.type(name)
        self.keys.press("Enter")
        expect(self.canvas).to_be_focused()

    def apart(self, one: str, other: str) -> tuple[float, float]:
        """How far two nodes of the picture are from each other."""
        (x1, y1), (x2, y2) = (self.middle(self.at(f"node-{name}")) for name in (one, other))
        return x2 - x1, y2 - y1

    def view(self) -> str | None:
        """Where the editor's own canvas looks."""
        return self.page.locator(".fl-studio-graph .react-flow__viewport").get_attribute("style")


@pytest.fixture
def pictures(show: Show) -> Pictures:
    return Pictures(show(EDITOR))


def changes(page: Page) -> list[str]:
    return [" ".join(text.split()) for text in page.locator(".fl-change").all_inner_texts()]


def test_operations_by_mouse(pictures: Pictures) -> None:
    page = pictures.page
    page.get_by_test_id("node-pool").click()
    before = pictures.view()
    page.get_by_test_id("views").click()
    pictures.choice("operations").click()
    expect(pictures.at("scope-scores")).to_have_attribute("data-folded", "true")
    expect(page.get_by_test_id("picture-strip")).to_contain_text("Operations of digits")
    pictures.at("fold-scores").click()
    pictures.at("node-scores/matmul").click()
    expect(pictures.at("facts")).to_contain_text("float32[144, 10]")

    pictures.back.click()
    expect(pictures.picture).to_have_count(0)
    assert pictures.view() == before
    expect(page.get_by_test_id("node-pool")).to_have_attribute("data-selected", "true")

    page.get_by_test_id("views").click()
    pictures.choice("operations").click()
    page.get_by_test_id("picture-optimized").click()
    expect(page.get_by_test_id("picture-strip")).to_contain_text("before optimization")
    pictures.at("scope-bar-scores").click()
    pictures.at("origin-scores").click()
    expect(pictures.picture).to_have_count(0)
    expect(page.get_by_test_id("node-scores")).to_have_attribute("data-selected", "true")
    expect(page.get_by_test_id("node-scores")).to_be_in_viewport()


def test_gradients_by_keyboard(pictures: Pictures) -> None:
    page = pictures.page
    pictures.choose("gradients")
    expect(pictures.at("scope-gradients/conv")).to_have_attribute("data-folded", "true")
    pictures.find("gradients/conv")
    pictures.keys.press("f")
    expect(pictures.at("scope-gradients/conv")).to_have_attribute("data-folded", "false")
    pictures.find("gradient of kernel gradients/conv")
    expect(pictures.at("node-gradients/conv/gradient of kernel")).to_have_attribute("data-selected", "true")
    expect(pictures.at("facts")).to_contain_text("float32[3, 3, 1, 16]")
    pictures.keys.press("g")
    expect(pictures.picture).to_have_count(0)
    expect(page.get_by_test_id("node-conv")).to_have_attribute("data-selected", "true")
    expect(page.get_by_test_id("canvas")).to_be_focused()

    pictures.choose("gradients")
    pictures.keys.press("Control+k")
    expect(pictures.picture.get_by_test_id("chooser-search")).to_be_focused()
    expect(pictures.choice("remove")).to_have_attribute("aria-disabled", "true")
    pictures.keys.press("Escape")
    expect(pictures.canvas).to_be_focused()
    pictures.keys.press("Escape")
    expect(pictures.picture).to_have_count(0)
    expect(page.get_by_test_id("canvas")).to_be_focused()


def test_nothing_can_be_edited(pictures: Pictures) -> None:
    page, keys = pictures.page, pictures.keys
    page.get_by_test_id("node-pool").click()
    keys.press("Control+c")
    revision = pictures.opened.py("g.revision")
    pictures.choose("operations")
    shown = pictures.picture.locator(".react-flow__node")
    count = shown.count()
    keys.press("Control+a")
    words = pictures.picture.locator(".fl-hidden[role=status]")
    for key in (
        "Delete",
        "Backspace",
        "Control+d",
        "Control+g",
        "Control+b",
        "Control+z",
        "Control+x",
        "Control+v",
        "a",
    ):
        keys.press(key)
        expect(pictures.menu).to_have_count(0)
    expect(words).to_have_text("Nothing can be changed in this view")
    apart = pictures.apart("image", "flat")
    start = pictures.middle(pictures.at("node-image"))
    pictures.drag(start, (start[0] + 60, start[1] + 80))  # that moves the view
    assert pictures.apart("image", "flat") == pytest.approx(apart, abs=0.1)
    box = pictures.canvas.bounding_box()
    assert box is not None
    page.mouse.dblclick(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.85)
    expect(pictures.menu).to_have_count(0)
    source, target = pictures.at("port-out-label-y"), pictures.at("port-in-pool-x")
    pictures.drag(pictures.middle(source), pictures.middle(target))
    expect(page.locator(".react-flow__connection")).to_have_count(0)

    pictures.at("fit").click()
    expect(shown).to_have_count(count)
    assert pictures.opened.py("g.revision") == revision


def test_changes_by_mouse_and_by_keyboard(pictures: Pictures) -> None:
    page, opened = pictures.page, pictures.opened
    opened.exec("g.set('conv', filters=8); g.rename('flat', 'flattened'); g.remove('accuracy')")
    opened.exec("with g, g.scope('tail'): fl.relu(fl.tanh(g['scores'], name='squash'), name='<b>end')")
    page.get_by_test_id("node-tail/squash").wait_for()
    page.get_by_test_id("views").click()
    pictures.choice("opened").click()
    page.get_by_test_id("changes").wait_for()
    assert changes(page) == [
        "~ conv filters: 16 → 8",
        "~ flattened renamed, was flat",
        "+ tail/squash",
        "+ tail/<b>end",
        "\N{MINUS SIGN} accuracy",
    ]
    expect(page.get_by_label("Legend")).to_have_text("+ 2 added\N{MINUS SIGN} 1 removed~ 2 changed")
    expect(pictures.at("node-accuracy")).to_have_attribute("data-sign", "removed")
    expect(pictures.at("node-pool")).not_to_have_attribute("data-sign", "removed")
    page.locator(".fl-change").nth(3).click()
    expect(pictures.at("node-tail/<b>end")).to_have_attribute("data-selected", "true")
    expect(pictures.at("node-tail/<b>end")).to_be_in_viewport()

    expect(page.get_by_test_id("picture-outdated")).to_have_count(0)
    opened.exec("g.undo(); g.undo()")
    expect(page.get_by_test_id("picture-outdated")).to_be_visible()
    page.get_by_test_id("picture-anew").click()
    expect(page.locator(".fl-change")).to_have_count(3)
    expect(page.get_by_test_id("picture-outdated")).to_have_count(0)

    pictures.keys.press("Escape")
    expect(page.get_by_test_id("canvas")).to_be_focused()
    opened.exec("g.save('saved.flow.json')")
    pictures.choose("saved.flow")
    expect(page.get_by_test_id("picture-strip")).to_contain_text("Nothing differs")


def test_two_graphs_beside_each_other(show: Show) -> None:
    page = show(DIFF).page
    page.get_by_test_id("changes").wait_for()
    expect(page.get_by_test_id("picture-strip")).to_contain_text("Changes from before to digits")
    expect(page.get_by_test_id("node-conv")).to_have_attribute("data-sign", "added")
    expect(page.get_by_test_id("picture-back")).to_have_count(0)
    page.locator(".fl-change", has_text="loss").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("node-loss")).to_have_attribute("data-selected", "true")
    page.get_by_test_id("canvas").focus()
    page.keyboard.press("Delete")
    expect(page.locator(".fl-hidden[role=status]")).to_have_text("Nothing can be changed in this view")
