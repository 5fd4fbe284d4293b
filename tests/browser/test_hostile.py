"""A graph full of hostile text: whatever is opened, it stays text, nothing of it runs, and the page answers."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.canvas import Canvas
from tests.browser.conftest import Show

MARKUP = "<img src=x onerror=owned=1>"
NOTE = f"{MARKUP}</script><script>owned=1</script>\u202e\u200b{{{{owned=1}}}}"
MODEL = f"""
import flowloom as fl
from flowloom.graph.document import AddNode, Connect, EdgeDoc, NodeDoc, SetNote
markup, note = {MARKUP!r}, {NOTE!r}
g = fl.Graph(markup)
with g:
    x = fl.input(markup, shape=("batch", 4))
    with g.scope("<svg onload=owned=1>"):
        y = fl.layers.dense(x, units=3, name="<iframe srcdoc=owned=1>")
g.apply([SetNote(id, note) for id in g.nodes])
storm = "broken" + "a" + "\\u0301" * 100
odd = NodeDoc("odd", "<script>owned=1", storm, params={{markup: note * 50}}, note=note * 50, y=300, x=0)
g.apply([AddNode(odd), Connect(EdgeDoc(x.id, "y", "odd", markup.replace("/", "")))])
editor = fl.widgets.GraphEditor(g)
display(g, editor)
"""


def nothing_ran(page: Page) -> None:
    """No script of the graph has run, and no element is there that a text has made."""
    assert page.evaluate("typeof owned") == "undefined"
    made = ".jp-OutputArea :is(img:not(.cm-widgetBuffer), iframe, script, [onerror], [onload], [srcdoc])"
    assert page.locator(made).evaluate_all("found => found.map(e => e.outerHTML.slice(0, 300))") == []
    assert page.locator(".fl-root").evaluate("element => element.textContent.length") < 100_000


def test_hostile_text_stays_text_wherever_it_is_shown(show: Show) -> None:
    opened = show(MODEL)
    page = opened.page
    canvas = Canvas(opened, MARKUP)
    nothing_ran(page)
    page.get_by_test_id("canvas").focus()

    canvas.keys.press("Control+f")
    canvas.keys.type("onerror")
    line = canvas.menu.get_by_role("option").first
    expect(line).to_contain_text(MARKUP)
    nothing_ran(page)
    canvas.keys.press("Enter")
    expect(page.get_by_test_id("inspector-name")).to_have_value(MARKUP)
    expect(page.get_by_test_id("inspector-note")).to_have_value(NOTE)
    page.get_by_test_id("unfold-tabs").click()
    expect(page.get_by_test_id("problems")).to_contain_text("'<script>owned=1' is not known")
    page.get_by_test_id("problem-0").get_by_role("button").first.click()
    expect(page.get_by_test_id("inspector")).to_contain_text("does not know the kind <script>owned=1")
    nothing_ran(page)

    opened.exec("g.remove(storm)")
    page.get_by_test_id("tab-code").click()
    expect(page.get_by_test_id("code")).to_contain_text("owned")
    expect(page.locator(".cm-specialChar").first).to_be_visible()  # what turns the text around is seen
    nothing_ran(page)
    page.get_by_test_id("fold-<svg onload=owned=1>").click()
    expect(page.get_by_test_id("scope-<svg onload=owned=1>")).to_have_attribute("data-folded", "true")
    nothing_ran(page)


def test_text_beyond_measure_is_refused_where_it_is_typed(show: Show) -> None:
    opened = show(MODEL)
    page = opened.page
    canvas = Canvas(opened, MARKUP)
    canvas.wrapper(MARKUP).click()
    note, name = page.get_by_test_id("inspector-note"), page.get_by_test_id("inspector-name")

    note.fill("x" * 10**6)
    note.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("At most 10,000 characters")
    note.fill(NOTE)
    expect(page.get_by_role("alert")).to_have_count(0)
    name.fill("x" * 10**6)
    name.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("A name has at most 120 characters")
    name.fill(MARKUP)
    longest = (MARKUP * 1000)[:10_000]
    note.fill(longest)
    note.press("Enter")

    opened.eventually(f"[n.note for n in g.nodes.values() if n.name == {MARKUP!r}]", [longest])
    canvas.says(f"Note of {MARKUP} changed")
    nothing_ran(page)
