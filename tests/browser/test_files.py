"""Files of the editor: saved, opened, dropped, restored and exported, by mouse and by keyboard."""

from __future__ import annotations

import base64
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

import flowloom as fl
from tests.browser.canvas import Canvas
from tests.browser.conftest import Opener, Show
from tests.browser.lab import Lab
from tests.browser.waiting import wait_until

MODEL = """
import flowloom as fl
g = fl.Graph("perceptron")
with g:
    image = fl.input("image", shape=("batch", 8))
    with g.scope("body"):
        hidden = fl.layers.dense(image, units=16, name="hidden")
    fl.layers.dense(hidden, units=10, name="scores")
editor = fl.widgets.GraphEditor(g)
editor
"""
PATHS = "sorted(n.path for n in g.nodes.values())"
BUILT = ["body/hidden", "image", "scores"]
DROP = """async ([element, files]) => {
    const dataTransfer = new DataTransfer();
    for (const [name, data] of files) {
        const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
        dataTransfer.items.add(new File([bytes], name));
    }
    for (const type of ["dragenter", "dragover", "drop"]) {
        const event = new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true });
        element.dispatchEvent(event);
        if (!event.defaultPrevented) throw new Error(`${type} is left to the browser`);
        if (type === "dragover" && !document.querySelector("[data-testid=drop-zone]")) {
            await new Promise(requestAnimationFrame);
        }
    }
}"""


@pytest.fixture
def canvas(show: Show) -> Canvas:
    """The model in an editor that fills the screen."""
    return Canvas(show(MODEL), "scores")


@pytest.fixture(autouse=True)
def tidy(lab: Lab) -> None:
    """No file of an earlier test is there."""
    for path in [*lab.folder.glob("*.flow.json"), *lab.folder.glob("*.onnx")]:
        path.unlink()


def drop(canvas: Canvas, *files: tuple[str, bytes]) -> None:
    """Drop files on the canvas, as from the desktop."""
    element = canvas.page.locator(".react-flow__pane").element_handle()
    canvas.page.evaluate(DROP, [element, [[name, base64.b64encode(data).decode()] for name, data in files]])


def other_model(folder: Path) -> fl.Graph:
    """A saved graph of another name, with nodes of other names."""
    graph = fl.Graph("other")
    with graph:
        x = fl.input("x", shape=("batch", 3))
        fl.layers.dense(x, units=2, name="y")
    graph.save(folder / "other.flow.json")
    return graph


def folder_of(canvas: Canvas) -> Path:
    return canvas.opened.lab.folder


def rename(canvas: Canvas, node: str, name: str) -> None:
    """Rename a node in the inspector, and stay in its field."""
    canvas.wrapper(node).focus()
    canvas.keys.press("Enter")
    field = canvas.page.get_by_role("textbox", name="Name")
    field.fill(name)


def test_saved_by_key_also_from_a_field_and_opened_from_the_list(canvas: Canvas) -> None:
    page, keys = canvas.page, canvas.keys
    target = folder_of(canvas) / "perceptron.flow.json"
    rename(canvas, "scores", "marks")
    keys.press("Control+s")

    canvas.says(f"Saved as perceptron.flow.json in {folder_of(canvas)}")
    assert [n.path for n in fl.load(target).nodes.values()] == ["image", "body/hidden", "marks"]
    file = page.get_by_test_id("file")
    expect(file).to_have_attribute("aria-label", "File perceptron.flow.json")

    canvas.wrapper("marks").focus()
    keys.press("Space")
    keys.press("Delete")
    expect(file).to_have_attribute("aria-label", "File perceptron.flow.json, unsaved changes")
    keys.press("Control+o")
    expect(page.get_by_role("combobox", name="Open a file")).to_be_focused()
    keys.type("perc")
    keys.press("Enter")
    expect(page.get_by_role("dialog", name="Open perceptron.flow.json")).to_be_visible()
    expect(page.get_by_role("button", name="Replace")).to_be_focused()
    keys.press("Enter")

    canvas.says("perceptron.flow.json opened, 3 nodes")
    canvas.opened.eventually(PATHS, ["body/hidden", "image", "marks"])
    expect(page.get_by_test_id("canvas")).to_be_focused()
    canvas.undo()
    canvas.opened.eventually(PATHS, ["body/hidden", "image"])


def test_saved_under_a_name_by_mouse_and_another_file_is_replaced_only_if_one_says_so(canvas: Canvas) -> None:
    page = canvas.page
    target = folder_of(canvas) / "mine.flow.json"
    target.write_text("{}")
    page.get_by_test_id("file").click()
    page.get_by_test_id("choice-saveAs").click()
    field = page.get_by_test_id("file-name")
    field.fill("a/b")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("A name of a file has none of")
    field.fill("mine")
    page.get_by_role("button", name="Save", exact=True).click()
    question = page.get_by_role("dialog", name="Replace the file?")
    expect(question).to_contain_text("There is a file mine.flow.json already.")
    expect(question.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(question).to_have_count(0)
    assert target.read_text() == "{}"

    page.get_by_test_id("file").click()
    page.get_by_test_id("choice-saveAs").click()
    field.fill("mine")
    field.press("Enter")
    question.get_by_role("button", name="Replace").click()
    expect(page.get_by_test_id("file-note")).to_contain_text("Saved as mine.flow.json")
    assert fl.load(target).name == "perceptron"


def test_dropped_file_is_inserted_or_left_by_keyboard(canvas: Canvas) -> None:
    page, keys = canvas.page, canvas.keys
    other_model(folder_of(canvas))
    data = (folder_of(canvas) / "other.flow.json").read_bytes()
    drop(canvas, ("other.flow.json", data))
    dialog = page.get_by_role("dialog", name="Open other.flow.json")
    expect(dialog).to_contain_text("There are 3 nodes on the canvas.")
    keys.press("Escape")
    expect(dialog).to_have_count(0)
    assert canvas.opened.py(PATHS) == BUILT

    drop(canvas, ("other.flow.json", data))
    keys.press("Tab")
    keys.press("Enter")
    canvas.says("2 nodes of other.flow.json inserted")
    canvas.opened.eventually(PATHS, [*BUILT, "x", "y"])
    expect(page.locator(".fl-node[data-selected]")).to_have_count(2)
    keys.press("Control+z")
    canvas.opened.eventually(PATHS, BUILT)


def test_model_in_onnx_is_dropped_onto_an_empty_canvas_with_its_weights(show: Show, tmp_path: Path) -> None:
    opened = show("import flowloom as fl\ng = fl.Graph('empty')\nfl.widgets.GraphEditor(g)")
    opened.page.get_by_test_id("empty-canvas").wait_for()
    opened.page.get_by_test_id("fullscreen").click()
    model = fl.Graph("model")
    with model:
        x = fl.input("x", shape=("batch", 700))
        fl.output(fl.layers.dense(x, units=700, name="wide"), "y")
    fl.formats.onnx.save(model, tmp_path / "model.onnx")
    data = (tmp_path / "model.onnx").read_bytes()
    assert len(data) > 1 << 20  # so it comes in more than one piece
    element = opened.page.locator(".react-flow__pane").element_handle()
    opened.page.evaluate(DROP, [element, [["model.onnx", base64.b64encode(data).decode()]]])

    expect(opened.page.get_by_test_id("file-note")).to_contain_text("model.onnx opened, ")
    total = float(np.sum(np.abs(model.variable("wide/kernel").value), dtype=np.float64))
    opened.eventually("sorted(abs(v.value.astype('f8')).sum() for v in g.variables)[-1]", pytest.approx(total))
    expect(opened.page.locator(".fl-node").first).to_be_in_viewport()


def test_bad_files_are_refused_in_one_line(canvas: Canvas) -> None:
    page = canvas.page
    evil = b'{"format": "flowloom", "version": 1, "name": "g", "nodes": [{"id": "<img src=x onerror=alert(1)>"}]}'
    for name, data, why in [
        ("notes.txt", b"text", "notes.txt is neither a .flow.json nor an .onnx file"),
        ("bad.flow.json", evil, "bad.flow.json is not a whole .flow.json"),
        ("<b>bad</b>.onnx", b"text", "<b>bad</b>.onnx: it is not an ONNX model"),
    ]:
        drop(canvas, (name, data))
        if not name.endswith(".txt"):
            page.get_by_role("button", name="Replace").click()
        expect(page.get_by_test_id("refusal")).to_contain_text(why)
        page.get_by_test_id("refusal").get_by_role("button", name="Dismiss").click()
    drop(canvas, ("a.onnx", b"1"), ("b.onnx", b"2"))
    expect(page.get_by_test_id("refusal")).to_contain_text("One file is opened at a time")
    assert page.locator(".fl-canvas img").count() == 0
    assert canvas.opened.py(PATHS) == BUILT


def test_file_is_dragged_from_the_file_browser_of_jupyterlab(show: Show) -> None:
    opened = show(MODEL)
    page = opened.page
    page.get_by_test_id("node-scores").wait_for()
    other_model(opened.lab.folder)
    opened.command("filebrowser:activate")
    opened.command("filebrowser:refresh")
    item = page.locator(".jp-DirListing-item", has_text="other.flow.json")
    item.wait_for()
    canvas = page.get_by_test_id("canvas")
    canvas.scroll_into_view_if_needed()
    start, end = item.bounding_box(), canvas.bounding_box()
    assert start is not None
    assert end is not None
    page.mouse.move(start["x"] + 40, start["y"] + start["height"] / 2)
    page.mouse.down()
    page.mouse.move(end["x"] + end["width"] / 2, end["y"] + end["height"] / 2, steps=12)
    expect(page.get_by_test_id("drop-zone")).to_be_visible()
    page.mouse.up()
    page.get_by_role("button", name="Replace").click()

    opened.eventually(PATHS, ["x", "y"])
    expect(page.get_by_test_id("drop-zone")).to_have_count(0)


def test_a_file_of_this_computer_is_picked(canvas: Canvas, tmp_path: Path) -> None:
    page = canvas.page
    other_model(tmp_path)
    page.get_by_test_id("file").click()
    page.get_by_test_id("choice-open").click()
    with page.expect_file_chooser() as chooser:
        page.get_by_test_id("choice-computer").click()
    chooser.value.set_files(tmp_path / "other.flow.json")
    page.get_by_role("button", name="Replace").click()

    canvas.opened.eventually(PATHS, ["x", "y"])
    canvas.opened.eventually("g.name", "other")
    expect(page.get_by_role("group", name="Graph other")).to_be_visible()


def test_work_is_kept_by_itself_and_restored_after_a_restart(notebook: Opener) -> None:
    opened = notebook([MODEL])
    opened.run_all()
    canvas = Canvas(opened, "scores")
    rename(canvas, "scores", "marks")
    canvas.keys.press("Enter")
    kept = opened.lab.folder / ".flowloom" / "autosave"
    wait_until(lambda: any("marks" in p.read_text() for p in kept.glob("perceptron.*")), "the work to be kept", 20)
    opened.restart_kernel()
    opened.reload()  # a page that stays sends to a thread of the kernel that is gone (JupyterLab 4.6)
    opened.run_all()
    offer = opened.page.get_by_test_id("unsaved-work")
    expect(offer).to_contain_text("Unsaved work on perceptron from ")
    offer.get_by_role("button", name="Restore").click()
    opened.eventually(PATHS, ["body/hidden", "image", "marks"])
    expect(offer).to_have_count(0)
    opened.page.get_by_test_id("canvas").focus()
    opened.page.keyboard.press("Control+z")
    opened.eventually(PATHS, BUILT)
    opened.page.keyboard.press("Control+Shift+Z")
    opened.eventually(PATHS, ["body/hidden", "image", "marks"])
    opened.page.keyboard.press("Control+s")
    expect(opened.page.get_by_test_id("file-note")).to_contain_text("Saved as perceptron.flow.json")
    assert list(kept.glob("perceptron.*")) == []


def test_graph_is_exported_as_svg_and_png(canvas: Canvas, tmp_path: Path) -> None:
    page, keys = canvas.page, canvas.keys
    canvas.opened.exec("g.rename('scores', '<b>&scores')")
    page.get_by_test_id("node-<b>&scores").wait_for()
    page.get_by_test_id("canvas").focus()
    with page.expect_download() as download:
        keys.press("Control+k")
        keys.type("export svg")
        keys.press("Enter")
    assert download.value.suggested_filename == "perceptron.svg"
    download.value.save_as(tmp_path / "graph.svg")
    svg = ET.parse(tmp_path / "graph.svg").getroot()
    texts = ["".join(t.itertext()) for t in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert {"image", "hidden", "body", "<b>&scores", "float32[batch, 10]"} <= set(texts)
    assert "var(" not in (tmp_path / "graph.svg").read_text()
    assert len([p for p in svg.iter("{http://www.w3.org/2000/svg}path") if p.get("stroke-width") == "1.5"]) >= 2

    with page.expect_download() as download:
        page.get_by_test_id("file").click()
        page.get_by_test_id("choice-exportPng").click()
    download.value.save_as(tmp_path / "graph.png")
    data = (tmp_path / "graph.png").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    size = [int.from_bytes(data[at : at + 4], "big") for at in (16, 20)]
    assert size == [2 * int(svg.get("width", "0")), 2 * int(svg.get("height", "0"))]
    canvas.says("perceptron.png exported")
