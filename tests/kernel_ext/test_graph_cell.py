"""`%%graph name`: cells that are graphs, in an IPython of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell

import flowloom as fl
from flowloom import kernel_ext
from flowloom.widgets import GraphEditor

CELL = """
x = fl.input("x", shape=("batch", 4))
with g.scope("body"):
    # the first one
    hidden = fl.layers.dense(x, units=8, activation="relu", name="hidden")
y = fl.layers.dense(hidden, units=2, name="y")
fl.output(y, "result")
"""


class Notebook:
    """Cells that run one after another."""

    def __init__(self, shell: InteractiveShell, output: Any) -> None:
        self.shell, self._output = shell, output

    def run(self, cell: str) -> Any:
        """Run a cell that works; what it returns."""
        result = self.shell.run_cell(cell)
        assert result.success
        return result.result

    def said(self) -> str:
        return str(self._output.readouterr().out).strip()

    def refusal(self, cell: str) -> str:
        """Run a cell that is refused; the lines that are shown."""
        self.said()
        result = self.shell.run_cell(cell)
        assert not result.success
        return self._output.readouterr().err.strip()  # type: ignore[no-any-return]

    def __getitem__(self, name: str) -> Any:
        return self.shell.user_ns[name]


@pytest.fixture
def notebook(capsys: pytest.CaptureFixture[str]) -> Iterator[Notebook]:
    shell = InteractiveShell()
    shell.run_line_magic("load_ext", "flowloom.kernel_ext")
    yield Notebook(shell, capsys)
    kernel_ext.unload_ipython_extension(shell)
    shell.history_manager.end_session()


def test_cell_makes_a_graph_under_its_name(notebook: Notebook) -> None:
    assert notebook.run("%%graph net" + CELL) is None

    assert notebook.said() == "net: made, 4 nodes"
    assert [n.path for n in notebook["net"].nodes.values()] == ["x", "body/hidden", "y", "result"]
    assert notebook["net"].name == "net"
    assert notebook["net"].nodes[notebook["net"]["body/hidden"].id].note == "the first one"


def test_cell_is_never_run(notebook: Notebook) -> None:
    notebook.run("ran = []")

    refusal = notebook.refusal("%%graph net\nran.append(1)")

    assert "line 2" in refusal
    assert notebook["ran"] == []
    assert "net" not in notebook.shell.user_ns


def test_seed_is_taken(notebook: Notebook) -> None:
    notebook.run("%%graph net --seed 7" + CELL)

    assert notebook["net"].seed == 7


def test_cell_run_again_changes_the_graph_as_one_step(notebook: Notebook) -> None:
    notebook.run("%%graph net" + CELL)
    net = notebook["net"]
    net.apply(net.tidying())
    before = {n.path: (n.id, n.x, n.y) for n in net.nodes.values()}
    weights = net.variable("body/hidden/kernel").value
    seen: list[Any] = []
    net.subscribe(seen.append)
    notebook.said()

    notebook.run("%%graph net" + CELL.replace("(hidden, units=2", "(fl.relu(hidden), units=3"))

    assert notebook.said() == "net: 1 node added, 1 node changed"
    assert notebook["net"] is net
    assert len(seen) == 1
    after = {n.path: (n.id, n.x, n.y) for n in net.nodes.values()}
    assert {path: after[path] for path in before} == before
    np.testing.assert_array_equal(net.variable("body/hidden/kernel").value, weights)
    net.undo()
    assert net.nodes[net["y"].id].params["units"] == 2


def test_cell_changes_a_graph_that_python_has_built(notebook: Notebook) -> None:
    notebook.run("import flowloom as fl\nwith fl.Graph('mine') as h:\n    x = fl.input('x', shape=(3,))")
    notebook.said()

    notebook.run('%%graph h\nx = fl.input("x", shape=(4,))')

    assert notebook.said() == "h: 1 node changed"
    assert (notebook["h"].name, notebook["h"]["x"].shape) == ("mine", (4,))


def test_cell_run_twice_changes_nothing(notebook: Notebook) -> None:
    notebook.run("%%graph net" + CELL)
    revision = notebook["net"].revision
    notebook.said()

    notebook.run("%%graph net" + CELL)

    assert notebook.said() == "net: nothing changed"
    assert notebook["net"].revision == revision


def test_cell_shows_an_editor_if_asked_to(notebook: Notebook) -> None:
    shown = notebook.run("%%graph net --show" + CELL)

    assert isinstance(shown, GraphEditor)
    assert shown.graph is notebook["net"]
    shown.close()


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("%%graph net\nx = fl.input('x', shape=(2,))\ny = fl.relu(z)", "line 3: 'z' is not defined"),
        ("%%graph net\nx = (", "line 2: this is not Python: '(' was never closed"),
        ("%%graph net\n\nx = fl.input('x', shape=(2,)) @ 3", "line 3: matmul("),
        ("%%graph net\nx = fl.layers.dence(1)", "line 2: flowloom has no 'layers.dence'"),
        ("%%graph 3net\nx = fl.input('x')", "line 1: '3net' is no name of a variable"),
        ("%%graph\nx = fl.input('x')", "name"),
        ("%%graph taken\nx = fl.input('x')", "line 1: taken is of type int already"),
        ("%%graph there --seed 4\nx = fl.input('x')", "line 1: there has seed 0"),
    ],
)
def test_what_is_wrong_is_said_in_a_line_and_nothing_changes(notebook: Notebook, cell: str, why: str) -> None:
    there = fl.Graph("there")
    notebook.shell.push({"taken": 3, "there": there})

    refusal = notebook.refusal(cell)

    assert refusal.startswith("UsageError: ")
    assert why in refusal
    assert "net" not in notebook.shell.user_ns
    assert (notebook["taken"], there.revision) == (3, 0)
