"""The editor in JupyterLab and in Notebook 7: the same hands, the same outcome."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.canvas import Canvas
from tests.browser.conftest import opener
from tests.browser.lab import Lab
from tests.browser.test_wiring import BUILT, MODEL, NAMES, WIRES


@pytest.fixture(params=["jupyterlab", "notebook"])
def canvas(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Canvas]:
    """The model in an editor that fills the screen, in the one and in the other."""
    server: Lab = request.getfixturevalue("lab" if request.param == "jupyterlab" else "notebook_server")
    with opener(server, browser) as open_notebook:
        opened = open_notebook([MODEL], name="hosts.ipynb", server=server)
        opened.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        opened.run_all()
        yield Canvas(opened, "scores")


def test_editor_is_handled_alike(canvas: Canvas) -> None:
    page, keys, opened = canvas.page, canvas.keys, canvas.opened

    # by mouse: a wire, a node where it is wanted, what can be done with it
    canvas.drag(canvas.middle(canvas.port("out", "image", "y")), canvas.middle(canvas.port("in", "scores", "x")))
    rewired = sorted(["image > scores.x", *(w for w in BUILT if w != "pixels > scores.x")])
    opened.eventually(WIRES, rewired)
    page.mouse.dblclick(*canvas.empty())
    keys.type("dropout")
    keys.press("Enter")
    opened.eventually("'dropout' in {n.name for n in g.nodes.values()}")
    page.mouse.click(*canvas.middle(canvas.wrapper("dropout")), button="right")
    expect(page.get_by_role("combobox", name="dropout")).to_be_focused()
    expect(page.locator(".lm-Menu")).to_have_count(0)  # the notebook has its own, which stays away
    canvas.choice("remove").click()
    opened.eventually(NAMES, ["image", "label", "loss", "pixels", "scores"])

    # by keyboard: back, a wire, keys that are the notebook's elsewhere, and the clipboard
    for _ in range(3):
        canvas.undo()
    opened.eventually(WIRES, BUILT)
    canvas.wrapper("loss").focus()
    for key in ("ArrowLeft", "Delete"):
        keys.press(key)
    opened.eventually(WIRES, [w for w in BUILT if "logits" not in w])
    keys.press("Enter")
    canvas.choice("scores:y").wait_for()
    keys.type("scores")
    keys.press("Enter")
    opened.eventually(WIRES, BUILT)
    cells = page.locator(".jp-Cell").count()
    canvas.wrapper("scores").focus()
    for key in ("x", "b", "d", "d", "Shift+F10"):
        keys.press(key)
    keys.type("copy")
    keys.press("Enter")
    canvas.says("1 node copied")
    keys.press("Control+v")
    opened.eventually(NAMES, ["image", "label", "loss", "pixels", "scores", "scores_1"])
    assert page.locator(".jp-Cell").count() == cells

    # code, both ways
    canvas.undo()
    page.get_by_test_id("tab-code").click()
    code = page.get_by_test_id("code")
    expect(code).to_contain_text("units=10")
    code.get_by_text("10", exact=True).dblclick()
    keys.type("12")
    keys.press("Control+Enter")
    opened.eventually("g.nodes[g['scores'].id].params", {"units": 12})
