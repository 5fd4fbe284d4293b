"""Patches: every change can be taken back exactly, and one that does not fit changes nothing."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flowloom as fl
from flowloom.formats.flow import document, encode
from flowloom.graph import Applied
from flowloom.graph.document import (
    AddNode,
    Change,
    Connect,
    Disconnect,
    EdgeDoc,
    Move,
    NodeDoc,
    Patch,
    RemoveNode,
    Rename,
    ResetParam,
    SetNote,
    SetParam,
    SetScope,
)

from . import walks

STEPS = 15


def tried(graph: fl.Graph, patch: Patch) -> Applied | None:
    """Apply the patch, if it fits."""
    with suppress(fl.PatchError):
        return graph.apply(patch)
    return None


# ---------------------------------------------------------------- any sequence


@settings(max_examples=60)
@given(st.data())
def test_a_patch_fits_whole_or_changes_nothing(data: st.DataObject) -> None:
    graph = walks.model()
    for patch in walks.walk(data, graph, STEPS):
        before, depth, revision = walks.seen(graph), graph.undo_depth, graph.revision
        applied = tried(graph, patch)
        if applied is None:
            assert walks.seen(graph) == before
            assert (graph.undo_depth, graph.revision) == (depth, revision)
        else:
            after = walks.seen(graph)
            graph.apply(applied.inverse)
            assert walks.seen(graph) == before
            graph.undo()
            assert walks.seen(graph) == after
        assert walks.indexes(graph) == walks.expected_indexes(graph)


@settings(max_examples=40)
@given(st.data())
def test_undo_leads_back_to_the_start_and_redo_to_the_end(data: st.DataObject) -> None:
    graph = fl.Graph("walk")
    states = [encode(graph)]
    states += [encode(graph) for patch in walks.walk(data, graph, STEPS) if tried(graph, patch)]

    for state in reversed(states[:-1]):
        graph.undo()
        assert encode(graph) == state
    with pytest.raises(fl.PatchError, match="nothing to undo"):
        graph.undo()
    for state in states[1:]:
        graph.redo()
        assert encode(graph) == state
    with pytest.raises(fl.PatchError, match="nothing to redo"):
        graph.redo()


@settings(max_examples=60)
@given(st.data())
def test_incremental_inference_ends_where_inference_from_scratch_does(data: st.DataObject) -> None:
    graph = walks.model()
    for patch in walks.walk(data, graph, STEPS):
        tried(graph, patch)
        fresh = walks.rebuilt(graph)
        assert walks.known(graph) == walks.known(fresh)
        assert graph.problems == fresh.problems


@settings(max_examples=40)
@given(st.data())
def test_asking_what_would_be_changes_nothing(data: st.DataObject) -> None:
    graph = walks.model()
    for patch in walks.walk(data, graph, STEPS):
        before, indexes = walks.seen(graph), walks.indexes(graph)
        numbers = (graph.revision, graph.undo_depth, graph.structure)
        with suppress(fl.PatchError):
            graph.refusal(patch)
        with suppress(fl.PatchError):
            graph.verdicts(fl.Tensor(graph, data.draw(st.sampled_from(walks.IDS)), "y"))

        assert walks.seen(graph) == before
        assert walks.indexes(graph) == indexes
        assert (graph.revision, graph.undo_depth, graph.structure) == numbers
        tried(graph, patch)


@settings(max_examples=40)
@given(st.data())
def test_a_wire_that_is_said_to_fit_does_and_one_that_does_not_is_refused(data: st.DataObject) -> None:
    graph = walks.model()
    for patch in walks.walk(data, graph, STEPS):
        tried(graph, patch)
    source = data.draw(st.sampled_from(sorted(graph.nodes)))
    if "y" not in graph.inferred(source).outputs:
        return
    for (target, port), why in graph.verdicts(fl.Tensor(graph, source, "y")).items():
        there = graph.state.incoming.get(target, {}).get(port)
        wire = [*([Disconnect(there)] if there else []), Connect(EdgeDoc(source, "y", target, port))]
        if why is not None and "cycle" in why:
            with pytest.raises(fl.PatchError, match="cycle"):
                graph.apply(wire)
        else:
            refused = graph.refusal(wire)
            assert (refused.message if refused else None) == why


@settings(max_examples=40)
@given(st.data())
def test_every_fix_that_is_offered_mends_its_problem(data: st.DataObject) -> None:
    graph = walks.model()
    for patch in walks.walk(data, graph, STEPS):
        refused = None
        with suppress(fl.PatchError):
            refused = graph.refusal(patch)
        for problem in [*graph.problems, *([refused] if refused else [])]:
            for fix in problem.fixes:
                graph.apply(fix.patch)
                left = graph.inferred(problem.node).problem
                assert left is None or (left.code, left.message) != (problem.code, problem.message)
                assert problem.code != "spec" or left is None
                graph.undo()
        tried(graph, patch)


# ---------------------------------------------------------------- single changes


@pytest.fixture
def graph() -> fl.Graph:
    return walks.model()


@pytest.mark.parametrize(
    "change",
    [
        Move("n1", 3.0, 4.5),
        SetNote("n1", "a note"),
        SetScope("n1", "encoder/block"),
        Rename("n1", "the input"),
        SetParam("n2", "units", 7),
        SetParam("n2", "activation", "relu"),
        ResetParam("n2", "units"),
        Disconnect(EdgeDoc("n1", "y", "n2", "x")),
        AddNode(NodeDoc("new", "relu", "new", note="n", x=1.0, y=2.0)),
    ],
    ids=lambda c: type(c).__name__,
)
def test_each_change_is_taken_back_by_its_inverse(graph: fl.Graph, change: Change) -> None:
    before = walks.seen(graph)
    applied = graph.apply([change])

    assert document(graph) != before[0]
    graph.apply(applied.inverse)
    assert walks.seen(graph) == before


def test_removing_a_node_in_the_middle_is_undone_in_its_place(graph: fl.Graph) -> None:
    before = encode(graph)
    names = [n.name for n in graph.nodes.values()]
    graph.remove("hidden")

    assert "hidden" not in [n.name for n in graph.nodes.values()]
    graph.undo()
    assert [n.name for n in graph.nodes.values()] == names
    assert encode(graph) == before


EDGE = EdgeDoc("n1", "y", "n2", "x")


@pytest.mark.parametrize(
    ("patch", "why"),
    [
        ([RemoveNode("ghost")], "there is no node 'ghost'"),
        ([RemoveNode("n1")], "node 'x' still has edges"),
        ([AddNode(NodeDoc("n1", "relu", "other"))], "there is a node 'n1' already"),
        ([AddNode(NodeDoc("new", "relu", "hidden"))], "there is a node named 'hidden' already"),
        ([AddNode(NodeDoc("", "relu", "new"))], "an id is 1 to 120 printable characters"),
        ([AddNode(NodeDoc("a/b", "relu", "new"))], "an id is 1 to 120 printable characters"),
        ([AddNode(NodeDoc("new", "re\nlu", "new"))], "a kind is 1 to 120 printable characters"),
        ([AddNode(NodeDoc("new", "relu", "new", x=math.inf))], "a position is two finite numbers"),
        ([AddNode(NodeDoc("new", "relu", "new", params={"a": object()}))], "a document cannot hold"),
        ([AddNode(NodeDoc("new", "relu", "new", scope="a/"))], "each name in a scope is 1 to 120"),
        ([Rename("n1", "hidden")], "there is a node named 'hidden' already"),
        ([Rename("n1", " ")], "a name is 1 to 120 printable characters without '/'; got ' '"),
        ([Rename("n1", "x" * 121)], "a name is 1 to 120"),
        ([Rename("n1", "<b>\u202e")], "a name is 1 to 120"),
        ([SetScope("n1", "a//b")], "each name in a scope"),
        ([SetScope("n1", "/".join("a" * 400))], "a scope is at most 500 characters"),
        ([SetNote("n1", "\ud800")], "a document cannot hold"),
        ([SetParam("n2", "units", {3: 4})], "a document cannot hold"),
        ([SetParam("n2", "units", 2**70)], "a document cannot hold"),
        ([SetParam("n2", "units", "\ud800")], "a document cannot hold"),
        ([ResetParam("n2", "activation")], "parameter 'activation' of node 'hidden' is not set"),
        ([Move("n1", math.nan, 0.0)], "a position is two finite numbers"),
        ([Connect(EDGE)], "input 'x' of node 'hidden' is connected already"),
        ([Connect(EdgeDoc("n1", "z", "n3", "x"))], r"node 'x' \(input\) has no output 'z'; there is: y"),
        ([Connect(EdgeDoc("n1", "y", "n2", "q"))], r"node 'hidden' \(layers.dense\) has no input 'q'; there is: x"),
        ([Connect(EdgeDoc("n1", "y", "n3", "x"))], r"node 'scale' \(variable\) has no input 'x'; there is: none"),
        ([Disconnect(EDGE), Connect(EdgeDoc("n5", "y", "n2", "x"))], "'loss' -> 'hidden' would close a cycle"),
        ([Disconnect(EDGE), Connect(EdgeDoc("n2", "y", "n2", "x"))], "'hidden' -> 'hidden' would close a cycle"),
        ([Disconnect(EdgeDoc("n3", "y", "n2", "x"))], "there is no edge to input 'x' of node 'n2'"),
        ([SetNote("n1", "first"), RemoveNode("ghost")], "change 2 of 2: there is no node 'ghost'"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line_and_changes_nothing(graph: fl.Graph, patch: Any, why: str) -> None:
    before, indexes = walks.seen(graph), walks.indexes(graph)
    with pytest.raises(fl.PatchError, match=why) as caught:
        graph.apply(patch)

    assert len(str(caught.value)) < 250
    assert walks.seen(graph) == before
    assert walks.indexes(graph) == indexes


@pytest.mark.parametrize("port", ["xs", "xs.", "xs.-1", "xs.00", "xs.x", "xs.99999", "xs.\u0663", "x.0"])
def test_a_variadic_port_has_numbered_places_only(port: str) -> None:
    graph = fl.Graph()
    graph.apply([AddNode(NodeDoc("x", "input", "x")), AddNode(NodeDoc("all", "concatenate", "all"))])
    with pytest.raises(fl.PatchError, match="has no input"):
        graph.apply([Connect(EdgeDoc("x", "y", "all", port))])


def test_a_patch_may_pass_through_a_cycle_that_it_takes_away_again(graph: fl.Graph) -> None:
    loop = EdgeDoc("n5", "y", "n2", "x")
    before = walks.seen(graph)
    graph.apply([Disconnect(EDGE), Connect(loop), Disconnect(loop), Connect(EDGE)])

    assert walks.seen(graph) == before


def test_what_a_declaration_cannot_bear_leaves_the_graph_as_it_was(
    graph: fl.Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*specs: Any, **params: Any) -> Any:
        raise IndexError("a bug in the rule of an op")

    before, depth = walks.seen(graph), graph.undo_depth
    monkeypatch.setattr(fl.mean, "rule", broken)
    with pytest.raises(IndexError):
        graph.set("hidden", units=1)
    monkeypatch.undo()

    assert (walks.seen(graph), graph.undo_depth) == (before, depth)


# ---------------------------------------------------------------- history


def test_a_new_step_ends_what_could_be_redone(graph: fl.Graph) -> None:
    graph.rename("x", "first")
    graph.undo()
    assert graph.redo_depth == 1
    graph.rename("x", "second")

    assert graph.redo_depth == 0
    assert "second" in [n.name for n in graph.nodes.values()]


def test_listeners_hear_of_every_step_in_order_until_they_leave(graph: fl.Graph) -> None:
    heard: list[tuple[int, int, Any]] = []
    start = graph.revision
    leave = graph.subscribe(lambda applied: heard.append((applied.revision, len(applied.patch), applied.author)))
    graph.apply([SetNote("n1", "hello")], author=("a view", 7))
    graph.undo()
    graph.redo(author=("another", 1))
    leave()
    graph.undo()

    assert heard == [(start + 1, 1, ("a view", 7)), (start + 2, 1, None), (start + 3, 1, ("another", 1))]


def test_a_step_names_the_nodes_whose_types_it_changed(graph: fl.Graph) -> None:
    ids = {n.name: id for id, n in graph.nodes.items()}

    assert graph.apply([SetNote("n1", "hello")]).changed == ()
    changed = graph.apply([SetParam("n2", "units", 1)]).changed
    assert {"hidden", "multiply", "loss", "gradients"} == {n for n, id in ids.items() if id in changed}


def test_a_name_that_came_free_is_given_again() -> None:
    with fl.Graph() as g:
        x = fl.input("x", shape=(2,))
        for _ in range(3):
            fl.relu(x)
        g.remove("relu_1")
        fl.relu(x)

    assert [n.name for n in g.nodes.values()] == ["x", "relu", "relu_2", "relu_1"]
