"""Python source: a graph written as code, and code read as a graph without being run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flowloom as fl
from flowloom.formats.python import PythonSourceError, load
from flowloom.graph.document import SetNote

X = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
LABEL = np.arange(6) % 3


def classifier() -> fl.Graph:
    with fl.Graph("classes", seed=3) as g:
        x = fl.input("x", shape=("batch", 4))
        label = fl.input("label", shape=("batch",), dtype="int64")
        with g.scope("encoder"):
            hidden = fl.layers.dense(x, units=5, activation="tanh")
            hidden = hidden * 2.0 + 1.0
        logits = fl.layers.dense(hidden, units=3, name="the logits")
        loss = fl.losses.softmax_cross_entropy(logits, label)
        fl.gradients(loss, [x, g.variable("encoder/dense/kernel")])
        scale = fl.variable("scale", shape=(3,), initializer="ones")
        fl.output(logits * scale, "scores")
        fl.output(loss, "loss")
    return g


def looping() -> fl.Graph:
    with fl.Graph() as g:
        x = fl.input("x", shape=("batch", 4))
        fl.input("label", shape=("batch",), dtype="int64")
        total, rows = fl.scan(lambda s, row: (s + row, s * row), fl.constant([0.0, 1.0, 2.0, 3.0]), x)
        kept = fl.cond(fl.sum(total) > 0.0, lambda v: fl.exp(v), lambda v: v * 2.0, rows)
        steps = fl.while_loop(lambda n: n < 40, lambda n: n * 3, fl.constant(1))
        fl.output(kept, "kept")
        fl.output(steps, "steps")
    return g


def nodes(g: fl.Graph) -> list[Any]:
    return [(n.kind, n.path, n.params, n.note) for n in g.nodes.values()]


def wires(g: fl.Graph) -> set[Any]:
    path = {id: n.path for id, n in g.nodes.items()}
    return {(path[e.source], e.source_port, path[e.target], e.target_port) for e in g.edges}


@pytest.mark.parametrize("build", [classifier, looping])
def test_source_builds_the_same_graph(build: Any) -> None:
    g = build()
    again = load(g.to_python())

    assert (again.name, again.seed) == (g.name, g.seed)
    assert nodes(again) == nodes(g)
    assert wires(again) == wires(g)
    assert again.to_python() == g.to_python()


@pytest.mark.parametrize("build", [classifier, looping])
def test_source_that_is_run_and_source_that_is_read_give_the_same_numbers(build: Any) -> None:
    g = build()
    namespace: dict[str, Any] = {}
    exec(g.to_python(), namespace)  # our own source, in a test: what a user does by pasting it into a cell

    read = fl.compile(g.outputs).inputs
    feeds = {name: value for name, value in {"x": X, "label": LABEL}.items() if name in read}
    for other in (namespace["g"], load(g.to_python())):
        for a, b in zip(fl.compile(g.outputs)(feeds), fl.compile(other.outputs)(feeds), strict=True):
            np.testing.assert_array_equal(a, b)


def test_source_reads_as_people_write_it() -> None:
    with fl.Graph("small") as g:
        x = fl.input("x", shape=("batch", 4))
        y = fl.layers.dense(x, units=2, activation="relu")
        fl.output(fl.sum(y * 2.0, axis=1), "y")

    assert g.to_python() == (
        "import flowloom as fl\n"
        "\n"
        'with fl.Graph("small") as g:\n'
        '    x = fl.input("x", shape=("batch", 4))\n'
        '    dense = fl.layers.dense(x, units=2, activation="relu")\n'
        "    multiply = dense * 2.0\n"
        "    sum_ = fl.sum(multiply, axis=1)\n"
        '    fl.output(sum_, "y")\n'
    )


def test_notes_are_comments() -> None:
    g = classifier()
    id = next(id for id, n in g.nodes.items() if n.name == "the logits")
    g.apply([SetNote(id, "one for each class\nsee the paper")])

    assert "    # one for each class\n    # see the paper\n    the_logits = " in g.to_python()
    assert load(g.to_python())["the logits"].graph.nodes[id].note == "one for each class\nsee the paper"


def test_a_hand_written_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "model.py"
    file.write_text(
        '"""A model."""\n'
        "import flowloom as fl\n\n"
        "with fl.Graph('by hand') as model:\n"
        "    x = fl.input('x', shape=('batch', 4))\n"
        "    w = fl.constant([[1.0], [2.0], [3.0], [-4.0]])\n"
        "    y = fl.tanh(x @ w)[:, 0] / 2 - 1\n"
        "    fl.output(-y, 'y')\n"
    )
    expected = 1 - np.tanh(X @ np.array([1, 2, 3, -4], np.float32)) / 2

    np.testing.assert_allclose(fl.compile(load(file).outputs)({"x": X})[0], expected, rtol=1e-6)


def test_a_graph_that_does_not_typecheck_has_no_source() -> None:
    with fl.Graph() as g:
        x = fl.input("x", shape=("batch", 4))
        fl.layers.dense(x, units=2)
    g.remove("x")

    with pytest.raises(fl.SpecError, match=r"a graph that does not typecheck has no source\. dense: input 'x' is not"):
        g.to_python()


REFUSED = {
    "an import": ("import os", "line 1: this is not part of a graph's description"),
    "a call of something else": (
        "import flowloom as fl\nwith fl.Graph() as g:\n    open('/etc/passwd')",
        "line 3: only functions of fl are called",
    ),
    "a way out through attributes": (
        "import flowloom as fl\nwith fl.Graph() as g:\n    x = fl.data.load.__globals__",
        "line 3: this expression is not part",
    ),
    "a function that no graph is made of": (
        "import flowloom as fl\nwith fl.Graph() as g:\n    fl.load('graph.flow.json')",
        "line 3: flowloom has no 'load' that a graph is made of",
    ),
    "a method": ("import flowloom as fl\nwith fl.Graph() as g:\n    g.save('x')", "line 3: g.save is not part of"),
    "a loop": ("import flowloom as fl\nwith fl.Graph() as g:\n    while True:\n        pass", "line 3: this statement"),
    "a lambda": ("import flowloom as fl\nwith fl.Graph() as g:\n    y = lambda: 0", "line 3: this expression"),
    "a name that is not there": (
        "import flowloom as fl\nwith fl.Graph() as g:\n    y = fl.exp(x)",
        "line 3: 'x' is not",
    ),
    "operands that do not fit": (
        "import flowloom as fl\nwith fl.Graph() as g:\n"
        "    a = fl.input('a', shape=(2,))\n    b = a + fl.constant([1.0, 2.0, 3.0])",
        "line 4: .*shapes do not broadcast",
    ),
    "no Python": ("with fl.Graph(", "line 1: this is not Python"),
    "nothing": ("", "the source opens no graph"),
    "a second graph": (
        "import flowloom as fl\nwith fl.Graph() as g:\n    pass\nwith fl.Graph() as h:\n    pass",
        "line 4: the source opens a second graph",
    ),
    "arithmetic without end": (
        "import flowloom as fl\nwith fl.Graph() as g:\n    x = 10 ** 10 ** 10",
        "line 3: arithmetic needs a tensor",
    ),
    "depth": ("import flowloom as fl\nwith fl.Graph() as g:\n    x = " + "(" * 5000 + ")" * 5000, "is not Python"),
    "a deep expression": (
        "import flowloom as fl\nwith fl.Graph() as g:\n    x = " + "-" * 150 + "1",
        "line 3: the expression is nested more than 100 deep",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_anything_else_is_refused_with_its_line(what: str) -> None:
    source, why = REFUSED[what]

    with pytest.raises(PythonSourceError, match=why):
        load(source)


def test_source_without_end_is_refused() -> None:
    with pytest.raises(PythonSourceError, match="the source has 5000000 characters"):
        load(" " * 5_000_000)


@pytest.mark.parametrize(
    ("source", "line", "column", "reason"),
    [
        ("import flowloom as fl\nwith fl.Graph() as g:\n    ä = fl.relu(b)", 3, 17, "'b' is not defined"),
        ("import flowloom as fl\nwith fl.Graph() as g:\n    x = (", 3, 9, "this is not Python: '(' was never closed"),
        ("", None, None, "the source opens no graph: it needs `with fl.Graph(name) as g:`"),
    ],
)
def test_refusal_has_its_place(source: str, line: int | None, column: int | None, reason: str) -> None:
    with pytest.raises(PythonSourceError) as caught:
        load(source)

    error = caught.value
    assert (error.line, error.column, error.reason) == (line, column, reason)
    assert str(error) == (reason if line is None else f"line {line}: {reason}")
