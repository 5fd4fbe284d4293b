"""Naming: which nodes of the graph an expression of a plan is for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flowloom.compiler.expr import Expr
from flowloom.compiler.gradient import Origins
from flowloom.graph.graph import Graph
from flowloom.profiler.costs import functions_of


class Naming:
    """The way from expressions back to the nodes of a graph, which has them by id.

    `written` leads from what a backend wrote out to the expression of the plan that it is part of.
    """

    def __init__(self, graph: Graph, origins: Origins, written: Mapping[Expr, Expr] | None = None) -> None:
        with graph.lock:
            self._paths = {id: node.path for id, node in graph.nodes.items()}
        self._origins, self._written = origins, {} if written is None else written

    def source(self, e: Expr) -> Expr:
        """The expression of the plan that `e` was written out of."""
        return self._written.get(e, e)

    def nodes(self, e: Expr, loops: Sequence[Expr] = ()) -> tuple[str, ...]:
        """The ids of the nodes that `e` is for, which stands in the body of each of `loops`, the outermost first."""
        e = self.source(e)
        if not loops:
            found = self._known(e)
            return self.nodes(e.args[0]) if not found and e.op.name == "copy" else found
        *outer, innermost = loops
        made = next((f.sources[e] for f in functions_of(innermost) if e in f.sources), None)
        return (() if made is None else self._known(made)) or self.nodes(innermost, outer)

    def paths(self, nodes: Sequence[str]) -> tuple[str, ...]:
        """The names of nodes."""
        return tuple(self._paths[id] for id in nodes)

    def _known(self, e: Expr) -> tuple[str, ...]:
        return tuple(id for id in self._origins.of(e) if id in self._paths)
