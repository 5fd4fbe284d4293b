"""The first five minutes of a user: the start notebook, by mouse, from an empty page to a trained network."""

from __future__ import annotations

from pathlib import Path

from tests.browser.conftest import Opener
from tests.browser.notebook import OpenNotebook
from tests.browser.studio import StudioPage
from tests.browser.waiting import wait_until

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "00_start_here.ipynb"


def test_newcomer_wires_trains_and_comes_back(notebook: Opener) -> None:
    opened = notebook(NOTEBOOK, width=1500, height=1000)
    opened.command("application:toggle-left-area")
    opened.run_all()
    studio = StudioPage(opened.page)
    opened.page.locator(".fl-studio").scroll_into_view_if_needed()

    studio.drag_from_palette("layers.dense", 0.45, 0.75)
    studio.node("dense").wait_for()
    opened.eventually("[n.name for n in g.nodes.values() if n.kind == 'layers.dense']", ["scores", "dense"])

    studio.wire(("pixels", "y"), ("dense", "x"))
    studio.wire(("dense", "y"), ("scores", "x"))
    opened.eventually("str(fl.compile(g['scores']).inputs['image'])", "float32[batch, 8, 8, 1]")
    opened.eventually("[v.shape for v in g.variables]", [[32, 10], [10], [64, 32], [32]])

    studio.node("dense").dblclick()
    studio.fill_field("units", "64")
    studio.choose("activation", "relu")
    opened.eventually("g.nodes[g['dense'].id].params", {"units": 64, "activation": "relu"})
    studio.press("fit")

    edges = opened.py("len(g.edges)")
    studio.wire(("image", "y"), ("loss", "logits"))
    refusal = opened.page.get_by_test_id("refusal")
    refusal.wait_for()
    assert "float32[batch, 8, 8, 1]" in refusal.inner_text()
    assert "int64[batch]" in refusal.inner_text()
    assert opened.py("len(g.edges)") == edges
    assert opened.py("g.problems") == []
    opened.screenshot("studio-refusal", ".fl-studio")
    opened.page.keyboard.press("Escape")
    refusal.wait_for(state="detached")

    studio.press("train")
    seen: list[int] = []
    wait_until(lambda: _growth(studio, seen) >= 3, "the loss curve to grow while training", timeout=30)
    studio.press("pause")
    studio.wait_for_status("paused")
    studio.set_hyperparameter("learning_rate", "0.003")
    studio.press("resume")
    studio.wait_for_status("finished", timeout=120)

    changes = opened.py("[e.detail for e in studio.run.events if e.action == 'set']")
    assert changes == ["learning_rate 0.001 -> 0.003"]
    assert studio.readout("accuracy", "validation") >= 0.95
    assert studio.readout("loss", "train") < 0.1

    _take_pictures(opened, studio)

    steps = opened.py("studio.run.step_count")
    opened.command("docmanager:save")
    opened.reload()
    studio = StudioPage(opened.page)

    studio.node("dense").wait_for()
    assert studio.readout("accuracy", "validation") >= 0.95
    wait_until(lambda: studio.points("loss") > 100, "the curve to be drawn again", timeout=10)
    assert opened.py("studio.run.step_count") == steps


def _growth(studio: StudioPage, seen: list[int]) -> int:
    """How many lengths of the loss curve were seen while the run was going on."""
    points = studio.points("loss")
    if "running" in studio.status and points and points not in seen:
        seen.append(points)
    return len(seen)


def _take_pictures(opened: OpenNotebook, studio: StudioPage) -> None:
    """The Studio in both themes, wide and narrow, for a person to look at."""
    studio.press("tidy")
    studio.press("fit")
    studio.come_to_rest("accuracy")
    for theme in ("dark", "light"):
        opened.theme(theme)
        opened.screenshot(f"studio-{theme}", ".fl-studio")
    opened.page.set_viewport_size({"width": 1000, "height": 1000})
    opened.screenshot("studio-narrow", ".fl-studio")
    opened.page.set_viewport_size({"width": 1500, "height": 1000})
