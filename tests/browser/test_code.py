"""The graph as code in the browser: what is typed is drawn, and what is drawn is written."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import Show
from tests.browser.notebook import OpenNotebook
from tests.browser.studio import StudioPage
from tests.browser.waiting import wait_until

MODEL = """
import flowloom as fl
from flowloom.widgets import GraphEditor

with fl.Graph("digits") as g:
    image = fl.input("image", shape=("batch", 8, 8, 1))
    label = fl.input("label", shape=("batch",), dtype="int64")
    scores = fl.layers.dense(fl.layers.flatten(image, name="pixels"), units=10, name="scores")
    fl.losses.softmax_cross_entropy(scores, label, name="loss")
GraphEditor(g)
"""


class CodePane:
    """The code pane of an editor that was just opened."""

    def __init__(self, opened: OpenNotebook) -> None:
        self.opened, self.page = opened, opened.page
        self.page.get_by_test_id("tab-code").click(timeout=60_000)
        self.wait_for("units=10")

    @property
    def text(self) -> str:
        return "\n".join(self.page.locator(".fl-code-pane .cm-line").all_text_contents())

    def wait_for(self, piece: str) -> None:
        expect(self.page.get_by_test_id("code")).to_contain_text(piece)

    def caret_behind(self, piece: str) -> None:
        """Put the caret behind a piece of the text, by the keyboard."""
        at = self.text.index(piece) + len(piece)
        before = self.text[:at].split("\n")
        self.page.get_by_test_id("code").focus()
        self.page.keyboard.press("Control+Home")
        for _ in before[1:]:
            self.page.keyboard.press("ArrowDown")
        self.page.keyboard.press("Home")
        self.page.keyboard.press("Home")
        column = self.page.evaluate(COLUMN)
        for _ in range(len(before[-1]) - column):
            self.page.keyboard.press("ArrowRight")

    def selected(self) -> list[str]:
        return self.page.locator(".fl-code-selected").all_text_contents()


# Home goes to the first letter or to the start of the line.
COLUMN = """() => {
    const { focusNode, focusOffset } = getSelection();
    const line = (focusNode.nodeType === 3 ? focusNode.parentElement : focusNode).closest(".cm-line");
    const range = document.createRange();
    range.setStart(line, 0);
    range.setEnd(focusNode, focusOffset);
    return range.toString().length;
}"""


def place_of(opened: OpenNotebook, name: str) -> object:
    return opened.py(f"(lambda n: [n.id, n.x, n.y])(g.nodes[g[{name!r}].id])")


def test_what_is_typed_is_drawn_and_the_rest_stays_where_it_is(show: Show) -> None:
    opened = show(MODEL)
    pane = CodePane(opened)
    place = place_of(opened, "scores")

    pane.caret_behind("units=10")
    opened.page.keyboard.type('24, name="wide"); scores = fl.layers.dense(wide, units=1')
    expect(opened.page.get_by_test_id("code-mistake")).to_be_visible()
    opened.page.keyboard.press("Control+a")
    opened.page.keyboard.insert_text(
        opened.py("g.to_python()")
        .replace("    scores =", '    wide = fl.layers.dense(pixels, units=24, name="wide")\n    scores =')
        .replace("dense(pixels, units=10", "dense(wide, units=10")
    )
    opened.page.keyboard.press("Control+Enter")

    opened.eventually("{g.nodes[e.source].name for e in g.edges if e.target == g['scores'].id} == {'wide'}")
    expect(opened.page.get_by_test_id("code-mistake")).to_have_count(0)
    assert place_of(opened, "scores") == place
    pane.caret_behind("units=24")
    StudioPageNodes(opened.page).node("wide").wait_for()


def test_node_that_is_written_is_selected_and_brought_into_view(show: Show) -> None:
    opened = show(MODEL)
    pane = CodePane(opened)

    pane.caret_behind('name="loss")')
    opened.page.keyboard.press("Enter")
    opened.page.keyboard.type("far = fl.relu(scores, name='far')")

    selected = opened.page.locator(".react-flow__node.selected")
    expect(selected.get_by_test_id("node-far")).to_be_visible()
    wait_until(lambda: "far" in "".join(pane.selected()), "the line of far", 10)


def test_wrong_code_is_marked_in_its_place_and_the_graph_stays(show: Show) -> None:
    opened = show(MODEL)
    pane = CodePane(opened)
    before = opened.py("g.revision")

    pane.caret_behind("units=10")
    opened.page.keyboard.type("x")

    note = opened.page.get_by_test_id("code-mistake")
    expect(note).to_contain_text("Line 7")
    expect(opened.page.locator(".fl-code-pane .cm-lint-marker-error")).to_have_count(1)
    assert opened.py("g.revision") == before
    opened.page.keyboard.press("Control+z")
    expect(note).to_have_count(0)
    assert "units=10," in pane.text
    assert opened.py("g.revision") == before


def test_code_follows_the_canvas_and_undo(show: Show) -> None:
    opened = show(MODEL)
    pane = CodePane(opened)

    opened.exec("g.set('scores', units=12)")

    pane.wait_for("units=12")
    pane.caret_behind("units=12")
    opened.page.keyboard.type("8")
    opened.eventually("g.nodes[g['scores'].id].params['units']", 128)
    expect(opened.page.get_by_role("status").filter(has_text="The graph follows the code")).to_have_count(1)
    opened.page.keyboard.press("Control+z")
    opened.eventually("g.nodes[g['scores'].id].params['units']", 12)
    pane.wait_for("units=12,")


def test_selecting_goes_both_ways(show: Show) -> None:
    opened = show(MODEL)
    pane = CodePane(opened)

    nodes = StudioPageNodes(opened.page)
    nodes.node("pixels").click()
    wait_until(lambda: len(pane.selected()) == 1 and "pixels" in pane.selected()[0], "the line of pixels", 10)

    pane.caret_behind('name="loss"')
    expect(opened.page.locator(".react-flow__node.selected")).to_have_count(1)
    expect(opened.page.locator(".react-flow__node.selected").get_by_test_id("node-loss")).to_be_visible()
    wait_until(lambda: "loss" in "".join(pane.selected()), "the line of loss", 10)


def test_keyboard_enters_and_leaves_and_the_notebook_hears_nothing(show: Show) -> None:
    opened = show(MODEL)
    pane = CodePane(opened)
    cells = opened.page.locator(".jp-Cell").count()
    pane.caret_behind("units=10")

    opened.page.keyboard.press("Tab")
    assert opened.page.get_by_test_id("code").evaluate("e => e === document.activeElement")
    opened.page.keyboard.press("Control+z")
    opened.page.keyboard.type("aabbddz")
    opened.page.keyboard.press("Escape")

    assert opened.page.evaluate("() => document.activeElement.dataset.testid") == "tab-code"
    assert opened.page.locator(".jp-Cell").count() == cells
    expect(opened.page.get_by_test_id("code-mistake")).to_be_visible()
    opened.page.get_by_test_id("code-discard").press("Enter")
    pane.wait_for("units=10,")


def test_what_changes_while_one_types_is_not_lost(show: Show) -> None:
    opened = show(MODEL)
    pane = CodePane(opened)
    pane.caret_behind("units=10")
    opened.page.keyboard.type("x")
    expect(opened.page.get_by_test_id("code-mistake")).to_be_visible()

    opened.exec("g.rename('pixels', 'flat')")

    note = opened.page.get_by_test_id("code-overtaken")
    expect(note).to_be_visible()
    assert "units=10x" in pane.text
    opened.page.get_by_test_id("code-discard").click()
    pane.wait_for("flat")
    assert "units=10x" not in pane.text


def test_graph_without_code_says_why_and_has_it_again_once_it_is_mended(show: Show) -> None:
    opened = show(MODEL)
    pane = CodePane(opened)

    opened.exec("g.remove('pixels')")

    expect(opened.page.get_by_test_id("code-absence")).to_contain_text("scores")
    opened.exec("g.undo()")
    expect(opened.page.get_by_test_id("code-absence")).to_have_count(0)
    pane.wait_for("pixels")


class StudioPageNodes(StudioPage):
    """The nodes of an editor, which has no Train button to wait for."""

    def __init__(self, page: Page) -> None:
        self.page = page
