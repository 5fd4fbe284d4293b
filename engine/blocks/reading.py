"""Reading a block: what is in its file, and what of it meets the graph that it comes into."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from msgspec.structs import replace

from flowloom.blocks.files import MOST_BLOCKS, BlockError, existing
from flowloom.formats import flow
from flowloom.graph import Graph, Tensor
from flowloom.graph.document import EdgeDoc, NodeDoc
from flowloom.graph.trial import open_ports
from flowloom.spec import Spec

MOST_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class End:
    """An input or output of a block: its name, its spec if that is known, and the ports (node id, port) behind it."""

    name: str
    spec: Spec | None
    ports: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Block:
    """A block that was read: nodes in a scope of its name, the wires among them, and what the outside is wired to."""

    name: str
    nodes: tuple[NodeDoc, ...]
    edges: tuple[EdgeDoc, ...]
    inputs: tuple[End, ...]
    outputs: tuple[End, ...]
    parameters: int


_known: dict[Path, tuple[tuple[int, int], Block]] = {}  # as of a time of change and a size, for lists of all blocks


def read(name: str) -> Block:
    """The block of that name. Runs no code; unknown kinds are kept. Raises BlockError."""
    path = existing(name)
    try:
        there = path.stat()
        stamp = (there.st_mtime_ns, there.st_size)
        known = _known.get(path)
        if known is not None and known[0] == stamp:
            return known[1]
        if there.st_size > MOST_BYTES:
            raise BlockError(f"block {name!r} has {there.st_size} bytes; a block has at most {MOST_BYTES}")
        block = _of(flow.load(path), name)
    except OSError as error:
        raise BlockError(f"block {name!r} cannot be read: {error.strerror or error}") from None
    except flow.FlowFileError as error:
        raise BlockError(str(error)) from None
    if len(_known) >= MOST_BLOCKS:
        _known.clear()
    _known[path] = (stamp, block)
    return block


def _of(graph: Graph, name: str) -> Block:
    """The graph of a file as a block."""
    graph.place()  # one that was never drawn
    state = graph.state
    border = {id: node for id, node in state.nodes.items() if node.scope == "" and node.kind in ("input", "output")}
    inner = {id: node for id, node in state.nodes.items() if id not in border}
    if not inner:
        raise BlockError(f"block {name!r} has no nodes besides inputs and outputs")
    tops = {node.scope.partition("/")[0] for node in inner.values()}
    alone = len(tops) == 1 and "" not in tops
    inputs = [*_fed(graph, border, inner), *_open_inputs(graph, inner)]
    outputs = [*_declared(graph, border, inner), *_unread_outputs(graph, inner)]
    token = uuid4().hex
    ids = {id: f"{token}-{index}" for index, id in enumerate(inner)}  # no graph that it comes into has these

    def scope(path: str) -> str:
        rest = path.partition("/")[2] if alone else path
        return f"{name}/{rest}" if rest else name

    def named(end: End) -> End:
        return End(end.name, end.spec, tuple((ids[id], port) for id, port in end.ports))

    variables = [v for id in inner if (known := graph.inferred(id).expansion) for v in known.variables.values()]
    return Block(
        name=name,
        nodes=tuple(replace(n, id=ids[id], scope=scope(n.scope)) for id, n in inner.items()),
        edges=tuple(
            EdgeDoc(ids[e.source], e.source_port, ids[e.target], e.target_port)
            for e in graph.edges
            if e.source in inner and e.target in inner
        ),
        inputs=tuple(map(named, inputs)),
        outputs=tuple(map(named, outputs)),
        parameters=sum(v.spec.size for v in variables),
    )


def _fed(graph: Graph, border: Mapping[str, NodeDoc], inner: Container[str]) -> Iterator[End]:
    """The inputs at the top that something in the block reads."""
    for id, node in border.items():
        ports = tuple((e.target, e.target_port) for e in graph.state.outgoing.get(id, ()) if e.target in inner)
        if node.kind == "input" and ports:
            yield End(node.name, graph.spec(Tensor(graph, id, "y")), ports)


def _declared(graph: Graph, border: Mapping[str, NodeDoc], inner: Container[str]) -> Iterator[End]:
    """The outputs at the top of what is in the block."""
    for id, node in border.items():
        edge = graph.state.incoming.get(id, {}).get("x")
        if node.kind == "output" and edge is not None and edge.source in inner:
            source = (edge.source, edge.source_port)
            yield End(node.name, graph.spec(Tensor(graph, *source)), (source,))


def _open_inputs(graph: Graph, inner: Mapping[str, NodeDoc]) -> Iterator[End]:
    """The inputs that wait for a wire: one for each node, the port that its problem names."""
    for id, node in inner.items():
        problem = graph.inferred(id).problem
        if problem is not None and problem.code == "missing" and problem.port in open_ports(graph.state, id):
            yield End(f"{node.name}.{problem.port}", None, ((id, problem.port),))


def _unread_outputs(graph: Graph, inner: Mapping[str, NodeDoc]) -> Iterator[End]:
    """The outputs that no wire takes away."""
    for id, node in inner.items():
        read_ports = {e.source_port for e in graph.state.outgoing.get(id, ())}
        for port in graph.inferred(id).outputs:
            if port not in read_ports:
                label = node.name if port == "y" else f"{node.name}.{port}"
                yield End(label, graph.spec(Tensor(graph, id, port)), ((id, port),))
