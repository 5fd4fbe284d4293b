"""The Studio as a person handles it: by mouse and keyboard, looking at what the page shows."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page

from tests.browser.handling import Point, drag, middle_at_rest
from tests.browser.waiting import wait_until


class StudioPage:
    """A Studio in an open notebook."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.train_button.wait_for(timeout=60_000)

    @property
    def train_button(self) -> Locator:
        return self.page.get_by_test_id("train")

    def press(self, button: str) -> None:
        """Press one of the board's buttons: train, pause, resume, step, stop."""
        self.page.get_by_test_id(button).click()

    @property
    def status(self) -> str:
        return self.page.get_by_test_id("run-status").inner_text().strip().lower()

    def wait_for_status(self, status: str, timeout: float = 30) -> None:
        wait_until(lambda: status in self.status, f"the run to be {status}", timeout)

    def points(self, plot: str) -> int:
        """How many training points the plot holds."""
        return int(self.page.get_by_test_id(f"plot-{plot}").get_attribute("data-points") or 0)

    def readout(self, name: str, split: str) -> float:
        """The number that the board shows, such as ("accuracy", "validation")."""
        text = self.page.get_by_test_id(f"readout-{name}-{split}").inner_text()
        number = re.search(r"-?\d+(\.\d+)?(e-?\d+)?", text)
        assert number is not None, text
        return float(number.group())

    def set_hyperparameter(self, name: str, value: str) -> None:
        field = self.page.get_by_test_id(name.replace("_", "-"))
        field.fill(value)
        field.press("Enter")

    # ------------------------------------------------------------ the inspector

    def fill_field(self, name: str, text: str) -> None:
        """Type into a form field of the selected node and press Enter."""
        field = self.page.get_by_test_id(f"inspector-field-{name}")
        field.fill(text)
        field.press("Enter")

    def choose(self, name: str, option: str) -> None:
        """Choose from a form field that offers choices."""
        self.page.get_by_test_id(f"inspector-field-{name}").select_option(option)

    # ------------------------------------------------------------ the canvas

    def node(self, name: str) -> Locator:
        return self.page.get_by_test_id(f"node-{name}")

    def port(self, side: str, node: str, port: str) -> Locator:
        """A port's handle: ("out", "pixels", "y")."""
        return self.page.get_by_test_id(f"port-{side}-{node}-{port}")

    def drag_from_palette(self, kind: str, dx: float, dy: float) -> None:
        """Drag a kind from the palette to a place on the canvas, given as shares of its width and height."""
        canvas = self.page.locator(".react-flow__pane").bounding_box()
        assert canvas is not None
        target = (canvas["x"] + dx * canvas["width"], canvas["y"] + dy * canvas["height"])
        self._drag(self.page.get_by_test_id(f"palette-item-{kind}"), target)

    def wire(self, source: tuple[str, str], target: tuple[str, str]) -> None:
        """Drag a wire from an output port to an input port, each as (node, port)."""
        self._drag(self.port("out", *source), middle_at_rest(self.port("in", *target)))

    def _drag(self, what: Locator, target: Point) -> None:
        what.scroll_into_view_if_needed()
        drag(self.page, middle_at_rest(what), target)

    def come_to_rest(self, name: str) -> None:
        """Wait until the node of that name does not move any more."""
        middle_at_rest(self.node(name))
