"""Taking a part of a graph as a graph of its own, between inputs and outputs that stand for what it was wired to."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

from msgspec.structs import replace

from flowloom.blocks.files import LONGEST
from flowloom.graph import Graph, Tensor
from flowloom.graph.document import AddNode, Connect, EdgeDoc, NodeDoc
from flowloom.params import unknown_name
from flowloom.spec import Spec

BEFORE, BEHIND = 260.0, 320.0  # pixels: from what is in a block to its inputs and its outputs


def part_of(graph: Graph, scope: str, name: str) -> Graph:
    """What lies in a scope as a graph of its own, in a scope `name`, between inputs and outputs."""
    state = graph.state
    inside = {n.id: n for n in state.nodes.values() if n.scope == scope or n.scope.startswith(f"{scope}/")}
    if not scope or not inside:
        scopes = sorted({n.scope for n in state.nodes.values() if n.scope})
        raise KeyError(unknown_name(scope, scopes, f"graph {graph.name!r} has no scope"))
    border = _Border(inside)
    edges: list[EdgeDoc] = []
    for edge in (e for e in graph.edges if e.target in inside):
        spec = graph.spec(Tensor(graph, edge.source, edge.source_port))
        if edge.source in inside:
            edges.append(edge)
        elif spec is not None:  # else it stays open
            edges.append(replace(edge, source=border.input(state.nodes[edge.source], edge, spec), source_port="y"))
    for node in (n for n in inside.values() if n.kind != "output"):
        readers = list(state.outgoing.get(node.id, ()))
        for port in graph.inferred(node.id).outputs or dict.fromkeys(e.source_port for e in readers):
            reading = [e.target for e in readers if e.source_port == port]
            if not reading or any(target not in inside for target in reading):
                edges.append(EdgeDoc(node.id, port, border.output(node, port), "x"))
    block = Graph(name, seed=graph.seed)
    nodes = [replace(n, scope=name + n.scope[len(scope) :]) for n in inside.values()]
    block.restore([*map(AddNode, nodes), *map(AddNode, border.nodes), *map(Connect, edges)])
    return block


class _Border:
    """The inputs and outputs around a part of a graph, left and right of it."""

    def __init__(self, inside: Mapping[str, NodeDoc]) -> None:
        self.nodes: list[NodeDoc] = []
        self._inside = inside
        self._inputs: dict[tuple[str, str], str] = {}
        places = [n.x for n in inside.values() if n.x is not None]
        self._left, self._right = min(places, default=0.0) - BEFORE, max(places, default=0.0) + BEHIND

    def input(self, source: NodeDoc, edge: EdgeDoc, spec: Spec) -> str:
        """The id of the input that stands for an output of a node outside."""
        key = edge.source, edge.source_port
        if key not in self._inputs:
            params = {"shape": [_dim(d) for d in spec.shape], "dtype": spec.dtype.name}
            beside = self._inside[edge.target]
            self._inputs[key] = self._add("input", source.name, edge.source_port, beside, self._left, params)
        return self._inputs[key]

    def output(self, node: NodeDoc, port: str) -> str:
        """The id of a new output that stands for what goes out."""
        return self._add("output", node.name, port, node, self._right, {})

    def _add(self, kind: str, label: str, port: str, beside: NodeDoc, x: float, params: dict[str, Any]) -> str:
        wanted = (label if port == "y" else f"{label}_{port}")[:LONGEST]
        taken = {node.name for node in self.nodes}
        name = next(n for i in count() if (n := f"{wanted}_{i}" if i else wanted) not in taken)
        id = next(new for i in count(len(self.nodes)) if (new := f"{kind}_{i}") not in self._inside)
        place = (None, None) if beside.y is None else (x, beside.y)
        self.nodes.append(NodeDoc(id, kind, name, params=params, x=place[0], y=place[1]))
        return id


def _dim(size: int | str | None) -> int | str | None:
    """A size as an input may have it: none is a product of names."""
    return size if not isinstance(size, str) or size.isidentifier() else None
