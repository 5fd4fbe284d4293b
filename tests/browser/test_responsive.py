"""Controls act while training runs and while a cell is busy; Python and canvas stay one graph."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Opener, Show
from tests.browser.lab import Lab
from tests.browser.studio import StudioPage
from tests.browser.waiting import wait_until

MODEL = """
import flowloom as fl
g = fl.Graph("digits")
with g:
    image = fl.input("image", shape=("batch", 8, 8, 1))
    label = fl.input("label", shape=("batch",), dtype="int64")
    scores = fl.layers.dense(fl.layers.flatten(image, name="pixels"), units=10, name="scores")
    loss = fl.losses.softmax_cross_entropy(scores, label, name="loss")
    accuracy = fl.metrics.accuracy(scores, label, name="accuracy")
studio = fl.widgets.Studio(g, fl.data.load("digits"), epochs=100_000)
studio
"""
BUSY = """
import pathlib
started, done = pathlib.Path("started"), pathlib.Path("done")
started.touch()
while not done.exists():
    sum(range(10_000))
"""


def test_controls_and_edits_act_while_a_cell_is_busy(notebook: Opener, lab: Lab) -> None:
    opened = notebook([MODEL, BUSY])
    opened.run_all(wait=False)
    wait_until((lab.folder / "started").exists, "the busy cell to start", timeout=60)
    studio = StudioPage(opened.page)

    studio.press("train")
    studio.wait_for_status("running", timeout=5)
    wait_until(lambda: studio.points("loss") > 0, "points of the run", timeout=5)
    studio.press("pause")
    studio.wait_for_status("paused", timeout=5)
    studio.set_hyperparameter("learning_rate", "0.02")
    studio.press("step")
    studio.press("stop")
    studio.wait_for_status("stopped", timeout=5)
    opened.page.get_by_test_id("palette-item-layers.dropout").focus()
    opened.page.keyboard.press("Enter")
    studio.node("dropout").wait_for(timeout=5_000)
    (lab.folder / "done").touch()

    opened.eventually("g['dropout'].id in g.nodes if any(n.name == 'dropout' for n in g.nodes.values()) else False")


def test_change_from_python_is_on_the_canvas_at_once(show: Show) -> None:
    opened = show(MODEL)
    studio = StudioPage(opened.page)

    opened.exec("with g:\n    probabilities = fl.softmax(scores, name='probabilities')")
    studio.node("probabilities").wait_for(timeout=5_000)
    opened.exec("g.undo()")

    studio.node("probabilities").wait_for(state="detached", timeout=5_000)


def test_graph_that_cannot_train_says_why_on_the_board(show: Show) -> None:
    opened = show(MODEL.replace("studio =", "g.remove('loss')\nstudio ="))
    studio = StudioPage(opened.page)

    studio.press("train")

    expect(opened.page.get_by_test_id("run-message")).to_contain_text("the graph has no loss")


def test_empty_canvas_offers_the_inputs_of_the_data(show: Show) -> None:
    opened = show("import flowloom as fl\ng = fl.Graph('mine')\nfl.widgets.Studio(g, fl.data.load('digits'))")
    studio = StudioPage(opened.page)
    opened.screenshot("studio-empty", ".fl-studio")

    opened.page.get_by_role("button", name="Add the inputs of your data").click()

    opened.eventually("[str(t.spec) for t in g.inputs]", ["float32[batch, 8, 8, 1]", "int64[batch]"])
    studio.node("image").wait_for()
    studio.press("train")
    expect(opened.page.get_by_test_id("run-message")).to_contain_text("no loss")


@pytest.mark.parametrize("layout", ["GraphEditor(g)", "TrainingBoard(g, fl.data.load('digits'))"])
def test_editor_and_board_stand_alone(show: Show, layout: str) -> None:
    opened = show(MODEL.rpartition("studio =")[0] + f"view = fl.widgets.{layout}\nview")

    shown = "node-scores" if "Editor" in layout else "train"
    opened.page.get_by_test_id(shown).wait_for()
    opened.screenshot("graph-editor" if "Editor" in layout else "training-board", ".jp-OutputArea")


def test_studio_works_in_notebook_7(notebook: Opener, notebook_server: Lab) -> None:
    opened = notebook([MODEL.replace("100_000", "2")], server=notebook_server)
    opened.run_all()
    studio = StudioPage(opened.page)

    studio.press("train")

    studio.wait_for_status("finished")


def test_view_of_a_kernel_that_was_restarted_says_so(notebook: Opener) -> None:
    opened = notebook([MODEL])
    opened.run_all()
    studio = StudioPage(opened.page)
    opened.restart_kernel()

    studio.press("train")

    opened.page.get_by_text("No answer from the kernel").wait_for(timeout=15_000)


@pytest.fixture(autouse=True)
def no_marks_left(lab: Lab) -> None:
    for name in ("started", "done"):
        Path(lab.folder / name).unlink(missing_ok=True)
