"""What axe-core has against the editor in its states, in every theme: nothing serious."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import Show
from tests.browser.handling import middle_at_rest
from tests.browser.notebook import OpenNotebook

MODEL = """
import flowloom as fl
g = fl.Graph("digits")
with g:
    image = fl.input("image", shape=("batch", 8, 8, 1))
    label = fl.input("label", shape=("batch",), dtype="int64")
    with g.scope("encoder"):
        pixels = fl.layers.flatten(image, name="pixels")
        scores = fl.layers.dense(pixels, units=10, name="scores")
    fl.losses.softmax_cross_entropy(scores, label, name="loss")
studio = fl.widgets.Studio(g, fl.data.load("digits"), epochs=1)
studio
"""
LARGE = """
import flowloom as fl
from flowloom.graph.document import AddNode, NodeDoc
g = fl.Graph("large")
places = [(240.0 * (i % 30), 90.0 * (i // 30)) for i in range(450)]
nodes = [NodeDoc(f"n{i}", "relu", f"node {i}", x=x, y=y) for i, (x, y) in enumerate(places)]
g.restore([AddNode(node) for node in nodes])
fl.widgets.GraphEditor(g)
"""
EMPTY = "import flowloom as fl\nfl.widgets.GraphEditor(fl.Graph('empty'))"


@pytest.fixture
def themed(show: Show) -> Iterator[Callable[[str, str], OpenNotebook]]:
    """Shows a cell in a theme: "light", "dark", "contrast", or "forced" for few colours that a person has chosen."""
    opened: list[OpenNotebook] = []

    def run(theme: str, cell: str) -> OpenNotebook:
        opened.append(show(cell))
        opened[0].page.emulate_media(forced_colors="active" if theme == "forced" else "none")
        opened[0].theme("light" if theme == "forced" else theme)
        return opened[0]

    yield run
    opened[0].page.emulate_media(forced_colors="none")
    opened[0].theme("light")


@pytest.mark.parametrize("theme", ["light", "dark", "contrast", "forced"])
def test_nothing_serious_in_any_state(themed: Callable[[str, str], OpenNotebook], theme: str) -> None:
    page = themed(theme, MODEL).page
    page.get_by_test_id("node-encoder/scores").wait_for()
    rules = None if theme == "light" else ["color-contrast"]  # the others have nothing to do with colours

    assert {state: found for state, root in _states(page) if (found := violations(page, root, rules))} == {}


def test_nothing_serious_in_empty_and_large_graphs(themed: Callable[[str, str], OpenNotebook]) -> None:
    page = themed("light", EMPTY).page
    page.get_by_test_id("empty-canvas").wait_for()
    assert violations(page) == []

    page = themed("light", LARGE).page
    page.get_by_test_id("node-node 0").wait_for()
    page.get_by_test_id("fit").click()
    page.get_by_test_id("overview").wait_for()
    assert violations(page) == []


def _states(page: Page) -> Iterator[tuple[str, str]]:
    """Brings the Studio from state to state: each its name, and where something is new."""
    page.get_by_test_id("fit").click()
    yield "the graph and the training board", ".fl-root"

    page.get_by_test_id("fold-encoder").click()
    page.get_by_test_id("scope-encoder").click()
    page.get_by_test_id("tab-code").click()
    expect(page.get_by_test_id("code")).to_contain_text("fl.input")
    yield "a folded scope in the inspector, and code", ".fl-studio"

    page.get_by_test_id("fold-encoder").click()
    page.get_by_test_id("node-encoder/scores").dblclick()
    page.get_by_test_id("inspector-field-units").fill("many")
    page.get_by_test_id("inspector-field-units").press("Enter")
    yield "a node in the inspector, with a mistake", ".fl-studio-middle"
    page.get_by_test_id("inspector-field-units").press("Escape")

    for key in ("Enter", "Control+k", "Control+f", "?", "Shift+F10"):
        page.get_by_test_id("canvas").focus()
        page.keyboard.press(key)
        page.locator(".fl-chooser, .fl-keylist").wait_for()
        yield f"what {key} opens", ".fl-canvas"
        page.keyboard.press("Escape")

    page.get_by_test_id("fit").click()
    start, end = (middle_at_rest(page.get_by_test_id(f"port-{port}")) for port in ("out-image-y", "in-loss-label"))
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=8)
    page.get_by_test_id("wiring-hint").wait_for()
    yield "a wire that does not fit", ".fl-canvas"
    page.mouse.up()
    page.get_by_test_id("refusal").wait_for()
    page.get_by_test_id("node-image").click()
    page.keyboard.press("Delete")
    page.get_by_test_id("tab-problems").click()
    page.get_by_test_id("problem-0").wait_for()
    yield "problems", ".fl-studio"
