"""Blocks: parts of a graph that are kept to be used again, each a file in the folder `blocks` beside the notebook.

A block is an ordinary `.flow.json` that typechecks by itself: what a wire brought in is an `input` at the top of it,
what a wire took out an `output`, and the part itself lies in a scope. Where the block is inserted, inputs and outputs
at the top give way to wires. So any saved graph serves as a block, and any block can be loaded and drawn as a graph.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from msgspec import structs

from flowloom.blocks.files import BlockError, BlockExistsError, names, path_of, remove, rename
from flowloom.blocks.reading import Block, read
from flowloom.blocks.writing import part_of
from flowloom.formats import flow
from flowloom.graph import Graph, Tensor
from flowloom.graph.document import AddNode, Connect, EdgeDoc, Patch
from flowloom.graph.graph import current_scope
from flowloom.spec import SpecError

__all__ = ["BlockError", "BlockExistsError", "insert", "names", "remove", "rename", "save"]


def save(graph: Graph, scope: str, name: str | None = None, *, replace: bool = False) -> Path:
    """Keep what lies in a scope of a graph as a block, under the scope's own name unless another is given.

    Trained values are not kept. Returns the file. Raises KeyError for an unknown scope, BlockExistsError if there is a
    block of that name and `replace` is off, BlockError if it cannot be named or written so.
    """
    name = scope.rpartition("/")[2] if name is None else name
    path = path_of(name)
    with graph.lock:
        block = part_of(graph, scope, name)
    if not replace and path.exists():
        raise BlockExistsError(f"there is a block {name!r} already; replace=True puts this one in its place")
    try:
        path.parent.mkdir(exist_ok=True)
        flow.save(block, path)
    except OSError as error:
        raise BlockError(f"block {name!r} cannot be written to {path.parent}: {error.strerror or error}") from None
    return path


def insert(graph: Graph, block: str, *inputs: Tensor, name: str | None = None) -> Any:
    """Put a copy of a block into a graph, in a scope `name` (by default the block's), as one step that can be undone.

    `inputs` are wired to its inputs in their order; those left out stay open. Returns its output, several as a tuple.
    Raises SpecError if an input does not fit, BlockError if the block cannot be read, with the graph as it was.
    """
    found = read(block)
    if len(inputs) > len(found.inputs):
        raise SpecError(f"block {block!r} takes at most {len(found.inputs)} tensors; got {len(inputs)}")
    for tensor in inputs:
        if not isinstance(tensor, Tensor) or tensor.graph is not graph:
            raise SpecError(f"what is wired to a block is a tensor of graph {graph.name!r}; got {tensor!r}")
    with graph.lock:
        ids = {node.id: f"n{uuid4().hex[:12]}" for node in found.nodes}
        patch = _copies(found, ids, _free_scope(graph, found.name if name is None else name))
        for end, tensor in zip(found.inputs, inputs, strict=False):
            patch += [Connect(EdgeDoc(tensor.id, tensor.port, ids[id], port)) for id, port in end.ports]
        problem = graph.refusal(patch)
        if problem is not None:
            raise SpecError(problem.message, dimension=problem.dimension)
        graph.apply(patch)
    given = tuple(Tensor(graph, ids[id], port) for end in found.outputs for id, port in end.ports)
    return given[0] if len(given) == 1 else given


def _copies(block: Block, ids: Mapping[str, str], scope: str) -> Patch:
    rest = len(block.name)
    nodes = [structs.replace(n, id=ids[n.id], scope=scope + n.scope[rest:], x=None, y=None) for n in block.nodes]
    edges = [EdgeDoc(ids[e.source], e.source_port, ids[e.target], e.target_port) for e in block.edges]
    return [*map(AddNode, nodes), *map(Connect, edges)]


def _free_scope(graph: Graph, name: str) -> str:
    """A scope in the one that is open that no node lies in: `name`, or `name_1`, `name_2`, ..."""
    outer = current_scope(graph)
    wanted = f"{outer}/{name}" if outer else name
    taken = {
        "/".join(parts[:i])
        for n in graph.nodes.values()
        for parts in [n.scope.split("/")]
        for i in range(1, len(parts) + 1)
    }
    return next(s for i in range(len(taken) + 1) if (s := f"{wanted}_{i}" if i else wanted) not in taken)
