"""Snapshots: what a run trains stays what it was at the start, while the graph on the canvas goes on changing."""

from __future__ import annotations

from collections.abc import Mapping

from flowloom.graph.document import AddNode, Connect
from flowloom.graph.graph import Graph
from flowloom.graph.tensor import Tensor


def snapshot(graph: Graph, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`tensors` of `graph` in a copy of it, which shares its variables' values and the ids of its nodes."""
    with graph.lock:
        copy = Graph(graph.name, seed=graph.seed)
        copy.restore([*(AddNode(node) for node in graph.nodes.values()), *(Connect(edge) for edge in graph.edges)])
        copy.copy_places(graph)
        copy.values = graph.values
        copy.values.serve(copy)
    return {name: Tensor(copy, tensor.id, tensor.port) for name, tensor in tensors.items()}
