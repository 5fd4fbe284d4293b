"""The files part: saving and opening; what is refused, and that it changes nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

import flowloom as fl
from flowloom.formats import flow
from flowloom.widgets.wire.files import FileDone, FileList, FileRefused, FilesChanged, FileWanted
from tests.widgets.filing import Editor, nested, other_model, with_node
from tests.widgets.models import digits_model

# ---------------------------------------------------------------- saving


def test_graph_is_saved_beside_the_notebook_and_loads_again(editor: Editor, tmp_path: Path) -> None:
    editor.edit()
    assert editor.part.state().changed

    answer = editor.ask("save")

    assert isinstance(answer, FileDone)
    assert answer.message == f"Saved as digits.flow.json in {tmp_path}"
    assert flow.document(fl.load(tmp_path / "digits.flow.json")) == flow.document(editor.graph)
    assert not editor.part.state().changed
    assert [p.name for p in tmp_path.iterdir()] == ["digits.flow.json"]


def test_a_save_says_that_trained_values_are_not_in_the_file(editor: Editor, tmp_path: Path) -> None:
    editor.graph.variable("scores/bias").value = np.ones(10)

    assert editor.ask("save").message == f"Saved as digits.flow.json in {tmp_path}, without trained values"


def test_a_name_that_is_given_is_kept_for_the_next_time(editor: Editor, tmp_path: Path) -> None:
    editor.ask("save", name="second try")
    editor.edit()

    answer = editor.ask("save")

    assert isinstance(answer, FileDone)
    assert editor.part.state().name == "second try.flow.json"
    assert fl.load(tmp_path / "second try.flow.json")["scores"].shape == ("batch", 12)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../up", "none of"),
        ("a/b", "none of"),
        ("a\\b", "none of"),
        ("c:d", "none of"),
        ("a\nb", "control characters"),
        ("a\x00b", "control characters"),
        ("con", "reserved"),
        ("LPT1.old", "reserved"),
        (".hidden", "dot"),
        ("..", "dot"),
        ("ends.", "dot"),
        ("  ", "needs a name"),
        (".flow.json", "needs a name"),
        ("ä" * 120, "200 bytes"),
        ("x" * (1 << 20), "200 bytes"),
        ("folder", "There is a folder"),
    ],
)
def test_a_bad_name_is_refused_in_one_line(editor: Editor, tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "folder.flow.json").mkdir()

    answer = editor.ask("save", name=name)

    assert isinstance(answer, FileRefused)
    assert why in answer.message
    assert "\n" not in answer.message
    assert len(answer.message) < 150
    assert not answer.exists
    assert [p.name for p in tmp_path.iterdir()] == ["folder.flow.json"]


def test_another_file_is_replaced_only_when_that_is_said(editor: Editor, tmp_path: Path) -> None:
    target = tmp_path / "digits.flow.json"
    target.write_text("mine")

    refused = editor.ask("save")

    assert isinstance(refused, FileRefused)
    assert refused.exists
    assert target.read_text() == "mine"
    assert isinstance(editor.ask("save", replace=True), FileDone)
    assert isinstance(editor.ask("save"), FileDone)
    target.write_text("changed meanwhile")
    refused = editor.ask("save")
    assert (refused.exists, "by something else" in refused.message) == (True, True)
    assert target.read_text() == "changed meanwhile"


def test_what_cannot_be_written_is_said_and_nothing_is_left(
    editor: Editor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor.ask("save")
    before = (tmp_path / "digits.flow.json").read_bytes()
    editor.edit()

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    answer = editor.ask("save")

    assert isinstance(answer, FileRefused)
    assert answer.message == f"digits.flow.json cannot be written in {tmp_path}: No space left on device"
    assert editor.part.state().changed
    assert [p.name for p in tmp_path.iterdir()] == ["digits.flow.json"]
    assert (tmp_path / "digits.flow.json").read_bytes() == before


def test_all_editors_of_a_graph_share_its_file(editor: Editor) -> None:
    second = Editor(editor.graph)
    editor.edit()
    assert second.part.state().changed

    editor.ask("save", name="shared")

    assert second.part.state().name == "shared.flow.json"
    assert not second.part.state().changed
    assert isinstance(second.told[-1], FilesChanged)


def test_undo_to_what_was_saved_is_no_change(editor: Editor) -> None:
    editor.ask("save")
    editor.edit()
    assert editor.part.state().changed
    editor.wish("history", action="undo")

    assert not editor.part.state().changed


# ---------------------------------------------------------------- opening


def test_file_replaces_the_graph_as_one_step_with_its_name_seed_and_places(editor: Editor, tmp_path: Path) -> None:
    other = other_model()
    other.save(tmp_path / "other.flow.json")
    before, depth = flow.document(editor.graph), editor.graph.undo_depth
    weights = editor.graph.variable("scores/kernel").value

    answer = editor.ask("open", name="other.flow.json")

    assert isinstance(answer, FileDone)
    assert answer.message == "other.flow.json opened, 2 nodes"
    assert [(n.path, n.x, n.y) for n in editor.graph.nodes.values()] == [
        (n.path, n.x, n.y) for n in other.nodes.values()
    ]
    assert (editor.graph.name, editor.graph.seed) == ("other", 7)
    assert editor.graph.undo_depth == depth + 1
    assert not editor.part.state().changed
    assert editor.part.state().name == "other.flow.json"

    editor.graph.undo()
    assert flow.document(editor.graph) == before
    np.testing.assert_array_equal(editor.graph.variable("scores/kernel").value, weights)


def test_undo_of_an_opening_brings_back_the_file_too_so_none_is_written_over(editor: Editor, tmp_path: Path) -> None:
    other_model().save(tmp_path / "other.flow.json")
    bytes_of_other = (tmp_path / "other.flow.json").read_bytes()
    editor.ask("open", name="other.flow.json")

    editor.wish("history", action="undo")
    assert editor.part.state().name == "digits.flow.json"
    editor.ask("save")
    editor.wish("history", action="redo")

    assert editor.part.state().name == "other.flow.json"
    assert not editor.part.state().changed
    assert (tmp_path / "other.flow.json").read_bytes() == bytes_of_other
    assert fl.load(tmp_path / "digits.flow.json").name == "digits"


def test_another_edit_after_undo_stays_with_the_first_file(editor: Editor, tmp_path: Path) -> None:
    other_model().save(tmp_path / "other.flow.json")
    editor.ask("open", name="other.flow.json")
    editor.wish("history", action="undo")
    editor.edit()

    assert editor.part.state().name == "digits.flow.json"


def test_same_graph_keeps_ids_and_weights_and_another_one_does_not(editor: Editor, tmp_path: Path) -> None:
    scores = editor.graph["scores"].id
    editor.graph.variable("scores/kernel").value = np.full((64, 10), 3.0)
    editor.graph.save(tmp_path / "digits.flow.json")
    other = digits_model()
    other.name = "namesake"
    other.save(tmp_path / "namesake.flow.json")

    editor.ask("open", name="digits.flow.json")
    assert editor.graph["scores"].id == scores
    assert editor.graph.variable("scores/kernel").value[0, 0] == 3

    editor.ask("open", name="namesake.flow.json")
    assert editor.graph.variable("scores/kernel").value[0, 0] != 3


def test_file_comes_beside_under_names_that_are_free(editor: Editor, tmp_path: Path) -> None:
    digits_model().save(tmp_path / "twin.flow.json")
    depth, lowest = editor.graph.undo_depth, max(n.y or 0 for n in editor.graph.nodes.values())

    answer = editor.ask("open", name="twin.flow.json", insert=True)

    paths = [n.path for n in editor.graph.nodes.values()]
    assert paths[6:] == [f"{p}_1" for p in paths[:6]]
    assert answer.nodes == list(editor.graph.nodes)[6:]
    assert min(editor.graph.nodes[id].y or 0 for id in answer.nodes) > lowest
    assert editor.graph.undo_depth == depth + 1
    assert editor.part.state().name == "digits.flow.json"
    assert editor.graph.problems == []


def test_scopes_that_are_inserted_get_free_names(tmp_path: Path) -> None:
    editor = Editor(other_model())
    other_model().save(tmp_path / "twin.flow.json")

    editor.ask("open", name="twin.flow.json", insert=True)

    assert [n.path for n in editor.graph.nodes.values()] == ["x", "body/scores", "x_1", "body_1/scores"]


@pytest.mark.parametrize("insert", [False, True])
def test_onnx_arrives_in_pieces_with_its_weights(editor: Editor, tmp_path: Path, insert: bool) -> None:
    model = digits_model()
    model.keep(model["scores"])
    fl.formats.onnx.save(model, tmp_path / "model.onnx")
    data = (tmp_path / "model.onnx").read_bytes()
    image = np.random.default_rng(0).normal(size=(2, 8, 8, 1)).astype(np.float32)
    expected = fl.compile(model["scores"])({"image": image})

    answer = editor.send("model.onnx", data, piece=1000, insert=insert)

    assert isinstance(answer, FileDone), answer
    graph = editor.graph
    name = "image_1" if insert else "image"
    ours = graph.outputs[-1]
    np.testing.assert_allclose(fl.compile(ours)({name: image}), expected, rtol=1e-5)
    assert all(n.x is not None for n in graph.nodes.values())
    assert editor.part.state().changed  # it is not saved here yet
    graph.undo()
    graph.redo()
    np.testing.assert_allclose(fl.compile(graph.outputs[-1])({name: image}), expected, rtol=1e-5)


def test_each_piece_is_asked_for_and_a_wrong_one_ends_it(editor: Editor) -> None:
    before = flow.document(editor.graph)
    first = editor.ask("send", b"x" * 10, name="a.onnx", size=30, start=0)
    assert isinstance(first, FileWanted)
    assert first.start == 10

    gap = editor.ask("send", b"x" * 10, name="a.onnx", size=30, start=20)

    assert isinstance(gap, FileRefused)
    assert "did not arrive whole" in gap.message
    assert isinstance(editor.ask("send", b"x" * 40, name="a.onnx", size=30, start=0), FileRefused)
    assert isinstance(editor.ask("send", b"x", name="a.onnx", size=1 << 40, start=0), FileRefused)
    assert flow.document(editor.graph) == before


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("bad.flow.json", b"{", "bad.flow.json is not a whole .flow.json"),
        ("bad.flow.json", b"\xff\xfe", "bad.flow.json is not"),
        ("bad.flow.json", b'{"format": "flowloom", "version": 99}', "format version 99; this flowloom reads up to 1"),
        ("bad.flow.json", b'{"some": "thing"}', "not a .flow.json: its format is"),
        ("bad.flow.json", nested(), "bad.flow.json is not"),
        ("bad.flow.json", with_node(name="x" * (1 << 20)), "does not hold together"),
        ("bad.flow.json", with_node(nodes=3), "unknown field `nodes`"),
        ("bad.flow.json", with_node(x="left"), "$.nodes[0].x"),
        ("bad.onnx", b"not a model", "bad.onnx: it is not an ONNX model"),
        ("bad.txt", b"text", "neither a .flow.json nor an .onnx"),
        ("<img src=x>.txt", b"text", "<img src=x>.txt is neither"),
        ("n" * 5000 + "\n.txt", b"text", "neither"),
    ],
)
def test_a_bad_file_is_refused_in_one_line_and_changes_nothing(
    editor: Editor, name: str, data: bytes, why: str
) -> None:
    before, depth = flow.document(editor.graph), editor.graph.undo_depth

    for insert in (False, True):
        answer = editor.send(name, data, insert=insert)

        assert isinstance(answer, FileRefused)
        assert why in answer.message
        assert "\n" not in answer.message
        assert len(answer.message) < 400
    assert (flow.document(editor.graph), editor.graph.undo_depth) == (before, depth)


def test_a_graph_cannot_get_a_name_of_a_megabyte(editor: Editor) -> None:
    text = json.dumps({"format": "flowloom", "version": 1, "name": "x" * (1 << 20), "nodes": [], "edges": []})

    answer = editor.send("big.flow.json", text.encode())

    assert isinstance(answer, FileRefused)
    assert "the name of a graph is a text of at most 500 characters" in answer.message
    assert len(answer.message) < 200
    assert editor.graph.name == "digits"


def test_unsupported_ops_of_a_model_are_named(editor: Editor) -> None:
    from onnx import TensorProto, helper

    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [2]) for n in "xy"]
    node = helper.make_node("NoSuchOp", ["x"], ["y"], name="odd")
    model = helper.make_model(helper.make_graph([node], "g", values[:1], values[1:]))

    answer = editor.send("odd.onnx", model.SerializeToString())

    assert isinstance(answer, FileRefused)
    assert "1 x NoSuchOp (node odd)" in answer.message


def test_unknown_kinds_are_kept_and_shown_as_problems(editor: Editor) -> None:
    answer = editor.send("new.flow.json", with_node(kind="kind.of.tomorrow"))

    assert isinstance(answer, FileDone)
    assert [n.kind for n in editor.graph.nodes.values()] == ["kind.of.tomorrow"]
    assert [p.code for p in editor.graph.problems] == ["kind"]


def test_only_files_beside_the_notebook_are_opened(editor: Editor, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    beside = tmp_path / "here"
    outside.mkdir()
    other_model().save(outside / "secret.flow.json")
    beside.mkdir()
    (beside / "link.flow.json").symlink_to(outside / "secret.flow.json")
    editor.part.file.folder = beside

    for name in ("../outside/secret.flow.json", str(outside / "secret.flow.json"), "link.flow.json", "..", "", "\0"):
        answer = editor.ask("open", name=name)
        assert isinstance(answer, FileRefused), name
        assert "\n" not in answer.message
    assert editor.graph.name == "digits"


def test_files_beside_the_notebook_are_listed_newest_first(editor: Editor, tmp_path: Path) -> None:
    for age, name in enumerate(["b.flow.json", "a.ONNX", "notes.txt", ".hidden.onnx", "other.json"]):
        (tmp_path / name).write_bytes(b"1234")
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    (tmp_path / "folder.onnx").mkdir()

    answer = editor.ask("list")

    assert isinstance(answer, FileList)
    assert [(f.name, f.size, f.time) for f in answer.files] == [("b.flow.json", 4, 1000), ("a.ONNX", 4, 999)]


def test_a_malformed_request_is_refused(editor: Editor) -> None:
    answer = editor.ask("save", replace="yes")

    assert isinstance(answer, FileRefused)
    assert "malformed" in answer.message
    editor.part.receive("no mapping at all")
    editor.part.receive({"type": "save"})
