"""The graph as code: what a view is told of it, and what becomes of Python that it proposes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import flowloom as fl
from flowloom.formats.python.reading import MOST_CHARACTERS
from flowloom.widgets.graph_part import GraphPart
from flowloom.widgets.wire.graph import Code, CodeRefused, CodeTaken, Patched
from tests.widgets.models import digits_model


class Pane:
    """A graph part, and a view that shows its code."""

    def __init__(self, graph: fl.Graph) -> None:
        self.graph = graph
        self.told: list[Any] = []
        self.part = GraphPart(graph, self.told.append)
        self.sequence = 0

    def code(self) -> Code:
        self.part.receive({"type": "code", "client": "me"})
        answer = self.told.pop()
        assert isinstance(answer, Code)
        return answer

    def text(self) -> str:
        text = self.code().text
        assert text is not None
        return text

    def edit(self, text: str) -> Any:
        self.told.clear()
        self.sequence += 1
        self.part.receive({"type": "edit_code", "client": "me", "sequence": self.sequence, "text": text})
        return self.told[-1]

    def replace(self, old: str, new: str) -> Any:
        text = self.text()
        assert old in text
        return self.edit(text.replace(old, new))


@pytest.fixture
def pane() -> Pane:
    return Pane(digits_model())


def lines_of(answer: Code | CodeTaken, text: str, id: str) -> list[str]:
    """The lines of a node in the text."""
    found = next(n for n in answer.lines if n.id == id)
    return text.split("\n")[found.first - 1 : found.last]


def test_code_is_that_of_the_graph_with_the_lines_of_every_node(pane: Pane) -> None:
    answer = pane.code()

    assert answer.text == pane.graph.to_python()
    assert {n.id for n in answer.lines} == set(pane.graph.nodes)
    assert lines_of(answer, answer.text, pane.graph["scores"].id) == [
        '    scores = fl.layers.dense(pixels, units=10, name="scores")'
    ]


def test_lines_of_a_node_hold_its_note_its_long_call_and_its_numbers() -> None:
    graph = fl.Graph()
    with graph:
        x = fl.input("x", shape=("batch",))
        y = x * 2.0
        fl.add(y, y, name="sum " * 29)
    graph.apply([fl.graph.document.SetNote(y.id, "twice\nas much")])
    answer = Pane(graph).code()
    assert answer.text is not None

    assert lines_of(answer, answer.text, y.id) == ["    # twice", "    # as much", "    multiply = x * 2.0"]
    assert lines_of(answer, answer.text, graph["constant"].id) == lines_of(answer, answer.text, y.id)
    assert len(lines_of(answer, answer.text, list(graph.nodes)[-1])) == 5


def test_graph_that_does_not_typecheck_has_no_code_and_the_answer_says_why(pane: Pane) -> None:
    pane.graph.apply(pane.graph.state.removal([pane.graph["pixels"].id]))

    answer = pane.code()

    assert answer.text is None
    assert "scores" in answer.message


def test_edit_is_one_step_that_all_views_are_told_of_with_its_author(pane: Pane) -> None:
    scores = pane.graph["scores"].id
    place = (pane.graph.nodes[scores].x, pane.graph.nodes[scores].y)
    depth = pane.graph.undo_depth

    answer = pane.replace(
        'dense(pixels, units=10, name="scores")',
        'dense(fl.layers.dense(pixels, units=32, activation="relu", name="hidden"), units=10, name="scores")',
    )

    patched = pane.told[0]
    assert isinstance(patched, Patched)
    assert (patched.client, patched.sequence, patched.can_undo) == ("me", 1, True)
    assert isinstance(answer, CodeTaken)
    assert (answer.sequence, answer.revision, answer.changes) == (1, pane.graph.revision, len(patched.patch))
    assert pane.graph["scores"].id == scores
    assert (pane.graph.nodes[scores].x, pane.graph.nodes[scores].y) == place
    assert str(pane.graph["hidden"].spec) == "float32[batch, 32]"
    assert pane.graph.nodes[pane.graph["hidden"].id].x is not None
    assert pane.graph.undo_depth == depth + 1


def test_answer_to_an_edit_has_the_lines_of_its_own_text(pane: Pane) -> None:
    text = "\n\n# mine\n" + pane.text().replace("    pixels", "\n    # flat\n    pixels")

    answer = pane.edit(text)

    assert isinstance(answer, CodeTaken)
    assert lines_of(answer, text, pane.graph["pixels"].id)[0] == "    # flat"


def test_edit_that_says_the_same_is_no_step(pane: Pane) -> None:
    depth, revision = pane.graph.undo_depth, pane.graph.revision

    answer = pane.edit("# only a remark\n" + pane.text())

    assert isinstance(answer, CodeTaken)
    assert (answer.changes, len(pane.told)) == (0, 1)
    assert (pane.graph.undo_depth, pane.graph.revision) == (depth, revision)


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "message"),
    [
        ("units=10", "units=", 7, None, "this is not Python"),
        ("units=10", "unit=10", 7, 14, "no parameter 'unit'"),
        ("(pixels,", "(pixel,", 7, 30, "'pixel' is not defined"),
        ("(pixels,", '("ü", open("x"),', 7, 35, "only functions of fl are called"),
        ("import flowloom as fl", "import os", 1, 1, "not part of a graph's description"),
        ('fl.Graph("digits")', f'fl.Graph("{"n" * 501}")', 3, None, "at most 500 characters"),
    ],
)
def test_wrong_code_changes_nothing_and_is_answered_by_its_place(
    pane: Pane, old: str, new: str, line: int, column: int | None, message: str
) -> None:
    before = pane.part.state()

    answer = pane.replace(old, new)

    assert isinstance(answer, CodeRefused)
    assert (answer.client, answer.sequence, answer.line) == ("me", 1, line)
    assert column in (None, answer.column)
    assert message in answer.message
    assert "\n" not in answer.message
    assert pane.part.state() == before


def test_name_and_seed_are_changed_in_the_code_and_brought_back_by_undo(pane: Pane) -> None:
    answer = pane.replace('fl.Graph("digits")', 'fl.Graph("others", seed=4)')

    assert isinstance(answer, CodeTaken)
    assert (pane.graph.name, pane.graph.seed, pane.part.state().name) == ("others", 4, "others")
    pane.graph.undo()
    assert (pane.graph.name, pane.graph.seed) == ("digits", 0)
    assert pane.graph.values.seed == 0


def test_code_that_is_too_long_is_refused(pane: Pane) -> None:
    answer = pane.edit(pane.text() + "#" * MOST_CHARACTERS)

    assert isinstance(answer, CodeRefused)
    assert (answer.line, "characters" in answer.message) == (None, True)


def test_refusal_does_not_name_lines_of_programs_that_the_user_has_not_written(pane: Pane) -> None:
    answer = pane.replace("units=10", "units=-1")

    assert "test_code.py" not in answer.message
    assert "units=-1" in answer.message


def test_a_layer_put_before_another_of_its_kind_takes_neither_its_name_nor_its_weights() -> None:
    with fl.Graph("two") as graph:
        fl.layers.dense(fl.layers.dense(fl.input("x", shape=("batch", 4)), units=4), units=4)
    pane = Pane(graph)
    first, second = (graph[name].id for name in ("dense", "dense_1"))
    weights = graph.variable("dense/kernel").value

    answer = pane.replace("dense = fl", "wider = fl.layers.dense(x, units=4)\n    dense = fl")
    assert isinstance(answer, CodeTaken)

    assert [graph.nodes[id].name for id in (first, second)] == ["dense_1", "dense_2"]
    np.testing.assert_array_equal(graph.variable("dense_1/kernel").value, weights)
