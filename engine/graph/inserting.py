"""A graph put into another, below what is there: its nodes get ids of their own, and names that are free."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from flowloom.graph.difference import new_nodes, translated
from flowloom.graph.document import AddNode, Connect, Patch
from flowloom.graph.layout import GAP_Y, Size
from flowloom.graph.state import State, free_suffix


def insertion(state: State, other: State, sizes: Mapping[str, Size]) -> tuple[Patch, dict[str, str]]:
    """The patch that adds all of `other`, and the id that each of its nodes gets. `sizes` are those in `state`.

    Outermost scopes and the nodes outside of any get other names where theirs are taken.
    """
    ids = new_nodes(state, other)
    scopes = _free_scopes(state, other)
    taken: set[str] = set()
    dx, dy = _shift(state, other, sizes)
    patch: Patch = []
    for id, node in other.nodes.items():
        first, slash, rest = node.scope.partition("/")
        name = node.name if node.scope else state.free_name(node.name, "", taken)
        taken.add(name if not node.scope else "")
        place = {
            "name": name,
            "scope": f"{scopes.get(first, '')}{slash}{rest}",
            "x": None if node.x is None else node.x + dx,
            "y": None if node.y is None else node.y + dy,
        }
        patch.append(AddNode(msgspec.structs.replace(translated(other.nodes[id], ids), **place)))
    edges = other.edges.values()
    patch += [Connect(msgspec.structs.replace(e, source=ids[e.source], target=ids[e.target])) for e in edges]
    return patch, ids


def _free_scopes(state: State, other: State) -> dict[str, str]:
    """What each outermost scope of `other` is called in `state`."""
    taken = {node.scope.partition("/")[0] for node in state.nodes.values()}
    found: dict[str, str] = {}
    for name in dict.fromkeys(node.scope.partition("/")[0] for node in other.nodes.values() if node.scope):
        found[name] = free_suffix(name, taken.__contains__)
        taken.add(found[name])
    return found


def _shift(state: State, other: State, sizes: Mapping[str, Size]) -> tuple[float, float]:
    """How far what is added moves: below what is there, at its left edge."""
    there = [(n.x, n.y, sizes[n.id][1]) for n in state.nodes.values() if n.x is not None and n.y is not None]
    new = [(n.x, n.y) for n in other.nodes.values() if n.x is not None and n.y is not None]
    if not there or not new:
        return 0.0, 0.0
    bottom = max(y + height for _, y, height in there)
    return min(x for x, *_ in there) - min(x for x, _ in new), bottom + 4 * GAP_Y - min(y for _, y in new)
