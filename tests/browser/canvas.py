"""The canvas of a graph editor as a person handles it, by mouse and by keyboard."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from tests.browser.handling import Point, drag, middle_at_rest
from tests.browser.notebook import OpenNotebook


class Canvas:
    """The canvas of an editor that fills the screen."""

    def __init__(self, opened: OpenNotebook, shown: str | None) -> None:
        """Wait until the node of that name is shown, and all nodes fit in; without a name the canvas is empty."""
        self.opened, self.page, self.keys = opened, opened.page, opened.page.keyboard
        self.page.get_by_test_id("empty-canvas" if shown is None else f"node-{shown}").wait_for()
        self.page.get_by_test_id("fullscreen").click()
        if shown is not None:
            self.page.get_by_test_id("fit").click()
            self.come_to_rest(shown)
        self.menu = self.page.get_by_test_id("chooser")
        self.field = self.page.get_by_test_id("chooser-search")

    def wrapper(self, name: str) -> Locator:
        """What of a node takes the focus."""
        return self.page.locator(f".react-flow__node:has([data-testid='node-{name}'])")

    def port(self, side: str, node: str, port: str) -> Locator:
        return self.page.get_by_test_id(f"port-{side}-{node}-{port}")

    def middle(self, what: Locator) -> tuple[float, float]:
        box = what.bounding_box()
        assert box is not None
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def empty(self) -> tuple[float, float]:
        """A point of the canvas with nothing at it or near it."""
        box = self.page.locator(".react-flow__pane").bounding_box()
        assert box is not None
        return box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.85

    def come_to_rest(self, name: str) -> None:
        """Wait until the node of that name does not move any more."""
        middle_at_rest(self.wrapper(name))

    def drag(self, start: Point, end: Point) -> None:
        drag(self.page, start, end)

    def choice(self, id: str) -> Locator:
        return self.page.get_by_test_id(f"choice-{id}")

    def says(self, words: str) -> None:
        """Wait until a screen reader would say that."""
        expect(self.page.locator(".fl-keys > .fl-hidden")).to_have_text(words)

    def undo(self) -> None:
        self.page.get_by_test_id("canvas").focus()
        self.keys.press("Control+z")
