"""An editor in a page of its own, as a person handles it, and what is measured of that."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page

from tests.browser.handling import Point
from tests.browser.lab import Lab
from tests.browser.notebook import OpenNotebook

RECORDER = (Path(__file__).parent / "recorder.js").read_text(encoding="utf-8")
SIZE = (1440, 900)


@dataclass(frozen=True, slots=True)
class Motion:
    """What it was like while something moved: milliseconds from frame to frame, and those of work for each."""

    deltas: list[float]
    work: float

    @property
    def rate(self) -> float:
        """Frames a second."""
        return 1000 * len(self.deltas) / sum(self.deltas)


@dataclass(slots=True)
class Times:
    """Milliseconds from an input event until what it brings about is in the page, and until that has been drawn."""

    there: float = 0.0
    drawn: float = 0.0


class Editor:
    """A graph editor that fills the screen."""

    def __init__(self, opened: OpenNotebook) -> None:
        self.page: Page = opened.page
        self.opened = opened
        self._devtools: CDPSession = self.page.context.new_cdp_session(self.page)
        self._devtools.send("Performance.enable", {"timeDomain": "threadTicks"})  # of work, not of waiting
        self.page.get_by_test_id("fullscreen").click()
        self.page.get_by_test_id("canvas").focus()

    def fit(self) -> None:
        """Bring all of the graph into view."""
        self.page.get_by_test_id("fit").click()
        self.rest()

    def rest(self) -> None:
        """Wait until the page has nothing to do any more."""
        self.page.evaluate("() => new Promise(rest => requestIdleCallback(rest, { timeout: 10000 }))")

    def elements(self) -> int:
        """How many elements there are within the canvas."""
        found: int = self.page.evaluate("() => document.querySelectorAll('[data-testid=canvas] *').length")
        return found

    def at(self, selector: str) -> Point:
        """The middle of the first element that a selector finds."""
        box = self.page.locator(selector).first.bounding_box()
        assert box is not None, selector
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def middle(self) -> Point:
        """The middle of the canvas."""
        return self.at(".react-flow__pane")

    def motion(self, steps: Iterator[Callable[[], Any]], seconds: float) -> Motion:
        """Do these steps for so long, by real input events, and watch the frames."""
        for _ in range(10):  # what happens once does not count
            next(steps)()
        before = self._busy()
        self.page.evaluate("() => recorder.startFrames()")
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            next(steps)()
        deltas: list[float] = self.page.evaluate("() => recorder.stopFrames()")
        return Motion(deltas, 1000 * (self._busy() - before) / max(1, len(deltas)))

    def _busy(self) -> float:
        """Seconds that the page's main thread has worked so far."""
        metrics = self._devtools.send("Performance.getMetrics")["metrics"]
        return float(next(m["value"] for m in metrics if m["name"] == "TaskDuration"))

    @contextmanager
    def timed(self, event: str, begins: str, shown: str) -> Iterator[Times]:
        """The times from an event that the body causes until what it brings about; known after the body."""
        times = Times()
        script = "([type, begins, shown]) => { window.timed = recorder.from(type, eval(begins), eval(shown)); }"
        self.page.evaluate(script, [event, begins, shown])
        yield times
        found = self.page.evaluate("() => window.timed")
        times.there, times.drawn = found["there"], found["drawn"]


@contextmanager
def edited(lab: Lab, browser: Browser, cell: str) -> Iterator[Editor]:
    """The editor that a cell shows, in a notebook of its own."""
    name = f"measured-{time.monotonic_ns()}.ipynb"
    lab.add([cell], name)
    page = browser.new_context(viewport={"width": SIZE[0], "height": SIZE[1]}, reduced_motion="reduce").new_page()
    page.add_init_script(RECORDER)
    opened = OpenNotebook(lab, page, name)
    try:
        opened.run_all()
        page.locator(".react-flow__pane").wait_for(timeout=120_000)
        yield Editor(opened)
        assert opened.errors == []
    finally:
        opened.close()
