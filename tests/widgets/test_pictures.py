"""Pictures on the wire: operations, gradients and changes, and one line where there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import flowloom as fl
from flowloom.formats.flow import FlowFileError
from flowloom.graph.document import Disconnect
from flowloom.widgets import GraphDiff
from flowloom.widgets.graph_part import GraphPart
from flowloom.widgets.wire.pictures import Picture, PictureIs, VersionsAre
from tests.widgets.models import digits_model


class Asked:
    """A graph part that is asked for pictures."""

    def __init__(self, graph: fl.Graph) -> None:
        self.graph = graph
        self.told: list[Any] = []
        self.part = GraphPart(graph, self.told.append)

    def lowered(self, what: str, **more: Any) -> Picture:
        return self._ask({"type": "lowered", "what": what, **more})

    def since(self, version: str) -> Picture:
        return self._ask({"type": "compare", "version": version})

    def versions(self) -> list[str]:
        self.part.receive({"type": "versions", "client": "me", "request": 1})
        assert isinstance(self.told[-1], VersionsAre)
        return [version.id for version in self.told[-1].versions]

    def _ask(self, message: dict[str, Any]) -> Picture:
        self.part.receive({"client": "me", "request": 7, **message})
        answer = self.told[-1]
        assert isinstance(answer, PictureIs)
        assert (answer.client, answer.request, answer.revision) == ("me", 7, self.graph.revision)
        return answer.picture


@pytest.fixture
def asked() -> Asked:
    return Asked(digits_model())


def paths(picture: Picture) -> set[str]:
    return {node.path for node in picture.state.nodes}


def test_operations_have_ports_places_and_a_way_back(asked: Asked) -> None:
    picture = asked.lowered("operations")

    assert {"image", "pixels", "scores/matmul", "scores/add"} <= paths(picture)
    assert picture.folds["scores"] is True
    assert all(node.x is not None for node in picture.state.nodes)
    said = {node.id: node for node in picture.nodes}
    assert said["/scores"].origins == [asked.graph["scores"].id]
    info = {node.path: info for node, info in zip(picture.state.nodes, picture.state.info, strict=True)}
    assert [(p.name, p.spec) for p in info["scores/matmul"].inputs] == [
        ("a", "float32[batch, 64]"),
        ("b", "float32[64, 10]"),
    ]


def test_optimization_is_shown_with_what_it_saves() -> None:
    graph = fl.Graph("wasteful")
    with graph:
        x = fl.input("x", shape=("batch",))
        fl.output(fl.multiply(x, 1.0) + x * 0.5 * 4.0, "y")
    asked = Asked(graph)

    assert asked.lowered("operations").message == "4 operations"
    optimized = asked.lowered("operations", optimized=True)
    assert optimized.message == "2 operations, 4 before optimization, where named sizes are 32"
    assert {info.outputs[0].spec for info in optimized.state.info if info.inputs} == {"float32[32]"}


def test_gradients_end_at_every_trainable_variable(asked: Asked) -> None:
    picture = asked.lowered("gradients")

    assert picture.title == "Gradients of loss"
    assert {"gradients/scores/gradient of kernel", "gradients/scores/gradient of bias"} <= paths(picture)
    assert [choice.label for choice in picture.choices] == ["loss"]  # a metric is not for learning from


def test_gradients_are_of_the_loss_that_is_chosen(asked: Asked) -> None:
    with asked.graph as g:
        other = fl.mean(g["scores"], name="other")
    picture = asked.lowered("gradients", loss=other.id)

    assert (picture.title, picture.choice) == ("Gradients of other", other.id)
    assert [choice.label for choice in picture.choices] == ["loss", "other"]


def test_what_typechecks_is_drawn_and_the_rest_named(asked: Asked) -> None:
    state = asked.graph.state
    scores = asked.graph["scores"].id
    asked.graph.apply([Disconnect(e) for e in state.incoming[scores].values()])
    picture = asked.lowered("operations")

    assert paths(picture) == {"image", "label", "pixels"}
    assert picture.message.endswith("3 nodes are left out: scores: input 'x' is not connected")
    assert asked.lowered("gradients").message.startswith("There is nothing to differentiate")


def test_one_line_says_why_there_is_no_picture() -> None:
    empty = Asked(fl.Graph("empty"))
    assert empty.lowered("operations").message.startswith("Nothing in this graph can be lowered yet")

    graph = fl.Graph("fixed")
    with graph:
        fl.mean(fl.input("x", shape=("batch",)), name="m")
    assert Asked(graph).lowered("gradients").message == "m depends on no variable that is trained."


def test_changes_since_the_editor_opened_a_step_ago_and_a_file(
    asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    asked.graph.save("saved.flow.json")
    asked.graph.set("scores", units=12)
    asked.graph.rename("pixels", "flat")

    assert asked.versions() == ["opened", "steps:1", "steps:2", "file:saved.flow.json"]
    lines = {v: [(c.sign, c.label, c.facts) for c in asked.since(v).changes] for v in asked.versions()}
    units = ("~", "scores", ["units: 10 → 12"])
    renamed = ("~", "flat", ["renamed, was pixels"])
    assert (
        sorted(lines["opened"]) == sorted(lines["steps:2"]) == sorted(lines["file:saved.flow.json"]) == [renamed, units]
    )
    assert lines["steps:1"] == [renamed]
    assert asked.since("opened").message == "2 changed"


def test_a_graph_that_did_not_change_says_so(asked: Asked) -> None:
    asked.graph.apply(asked.graph.tidying() or [])
    picture = asked.since("opened")

    assert (picture.changes, picture.message) == ([], "Nothing differs, but perhaps where the nodes lie.")


@pytest.mark.parametrize(
    ("version", "why"),
    [
        ("file:../secret.flow.json", "../secret.flow.json is no file beside the notebook"),
        ("file:/etc/passwd", "/etc/passwd is no file beside the notebook"),
        ("file:gone.flow.json", "There is no file gone.flow.json beside the notebook"),
        ("file:broken.flow.json", "is not a whole .flow.json"),
        ("file:away.flow.json", "away.flow.json is no file beside the notebook"),
        ("steps:99", "steps to go back; got 99"),
        ("steps:-1", "There is no such version."),
        ("tomorrow", "There is no such version."),
    ],
)
def test_a_version_that_cannot_be_had_says_why(
    asked: Asked, version: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    Path("broken.flow.json").write_text("{")
    asked.graph.save(tmp_path / "elsewhere.flow.json")
    Path("away.flow.json").symlink_to(tmp_path / "elsewhere.flow.json")
    picture = asked.since(version)

    assert picture.state.nodes == []
    assert why in picture.message
    assert "\n" not in picture.message


def test_two_graphs_or_files_are_compared_in_a_widget(tmp_path: Path) -> None:
    before = digits_model()
    before.save(tmp_path / "before.flow.json")
    after = digits_model()
    after.set("scores", units=12)
    for first in (before, tmp_path / "before.flow.json", str(tmp_path / "before.flow.json")):
        state = GraphDiff(first, after).get_state()["_state"]
        assert state["layout"] == "diff"
        assert [change["facts"] for change in state["picture"]["changes"]] == [["units: 10 → 12"]]

    assert GraphDiff(tmp_path / "before.flow.json", after)._title == "Changes from before.flow.json to digits"
    with pytest.raises(TypeError, match="a flowloom Graph or the path"):
        GraphDiff(before, 3)  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        GraphDiff(tmp_path / "none.flow.json", after)
    (tmp_path / "bad.flow.json").write_text("[]")
    with pytest.raises(FlowFileError, match=r"bad\.flow\.json"):
        GraphDiff(before, tmp_path / "bad.flow.json")
