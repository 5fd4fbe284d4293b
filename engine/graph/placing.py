"""Places for new nodes among those that have theirs: right of what feeds them, where they cover no other node."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TypeAlias

import msgspec

from flowloom.graph.document import AddNode, Move, NodeDoc, Patch, RemoveNode
from flowloom.graph.layout import GAP_X, GAP_Y, Place, Size
from flowloom.graph.state import State

Box: TypeAlias = tuple[float, float, float, float]  # left, top, width, height


def placed(patch: Patch, before: State, after: State, ids: Mapping[str, str], sizes: Mapping[str, Size]) -> Patch:
    """The patch with places for the nodes that it adds to `before` without one, to make of it what `after` is.

    `ids` gives for each node of `after` the id that it has then, and `sizes` how large that will be drawn. While some
    node of `before` has no place the patch stays as it is: then all are laid out together.
    """
    gone = {change.id for change in patch if isinstance(change, RemoveNode)}
    new = {change.node.id: change.node for change in patch if isinstance(change, AddNode)}
    boxes: dict[str, Box] = {}
    for node in (*before.nodes.values(), *new.values()):
        if node.id in gone:
            continue
        if node.x is not None and node.y is not None:
            boxes[node.id] = (node.x, node.y, *sizes[node.id])
        elif node.id not in new:
            return patch
    for id in after.sorted(after.nodes):
        if ids[id] not in boxes:
            x, y = _wish(after, id, ids, boxes, sizes[ids[id]])
            boxes[ids[id]] = (x, free_top((x, y, *sizes[ids[id]]), boxes.values()), *sizes[ids[id]])
    return [AddNode(_at(c.node, boxes[c.node.id])) if isinstance(c, AddNode) else c for c in patch]


def placed_as(patch: Patch, before: State, after: State, ids: Mapping[str, str]) -> Patch:
    """The patch that makes of `before` what `after` is, and puts every node where it is there."""
    wanted = {ids[id]: node for id, node in after.nodes.items()}
    there = [(node, wanted[id]) for id, node in before.nodes.items() if id in wanted]
    return [
        *(AddNode(_like(c.node, wanted[c.node.id])) if isinstance(c, AddNode) else c for c in patch),
        *(Move(old.id, new.x, new.y) for old, new in there if (old.x, old.y) != (new.x, new.y)),
    ]


def _like(node: NodeDoc, place: NodeDoc) -> NodeDoc:
    return msgspec.structs.replace(node, x=place.x, y=place.y)


def _wish(state: State, id: str, ids: Mapping[str, str], boxes: Mapping[str, Box], size: Size) -> Place:
    """Right of what feeds the node; else left of what reads it; else at the left edge."""
    sources = [boxes[ids[e.source]] for e in state.incoming.get(id, {}).values() if ids[e.source] in boxes]
    if sources:
        return max(x + width for x, _, width, _ in sources) + GAP_X, _mean([y for _, y, _, _ in sources])
    readers = [boxes[ids[e.target]] for e in state.outgoing.get(id, ()) if ids[e.target] in boxes]
    if readers:
        return min(x for x, _, _, _ in readers) - GAP_X - size[0], _mean([y for _, y, _, _ in readers])
    return min((x for x, _, _, _ in boxes.values()), default=0.0), 0.0


def _mean(values: Collection[float]) -> float:
    return sum(values) / len(values)


def free_top(box: Box, others: Iterable[Box]) -> float:
    """How far down the box comes to lie, so that it covers none of the others."""
    x, y, width, height = box
    for left, top, wide, tall in sorted(others, key=lambda other: other[1]):
        beside = x >= left + wide + GAP_Y or left >= x + width + GAP_Y
        if not beside and y < top + tall + GAP_Y and top < y + height + GAP_Y:
            y = top + tall + GAP_Y
    return y


def _at(node: NodeDoc, box: Box) -> NodeDoc:
    return msgspec.structs.replace(node, x=box[0], y=box[1])
