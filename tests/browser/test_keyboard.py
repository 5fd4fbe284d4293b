"""The same path by keyboard alone: add a node, wire it, set it, train, undo."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser.conftest import Opener
from tests.browser.studio import StudioPage
from tests.browser.test_responsive import MODEL


def test_node_is_added_wired_set_and_trained_by_keyboard(notebook: Opener) -> None:
    opened = notebook([MODEL.replace("100_000", "2")])
    opened.run_all()
    studio = StudioPage(opened.page)
    page, keys = opened.page, opened.page.keyboard

    page.get_by_test_id("palette-search").focus()
    keys.type("dropout")
    _tab_to(page, "palette-item-layers.dropout")
    keys.press("Enter")
    studio.node("dropout").wait_for()
    opened.eventually("[n.name for n in g.nodes.values()][-1]", "dropout")

    _select(page, "scores")
    _connect(page, "dropout: x")
    opened.eventually("{e.target_port for e in g.edges if e.target == g['dropout'].id} == {'x'}")
    _select(page, "dropout")
    field = page.get_by_test_id("inspector-field-rate")
    field.focus()
    keys.press("Control+A")
    keys.type("0.25")
    keys.press("Enter")
    opened.eventually("[n.params for n in g.nodes.values() if n.name == 'dropout']", [{"rate": 0.25}])

    _focus(page, "dropout")
    keys.press("Delete")
    opened.eventually("'dropout' in [n.name for n in g.nodes.values()]", False)
    keys.press("Control+z")
    opened.eventually("[n.params for n in g.nodes.values() if n.name == 'dropout']", [{"rate": 0.25}])
    keys.press("Control+Shift+Z")
    opened.eventually("'dropout' in [n.name for n in g.nodes.values()]", False)

    studio.train_button.focus()
    keys.press("Enter")
    studio.wait_for_status("finished")
    assert opened.py("len(g.nodes)") == 6


def _tab_to(page: Page, test_id: str) -> None:
    """Press Tab until the element has the focus."""
    for _ in range(40):
        if page.evaluate("() => document.activeElement?.dataset?.testid") == test_id:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not lead to {test_id}")


def _focus(page: Page, node: str) -> None:
    """Focus a node, as Tab does."""
    page.locator(f".react-flow__node:has([data-testid='node-{node}'])").focus()


def _select(page: Page, node: str) -> None:
    """Focus a node and open it in the inspector."""
    _focus(page, node)
    page.keyboard.press("Enter")


def _connect(page: Page, target: str) -> None:
    """Choose a target from the list of those that fit, in the inspector."""
    choice = page.get_by_test_id("inspector-connect-y")
    choice.focus()
    option = choice.locator("option").filter(has_text=target)
    option.wait_for(state="attached")
    choice.select_option(label=option.inner_text())
