"""Pictures: drawings of nodes and wires that are only looked at, laid out as a graph is.

What a graph becomes on its way to the machine, and what two graphs have besides each other, is drawn as nodes as well,
but is no graph: its nodes may have equal names, or ports that no kind has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from flowloom.graph.document import EdgeDoc, NodeDoc
from flowloom.graph.graph import Graph
from flowloom.graph.kinds import find_kind
from flowloom.graph.layout import Place, Size, arrange, drawn_size
from flowloom.graph.state import State
from flowloom.graph.tensor import Tensor
from flowloom.graph.trial import open_ports
from flowloom.spec import Spec

Sign: TypeAlias = Literal["", "+", "-", "~"]  # added, removed, changed; "": as it was
PortSpec: TypeAlias = tuple[str, str | None]  # the name of a port, and the spec there as text
COARSE = "operations"  # the kind of a node that stands for several


class Sizes(NamedTuple):
    """How many weights a node owns and the bytes that they take; the bytes of its outputs for one sample, for which
    sizes that are not known, such as that of the batch, count as 1.
    """

    parameters: int = 0
    parameter_bytes: int = 0
    output_bytes: int = 0


NOTHING = Sizes()


@dataclass(frozen=True, slots=True)
class Drawn:
    """A node of a picture with its ports; `facts` are lines about it, `origins` ids of nodes that it stands for."""

    node: NodeDoc
    inputs: tuple[PortSpec, ...]
    outputs: tuple[PortSpec, ...]
    sizes: Sizes = NOTHING
    sign: Sign = ""
    facts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """Nodes and wires. `scopes` are those that stand for a node each, by path; `folded` says how scopes begin."""

    nodes: Sequence[Drawn]
    edges: Sequence[EdgeDoc]
    scopes: Mapping[str, str] = field(default_factory=dict)
    folded: Mapping[str, bool] = field(default_factory=dict)
    signs: Mapping[EdgeDoc, Sign] = field(default_factory=dict)


def laid_out(picture: Picture) -> Picture:
    """The picture with a tidy place for each of its nodes."""
    state = State()
    state.nodes.update({drawn.node.id: drawn.node for drawn in picture.nodes})
    state.edges.update({(edge.target, edge.target_port): edge for edge in picture.edges})
    for edge in picture.edges:
        state.incoming.setdefault(edge.target, {})[edge.target_port] = edge
        state.outgoing.setdefault(edge.source, {})[edge] = None
    places = arrange(state, {drawn.node.id: picture_size(drawn) for drawn in picture.nodes}).places
    return replace(picture, nodes=[at(drawn, places[drawn.node.id]) for drawn in picture.nodes])


def at(drawn: Drawn, place: Place) -> Drawn:
    """The node with its upper left corner there."""
    return replace(drawn, node=msgspec.structs.replace(drawn.node, x=place[0], y=place[1]))


def picture_size(drawn: Drawn) -> Size:
    """How wide and tall a node of a picture is drawn."""
    kind = find_kind(drawn.node.kind)
    inputs, outputs = ([name for name, _ in ports] for ports in (drawn.inputs, drawn.outputs))
    specs = [spec for _, spec in drawn.outputs if spec is not None]
    label = kind.label if kind else drawn.node.kind
    return drawn_size(drawn.node.name, label, inputs, outputs, specs, drawn.sizes.parameters)


def drawn(graph: Graph, id: str) -> Drawn:
    """A node of a graph as it is drawn: with the ports that it has now, what is known of them, and its weights."""
    inferred, edges = graph.inferred(id), graph.state.incoming.get(id, {})
    inputs: list[PortSpec] = []
    for port in open_ports(graph.state, id):
        spec = graph.spec(Tensor(graph, edges[port].source, edges[port].source_port)) if port in edges else None
        inputs.append((port, None if spec is None else str(spec)))
    exprs = inferred.exprs()
    outputs = tuple((port, str(exprs[port].spec) if port in exprs else None) for port in inferred.outputs)
    variables = inferred.expansion.variables.values() if inferred.expansion else ()
    weights = [v.spec for v in variables]
    sizes = Sizes(sum(s.size for s in weights), sum(map(_bytes, weights)), sum(_bytes(e.spec) for e in exprs.values()))
    return Drawn(graph.nodes[id], tuple(inputs), outputs, sizes)


def _bytes(spec: Spec) -> int:
    """What a tensor takes, if each size that is not a number is 1; a product of names and numbers is its numbers."""
    known = (
        d if isinstance(d, int) else prod(int(f) for f in (d or "").split("*") if f.isdecimal()) for d in spec.shape
    )
    return prod(known) * spec.dtype.itemsize


def coarse(picture: Picture) -> Picture:
    """The picture with one node for each of its `scopes` in the place of what lies in them; without places."""
    inside = {d.node.id: d.node.scope for d in picture.nodes if d.node.scope in picture.scopes}
    members: dict[str, list[Drawn]] = {}
    for made in picture.nodes:
        if made.node.id in inside:
            members.setdefault(made.node.scope, []).append(made)
    stands = {id: members[scope][0].node.id for id, scope in inside.items()}
    specs = {(d.node.id, port): spec for d in picture.nodes for port, spec in d.outputs}
    inputs: dict[str, dict[str, str | None]] = {}
    outputs: dict[str, dict[str, str | None]] = {}
    edges: dict[tuple[str, str], EdgeDoc] = {}
    for edge in picture.edges:
        source, target = stands.get(edge.source, edge.source), stands.get(edge.target, edge.target)
        if source == target:
            continue
        leaves = f"{edge.source}.{edge.source_port}" if edge.source in stands else edge.source_port
        enters = f"{edge.source}.{edge.source_port}" if edge.target in stands else edge.target_port
        spec = specs[edge.source, edge.source_port]
        outputs.setdefault(source, {})[leaves] = spec
        inputs.setdefault(target, {})[enters] = spec
        edges[target, enters] = EdgeDoc(source, leaves, target, enters)
    nodes = [d for d in picture.nodes if d.node.id not in inside]
    for scope, inner in members.items():
        id = inner[0].node.id
        outer, _, name = scope.rpartition("/")
        kinds = Counter(d.node.kind for d in inner)
        facts = tuple(f"{kind}: {times}" for kind, times in kinds.most_common())
        doc = NodeDoc(id, COARSE, name, scope=outer)
        ports = [tuple(side.get(id, {}).items()) for side in (inputs, outputs)]
        nodes.append(Drawn(doc, ports[0], ports[1], facts=facts, origins=(picture.scopes[scope],)))
    folded = {path: on for path, on in picture.folded.items() if path not in picture.scopes}
    return Picture(nodes, list(edges.values()), folded=folded)
