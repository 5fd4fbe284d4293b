"""Random walks over graphs: changes that fit and that do not, as a person, a program or a broken client sends them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

import flowloom as fl
from flowloom.formats.flow import document
from flowloom.graph.document import (
    AddNode,
    Change,
    Connect,
    Disconnect,
    EdgeDoc,
    Move,
    NodeDoc,
    Patch,
    RemoveNode,
    Rename,
    ResetParam,
    SetBypassed,
    SetNote,
    SetParam,
    SetScope,
)
from flowloom.graph.inference import Inferred
from flowloom.graph.kinds import find_kind
from flowloom.graph.trial import open_ports

IDS = [f"n{i}" for i in range(1, 9)]
PORTS = ["x", "y", "a", "b", "xs.0", "xs.1", "xs.2", "label", "gradient.0"]
KINDS: dict[str, list[dict[str, Any]]] = {
    "input": [{"shape": ["batch", 4]}, {"shape": ["batch"], "dtype": "int64"}, {"shape": ["batch", 2, 3]}, {}],
    "constant": [{"value": [[1.0, "nan"], [2.0, 3.0]]}, {"value": "a"}, {}],
    "variable": [{"shape": [4, 3]}, {"shape": [3]}, {"shape": []}],
    "add": [{}],
    "matmul": [{}],
    "concatenate": [{"axis": -1}, {"axis": 5}, {}],
    "relu": [{}, {"slope": 1}],
    "reshape": [{"shape": [-1]}, {"shape": ["batch", 4]}, {}],
    "mean": [{}, {"axis": 0}],
    "layers.dense": [{"units": 3}, {"units": -1}, {"units": 4, "activation": "tanh"}],
    "layers.flatten": [{}],
    "losses.softmax_cross_entropy": [{}],
    "gradients": [{}, {"wrt": ["n1/kernel"]}, {"wrt": ["n3/value"]}],
    "mystery": [{"anything": {"at": ["all", None]}}],
}
SETTINGS: list[tuple[str, Any]] = [
    ("units", 4),
    ("units", 0),
    ("units", 3),
    ("shape", ["batch", 4]),
    ("shape", ["batch", 3]),
    ("axis", 0),
    ("axis", 9),
    ("dtype", "int64"),
    ("activation", "relu"),
    ("value", float("nan")),
    ("nonsense", [1, {"two": None}]),
    ("wrt", ["n2/kernel"]),
]


@st.composite
def changes(draw: st.DrawFn) -> Change:
    """One change; it may fit a graph or not."""
    id = draw(st.sampled_from(IDS))
    edge = EdgeDoc(
        draw(st.sampled_from(IDS)),
        draw(st.sampled_from(["y", "y", "y", "gradient.0"])),
        id,
        draw(st.sampled_from(PORTS)),
    )
    match draw(st.integers(0, 13)):
        case 0 | 1 | 2:
            kind = draw(st.sampled_from(sorted(KINDS)))
            name = draw(st.sampled_from(["a", "b", "c", "d", "e", "ü 1", "bad/name"]))
            node = NodeDoc(
                id, kind, name, params=draw(st.sampled_from(KINDS[kind])), scope=draw(st.sampled_from(["", "s"]))
            )
            return AddNode(node)
        case 3 | 4 | 5 | 6:
            return Connect(edge)
        case 7:
            return Disconnect(edge)
        case 8:
            return RemoveNode(id)
        case 9:
            key, value = draw(st.sampled_from(SETTINGS))
            return SetParam(id, key, value)
        case 10:
            return ResetParam(id, draw(st.sampled_from(["units", "shape", "axis"])))
        case 11:
            return Rename(id, draw(st.sampled_from(["a", "b", "f", ""])))
        case 12:
            return SetScope(id, draw(st.sampled_from(["", "s", "s/t", "s//t"])))
        case _:
            return draw(
                st.sampled_from(
                    [
                        Move(id, 1.5, -2.0),
                        Move(id, float("nan"), 0.0),
                        SetNote(id, "seen"),
                        Move(id, None, None),
                        SetBypassed(id, True),
                        SetBypassed(id, False),
                    ]
                )
            )


@st.composite
def edits(draw: st.DrawFn, graph: fl.Graph) -> Patch:
    """What a person would do to this graph: wire it, unwire it, add a node that reads it, set, remove."""
    nodes, edges = sorted(graph.nodes), graph.edges
    node = graph.nodes[draw(st.sampled_from(nodes))] if nodes else None
    action = draw(st.sampled_from(["add", "add", "wire", "wire", "rewire", "unwire", "remove", "set", "bypass"]))
    if node is None or action == "add":
        id = next(i for i in (f"n{i}" for i in range(1, 99)) if i not in graph.nodes)
        kind = draw(st.sampled_from(sorted(KINDS)))
        new = NodeDoc(id, kind, id, params=draw(st.sampled_from(KINDS[kind])))
        wires = [(draw(st.sampled_from(nodes)), port) for port in _ports(graph, new) if nodes and draw(st.booleans())]
        return [AddNode(new), *(Connect(EdgeDoc(source, "y", id, port)) for source, port in wires)]
    if action in ("wire", "rewire"):
        ports = _ports(graph, node)
        if not ports:
            return [SetNote(node.id, "no ports")]
        edge = EdgeDoc(draw(st.sampled_from(nodes)), "y", node.id, draw(st.sampled_from(ports)))
        there = graph.state.incoming.get(node.id, {}).get(edge.target_port)
        return [*([Disconnect(there)] if there else []), Connect(edge)]
    if action == "unwire" and edges:
        return [Disconnect(draw(st.sampled_from(edges)))]
    if action == "remove":
        return graph.state.removal([node.id])
    if action == "bypass":
        return [SetBypassed(node.id, not node.bypassed)]
    key, value = draw(st.sampled_from(SETTINGS))
    return [SetParam(node.id, key, value)]


def _ports(graph: fl.Graph, node: NodeDoc) -> list[str]:
    """The input ports of a node, and a free one of a variadic port."""
    if node.id in graph.nodes:
        return open_ports(graph.state, node.id)
    kind = find_kind(node.kind)
    return [f"{p.name}.0" if p.variadic else p.name for p in kind.ports] if kind else ["anything"]


def patches(graph: fl.Graph) -> st.SearchStrategy[Patch]:
    """Mostly what would fit the graph, sometimes anything at all."""
    return st.one_of(edits(graph), edits(graph), edits(graph), st.lists(changes(), min_size=1, max_size=3))


def walk(data: st.DataObject, graph: fl.Graph, steps: int) -> Iterator[Patch]:
    """Draw patches for the graph as it becomes; whoever walks applies them."""
    for _ in range(steps):
        yield data.draw(patches(graph))


def model() -> fl.Graph:
    """A graph to start from, with ids as the walks know them: inputs, a layer, a variable, a loss, gradients."""
    with fl.Graph("model") as g:
        x = fl.input("x", shape=("batch", 4))
        hidden = fl.layers.dense(x, units=3, name="hidden")
        scale = fl.variable("scale", (3,))
        loss = fl.mean(hidden * scale, name="loss")
        fl.gradients(loss, [*g.trainable_variables, x])
    return g


def seen(graph: fl.Graph) -> Any:
    """All that a user of the graph can see, but for the history."""
    known = {id: graph.inferred(id) for id in graph.nodes}
    return document(graph), known, graph.problems


def indexes(graph: fl.Graph) -> Any:
    """The lookups that the state keeps, without what is empty."""
    state = graph.state
    incoming = {id: edges for id, edges in state.incoming.items() if edges}
    outgoing = {id: set(edges) for id, edges in state.outgoing.items() if edges}
    return state.edges, incoming, outgoing, {n.path: state.find(n.name, n.scope) for n in state.nodes.values()}


def expected_indexes(graph: fl.Graph) -> Any:
    """The same, made from nodes and edges alone."""
    incoming: dict[str, dict[str, EdgeDoc]] = {}
    outgoing: dict[str, set[EdgeDoc]] = {}
    for e in graph.edges:
        incoming.setdefault(e.target, {})[e.target_port] = e
        outgoing.setdefault(e.source, set()).add(e)
    edges = {(e.target, e.target_port): e for e in graph.edges}
    return edges, incoming, outgoing, {n.path: id for id, n in graph.nodes.items()}


def rebuilt(graph: fl.Graph) -> fl.Graph:
    """The graph made anew from its document."""
    fresh = fl.Graph(graph.name, seed=graph.seed)
    fresh.restore([*(AddNode(n) for n in graph.nodes.values()), *(Connect(e) for e in graph.edges)])
    return fresh


def known(graph: fl.Graph) -> dict[str, Inferred]:
    """What is inferred of each node."""
    return {id: graph.inferred(id) for id in graph.nodes}
