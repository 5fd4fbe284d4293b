"""Work that is kept by itself: when, where, what is offered again, and what is not."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

import flowloom as fl
from flowloom.formats import flow
from flowloom.graph.document import AddNode, NodeDoc, SetParam
from flowloom.widgets import GraphEditor, working_file
from flowloom.widgets.graph_part import GraphPart
from flowloom.widgets.wire.files import FileDone, FileRefused
from tests.waiting import eventually
from tests.widgets.filing import Editor, kept, nested, with_node
from tests.widgets.models import digits_model


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work is kept a moment after each change."""
    monkeypatch.setattr(working_file, "DELAY", 0.001)


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
