"""What is measured of the editor, each with the limit that it keeps."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from playwright.sync_api import Browser

from benchmarks.timing import Say
from benchmarks.ui import models
from benchmarks.ui.editor import Editor, edited
from tests.browser.handling import Point
from tests.browser.lab import Lab

Steps: TypeAlias = Iterator[Callable[[], Any]]

SPEC = "document.querySelector('[data-testid=\"node-d0_4\"] .fl-node-spec').textContent"
SAID = "document.querySelector('.fl-keys > .fl-hidden').textContent"
PAUSE = 300  # milliseconds from one edit to the next: as quick a hand as there is


@dataclass(frozen=True, slots=True)
class Figure:
    """Something measured: values, the one that counts, and the limit it is to keep, if it has one (fps: to reach)."""

    title: str
    values: Sequence[float]
    counts: float
    limit: float | None
    unit: str
    note: str = ""

    @property
    def kept(self) -> bool:
        """Whether it is within its limit."""
        if self.limit is None:
            return True
        return self.counts >= self.limit if self.unit == "fps" else self.counts <= self.limit


def measure(lab: Lab, browser: Browser, parts: Sequence[str], repeats: int, seconds: float, say: Say) -> list[Figure]:
    """The figures of these parts, each in a notebook of its own: what is timed so often, what moves for so long."""
    found: list[Figure] = []
    for part in parts:
        for figure in PARTS[part](lab, browser, repeats, seconds):
            say(f"{figure.title}: {figure.counts:.4g} {figure.unit} {'' if figure.kept else '(beyond)'} {figure.note}")
            found.append(figure)
    return found


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which that share of them lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


# ---------------------------------------------------------------- edits


def _edits(lab: Lab, browser: Browser, repeats: int, _seconds: float) -> Iterator[Figure]:
    """The verdict on a port, and what an edit brings about, among 100 nodes."""
    with edited(lab, browser, models.WIRED) as editor:
        editor.fit()
        first, ready = _verdicts(editor, repeats)
        yield _time("Verdict on a port that a wire is dragged over, p95", ready, 0.95, 100)
        yield _time("Verdicts on all ports once a wire is picked up, the kernel's answer, p95", first, 0.95, None)
        answered, drawn = _trips(editor, repeats)
        yield _time("An edit by key until its consequence from the kernel is in the page, median", answered, 0.5, 50)
        yield _time("The same until it is drawn, median", drawn, 0.5, None)


def _time(title: str, values: Sequence[float], share: float, limit: float | None) -> Figure:
    """The median or the 95th percentile of times in milliseconds, with the other in the note."""
    other = f"p95 {percentile(values, 0.95):.0f} ms" if share == 0.5 else f"median {statistics.median(values):.0f} ms"
    return Figure(title, values, percentile(values, share), limit, "ms", other)


def _verdicts(editor: Editor, repeats: int) -> tuple[list[float], list[float]]:
    """From a press on an output until ports show whether they fit; from the pointer at a port until its verdict."""
    page, mouse = editor.page, editor.page.mouse
    hint = "() => document.querySelector('[data-testid=wiring-hint]') !== null"
    over = "event => event.target.closest('.fl-port.target') !== null"
    shown = "() => document.querySelector('.fl-port[data-verdict=fits], .fl-port[data-verdict=unfit]') !== null"
    first: list[float] = []
    ready: list[float] = []
    for i in range(repeats):
        start = editor.at(f"[data-testid='port-out-d{i % 5}_1-y']")
        end = editor.at(f"[data-testid='port-in-d{(i * 3) % 10}_{4 + i % 5}-x']")
        mouse.move(*start)
        with editor.timed("pointerdown", "() => true", shown) as times:
            mouse.down()
            mouse.move(start[0] + 6, start[1] + 6, steps=2)
        first.append(times.drawn)
        mouse.move(end[0] - 40, end[1] - 12, steps=3)
        with editor.timed("pointermove", over, hint) as times:
            mouse.move(*end, steps=2)
        ready.append(times.drawn)
        mouse.up()
        page.get_by_test_id("canvas").focus()
        page.keyboard.press("Control+z")
        editor.rest()
    return first, ready


def _trips(editor: Editor, repeats: int) -> tuple[list[float], list[float]]:
    """From the key that bypasses a layer, or no more, until Python's spec of what leaves it is there, and drawn."""
    page = editor.page
    page.get_by_test_id("node-d0_4").click()
    answered: list[float] = []
    drawn: list[float] = []
    for _ in range(repeats):
        before = page.evaluate(f"() => {SPEC}")
        with editor.timed("keydown", "event => event.key === 'b'", f"() => {SPEC} !== {before!r}") as times:
            page.keyboard.press("Control+b")
        answered.append(times.there)
        drawn.append(times.drawn)
        page.wait_for_timeout(PAUSE)  # what an edit leaves behind (the kernel's status, autosave) is over by then
    return answered, drawn


# ---------------------------------------------------------------- scopes


def _scopes(lab: Lab, browser: Browser, repeats: int, _seconds: float) -> Iterator[Figure]:
    """Opening scopes of 200 nodes each in a graph of 2,000."""
    with edited(lab, browser, models.scoped(10, 200)) as editor:
        editor.fit()
        page = editor.page
        found: list[float] = []
        for i in range(min(repeats, 20)):
            scope = page.get_by_test_id(f"scope-block{i % 10}")
            scope.click()
            open_now = f"() => document.querySelector('[data-testid=\"node-block{i % 10}/n{i % 10}_0\"]') !== null"
            with editor.timed("keydown", "event => event.key === 'f'", open_now) as times:
                page.keyboard.press("f")
            found.append(times.drawn)
            page.keyboard.press("f")
            editor.rest()
        yield _time("Opening a scope of 200 nodes among 2,000, p95", found, 0.95, 1000)


# ---------------------------------------------------------------- motion


def _nodes(lab: Lab, browser: Browser, _repeats: int, seconds: float) -> Iterator[Figure]:
    """Dragging among 625 nodes that are all drawn as elements."""
    with edited(lab, browser, models.rows(25, 25)) as editor:
        editor.fit()
        while editor.page.get_by_test_id("overview").count():
            editor.page.get_by_test_id("zoom-in").click()
            editor.rest()
        count = editor.page.locator(".react-flow__node").count()
        at = editor.at("[data-testid='node-n12_12'] .fl-node-name")
        yield _moved(editor, f"Dragging one of 625 nodes, {count} of them in view", _dragged(editor, at), seconds)
        editor.page.keyboard.press("Control+z")
        editor.rest()
        editor.page.keyboard.down(" ")
        yield _moved(editor, "Panning over them", _dragged(editor, editor.middle()), seconds, None)
        editor.page.get_by_test_id("canvas").focus()
        editor.page.keyboard.press("Control+a")
        editor.rest()
        at = editor.at("[data-testid='node-n12_12'] .fl-node-name")
        yield _moved(editor, "Dragging all 625 at once", _dragged(editor, at), seconds, None)


def _overview(lab: Lab, browser: Browser, _repeats: int, seconds: float) -> Iterator[Figure]:
    """10,000 nodes and 5,000 wires seen from afar."""
    with edited(lab, browser, models.pairs(5000, 50)) as editor:
        editor.fit()
        editor.page.get_by_test_id("overview").wait_for()
        title = "10,000 nodes and 5,000 wires from afar"
        yield _moved(editor, f"Panning {title}", _dragged(editor, editor.middle()), seconds)
        yield _moved(editor, f"Zooming {title}", _zoomed(editor), seconds)
        elements = editor.elements()
        yield Figure(f"Elements of the canvas: {title}", [elements], elements, 500, "elements")


def _moved(editor: Editor, title: str, steps: Steps, seconds: float, limit: float | None = 55) -> Figure:
    motion = editor.motion(steps, seconds)
    editor.page.mouse.up()
    for key in ("Control", " "):
        editor.page.keyboard.up(key)
    editor.rest()
    slow = percentile(motion.deltas, 0.95)
    note = f"one frame in 20 takes {slow:.0f} ms or more; the page's processor works {motion.work:.1f} ms a frame"
    return Figure(title, motion.deltas, motion.rate, limit, "fps", note)


def _dragged(editor: Editor, at: Point) -> Steps:
    """Press at a point, and to and fro from there."""
    mouse = editor.page.mouse
    mouse.move(*at)
    mouse.down()
    for i in itertools.count():
        step = 100 - abs(i % 200 - 100)
        yield lambda step=step: mouse.move(at[0] + 2 * step, at[1] + step)


def _zoomed(editor: Editor) -> Steps:
    """In and out by the wheel."""
    editor.page.mouse.move(*editor.middle())
    editor.page.keyboard.down("Control")
    for i in itertools.count():
        yield lambda i=i: editor.page.mouse.wheel(0, -20 if i % 40 < 20 else 20)


# ---------------------------------------------------------------- layout


def _layout(lab: Lab, browser: Browser, repeats: int, _seconds: float) -> Iterator[Figure]:
    """Tidying 4,000 nodes, 8,000 wires."""
    with edited(lab, browser, models.woven(4000)) as editor:
        editor.fit()
        page = editor.page
        seen: list[float] = []
        for _ in range(max(3, repeats // 10)):
            with editor.timed("keydown", "event => event.key === 'L'", f"() => {SAID} === 'Tidied'") as times:
                page.keyboard.press("Control+Shift+L")
            seen.append(times.drawn)
            page.locator("[data-testid=undo]:enabled").wait_for()  # the kernel has it
            page.keyboard.press("Control+z")
            page.locator("[data-testid=undo]:disabled").wait_for()
            editor.rest()
        inside: list[float] = page.evaluate("() => recorder.workers")
        yield _time("Layout of 4,000 nodes and 8,000 wires in its worker, p95", inside, 0.95, 1000)
        yield _time("The same from the key until it is drawn, p95", seen, 0.95, None)


PARTS: dict[str, Callable[[Lab, Browser, int, float], Iterator[Figure]]] = {
    "edits": _edits,
    "scopes": _scopes,
    "nodes": _nodes,
    "overview": _overview,
    "layout": _layout,
}
