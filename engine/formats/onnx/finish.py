"""The last step of an import: from the nodes as they were added to the graph that people get."""

from __future__ import annotations

import msgspec
import numpy as np

from flowloom.formats.onnx.builder import Builder
from flowloom.formats.onnx.errors import OnnxError
from flowloom.graph.document import AddNode, Connect
from flowloom.graph.graph import Graph
from flowloom.graph.state import NAME_LENGTH, SCOPE_LENGTH


def finished(builder: Builder) -> Graph:
    """The graph with each node in its place, and without those that no output needs.

    Raises OnnxError if it has dimensions of a name whose size it could not tell when it runs.
    """
    scratch = builder.graph
    _check_names(scratch)
    wanted = scratch.state.upstream(t.id for t in scratch.outputs) | {t.id for t in scratch.inputs}
    order = [id for id in scratch.nodes if id in wanted]
    names = _named(builder, order)
    nodes = [
        msgspec.structs.replace(scratch.nodes[id], scope=names[id][0], name=names[id][1])
        for id in sorted(order, key=lambda id: scratch.nodes[id].kind == "output")
    ]
    graph = Graph(scratch.name)
    graph.restore([*map(AddNode, nodes), *(Connect(e) for e in scratch.edges if e.target in wanted)])
    for id, array in builder.arrays.items():
        if id in wanted:
            expansion = graph.inferred(id).expansion
            assert expansion is not None
            (info,) = expansion.variables.values()
            graph.values.set(info, np.asarray(array, order="C"))
    return graph


def _check_names(graph: Graph) -> None:
    """Raise OnnxError if a named dimension comes from an input of which nothing but the size is read."""
    read = graph.state.upstream(t.id for t in graph.outputs)
    told = {d for t in graph.inputs if t.id in read for d in t.shape if isinstance(d, str)}
    for tensor in graph.outputs:
        for d in tensor.shape:
            if isinstance(d, str) and not told.issuperset(n for n in d.split("*") if not n.isdecimal()):
                raise OnnxError(f"no input that is read tells the size of {d!r}")


def _named(builder: Builder, order: list[str]) -> dict[str, tuple[str, str]]:
    """The scope and name of each node; what has a name in the model gets it, inputs and outputs first."""
    nodes = builder.graph.nodes
    first = {"input": 0, "output": 1, "variable": 2}
    taken: set[tuple[str, str]] = set()
    found = {}
    for id in sorted(order, key=lambda id: (id not in builder.places, first.get(nodes[id].kind, 3))):
        scope, name = builder.places.get(id, (nodes[id].scope, nodes[id].name))
        scope, name = _short(scope), name[:NAME_LENGTH]
        free, count = name, 1
        while (scope, free) in taken:
            free, count = f"{name[: NAME_LENGTH - 10]}_{count}", count + 1
        taken.add((scope, free))
        found[id] = (scope, free)
    return found


def _short(scope: str) -> str:
    """A scope that a graph can have: of one too long, its end."""
    return scope if len(scope) <= SCOPE_LENGTH else scope[-SCOPE_LENGTH:].partition("/")[2]
