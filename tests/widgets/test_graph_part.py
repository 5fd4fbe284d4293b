"""The graph part: what the browser sends, what every view is told, and what is refused."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

import flowloom as fl
from flowloom.widgets import GraphEditor
from flowloom.widgets.graph_part import GraphPart
from flowloom.widgets.wire.graph import Code, CodeTaken, Fits, Followers, Patched, Rejected, Synced
from tests.widgets.models import digits_model


class Views:
    """A graph part, and what it has told the views."""

    def __init__(self, graph: fl.Graph) -> None:
        self.graph = graph
        self.told: list[Any] = []
        self.part = GraphPart(graph, self.told.append)
        self.sequence = 0

    def edit(self, *patch: dict[str, Any]) -> Any:
        """Send an edit as the browser does; the answer to it."""
        self.sequence += 1
        self.part.receive({"type": "edit", "client": "me", "sequence": self.sequence, "patch": list(patch)})
        return self.told[-1]

    def history(self, action: str) -> Any:
        self.sequence += 1
        self.part.receive({"type": "history", "client": "me", "sequence": self.sequence, "action": action})
        return self.told[-1]

    def id(self, name: str) -> str:
        return self.graph[name].id


@pytest.fixture
def views() -> Views:
    return Views(digits_model())


def add(id: str, kind: str, **params: Any) -> dict[str, Any]:
    return {"op": "add_node", "node": {"id": id, "kind": kind, "name": id, "params": params, "x": 0, "y": 0}}


def wire(source: str, target: str, port: str, *, op: str = "connect", source_port: str = "y") -> dict[str, Any]:
    edge = {"source": source, "source_port": source_port, "target": target, "target_port": port}
    return {"op": op, "edge": edge}


def test_first_picture_has_every_node_placed_and_typed(views: Views) -> None:
    state = views.part.state()

    assert [n.name for n in state.nodes] == ["image", "label", "pixels", "scores", "loss", "accuracy"]
    assert len({(n.x, n.y) for n in state.nodes}) == 6
    assert state.info[3].outputs[0].spec == "float32[batch, 10]"
    assert state.info[3].parameters == 64 * 10 + 10
    assert not state.can_undo
    msgspec.json.encode(state)


def test_edit_reaches_graph_and_all_views_with_its_author(views: Views) -> None:
    answer = views.edit(add("hidden", "layers.dense", units=32), wire(views.id("pixels"), "hidden", "x"))

    assert isinstance(answer, Patched)
    assert (answer.client, answer.sequence, answer.revision) == ("me", 1, views.graph.revision)
    assert {i.id: i.outputs[0].spec for i in answer.info} == {"hidden": "float32[batch, 32]"}
    assert str(views.graph["hidden"].spec) == "float32[batch, 32]"
    assert answer.can_undo


def test_wire_that_does_not_fit_is_refused_with_specs_and_dimension(views: Views) -> None:
    before = views.part.state()
    scores, loss = views.id("scores"), views.id("loss")

    answer = views.edit(wire(scores, loss, "logits", op="disconnect"), wire(views.id("image"), loss, "logits"))

    assert isinstance(answer, Rejected)
    assert "float32[batch, 8, 8, 1]" in answer.problem.message
    assert "int64[batch]" in answer.problem.message
    assert answer.problem.specs == ["float32[batch, 8, 8, 1]", "int64[batch]"]
    assert views.part.state() == before


def test_fix_offered_with_a_refusal_does_what_was_wanted(views: Views) -> None:
    scores, loss = views.id("scores"), views.id("loss")
    refused = views.edit(wire(scores, loss, "logits", op="disconnect"), wire(views.id("image"), loss, "logits"))
    fix = next(f for f in refused.problem.fixes if f.label.startswith("Insert flatten"))

    answer = views.edit(*msgspec.to_builtins(fix.patch))

    assert isinstance(answer, Patched)
    assert views.graph.problems == []
    assert views.history("undo").can_undo is False
    assert isinstance(views.told[-1], Patched)


def test_unknown_parameter_value_is_refused_and_kept_as_it_was(views: Views) -> None:
    answer = views.edit({"op": "set_param", "id": views.id("scores"), "key": "units", "value": -3})

    assert isinstance(answer, Rejected)
    assert "units=-3" in answer.problem.message
    assert views.graph.nodes[views.id("scores")].params["units"] == 10


def test_parameter_that_breaks_what_follows_is_taken_and_shown_as_a_problem_there(views: Views) -> None:
    views.edit(add("matrix", "variable", shape=[10, 3]), add("product", "matmul"))
    views.edit(wire(views.id("scores"), "product", "a"), wire("matrix", "product", "b"))

    answer = views.edit({"op": "set_param", "id": views.id("scores"), "key": "units", "value": 12})

    assert isinstance(answer, Patched)
    assert [p.node for p in answer.problems] == ["product"]
    assert "12" in answer.problems[0].message
    assert "10" in answer.problems[0].message


@pytest.mark.parametrize(
    "patch",
    [
        [{"op": "explode"}],
        [{"op": "connect", "edge": {"source": "a"}}],
        [{"op": "rename", "id": 3, "name": []}],
        "not a patch",
        [{"op": "add_node", "node": {"id": "x", "kind": "input", "name": "x", "surprise": 1}}],
    ],
)
def test_malformed_edit_is_refused_in_one_line(views: Views, patch: Any) -> None:
    before = views.part.state()

    views.part.receive({"type": "edit", "client": "me", "sequence": 1, "patch": patch})

    assert isinstance(views.told[-1], Rejected)
    assert "\n" not in views.told[-1].problem.message
    assert views.part.state() == before


@pytest.mark.parametrize("message", [None, 3, {}, {"type": "edit"}, {"type": "nonsense", "client": 4}])
def test_message_that_is_none_changes_nothing(views: Views, message: Any) -> None:
    views.part.receive(message)

    assert views.told == []


def test_patch_that_does_not_fit_the_graph_is_refused(views: Views) -> None:
    answer = views.edit({"op": "remove_node", "id": views.id("scores")})

    assert isinstance(answer, Rejected)
    assert "still has edges" in answer.problem.message


def test_undo_stops_at_what_was_built_before_the_editor_opened(views: Views) -> None:
    views.edit({"op": "rename", "id": views.id("scores"), "name": "logits"})

    undone = views.history("undo")
    refused = views.history("undo")

    assert isinstance(undone, Patched)
    assert views.graph["scores"].name == "scores"
    assert isinstance(refused, Rejected)
    assert refused.problem.message == "there is nothing to undo"


def test_change_made_in_python_is_told_to_the_views(views: Views) -> None:
    views.graph.set("scores", units=7)

    told = views.told[-1]
    assert (told.client, told.can_undo) == ("", True)
    assert {i.outputs[0].spec for i in told.info} >= {"float32[batch, 7]"}


def test_disconnecting_tells_the_new_ports_of_the_target(views: Views) -> None:
    pixels, scores = views.id("pixels"), views.id("scores")

    answer = views.edit(wire(pixels, scores, "x", op="disconnect"))

    info = {i.id: i for i in answer.info}
    assert info[scores].inputs[0].spec is None
    assert info[scores].outputs[0].spec is None
    assert [(p.node, p.code, p.port) for p in answer.problems] == [(scores, "missing", "x")]


def test_verdicts_say_for_every_port_whether_a_wire_fits(views: Views) -> None:
    views.part.receive({"type": "fits", "request": 9, "source": views.id("image"), "source_port": "y"})

    answer = views.told[-1]
    assert isinstance(answer, Fits)
    verdict = {(p.node, p.port): p.reason for p in answer.ports}
    assert answer.request == 9
    assert verdict[views.id("pixels"), "x"] is None
    assert "float32[batch, 8, 8, 1]" in str(verdict[views.id("loss"), "logits"])


def test_verdicts_before_an_input_say_for_every_output_whether_it_fits(views: Views) -> None:
    loss = views.id("loss")
    views.part.receive({"type": "fits", "request": 4, "source": loss, "source_port": "logits", "side": "input"})

    answer = views.told[-1]
    assert isinstance(answer, Fits)
    verdict = {(p.node, p.port): p.reason for p in answer.ports}
    assert answer.request == 4
    assert verdict[views.id("scores"), "y"] is None
    assert "float32[batch, 8, 8, 1]" in str(verdict[views.id("image"), "y"])
    assert verdict[loss, "y"] == "this would close a cycle"


@pytest.mark.parametrize(
    ("ends", "fitting", "unfit"),
    [
        ({"source": "image", "source_port": "y"}, "layers.conv2d", "layers.embedding"),
        ({"target": "loss", "target_port": "label"}, "input", "layers.conv2d"),
        ({"source": "pixels", "source_port": "y", "target": "scores", "target_port": "x"}, "layers.relu", "sum"),
    ],
)
def test_followers_are_the_kinds_that_fit(views: Views, ends: dict[str, str], fitting: str, unfit: str) -> None:
    named = {key: value if key.endswith("port") else views.id(value) for key, value in ends.items()}
    before = views.part.state()
    views.part.receive({"type": "followers", "request": 5, **named})

    answer = views.told[-1]
    assert isinstance(answer, Followers)
    kinds = {follower.kind for follower in answer.kinds}
    assert answer.request == 5
    assert fitting in kinds
    assert unfit not in kinds
    assert views.part.state() == before
    msgspec.json.encode(answer)


def test_nothing_follows_a_port_that_is_gone(views: Views) -> None:
    views.part.receive({"type": "followers", "request": 6, "source": "gone", "source_port": "y"})

    assert views.told[-1] == Followers(6, [])


def test_wire_back_to_its_own_source_would_close_a_cycle(views: Views) -> None:
    views.part.receive({"type": "fits", "request": 1, "source": views.id("scores"), "source_port": "y"})

    verdict = {(p.node, p.port): p.reason for p in views.told[-1].ports}
    assert verdict[views.id("pixels"), "x"] == "this would close a cycle"


def test_variadic_port_always_offers_one_more(views: Views) -> None:
    answer = views.edit(add("both", "concatenate", axis=-1), wire(views.id("pixels"), "both", "xs.0"))

    info = {i.id: i for i in answer.info}
    assert [p.name for p in info["both"].inputs] == ["xs.0", "xs.1"]


def sync(views: Views, revision: int, sequence: int = 0) -> Synced:
    """What a view hears that asks what it has missed."""
    message = {"type": "sync", "client": "me", "request": 7, "sequence": sequence, "revision": revision}
    views.part.receive(message)
    answer = views.told[-1]
    assert isinstance(answer, Synced)
    return answer


def test_view_that_missed_something_gets_the_whole_document(views: Views) -> None:
    views.edit({"op": "move", "id": views.id("image"), "x": 1.0, "y": 2.0})
    revision = views.graph.revision

    assert sync(views, 0) == Synced("me", 7, 1, revision, [], views.part.state())
    assert sync(views, revision) == Synced("me", 7, 1, revision, [], None)


def test_request_that_comes_twice_is_done_once(views: Views) -> None:
    undo = {"type": "history", "client": "me", "sequence": 3, "action": "undo"}
    views.edit({"op": "move", "id": views.id("image"), "x": 1.0, "y": 2.0})
    views.edit({"op": "move", "id": views.id("image"), "x": 3.0, "y": 4.0})

    views.part.receive(undo)
    views.part.receive(undo)

    assert views.graph.nodes[views.id("image")].x == 1.0
    assert views.told[-1] == Synced("me", 0, 3, views.graph.revision, [], None)


def test_request_before_which_another_was_lost_waits_for_it(views: Views) -> None:
    def move(sequence: int) -> dict[str, Any]:
        patch = [{"op": "move", "id": views.id("image"), "x": float(sequence), "y": 0.0}]
        return {"type": "edit", "client": "me", "sequence": sequence, "patch": patch}

    before = views.part.state()
    views.part.receive(move(2))
    assert views.told == [Synced("me", 0, 0, before.revision, [], None)]
    assert views.part.state() == before

    for sequence in (1, 2):
        views.part.receive(move(sequence))
    assert views.graph.nodes[views.id("image")].x == 2.0


def test_refusals_and_answers_about_code_are_told_again(views: Views) -> None:
    refused = views.edit({"op": "rename", "id": views.id("scores"), "name": "loss"})
    text = views.graph.to_python().replace("units=10", "units=12")
    views.part.receive({"type": "edit_code", "client": "me", "sequence": 2, "text": text})
    taken = views.told[-1]

    assert isinstance(taken, CodeTaken)
    assert sync(views, 0).answers == [refused, taken]


def test_page_that_was_forgotten_goes_on_where_it_was(views: Views) -> None:
    for other in range(100):
        views.part.receive({"type": "sync", "client": f"page{other}", "request": 1, "sequence": 0, "revision": 0})

    assert sync(views, 0, sequence=40).sequence == 40


def test_node_whose_name_was_taken_meanwhile_gets_the_next(views: Views) -> None:
    views.edit(add("one", "layers.relu"))
    other = {**add("two", "layers.relu")["node"], "name": "one"}
    wired = wire(views.id("pixels"), "two", "x")

    answer = views.edit({"op": "add_node", "node": other}, wired)

    assert isinstance(answer, Patched)
    assert answer.patch[0].node.name == "one_1"
    assert views.graph.nodes["two"].name == "one_1"


def test_node_that_replaces_another_keeps_its_name(views: Views) -> None:
    views.edit(add("one", "layers.relu"))
    both = [{"op": "remove_node", "id": "one"}, {"op": "rename", "id": views.id("pixels"), "name": "scores"}]
    other = {"op": "add_node", "node": {**add("two", "layers.relu")["node"], "name": "one"}}

    assert isinstance(views.edit(both[0], other), Patched)
    assert views.graph.nodes["two"].name == "one"
    assert isinstance(views.edit(both[1], other), Rejected)  # the second node of that id


def test_specs_at_a_node_that_waits_for_another_wire_are_told(views: Views) -> None:
    scores = views.id("scores")
    views.edit(add("sum", "add"), wire(scores, "sum", "a"))

    answer = views.edit({"op": "set_param", "id": scores, "key": "units", "value": 12})

    info = {i.id: i for i in answer.info}
    assert info["sum"].inputs[0].spec == "float32[batch, 12]"


def test_nodes_that_come_back_come_where_they_were(views: Views) -> None:
    accuracy, loss = views.id("accuracy"), views.id("loss")
    edges = [msgspec.to_builtins(e) for e in views.graph.edges if e.target == loss]
    views.edit(*({"op": "disconnect", "edge": e} for e in edges), {"op": "remove_node", "id": loss})

    answer = views.history("undo")

    assert answer.order == list(views.graph.nodes)
    assert answer.order.index(loss) < answer.order.index(accuracy)


def test_bypassed_node_that_would_not_typecheck_has_no_code_and_says_why(views: Views) -> None:
    scores = views.id("scores")
    views.edit({"op": "set_bypassed", "id": scores, "bypassed": True})
    views.edit({"op": "set_param", "id": scores, "key": "units", "value": -3})
    views.part.receive({"type": "code", "client": "me"})

    assert isinstance(views.told[-1], Code)
    assert views.told[-1].text is None
    assert "units=-3" in views.told[-1].message


def test_building_that_fails_leaves_nothing_to_undo(views: Views) -> None:
    def half_built() -> None:
        with views.graph, views.graph.attempt():
            fl.relu(fl.relu(views.graph["scores"]), name="scores")

    with pytest.raises(fl.PatchError):
        half_built()

    assert views.told[-1].can_undo is False


def test_closed_part_tells_nothing_more(views: Views) -> None:
    views.part.close()

    views.graph.rename("scores", "logits")

    assert views.told == []


def test_what_was_folded_is_kept_for_a_page_that_attaches_later() -> None:
    editor = GraphEditor(digits_model())
    editor.set_state({"_folds": {"encoder": True, "encoder/block": False}})

    assert editor.get_state()["_folds"] == {"encoder": True, "encoder/block": False}
    assert not editor.graph.undo_depth - editor.graph_part._floor
    editor.close()


def test_scopes_are_made_and_renamed_by_edits(views: Views) -> None:
    ids = [views.id("pixels"), views.id("scores")]

    views.edit(*({"op": "set_scope", "id": id, "scope": "model"} for id in ids))

    assert [views.graph.nodes[id].path for id in ids] == ["model/pixels", "model/scores"]
    assert views.graph.problems == []
    views.history("undo")
    assert [views.graph.nodes[id].path for id in ids] == ["pixels", "scores"]


def test_nodes_say_what_their_weights_and_outputs_take(views: Views) -> None:
    info = {views.graph.nodes[i.id].name: i for i in views.part.state().info}

    assert (info["scores"].parameters, info["scores"].parameter_bytes) == (650, 2600)
    assert info["scores"].output_bytes == 40  # for one sample
    assert (info["image"].parameter_bytes, info["image"].output_bytes) == (0, 8 * 8 * 4)
    assert info["loss"].output_bytes == 4


def test_edits_that_continue_are_one_step_with_the_first(views: Views) -> None:
    scores = views.id("scores")

    def slide(units: int, continues: bool, client: str = "me") -> None:
        patch = [{"op": "set_param", "id": scores, "key": "units", "value": units}]
        views.sequence += client == "me"
        sequence = views.sequence if client == "me" else 1
        message = {"type": "edit", "client": client, "sequence": sequence, "patch": patch}
        views.part.receive(message | {"continues": continues})

    def units() -> object:
        return views.graph.nodes[scores].params["units"]

    depth = views.graph.undo_depth
    slide(11, False)
    slide(12, True)
    slide(13, True)
    assert views.graph.undo_depth == depth + 1
    slide(14, True, "another")
    slide(15, False)
    assert views.graph.undo_depth == depth + 3

    views.history("undo")
    views.history("undo")
    assert units() == 13
    views.history("undo")
    assert units() == 10
    views.history("redo")
    assert units() == 13
    views.history("undo")
    slide(20, True)  # what it would continue has been taken back
    assert views.graph.undo_depth == depth + 1
    views.history("undo")
    assert units() == 10
