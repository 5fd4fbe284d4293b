"""Tidy positions for nodes: layers from left to right by the longest path, ordered within a layer by their neighbours.

Sugiyama's layered drawing with the barycentre heuristic, a few sweeps of it.
"""

from __future__ import annotations

from collections.abc import Iterable

from flowloom.graph.document import Move, Patch
from flowloom.graph.state import State, operand_ports
from flowloom.graph.kinds import find_kind

COLUMN, GAP, SWEEPS = 280.0, 28.0, 4  # pixels between left edges, pixels between nodes of a column, passes
HEADER, ROW = 58.0, 20.0  # pixels: a node without ports, and each row of ports


def tidy(state: State, ids: Iterable[str] | None = None) -> Patch:
    """The moves that lay out these nodes (all, by default); nodes that are there already get none."""
    chosen = state.sorted(state.nodes if ids is None else ids)
    places = _places(state, chosen)
    return [
        Move(id, x, y) for id, (x, y) in places.items() if (state.nodes[id].x, state.nodes[id].y) != (x, y)
    ]


def height(state: State, id: str) -> float:
    """How tall the node is drawn, in pixels."""
    kind = find_kind(state.nodes[id].kind)
    connected = state.incoming.get(id, {})
    rows = len(connected) if kind is None else len(operand_ports(kind.ports, connected))
    return HEADER + ROW * max(rows, 1)


def _places(state: State, order: list[str]) -> dict[str, tuple[float, float]]:
    chosen = set(order)
    before = {
        id: [e.source for e in state.incoming.get(id, {}).values() if e.source in chosen] for id in order
    }
    after: dict[str, list[str]] = {id: [] for id in order}
    for id, sources in before.items():
        for source in sources:
            after[source].append(id)
    layer: dict[str, int] = {}
    for id in order:
        layer[id] = max((layer[s] + 1 for s in before[id]), default=0)
    for id in reversed(order):  # a source stands next to its first reader, not at the far left
        if not before[id] and after[id]:
            layer[id] = min(layer[t] for t in after[id]) - 1
    columns: list[list[str]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    for id in order:
        columns[layer[id]].append(id)
    return _spread(state, columns, before, after)


def _spread(
    state: State, columns: list[list[str]], before: dict[str, list[str]], after: dict[str, list[str]]
) -> dict[str, tuple[float, float]]:
    """Centres within each column, pulled towards the neighbours' and pushed apart where they overlap."""
    size = {id: height(state, id) for column in columns for id in column}
    centre: dict[str, float] = {}
    for column in columns:
        _stack(column, centre, size, {id: float(i) * 100 for i, id in enumerate(column)})
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        near = before if forward else after
        for column in columns if forward else reversed(columns):
            wanted = {id: _mean([centre[n] for n in near[id]], centre[id]) for id in column}
            column.sort(key=lambda id: wanted[id])
            _stack(column, centre, size, wanted)
    top = min((centre[id] - size[id] / 2 for id in centre), default=0.0)
    return {
        id: (i * COLUMN, round(centre[id] - size[id] / 2 - top)) for i, column in enumerate(columns) for id in column
    }


def _stack(column: list[str], centre: dict[str, float], size: dict[str, float], wanted: dict[str, float]) -> None:
    """Place a column near where its nodes want to be, without overlaps, keeping the middle of the whole."""
    bottom = float("-inf")
    for id in column:
        centre[id] = max(wanted[id], bottom + GAP + size[id] / 2)
        bottom = centre[id] + size[id] / 2
    if column:
        drift = sum(centre[id] - wanted[id] for id in column) / len(column)
        for id in column:
            centre[id] -= drift


def _mean(values: list[float], default: float) -> float:
    return sum(values) / len(values) if values else default
