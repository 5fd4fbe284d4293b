"""Tidy positions for nodes: layers from left to right by the longest path, ordered within a layer by their neighbours.

Sugiyama's layered drawing with the barycentre heuristic, a few sweeps of it. Scopes are drawn from the inside out: each
is laid out by itself, and is one box to the scope around it, so boxes cover neither each other nor what is not theirs.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from flowloom.graph.document import Move, NodeDoc, Patch
from flowloom.graph.inference import Inference
from flowloom.graph.kinds import ZONE_BEGINS, ZONE_ENDS, find_kind
from flowloom.graph.state import State
from flowloom.graph.trial import open_ports

GAP_X, GAP_Y, SWEEPS = 96.0, 28.0, 4  # pixels between columns, pixels between nodes of a column, passes
NARROWEST, WIDEST = 160.0, 240.0  # pixels: how wide a node is drawn
HEADER, ROW, FOOTER = 32.0, 20.0, 24.0  # pixels: its name, each row of named ports, its spec
NAME, SMALL, CODE = 8.4, 6.6, 6.7  # pixels: a character of the name, of the kind, of the spec
PORTS = 36.0  # pixels: left and right of the names of ports, and between them
SIDE, TITLE, BOTTOM = 24.0, 44.0, 20.0  # pixels: around what is in a scope, the top with its title


Place = tuple[float, float]  # an upper left corner
Size = tuple[float, float]  # width and height


@dataclass(frozen=True, slots=True)
class Drawing:
    """Where everything lies: upper left corners of nodes by id; corners and sizes of scopes' boxes by path."""

    places: dict[str, Place]
    boxes: dict[str, tuple[float, float, float, float]]


@dataclass(slots=True)
class _Items:
    """What lies directly in a scope: nodes by id and scopes by "/path", each with those that it reads from."""

    before: dict[str, list[str]] = field(default_factory=dict)
    begins: set[str] = field(default_factory=set)
    ends: set[str] = field(default_factory=set)


def tidy(state: State, inference: Inference, only: Collection[str] = ()) -> Patch:
    """The moves that lay out all nodes, or only some, whose upper left corner stays; those in place get none."""
    nodes = [state.nodes[id] for id in state.nodes if not only or id in only]
    places = arrange(state, {node.id: size(state, inference, node.id) for node in nodes}).places
    right, down = _shift(nodes, places) if only else (0.0, 0.0)
    moves = [Move(node.id, places[node.id][0] + right, places[node.id][1] + down) for node in nodes]
    return [move for move in moves if (state.nodes[move.id].x, state.nodes[move.id].y) != (move.x, move.y)]


def _shift(nodes: Sequence[NodeDoc], places: Mapping[str, Place]) -> Place:
    """From the corner of these places to that of where the nodes are now."""
    now = [(node.x, node.y) for node in nodes if node.x is not None and node.y is not None]
    corners = [tuple(min(place[axis] for place in each) for axis in (0, 1)) for each in (now, places.values()) if each]
    return (corners[0][0] - corners[1][0], corners[0][1] - corners[1][1]) if len(corners) == 2 else (0.0, 0.0)


def size(state: State, inference: Inference, id: str) -> Size:
    """How wide and tall a node of a graph is drawn, in pixels at zoom 1."""
    node, inferred = state.nodes[id], inference.known.get(id)
    kind = find_kind(node.kind)
    specs = [str(e.spec) for e in inferred.exprs().values()] if inferred else []
    optional = {p.name for p in kind.ports if p.optional} if kind else set()
    inputs = [f"{port} optional" if port in optional else port for port in open_ports(state, id)]
    label = kind.label if kind else node.kind
    weights = sum(v.spec.size for v in inferred.expansion.variables.values()) if inferred and inferred.expansion else 0
    return drawn_size(node.name, label, inputs, inferred.outputs if inferred else (), specs, weights)


def drawn_size(
    name: str, label: str, inputs: Sequence[str], outputs: Sequence[str], specs: Sequence[str], weights: int = 0
) -> Size:
    """How wide and tall a node with these names, ports, specs and number of weights is drawn; `geometry.ts` draws to
    the same numbers.
    """
    head = len(name) * NAME + 36 + (0 if label == name else len(label) * SMALL + 12)
    rows = [side if len(side) > 1 else [] for side in (inputs, outputs)]
    named = sum(max((len(name) for name in side), default=0) for side in rows)
    beside = len(short_count(weights)) * SMALL + 12 if weights else 0
    foot = max((len(s) for s in specs), default=0) * CODE + 28 + beside
    width = max(head, foot, named * SMALL + PORTS if named else 0)
    return min(WIDEST, max(NARROWEST, width)), HEADER + ROW * max(map(len, rows)) + FOOTER


def short_count(number: int) -> str:
    """A number of weights as a node shows it: "650", "30.6 k", "1.2 M"; `numbers.ts` writes the same."""
    for unit, factor in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= 0.9995 * factor:
            return f"{number / factor:.3g} {unit}"
    return str(number)


def arrange(state: State, sizes: Mapping[str, Size]) -> Drawing:
    """Lay out the nodes that have these sizes, and the scopes around them."""
    scopes = _scopes(state, sizes)
    known = dict(sizes)
    inner: dict[str, dict[str, Place]] = {}
    for path in sorted(scopes, key=_depth, reverse=True):
        inner[path] = _places(scopes[path], known)
        corners = [(x + known[i][0], y + known[i][1]) for i, (x, y) in inner[path].items()]
        width, height = (max((c[axis] for c in corners), default=0.0) for axis in (0, 1))
        known[f"/{path}"] = (width + 2 * SIDE, height + TITLE + BOTTOM)
    drawing = Drawing({}, {})
    origins = {"": (0.0, 0.0)}
    for path in sorted(scopes, key=_depth):
        left, top = origins[path]
        for item, (x, y) in inner[path].items():
            if item.startswith("/"):
                drawing.boxes[item[1:]] = (left + x, top + y, *known[item])
                origins[item[1:]] = (left + x + SIDE, top + y + TITLE)
            else:
                drawing.places[item] = (left + x, top + y)
    return drawing


def _scopes(state: State, ids: Container[str]) -> dict[str, _Items]:
    """The items of every scope that holds some of these nodes, in the order of computation of the first in each."""
    scopes: dict[str, _Items] = {"": _Items()}
    chains: dict[str, list[str]] = {}  # the scopes around a node as items, from the outermost, and then the node
    for id in state.sorted(id for id in state.nodes if id in ids):
        node = state.nodes[id]
        parts = node.scope.split("/") if node.scope else []
        chains[id] = [*(f"/{'/'.join(parts[: i + 1])}" for i in range(len(parts))), id]
        for outer, item in zip(["", *chains[id]], chains[id], strict=False):
            scopes.setdefault(outer[1:], _Items()).before.setdefault(item, [])
        if node.kind in ZONE_BEGINS:  # the first of its scope, at the left edge
            scopes[node.scope].begins.add(id)
        if node.kind in ZONE_ENDS:  # the last of its scope, at the right edge
            scopes[node.scope].ends.add(id)
    for edge in state.edges.values():
        if edge.source not in chains or edge.target not in chains:
            continue
        ends = list(zip(chains[edge.source], chains[edge.target], strict=False))
        shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], ends))
        source, target = ends[shared]
        scopes[ends[shared - 1][0][1:] if shared else ""].before[target].append(source)
    return scopes


def _depth(path: str) -> int:
    return path.count("/") + 1 if path else 0


def _places(items: _Items, sizes: Mapping[str, Size]) -> dict[str, Place]:
    """The corners of the items of one scope, the least of them at 0."""
    order = _in_order(items.before)
    rank = {item: index for index, item in enumerate(order)}
    before = {item: [s for s in items.before[item] if rank[s] < rank[item]] for item in order}
    after: dict[str, list[str]] = {item: [] for item in order}
    for item, sources in before.items():
        for source in sources:
            after[source].append(item)
    layer = _layers(order, before, after, items.begins, items.ends)
    columns: list[list[str]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    for item in order:
        columns[layer[item]].append(item)
    return _spread({item: sizes[item] for item in order}, [c for c in columns if c], before, after)


def _in_order(before: Mapping[str, Collection[str]]) -> list[str]:
    """The items, each after those that it reads from; where scopes read from each other, the first one goes first."""
    rank = {item: index for index, item in enumerate(before)}
    after: dict[str, list[str]] = {item: [] for item in before}
    waits = {item: len(set(sources)) for item, sources in before.items()}
    for item, sources in before.items():
        for source in set(sources):
            after[source].append(item)
    ready = [(rank[item], item) for item in before if waits[item] == 0]  # sorted, so a heap
    left = iter(before)
    order: dict[str, None] = {}
    while len(order) < len(before):
        item = heapq.heappop(ready)[1] if ready else next(i for i in left if i not in order)
        if item in order:
            continue
        order[item] = None
        for reader in after[item]:
            waits[reader] -= 1
            if waits[reader] == 0 and reader not in order:
                heapq.heappush(ready, (rank[reader], reader))
    return list(order)


def _layers(
    order: list[str],
    before: Mapping[str, list[str]],
    after: Mapping[str, list[str]],
    begins: Collection[str],
    ends: Collection[str],
) -> dict[str, int]:
    """The column of each item: what begins a zone has the first for itself, what ends it the last."""
    layer: dict[str, int] = {}
    for item in order:
        first = 1 if begins and item not in begins else 0
        layer[item] = max((layer[s] + 1 for s in before[item]), default=first)
    for item in reversed(order):  # a source stands next to its first reader, not at the far left
        if not before[item] and after[item] and item not in begins:
            layer[item] = min(layer[t] for t in after[item]) - 1
    last = max((layer[i] for i in order if i not in ends), default=-1) + 1
    for item in ends:
        if not after[item]:
            layer[item] = max(layer[item], last)
    return layer


def _spread(
    sizes: dict[str, Size],
    columns: list[list[str]],
    before: dict[str, list[str]],
    after: dict[str, list[str]],
) -> dict[str, Place]:
    """Centres within each column, pulled towards the neighbours' and pushed apart where they overlap."""
    reach = {id: _reach(id, height) for id, (_, height) in sizes.items()}
    centre: dict[str, float] = {}
    for column in columns:
        _stack(column, centre, reach, {id: float(i) * 100 for i, id in enumerate(column)})
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        near = before if forward else after
        for column in columns if forward else reversed(columns):
            wanted = {id: _mean([centre[n] for n in near[id]], centre[id]) for id in column}
            column.sort(key=lambda id: wanted[id])
            _stack(column, centre, reach, wanted)
    top = min((centre[id] - reach[id][0] for id in centre), default=0.0)
    places: dict[str, Place] = {}
    left = 0.0
    for column in columns:
        places |= {id: (left, float(round(centre[id] - reach[id][0] - top))) for id in column}
        left += round(max(sizes[id][0] for id in column) + GAP_X)
    return places


def _reach(id: str, height: float) -> tuple[float, float]:
    """How far an item reaches above and below its centre: that of a scope is the middle of what it holds."""
    above = (height - TITLE - BOTTOM) / 2 + TITLE if id.startswith("/") else height / 2
    return above, height - above


def _stack(
    column: list[str], centre: dict[str, float], reach: dict[str, tuple[float, float]], wanted: dict[str, float]
) -> None:
    """Place a column near where its nodes want to be, without overlaps, keeping the middle of the whole."""
    bottom = float("-inf")
    for id in column:
        above, below = reach[id]
        centre[id] = max(wanted[id], bottom + GAP_Y + above)
        bottom = centre[id] + below
    if column:
        drift = sum(centre[id] - wanted[id] for id in column) / len(column)
        for id in column:
            centre[id] -= drift


def _mean(values: list[float], default: float) -> float:
    return sum(values) / len(values) if values else default
