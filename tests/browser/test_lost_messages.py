"""A connection that loses messages: what was drawn meanwhile is not lost, and the page shows what Python has."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.canvas import Canvas
from tests.browser.conftest import Show
from tests.browser.test_wiring import BUILT, MODEL, WIRES

CUT = """() => {
    const { send } = WebSocket.prototype;
    window.sockets = new Map();
    WebSocket.prototype.send = function () {
        if (!window.sockets.has(this)) window.sockets.set(this, this.onmessage);
        this.onmessage = () => {};
    };
    window.mend = () => {
        WebSocket.prototype.send = send;
        for (const [socket, heard] of window.sockets) socket.onmessage = heard;
    };
}"""


def cut(page: Page) -> None:
    """From the next message on, lose all that goes to the kernel, and what it answers."""
    page.evaluate(CUT)


def test_edits_and_answers_that_were_lost_are_made_good(show: Show) -> None:
    canvas = Canvas(show(MODEL), "scores")
    page = canvas.page
    cut(page)
    canvas.wrapper("loss").click()
    canvas.keys.press("Delete")
    expect(canvas.wrapper("loss")).to_have_count(0)
    page.get_by_text("1 change of the graph has not reached it yet").wait_for(timeout=15_000)
    canvas.opened.exec("g.rename('pixels', 'flat')")
    expect(canvas.wrapper("pixels")).to_have_count(1)
    assert canvas.opened.py(WIRES) == sorted(wire.replace("pixels", "flat") for wire in BUILT)

    page.evaluate("window.mend()")
    page.evaluate("window.dispatchEvent(new Event('focus'))")

    canvas.wrapper("flat").wait_for()
    expect(page.get_by_text("No answer from the kernel")).to_have_count(0)
    expect(canvas.wrapper("loss")).to_have_count(0)
    canvas.opened.eventually(WIRES, ["flat > scores.x", "image > flat.x"])


def test_what_python_did_while_the_connection_was_down_is_shown_once_it_is_back(show: Show) -> None:
    canvas = Canvas(show(MODEL), "scores")
    page = canvas.page
    cut(page)
    canvas.wrapper("loss").click()
    canvas.keys.press("Delete")
    canvas.opened.exec("g.rename('pixels', 'flat')")

    page.evaluate("() => { window.mend(); for (const socket of window.sockets.keys()) socket.close(); }")

    canvas.wrapper("flat").wait_for(timeout=20_000)
    canvas.opened.eventually(WIRES, ["flat > scores.x", "image > flat.x"])
