"""Copy, cut, paste and duplicate: nodes go as text from canvas to canvas, and text from anywhere does no harm."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.canvas import Canvas
from tests.browser.conftest import Opener, Show

MODEL = """
import flowloom as fl
g = fl.Graph("digits")
with g:
    image = fl.input("image", shape=("batch", 8))
    hidden = fl.layers.dense(image, units=16, name="hidden")
    with g.scope("tail"):
        scores = fl.layers.dense(hidden, units=10, name="scores")
        fl.softmax(scores, name="shares")
editor = fl.widgets.GraphEditor(g)
editor
"""
PATHS = "sorted(n.path for n in g.nodes.values())"
WIRES = "sorted(f'{g.nodes[e.source].path} > {g.nodes[e.target].path}' for e in g.edges)"
NODES = ["hidden", "image", "tail/scores", "tail/shares"]
BUILT = ["hidden > tail/scores", "image > hidden", "tail/scores > tail/shares"]
GIVE = """text => {
    const clipboardData = new DataTransfer();
    clipboardData.setData("text/plain", text);
    const event = new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true });
    document.activeElement.dispatchEvent(event);
}"""


@pytest.fixture
def canvas(show: Show) -> Canvas:
    """The model in an editor that fills the screen."""
    return Canvas(show(MODEL), "hidden")


def select(canvas: Canvas, *ids: str) -> None:
    """Select nodes and scopes, by the ids that the canvas has for them; the focus stays in the canvas."""
    canvas.page.mouse.move(2, 2)
    for id in ids:
        canvas.page.locator(f".react-flow__node[data-id='{id}']").focus()
        if id == ids[0]:
            canvas.keys.press("Space")
        else:
            canvas.page.keyboard.down("Shift")
            canvas.keys.press("Space")
            canvas.page.keyboard.up("Shift")


def id_of(canvas: Canvas, name: str) -> str:
    found: str = canvas.opened.py(f"g[{name!r}].id")
    return found


def test_copied_nodes_are_pasted_beside_with_their_wires_and_parameters(canvas: Canvas) -> None:
    canvas.page.get_by_test_id("canvas").focus()
    canvas.page.mouse.move(2, 2)
    canvas.keys.press("Control+a")
    canvas.keys.press("Control+c")
    canvas.says("4 nodes copied")
    canvas.keys.press("Control+v")

    canvas.says("4 nodes pasted")
    copies = ["hidden_1", "image_1", "tail_1/scores", "tail_1/shares"]
    canvas.opened.eventually(PATHS, sorted([*NODES, *copies]))
    wires = ["hidden_1 > tail_1/scores", "image_1 > hidden_1", "tail_1/scores > tail_1/shares"]
    canvas.opened.eventually(WIRES, sorted([*BUILT, *wires]))
    assert canvas.opened.py("g.nodes[g['hidden_1'].id].params['units']") == 16
    old, new = (canvas.wrapper(name).bounding_box() for name in ("hidden", "hidden_1"))
    assert old is not None
    assert new is not None
    assert new["y"] >= old["y"] + old["height"]
    canvas.undo()
    canvas.opened.eventually(PATHS, NODES)


def test_a_scope_is_pasted_at_the_pointer_under_a_free_name(canvas: Canvas) -> None:
    select(canvas, "/tail")
    canvas.keys.press("Control+c")
    canvas.says("2 nodes copied")
    canvas.page.mouse.move(*canvas.empty())
    canvas.keys.press("Control+v")

    canvas.opened.eventually(PATHS, sorted([*NODES, "tail_1/scores", "tail_1/shares"]))
    expect(canvas.page.locator(".react-flow__node[data-id='/tail_1'] [data-selected]")).to_have_count(1)
    x, y = canvas.middle(canvas.page.get_by_test_id("scope-tail_1"))
    assert (x, y) == pytest.approx(canvas.empty(), abs=60)


def test_cut_is_one_step_and_what_was_cut_can_be_pasted(canvas: Canvas) -> None:
    select(canvas, id_of(canvas, "hidden"))
    canvas.keys.press("Control+x")
    canvas.says("1 node cut")
    canvas.opened.eventually(PATHS, [n for n in NODES if n != "hidden"])
    canvas.undo()
    canvas.opened.eventually(WIRES, BUILT)
    expect(canvas.page.get_by_test_id("node-hidden")).to_have_count(1)  # the page knows, too, that the name is taken

    canvas.keys.press("Control+v")
    canvas.opened.eventually(PATHS, sorted([*NODES, "hidden_1"]))


def test_a_duplicate_keeps_the_wires_that_come_to_it(canvas: Canvas) -> None:
    select(canvas, id_of(canvas, "hidden"))
    canvas.keys.press("Control+d")

    canvas.says("1 node duplicated")
    canvas.opened.eventually(WIRES, sorted([*BUILT, "image > hidden_1"]))
    expect(canvas.page.locator("[data-testid='node-hidden_1'][data-selected]")).to_have_count(1)
    canvas.undo()
    canvas.opened.eventually(WIRES, BUILT)


def test_text_fields_keep_their_own_clipboard(canvas: Canvas) -> None:
    select(canvas, id_of(canvas, "hidden"))
    canvas.keys.press("Control+c")
    canvas.says("1 node copied")
    search = canvas.page.get_by_test_id("palette-search")
    search.fill("dense")
    search.press("Control+a")
    search.press("Control+c")
    search.press("End")
    search.press("Control+v")

    expect(search).to_have_value("densedense")
    assert canvas.opened.py("len(g.nodes)") == 4


def hostile() -> list[dict[str, Any]]:
    """Nodes that try to be more than text."""
    markup = "<img src=x onerror='window.hacked=1'><script>window.hacked=1</script>"
    return [
        {"id": "a", "kind": "relu", "name": "<b onclick=alert(1)>", "note": markup},
        {"id": "__proto__", "kind": "no.such<i>kind", "name": "x" * 120, "params": {"__proto__": {"hacked": 1}}},
        {"id": "c", "kind": "relu", "name": "long", "note": "\u202e" + "y" * 9990},
    ]


def test_hostile_text_stays_text(canvas: Canvas) -> None:
    canvas.page.get_by_test_id("canvas").focus()
    text = json.dumps({"flowloom": "nodes", "version": 1, "nodes": hostile(), "edges": []})
    canvas.page.evaluate(GIVE, text)

    canvas.opened.eventually("len(g.nodes)", 7)
    canvas.says("3 nodes pasted")
    expect(canvas.page.locator(".fl-node-name").filter(has_text="<b onclick")).to_have_text("<b onclick=alert(1)>")
    assert canvas.page.evaluate(
        "() => [window.hacked, {}.hacked, document.querySelectorAll('.fl-node img').length]"
    ) == [
        None,
        None,
        0,
    ]
    canvas.opened.eventually("[n.note[-9:] for n in g.nodes.values() if n.note]", ["</script>", "yyyyyyyyy"])


@pytest.mark.parametrize(
    "text",
    [
        "import flowloom as fl",
        "x" * (1 << 20),
        json.dumps(
            {"flowloom": "nodes", "version": 1, "nodes": [{"id": "a", "kind": "relu", "name": "a\nb"}], "edges": []}
        ),
        json.dumps({"flowloom": "nodes", "version": 2}),
    ],
    ids=["code", "a megabyte", "a control character", "a later version"],
)
def test_what_is_no_piece_of_a_graph_is_refused_in_one_line(canvas: Canvas, text: str) -> None:
    canvas.page.get_by_test_id("canvas").focus()
    canvas.page.evaluate(GIVE, text)

    expect(canvas.page.get_by_test_id("refusal")).to_be_visible()
    said = canvas.page.get_by_test_id("refusal").inner_text()
    assert len(said) < 150
    assert "xxxx" not in said
    assert canvas.opened.py(PATHS) == NODES


def test_nodes_go_from_one_notebook_to_another(canvas: Canvas, notebook: Opener) -> None:
    select(canvas, "/tail")
    canvas.keys.press("Control+c")
    canvas.says("2 nodes copied")
    other = notebook(["import flowloom as fl\ng = fl.Graph('empty')\nfl.widgets.GraphEditor(g)"])
    other.run_all()
    other.page.get_by_test_id("canvas").focus()
    other.page.keyboard.press("Control+v")

    other.eventually(PATHS, ["tail/scores", "tail/shares"])
