"""Other names for the nodes that a patch adds, where others have taken theirs since the patch was thought of."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from flowloom.graph.document import AddNode, Change, Patch, RemoveNode, Rename, SetScope
from flowloom.graph.state import NAME_LENGTH, State, free_suffix

LONGEST_SUFFIX = 8


def with_free_names(state: State, patch: Sequence[Change]) -> Patch:
    """The patch with the next free name for each node that it adds under a name that is taken in its scope."""
    named: dict[str, tuple[str, str]] = {}  # (scope, name) by id, of the nodes that the patch has named so far
    freed: set[tuple[str, str]] = set()

    def taken(scope: str, name: str) -> bool:
        return (scope, name) in named.values() or ((scope, name) not in freed and state.find(name, scope) is not None)

    def where(id: str) -> tuple[str, str]:
        node = state.nodes.get(id)
        return named.pop(id, (node.scope, node.name) if node else ("", ""))

    found: Patch = []
    for change in patch:
        match change:
            case AddNode(node):
                if taken(node.scope, node.name):
                    scope, base = node.scope, node.name[: NAME_LENGTH - LONGEST_SUFFIX]
                    name = free_suffix(base, lambda name, scope=scope: taken(scope, name))  # type: ignore[misc]
                    node = structs.replace(node, name=name)
                named[node.id] = (node.scope, node.name)
                found.append(AddNode(node))
                continue
            case RemoveNode(id):
                freed.add(where(id))
            case Rename(id, name):
                scope, old = where(id)
                freed.add((scope, old))
                named[id] = (scope, name)
            case SetScope(id, scope):
                outer, name = where(id)
                freed.add((outer, name))
                named[id] = (scope, name)
        found.append(change)
    return found
