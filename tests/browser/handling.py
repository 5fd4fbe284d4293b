"""What a hand does on a page: waits until things rest, and drags."""

from __future__ import annotations

from typing import TypeAlias

from playwright.sync_api import Locator, Page

Point: TypeAlias = tuple[float, float]


def middle_at_rest(what: Locator) -> Point:
    """The middle of an element, once it does not move any more."""
    what.wait_for()
    what.evaluate(
        """element => new Promise(rest => {
            let last = "";
            const look = () => {
                const { x, y } = element.getBoundingClientRect();
                if (`${x},${y}` === last) rest(null);
                else { last = `${x},${y}`; requestAnimationFrame(() => requestAnimationFrame(look)); }
            };
            look();
        })"""
    )
    box = what.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page: Page, start: Point, end: Point) -> None:
    """Press at one point, move over the middle to the other, and let go."""
    mouse = page.mouse
    mouse.move(*start)
    mouse.down()
    mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, steps=6)
    mouse.move(*end, steps=12)
    mouse.up()
