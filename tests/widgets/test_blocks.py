"""Blocks for the views: the list, what is in one, and every change answered in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

import flowloom as fl
from flowloom.widgets.graph_part import GraphPart
from flowloom.widgets.wire import GraphEvent
from flowloom.widgets.wire.blocks import Blocks


class View:
    """A view that asks about blocks."""

    def __init__(self) -> None:
        self.graph = fl.Graph("model")
        with self.graph:
            x = fl.input("x", shape=("batch", 8))
            with self.graph.scope("encoder"):
                code = fl.layers.dense(x, units=4, name="code")
            fl.relu(code, name="positive")
        self.told: list[GraphEvent] = []
        self.part = GraphPart(self.graph, self.told.append)

    def ask(self, action: str, **more: Any) -> Blocks:
        self.part.receive({"type": "block", "client": "me", "request": 7, "action": action, **more})
        answer = self.told[-1]
        assert isinstance(answer, Blocks)
        assert (answer.client, answer.request) == ("me", 7)
        msgspec.json.encode(answer)
        return answer


@pytest.fixture
def view(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> View:
    monkeypatch.chdir(tmp_path)
    return View()


def test_what_is_saved_is_in_the_list_with_its_ends_and_weights(view: View) -> None:
    (block,) = view.ask("save", scope="encoder", name="encoder").blocks

    assert (block.name, block.nodes, block.parameters, block.error) == ("encoder", 1, 36, None)
    assert (block.inputs, block.outputs) == (["x: float32[batch, 8]"], ["code: float32[batch, 4]"])
    assert view.ask("list").blocks == [block]


def test_what_is_taken_has_ids_of_its_own_and_says_which_input_fits(view: View) -> None:
    view.ask("save", scope="encoder", name="encoder")
    graph = view.graph

    content = view.ask("take", name="encoder", source=graph["x"].id, source_port="y").content
    assert content is not None
    assert [(n.name, n.scope) for n in content.nodes] == [("code", "encoder")]
    assert not {n.id for n in content.nodes} & set(graph.nodes)
    assert content.fits == 0
    assert [p.node for p in content.inputs[0].ports] == [content.nodes[0].id]

    with graph:
        labels = fl.input("labels", shape=("batch",), dtype="int64")
    misfit = view.ask("take", name="encoder", source=labels.id, source_port="y").content
    assert misfit is not None
    assert misfit.fits is None
    assert len(graph.nodes) == 4


@pytest.mark.parametrize(
    "asked",
    [
        {"action": "save", "scope": "nowhere", "name": "a"},
        {"action": "save", "scope": "encoder", "name": "../a"},
        {"action": "take", "name": "a"},
        {"action": "take", "name": "encoder", "source": "nobody", "source_port": "y"},
        {"action": "rename", "name": "encoder", "new": ""},
        {"action": "remove", "name": "/etc/passwd"},
    ],
)
def test_what_cannot_be_done_is_said_in_one_line_and_changes_nothing(view: View, asked: dict[str, Any]) -> None:
    before = view.ask("save", scope="encoder", name="encoder").blocks

    answer = view.ask(**asked)

    assert answer.error
    assert len(answer.error.splitlines()) == 1
    assert answer.blocks == before
    assert answer.content is None


def test_a_block_that_is_there_is_replaced_only_when_that_is_meant(view: View) -> None:
    view.ask("save", scope="encoder", name="encoder")

    assert view.ask("save", scope="encoder", name="encoder").exists
    assert view.ask("save", scope="encoder", name="encoder", replace=True).error is None
    assert [b.name for b in view.ask("rename", name="encoder", new="other").blocks] == ["other"]
    assert view.ask("remove", name="other").blocks == []


def test_a_file_that_cannot_be_read_is_listed_with_the_reason(view: View) -> None:
    view.ask("save", scope="encoder", name="encoder")
    Path("blocks/bad.flow.json").write_text("<script>")

    bad, good = view.ask("list").blocks
    assert (bad.name, good.error) == ("bad", None)
    assert bad.error is not None
    assert "is not a whole .flow.json" in bad.error
