"""`%%graph name`: a cell that is a graph. It is read as data, and makes the graph or changes the one of that name."""

from __future__ import annotations

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from flowloom.formats.python.reading import PythonSourceError, Reading, read
from flowloom.graph import Graph, PatchError
from flowloom.graph.difference import same_nodes
from flowloom.graph.document import AddNode, Connect, Describe, Disconnect, Patch, RemoveNode, Reorder
from flowloom.widgets import GraphEditor


@magics_class
class GraphMagics(Magics):
    """The magic `%%graph`."""

    @magic_arguments()
    @argument("name", help="the variable that holds the graph")
    @argument("--seed", type=int, help="what the first values of its variables are drawn from")
    @argument("--show", action="store_true", help="show it in an editor")
    @cell_magic
    def graph(self, line: str, cell: str) -> GraphEditor | None:
        """Make a graph of the code in this cell, or change the one of that name, and say what was done.

        The cell is what stands inside `with fl.Graph(name) as g:`. It is read and never run. A graph that is there
        keeps the nodes that the cell still has, with their weights and places; the change is one step to undo, and
        open editors follow it.
        """
        asked = parse_argstring(self.graph, line)
        graph, done = self._done(asked.name, asked.seed, cell)
        print(f"{asked.name}: {done}")
        return GraphEditor(graph) if asked.show else None

    def _done(self, name: str, seed: int | None, cell: str) -> tuple[Graph, str]:
        """The graph that the cell has made or changed, and what it did."""
        if not name.isidentifier():
            raise UsageError(f"line 1: {name!r} is no name of a variable")
        assert self.shell is not None
        there = self.shell.user_ns.get(name)
        if there is None:
            made = _read(cell, Graph(name, seed=seed or 0)).graph
            self.shell.push({name: made})
            return made, f"made, {_count(len(made.nodes))}"
        if not isinstance(there, Graph):
            raise UsageError(f"line 1: {name} is of type {type(there).__name__} already; choose another name")
        if seed not in (None, there.seed):
            raise UsageError(f"line 1: {name} has seed {there.seed}, which stays as it is")
        return there, _changed(there, _read(cell, Graph(there.name, seed=there.seed)))


def _read(cell: str, graph: Graph) -> Reading:
    """The graph, with what the cell says built in it. Raises UsageError with the cell's own line."""
    try:
        return read(cell, graph)
    except PythonSourceError as error:
        where = "" if error.line is None else f"line {error.line + 1}: "  # the first line is that of the magic
        raise UsageError(f"{where}{error.reason}") from None


def _changed(graph: Graph, wanted: Reading) -> str:
    """Make of a graph what is wanted, as one step; what that changes."""
    with graph.lock:
        ids = same_nodes(graph.state, wanted.graph.state, wanted.variables)
        patch = graph.becoming(wanted.graph, ids)
        try:
            if patch:
                graph.apply(patch)
        except PatchError as error:
            raise UsageError(str(error)) from None
    return _summary(patch)


def _summary(patch: Patch) -> str:
    """What a patch does, in words."""
    if not patch:
        return "nothing changed"
    added = {change.node.id for change in patch if isinstance(change, AddNode)}
    removed = {change.id for change in patch if isinstance(change, RemoveNode)}
    wired = {change.edge.target for change in patch if isinstance(change, Connect | Disconnect)}
    touched = wired | {
        change.id for change in patch if not isinstance(change, AddNode | Connect | Disconnect | Reorder | Describe)
    }
    groups = {"added": added, "removed": removed, "changed": touched - added - removed}
    return ", ".join(f"{_count(len(ids))} {what}" for what, ids in groups.items() if ids) or "another order"


def _count(number: int) -> str:
    return f"{number} {'node' if number == 1 else 'nodes'}"
