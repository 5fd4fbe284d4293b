"""Differences: the patch that turns one graph into another, whose nodes have other ids. Where they lie is left alone.

A node of the one graph is the same as one of the other if they have the same path and kind. Of those left over, two of
a kind are the same that alone have the same wires, from or to nodes that are: then it was renamed or put elsewhere.
What is the same keeps its id, and with it its weights and its place on the canvas.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import count
from typing import TypeAlias

import msgspec

from flowloom.graph.document import (
    AddNode,
    Change,
    Connect,
    Disconnect,
    Json,
    NodeDoc,
    Patch,
    RemoveNode,
    Rename,
    Reorder,
    ResetParam,
    SetBypassed,
    SetNote,
    SetParam,
    SetScope,
)
from flowloom.graph.state import State, as_json, free_suffix, known_kind
from flowloom.params import REQUIRED

Ids: TypeAlias = Mapping[str, str]  # the ids of nodes afterwards, each with that which it has in the patched graph
Key: TypeAlias = Callable[[State, Ids, str], Hashable | None]  # what is compared of a node, given which are known
Place: TypeAlias = tuple[str, str]  # a scope and a name in it


def difference(before: State, after: State, ids: Ids | None = None) -> Patch:
    """The patch that makes of `before` what `after` is: nodes, names, parameters, wires, notes, bypasses and order.

    `ids` says which nodes are the same, as `same_nodes` finds them. A parameter that is set to its default is the same
    as one that is not set. A new node has no position, but for one that takes the place of another of its path.
    """
    ids = same_nodes(before, after) if ids is None else ids
    wanted = {ids[id]: translated(node, ids) for id, node in after.nodes.items()}
    edges = [msgspec.structs.replace(e, source=ids[e.source], target=ids[e.target]) for e in after.edges.values()]
    kept = set(edges)
    gone = [id for id in before.nodes if id not in wanted]
    new = [id for id in wanted if id not in before.nodes]
    stay = [id for id in before.nodes if id in wanted]
    return [
        *(Disconnect(e) for e in before.edges.values() if e not in kept),
        *(RemoveNode(id) for id in gone),
        *_renamed({id: (before.nodes[id], wanted[id]) for id in stay}),
        *(AddNode(_placed(wanted[id], before)) for id in new),
        *(change for id in stay for change in _set(before.nodes[id], wanted[id])),
        *(Connect(e) for e in edges if before.edges.get((e.target, e.target_port)) != e),
        *_reordered(after, ids, [*stay, *new]),
    ]


def same_nodes(before: State, after: State, called: Mapping[str, str] | None = None) -> dict[str, str]:
    """For each node of `after` the id of the node of `before` that it is; a new one for those that it has not.

    `called` says by id what people call nodes whose names were made up, and counts more than those.
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    names = [(id, name) for id, name in (called or {}).items()] + [(id, node.name) for id, node in after.nodes.items()]
    for id, name in names:
        node = after.nodes[id]
        there = before.find(name, node.scope)
        if there is None or there in taken or id in found or _kind(before.nodes[there]) != _kind(node):
            continue
        found[id] = there
        taken.add(there)
    _Wires(before, after, found).find()
    fresh = (id for i in count(1) if not before.ever(id := f"d{i}"))
    return {id: found[id] if id in found else next(fresh) for id in after.nodes}


def new_nodes(before: State, after: State) -> dict[str, str]:
    """For each node of `after` an id that no node of `before` ever had: its own, if that is so."""
    fresh = (id for i in count(1) if not before.ever(id := f"d{i}") and id not in after.nodes)
    return {id: next(fresh) if before.ever(id) else id for id in after.nodes}


def _kind(node: NodeDoc) -> tuple[str, int]:
    return node.kind, node.version


# ---------------------------------------------------------------- nodes that are known by their wires


class _Wires:
    """Adds to `found` the pairs that are alone with their kind and wires, and so on from each to its neighbours."""

    def __init__(self, before: State, after: State, found: dict[str, str]) -> None:
        self.before, self.after, self.found = before, after, found
        self.taken = set(found.values())
        self.there = {id: id for id in before.nodes}

    def find(self) -> None:
        """Add all pairs that there are."""
        while pairs := self._anywhere():
            while pairs:
                pairs = self._beside(pairs)

    def _anywhere(self) -> dict[str, str]:
        return next((pairs for key in KEYS if (pairs := self._add(key, self.before.nodes, self.after.nodes))), {})

    def _beside(self, pairs: Ids) -> dict[str, str]:
        """Among the nodes beside these: all that have the same wires from, or to, one of these are there."""
        targets = [_targets(self.before, pairs.values()), _targets(self.after, pairs)]
        sources = [_sources(self.before, pairs.values()), _sources(self.after, pairs)]
        return {**self._add(_into, *targets), **self._add(_out_of, *sources)}

    def _add(self, key: Key, old: Iterable[str], new: Iterable[str]) -> dict[str, str]:
        ours = _alone((id for id in old if id not in self.taken), partial(key, self.before, self.there))
        theirs = _alone((id for id in new if id not in self.found), partial(key, self.after, self.found))
        pairs = {id: ours[wires] for wires, id in theirs.items() if wires in ours}
        self.found.update(pairs)
        self.taken.update(pairs.values())
        return pairs


def _targets(state: State, ids: Iterable[str]) -> dict[str, None]:
    return dict.fromkeys(e.target for id in ids for e in state.outgoing.get(id, ()))


def _sources(state: State, ids: Iterable[str]) -> dict[str, None]:
    return dict.fromkeys(e.source for id in ids for e in state.incoming.get(id, {}).values())


def _alone(ids: Iterable[str], key_of: Callable[[str], Hashable | None]) -> dict[Hashable, str]:
    """The nodes by their keys, without those that share one."""
    by_key: dict[Hashable, list[str]] = {}
    for id in ids:
        if (key := key_of(id)) is not None:
            by_key.setdefault(key, []).append(id)
    return {key: same[0] for key, same in by_key.items() if len(same) == 1}


def _both(state: State, known: Ids, id: str) -> Hashable | None:
    """The kind and all wires of a node; None unless there are some on both sides, to nodes that are known."""
    into, out = _into(state, known, id), _out_of(state, known, id)
    return None if into is None or out is None else (into, out)


def _into(state: State, known: Ids, id: str) -> Hashable | None:
    edges = state.incoming.get(id, {}).values()
    wires = frozenset((e.target_port, known.get(e.source, ""), e.source_port) for e in edges)
    return None if not wires or any(not w[1] for w in wires) else (_kind(state.nodes[id]), wires)


def _out_of(state: State, known: Ids, id: str) -> Hashable | None:
    edges = state.outgoing.get(id, {})
    wires = frozenset((e.source_port, known.get(e.target, ""), e.target_port) for e in edges)
    return None if not wires or any(not w[1] for w in wires) else (_kind(state.nodes[id]), wires)


KEYS: tuple[Key, ...] = (_both, _into, _out_of)

# ---------------------------------------------------------------- what a node becomes


def translated(node: NodeDoc, ids: Ids) -> NodeDoc:
    """The node with its id in the patched graph, and so with the keys of variables in its parameters."""
    params = dict(node.params)
    if node.kind == "gradients" and "wrt" in params:
        params["wrt"] = [_key(key, ids) for key in params["wrt"]]
    elif node.kind == "variable_of" and "variable" in params:
        params["variable"] = _key(params["variable"], ids)
    return msgspec.structs.replace(node, id=ids[node.id], params=params)


def _key(key: str, ids: Ids) -> str:
    """A variable's key, "node id/role", with the node's id in the patched graph."""
    id, _, role = key.partition("/")
    return f"{ids.get(id, id)}/{role}"


def _placed(node: NodeDoc, before: State) -> NodeDoc:
    """A new node, at the place of the node of its path if there was one."""
    there = before.find(node.name, node.scope)
    old = before.nodes[there] if there is not None else None
    return msgspec.structs.replace(node, x=old.x if old else None, y=old.y if old else None)


def _set(old: NodeDoc, new: NodeDoc) -> Iterator[Change]:
    """Parameters, note, and whether it is bypassed."""
    for key in dict.fromkeys([*old.params, *new.params]):
        if _written(value_of(old, key)) != _written(value_of(new, key)):
            yield SetParam(new.id, key, new.params[key]) if key in new.params else ResetParam(new.id, key)
    if old.note != new.note:
        yield SetNote(new.id, new.note)
    if old.bypassed != new.bypassed:
        yield SetBypassed(new.id, new.bypassed)


def value_of(node: NodeDoc, key: str) -> Json:
    """A parameter of a node, or its default; REQUIRED if there is neither."""
    if key in node.params:
        return node.params[key]
    kind = known_kind(node)
    return kind.params[key].default if kind and key in kind.params else REQUIRED


def _written(value: Json) -> bytes | None:
    """A parameter as a document has it: 1 is not 1.0, and is not true."""
    return None if value is REQUIRED else msgspec.json.encode(as_json(msgspec.to_builtins(value)))


# ---------------------------------------------------------------- names


def _renamed(nodes: Mapping[str, tuple[NodeDoc, NodeDoc]]) -> Patch:
    """Other names and scopes, in an order in which each is free when it is taken."""
    patch: Patch = []
    now = {id: (old.scope, old.name) for id, (old, _) in nodes.items()}
    goal = {id: (new.scope, new.name) for id, (_, new) in nodes.items()}
    taken = set(now.values())
    names = {name for _, name in (*taken, *goal.values())}

    def go(id: str, to: Place) -> None:
        (scope, name), (new_scope, new_name) = now[id], to
        patch.extend([Rename(id, new_name)] if name != new_name else [])
        patch.extend([SetScope(id, new_scope)] if scope != new_scope else [])
        taken.discard(now[id])
        taken.add(to)
        now[id] = to

    def is_free(id: str) -> bool:
        between = (now[id][0], goal[id][1])  # after the new name and before the new scope
        return all(place not in taken or place == now[id] for place in (goal[id], between))

    aside: set[str] = set()
    waiting = [id for id in nodes if now[id] != goal[id]]
    while waiting:
        stuck = []
        for id in waiting:
            if is_free(id):
                go(id, goal[id])
            else:
                stuck.append(id)
        if len(stuck) == len(waiting):  # they wait for one another: one steps aside, into its scope by another name
            id = next(id for id in stuck if id not in aside)
            aside.add(id)
            name = free_suffix("moving", names.__contains__)
            names.add(name)
            go(id, (goal[id][0], name))
        waiting = stuck
    return patch


# ---------------------------------------------------------------- order


def _reordered(after: State, ids: Ids, order: Sequence[str]) -> Patch:
    """What puts the nodes, which are in `order`, into that of `after`, if source would show the difference."""
    back = {ours: theirs for theirs, ours in ids.items()}
    if after.written(back[id] for id in order) == after.written():
        return []
    wanted = [ids[id] for id in after.written()]
    moved = [i for i, (a, b) in enumerate(zip(order, wanted, strict=True)) if a != b]
    return [Reorder(wanted[moved[0] : moved[-1] + 1])] if moved else []
