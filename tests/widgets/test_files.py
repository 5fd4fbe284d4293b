"""The files part: saving, opening, and work that is kept by itself; what is refused, and that it changes nothing."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import flowloom as fl
from flowloom.formats import flow
from flowloom.graph.document import AddNode, NodeDoc, SetParam
from flowloom.widgets import GraphEditor, working_file
from flowloom.widgets.files import FilesPart
from flowloom.widgets.graph_part import GraphPart
from flowloom.widgets.wire.files import FileDone, FileList, FileRefused, FilesChanged, FileWanted
from tests.waiting import eventually
from tests.widgets.models import digits_model


class Editor:
    """The parts of an editor, and what the files part has told its views."""

    made: ClassVar[list[Editor]] = []

    def __init__(self, graph: fl.Graph) -> None:
        self.made.append(self)
        self.graph = graph
        self.told: list[Any] = []
        self.graph_part = GraphPart(graph, lambda _: None)
        self.part = FilesPart(graph, self.told.append)
        self.sequence = self.wishes = 0
        self.closed = False

    def ask(self, type: str, buffer: bytes | None = None, **fields: Any) -> Any:
        """Send a request as the browser does; the answer to it."""
        self.sequence -= 1
        buffers = [] if buffer is None else [buffer]
        self.part.receive({"type": type, "client": "me", "sequence": self.sequence, **fields}, buffers)
        return next(m for m in reversed(self.told) if not isinstance(m, FilesChanged))

    def send(self, name: str, data: bytes, piece: int = 1 << 20, **fields: Any) -> Any:
        """Send a file, piece by piece."""
        answer = None
        for start in range(0, len(data), piece):
            answer = self.ask("send", data[start : start + piece], name=name, size=len(data), start=start, **fields)
        return answer

    def edit(self, units: int = 12) -> None:
        """Change the graph as a hand in the browser does."""
        scores = self.graph["scores"].id
        self.wish("edit", patch=[{"op": "set_param", "id": scores, "key": "units", "value": units}])

    def wish(self, type: str, **fields: Any) -> None:
        """Want something done with the graph, as the browser does."""
        self.wishes += 1
        self.graph_part.receive({"type": type, "client": "me", "sequence": self.wishes, **fields})

    def close(self) -> None:
        self.part.close()
        if not self.closed:
            self.graph_part.close()
        self.closed = True


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """No editor, and none of its threads, is left by a test."""
    yield
    while Editor.made:
        Editor.made.pop().close()


@pytest.fixture
def editor() -> Editor:
    return Editor(digits_model())


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work is kept a moment after each change."""
    monkeypatch.setattr(working_file, "DELAY", 0.001)


def kept(folder: Path) -> list[Path]:
    return sorted(folder.glob(".flowloom/autosave/*.flow.json"))


def other_model() -> fl.Graph:
    """Another graph than `digits_model`, laid out and seeded in its own way."""
    graph = fl.Graph("other", seed=7)
    with graph:
        x = fl.input("x", shape=("batch", 3))
        with graph.scope("body"):
            fl.layers.dense(x, units=2, name="scores")
    graph.place()
    graph.apply([fl.graph.document.Move(graph["x"].id, -500.0, 40.0)])
    return graph


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


def nested() -> bytes:
    return b'{"format": "flowloom", "version": 1, "name": "g", "nodes": [], "edges": ' + b"[" * 100_000


def with_node(**fields: Any) -> bytes:
    node = {"id": "a", "kind": "relu", "name": "a", **fields}
    return json.dumps({"format": "flowloom", "version": 1, "name": "g", "nodes": [node], "edges": []}).encode()


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


# ---------------------------------------------------------------- work that is kept by itself


@pytest.mark.usefixtures("at_once")
def test_an_edit_by_hand_is_kept_and_a_save_removes_it(editor: Editor, tmp_path: Path) -> None:
    editor.edit()
    eventually(lambda: kept(tmp_path))
    assert fl.load(kept(tmp_path)[0])["scores"].shape == ("batch", 12)
    assert (tmp_path / ".flowloom" / ".gitignore").read_text() == "*\n"

    editor.ask("save")

    assert kept(tmp_path) == []


@pytest.mark.usefixtures("at_once")
def test_undo_to_what_was_saved_removes_what_was_kept(editor: Editor, tmp_path: Path) -> None:
    editor.edit()
    eventually(lambda: kept(tmp_path))
    editor.wish("history", action="undo")

    eventually(lambda: not kept(tmp_path))


def test_what_is_built_in_python_is_not_kept_and_starts_no_thread(editor: Editor, tmp_path: Path) -> None:
    editor.graph.apply([SetParam(editor.graph["scores"].id, "units", 3)])
    widgets = [GraphEditor(digits_model()) for _ in range(3)]
    for widget in widgets:
        widget.close()
    editor.close()

    assert not [t for t in threading.enumerate() if t.name.startswith("flowloom autosave")]
    assert list(tmp_path.iterdir()) == []


def test_closing_keeps_what_the_timer_would_have(editor: Editor, tmp_path: Path) -> None:
    editor.edit()
    editor.close()

    assert len(kept(tmp_path)) == 1


def test_unsaved_work_is_offered_and_restored_as_one_step(editor: Editor, tmp_path: Path) -> None:
    editor.edit(units=33)
    editor.close()

    again = Editor(digits_model())
    offered = again.part.state().unsaved
    assert offered is not None
    assert offered.nodes == 6
    assert offered.time == pytest.approx(kept(tmp_path)[0].stat().st_mtime)
    before, depth = flow.document(again.graph), again.graph.undo_depth
    scores = again.graph["scores"].id

    answer = again.ask("recover", action="restore")

    assert isinstance(answer, FileDone)
    assert again.graph["scores"].shape == ("batch", 33)
    assert again.graph["scores"].id == scores
    assert again.graph.undo_depth == depth + 1
    assert again.part.state().unsaved is None
    assert len(kept(tmp_path)) == 1  # it is still not saved, and so kept under the name of this session
    again.graph.undo()
    assert flow.document(again.graph) == before
    again.close()


def test_discarded_work_is_gone_and_not_offered_again(editor: Editor, tmp_path: Path) -> None:
    editor.edit()
    editor.close()
    again = Editor(digits_model())

    again.ask("recover", action="discard")

    assert again.part.state().unsaved is None
    assert kept(tmp_path) == []
    assert Editor(digits_model()).part.state().unsaved is None


def test_work_is_not_offered_that_is_older_than_the_saved_file_or_the_same_or_of_another_graph(
    editor: Editor, tmp_path: Path
) -> None:
    editor.edit(units=12)
    editor.close()
    (path,) = kept(tmp_path)

    same = digits_model()
    GraphPart(same, lambda _: None)
    same.apply([SetParam(same["scores"].id, "units", 12)])
    assert Editor(same).part.state().unsaved is None
    renamed = digits_model()
    renamed.name = "others"
    assert Editor(renamed).part.state().unsaved is None
    os.utime(path, (1000, 1000))
    digits_model().save(tmp_path / "digits.flow.json")
    assert Editor(digits_model()).part.state().unsaved is None


@pytest.mark.usefixtures("at_once")
def test_two_sessions_of_one_graph_do_not_write_over_each_other(editor: Editor, tmp_path: Path) -> None:
    editor.edit(units=12)
    eventually(lambda: len(kept(tmp_path)) == 1)
    other = Editor(digits_model())
    other.edit(units=21)
    eventually(lambda: len(kept(tmp_path)) == 2)

    assert {fl.load(p)["scores"].shape[1] for p in kept(tmp_path)} == {12, 21}


@pytest.mark.parametrize("data", [b"{", nested(), b"", with_node(id="/" * 1000)])
def test_broken_work_is_not_offered(tmp_path: Path, data: bytes) -> None:
    folder = tmp_path / ".flowloom" / "autosave"
    folder.mkdir(parents=True)
    (folder / "digits.00000000.flow.json").write_bytes(data)

    assert Editor(digits_model()).part.state().unsaved is None


@pytest.mark.usefixtures("at_once")
def test_a_folder_that_takes_nothing_is_said_once_and_editing_goes_on(editor: Editor, tmp_path: Path) -> None:
    (tmp_path / ".flowloom").write_text("a file in the way")
    editor.edit(units=12)
    eventually(lambda: any(isinstance(m, FileRefused) for m in editor.told))
    editor.edit(units=13)
    editor.part.file.flush()
    editor.close()

    said = [m for m in editor.told if isinstance(m, FileRefused)]
    assert len(said) == 1
    assert said[0].client == ""
    assert "cannot be kept" in said[0].message
    assert editor.graph["scores"].shape == ("batch", 13)


def test_names_of_graphs_that_no_file_can_have_are_kept_too(tmp_path: Path) -> None:
    for name in ("../../up", "con", "a/b", "", "a b", "ö" * 100):
        graph = fl.Graph(name)
        graph.apply([AddNode(NodeDoc("a", "relu", "a"))])
        editor = Editor(graph)
        editor.graph_part.receive(
            {"type": "edit", "client": "me", "sequence": 1, "patch": [{"op": "rename", "id": "a", "name": "b"}]}
        )
        editor.close()
        assert isinstance(editor.part.state().name, str)
        again = fl.Graph(name)
        assert Editor(again).part.state().unsaved is not None

    assert len(kept(tmp_path)) == 6
    assert {p.name for p in tmp_path.iterdir()} == {".flowloom"}
