"""Tidy positions for nodes: layers from left to right by the longest path, ordered within a layer by their neighbours.

Sugiyama's layered drawing with the barycentre heuristic, a few sweeps of it.
"""

from __future__ import annotations

from flowloom.graph.document import Move, Patch
from flowloom.graph.inference import Inference
from flowloom.graph.kinds import find_kind
from flowloom.graph.state import State

GAP_X, GAP_Y, SWEEPS = 96.0, 28.0, 4  # pixels between columns, pixels between nodes of a column, passes
NARROWEST, WIDEST = 160.0, 240.0  # pixels: how wide a node is drawn
HEADER, ROW, FOOTER = 32.0, 20.0, 24.0  # pixels: its name, each row of named ports, its spec
NAME, SMALL, CODE = 8.4, 6.6, 6.7  # pixels: a character of the name, of the kind, of the spec


def tidy(state: State, inference: Inference) -> Patch:
    """The moves that lay out all nodes; nodes that are there already get none."""
    places = _places(state, inference, state.sorted(state.nodes))
    return [Move(id, x, y) for id, (x, y) in places.items() if (state.nodes[id].x, state.nodes[id].y) != (x, y)]


def size(state: State, inference: Inference, id: str) -> tuple[float, float]:
    """How wide and tall a node is drawn, in pixels at zoom 1; `geometry.ts` draws to the same numbers."""
    node, inferred = state.nodes[id], inference.known.get(id)
    kind = find_kind(node.kind)
    label = kind.label if kind else node.kind
    specs = [str(e.spec) for e in inferred.exprs().values()] if inferred else []
    head = len(node.name) * NAME + 36 + (0 if label == node.name else len(label) * SMALL + 12)
    width = max(head, max((len(s) for s in specs), default=0) * CODE + 28)
    rows = max((n if n > 1 else 0) for n in (len(inferred.inputs), len(inferred.outputs))) if inferred else 0
    return min(WIDEST, max(NARROWEST, width)), HEADER + ROW * rows + FOOTER


def _places(state: State, inference: Inference, order: list[str]) -> dict[str, tuple[float, float]]:
    chosen = set(order)
    before = {id: [e.source for e in state.incoming.get(id, {}).values() if e.source in chosen] for id in order}
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
    return _spread({id: size(state, inference, id) for id in order}, columns, before, after)


def _spread(
    sizes: dict[str, tuple[float, float]],
    columns: list[list[str]],
    before: dict[str, list[str]],
    after: dict[str, list[str]],
) -> dict[str, tuple[float, float]]:
    """Centres within each column, pulled towards the neighbours' and pushed apart where they overlap."""
    heights = {id: height for id, (_, height) in sizes.items()}
    centre: dict[str, float] = {}
    for column in columns:
        _stack(column, centre, heights, {id: float(i) * 100 for i, id in enumerate(column)})
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        near = before if forward else after
        for column in columns if forward else reversed(columns):
            wanted = {id: _mean([centre[n] for n in near[id]], centre[id]) for id in column}
            column.sort(key=lambda id: wanted[id])
            _stack(column, centre, heights, wanted)
    top = min((centre[id] - heights[id] / 2 for id in centre), default=0.0)
    places: dict[str, tuple[float, float]] = {}
    left = 0.0
    for column in columns:
        places |= {id: (left, round(centre[id] - heights[id] / 2 - top)) for id in column}
        left += round(max(sizes[id][0] for id in column) + GAP_X)
    return places


def _stack(column: list[str], centre: dict[str, float], heights: dict[str, float], wanted: dict[str, float]) -> None:
    """Place a column near where its nodes want to be, without overlaps, keeping the middle of the whole."""
    bottom = float("-inf")
    for id in column:
        centre[id] = max(wanted[id], bottom + GAP_Y + heights[id] / 2)
        bottom = centre[id] + heights[id] / 2
    if column:
        drift = sum(centre[id] - wanted[id] for id in column) / len(column)
        for id in column:
            centre[id] -= drift


def _mean(values: list[float], default: float) -> float:
    return sum(values) / len(values) if values else default
