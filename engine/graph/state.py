"""The state of a graph: nodes and edges, changed only by patches that apply whole or not at all."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterable, Sequence
from itertools import count
from typing import Any, Literal

import msgspec

from flowloom.graph.document import (
    AddNode,
    Change,
    Connect,
    Describe,
    Disconnect,
    EdgeDoc,
    Move,
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
from flowloom.graph.kinds import ZONE_ENDS, Kind, find_kind
from flowloom.op import Port

NAME_LENGTH = 120
SCOPE_LENGTH = 500
TEXT_LENGTH = 10_000  # of a note, and of each text in a parameter
MOST_DEPTH = 64


class PatchError(ValueError):
    """A change that does not fit the graph as it is: an unknown id, a taken name, an occupied port, a cycle."""


class State:
    """Nodes by id, in order of their making, and edges by their target port; the name and the seed of the graph."""

    def __init__(self, name: str = "graph", seed: int = 0) -> None:
        self.name, self.seed = name, seed
        self.nodes: dict[str, NodeDoc] = {}
        self.edges: dict[tuple[str, str], EdgeDoc] = {}
        self.incoming: dict[str, dict[str, EdgeDoc]] = {}
        self.outgoing: dict[str, dict[EdgeDoc, None]] = {}
        self._ids_by_name: dict[tuple[str, str], str] = {}
        self._last_suffix: dict[tuple[str, str], int] = {}  # where `free_name` need not look again
        self._rank: dict[str, int] = {}  # when each node was first made: its place, also after a removal is undone

    def apply(self, patch: Sequence[Change]) -> Patch:
        """Apply all changes and return the patch that takes them back. Raises PatchError, having changed nothing."""
        inverse: Patch = []
        try:
            for index, change in enumerate(patch):
                try:
                    inverse.append(self._apply(change))
                except PatchError as error:
                    which = f"change {index + 1} of {len(patch)}: " if len(patch) > 1 else ""
                    raise PatchError(f"{which}{error}") from None
            self._check_acyclic([c.edge for c in patch if isinstance(c, Connect)])
        except BaseException:
            for change in reversed(inverse):
                self._apply(change)
            raise
        return inverse[::-1]

    def node(self, id: str) -> NodeDoc:
        """The node of that id. Raises PatchError."""
        if id not in self.nodes:
            raise PatchError(f"there is no node {_shown(id)}")
        return self.nodes[id]

    def find(self, name: str, scope: str = "") -> str | None:
        """The id of the node of that name in a scope."""
        return self._ids_by_name.get((scope, name))

    def free_name(self, base: str, scope: str = "", besides: Container[str] = ()) -> str:
        """`base`, or `base_1`, `base_2`, ...: the first that no node of the scope has and that is not in `besides`."""
        if (scope, base) not in self._ids_by_name and base not in besides:
            return base
        suffix = self._last_suffix.get((scope, base), 1)
        while (scope, f"{base}_{suffix}") in self._ids_by_name or f"{base}_{suffix}" in besides:
            suffix += 1
        self._last_suffix[scope, base] = suffix
        return f"{base}_{suffix}"

    def removal(self, ids: Iterable[str]) -> Patch:
        """The patch that removes these nodes with their edges."""
        gone = list(dict.fromkeys(ids))
        edges = dict.fromkeys(
            e for id in gone for e in (*self.incoming.get(id, {}).values(), *self.outgoing.get(id, {}))
        )
        return [*(Disconnect(e) for e in edges), *(RemoveNode(id) for id in gone)]

    def downstream(self, ids: Iterable[str]) -> set[str]:
        """These nodes and all that read from them, directly or not."""
        seen = set(ids)
        stack = list(seen)
        while stack:
            for edge in self.outgoing.get(stack.pop(), ()):
                if edge.target not in seen:
                    seen.add(edge.target)
                    stack.append(edge.target)
        return seen

    def upstream(self, ids: Iterable[str]) -> set[str]:
        """These nodes and all that they read from, directly or not."""
        seen = set(ids)
        stack = list(seen)
        while stack:
            for edge in self.incoming.get(stack.pop(), {}).values():
                if edge.source not in seen:
                    seen.add(edge.source)
                    stack.append(edge.source)
        return seen

    def sorted(self, ids: Iterable[str]) -> list[str]:
        """These nodes so that each comes after those among them that it reads from."""
        wanted = dict.fromkeys(ids)
        done: dict[str, None] = {}
        stack = [(id, False) for id in reversed(wanted)]
        while stack:
            id, ready = stack.pop()
            if id in done:
                continue
            if ready:
                done[id] = None
                continue
            stack.append((id, True))
            sources = (e.source for e in self.incoming.get(id, {}).values())
            stack.extend((s, False) for s in sources if s in wanted and s not in done)
        return list(done)

    def written(self, ids: Iterable[str] | None = None) -> list[str]:
        """The nodes, or these, in the order in which source has them: that given, if each comes after those it reads.

        Else the nearest order in which that is so.
        """
        order = list(self.nodes if ids is None else ids)
        place = {id: i for i, id in enumerate(order)}
        there = ((place.get(e.source, -1), place.get(e.target)) for e in self.edges.values())
        return self.sorted(order) if any(t is not None and s > t for s, t in there) else order

    def by_age(self, ids: Iterable[str]) -> list[str]:
        """These nodes in the order of their making."""
        return sorted(ids, key=self._rank.__getitem__)

    def ever(self, id: str) -> bool:
        """Whether a node has or had this id: weights may be kept under it."""
        return id in self._rank

    # ------------------------------------------------------------ one new node, which nothing reads yet

    def append(self, node: NodeDoc, edges: Sequence[EdgeDoc], *, named: bool) -> NodeDoc:
        """Add a node with a new id on wires from nodes that are there: what a patch does, in a third of its time.

        The wires must be of the ports of both ends. The name must be free, and is looked at only if people chose it
        (`named`). Returns the node as it is kept. Raises PatchError, having changed nothing.
        """
        if named or node.scope:
            self._check_name(node.name, node.scope)
        if node.params:
            node = msgspec.structs.replace(node, params=as_json(node.params))
        self.nodes[node.id] = node
        self._rank[node.id] = len(self._rank)
        self._ids_by_name[node.scope, node.name] = node.id
        if edges:
            incoming = self.incoming[node.id] = {}
            for edge in edges:
                self.edges[node.id, edge.target_port] = edge
                incoming[edge.target_port] = edge
                self.outgoing.setdefault(edge.source, {})[edge] = None
        return node

    def discard(self, node: NodeDoc) -> None:
        """Take back the newest `append`, as if it had never been."""
        for port, edge in self.incoming.pop(node.id, {}).items():
            del self.edges[node.id, port]
            del self.outgoing[edge.source][edge]
        del self.nodes[node.id]
        del self._rank[node.id]
        self._free(node)

    # ------------------------------------------------------------ single changes, each answering its inverse

    def _apply(self, change: Change) -> Change:
        match change:
            case AddNode(node):
                return self._add(node)
            case RemoveNode(id):
                return self._remove(id)
            case Connect(edge):
                return self._connect(edge)
            case Disconnect(edge):
                return self._disconnect(edge)
            case SetParam(id, key, value):
                node = self.node(id)
                self._replace(node, params={**node.params, **as_json({key: value})})
                return SetParam(id, key, node.params[key]) if key in node.params else ResetParam(id, key)
            case ResetParam(id, key):
                node = self.node(id)
                if key not in node.params:
                    raise PatchError(f"parameter {_shown(key)} of node {_shown(node.name)} is not set")
                self._replace(node, params={k: v for k, v in node.params.items() if k != key})
                return SetParam(id, key, node.params[key])
            case Rename(id, name):
                return Rename(id, self._rename(id, name=name).name)
            case SetScope(id, scope):
                return SetScope(id, self._rename(id, scope=scope).scope)
            case Move(id, x, y):
                node = self.node(id)
                _check_position(x, y)
                self._replace(node, x=x, y=y)
                return Move(id, node.x, node.y)
            case SetNote(id, note):
                node = self.node(id)
                _check_note(note)
                self._replace(node, note=note)
                return SetNote(id, node.note)
            case SetBypassed(id, bypassed):
                node = self.node(id)
                if bypassed:
                    _check_passes(node)
                self._replace(node, bypassed=bypassed)
                return SetBypassed(id, node.bypassed)
            case Reorder(ids):
                return self._reorder(ids)
            case Describe(name, seed):
                return self._describe(name, seed)

    def _add(self, node: NodeDoc) -> Change:
        _check_text("an id", node.id)
        _check_text("a kind", node.kind)
        if node.id in self.nodes:
            raise PatchError(f"there is a node {_shown(node.id)} already")
        self._check_name(node.name, node.scope)
        _check_position(node.x, node.y)
        if node.bypassed:
            _check_passes(node)
        _check_note(node.note)
        node = msgspec.structs.replace(node, params=as_json(node.params))
        self.nodes[node.id] = node
        if self._rank.setdefault(node.id, len(self._rank)) < len(self._rank) - 1:
            self._sort()
        self._ids_by_name[node.scope, node.name] = node.id
        return RemoveNode(node.id)

    def _reorder(self, ids: Sequence[str]) -> Change:
        before = self.by_age(self.node(id).id for id in ids)
        if len(set(ids)) < len(ids):
            raise PatchError("an order names each node once")
        self._rank.update(zip(ids, [self._rank[id] for id in before], strict=True))
        self._sort()
        return Reorder(before)

    def _describe(self, name: str, seed: int) -> Change:
        check_graph_name(name)
        before = Describe(self.name, self.seed)
        self.name, self.seed = name, seed
        return before

    def _sort(self) -> None:
        """Put the nodes in the order of their making."""
        ordered = sorted(self.nodes.items(), key=lambda item: self._rank[item[0]])
        self.nodes.clear()
        self.nodes.update(ordered)

    def _remove(self, id: str) -> Change:
        node = self.node(id)
        if self.incoming.get(id) or self.outgoing.get(id):
            raise PatchError(f"node {_shown(node.name)} still has edges")
        del self.nodes[id]
        self._free(node)
        return AddNode(node)

    def _connect(self, edge: EdgeDoc) -> Change:
        source, target = self.node(edge.source), self.node(edge.target)
        check_port(source, edge.source_port, "output")
        check_port(target, edge.target_port, "input")
        if (edge.target, edge.target_port) in self.edges:
            raise PatchError(f"input {edge.target_port!r} of node {_shown(target.name)} is connected already")
        self.edges[edge.target, edge.target_port] = edge
        self.incoming.setdefault(edge.target, {})[edge.target_port] = edge
        self.outgoing.setdefault(edge.source, {})[edge] = None
        return Disconnect(edge)

    def _check_acyclic(self, added: Sequence[EdgeDoc]) -> None:
        """Raise PatchError if an edge that was added closes a cycle: then its source can be reached from its target.

        One look at a whole patch, so that a file takes time in proportion to its size.
        """
        there = [e for e in added if self.edges.get((e.target, e.target_port)) == e]
        reached = self.downstream(e.target for e in there)
        if reached.isdisjoint(e.source for e in there):
            return
        waits = {id: sum(e.source in reached for e in self.incoming[id].values()) for id in reached}
        ready = [id for id, count in waits.items() if count == 0]
        for id in ready:
            for edge in self.outgoing.get(id, ()):
                waits[edge.target] -= 1
                if waits[edge.target] == 0:
                    ready.append(edge.target)
        if len(ready) < len(reached):
            edge = next(e for e in there if e.source in self.downstream([e.target]))
            source, target = self.nodes[edge.source], self.nodes[edge.target]
            raise PatchError(f"{_shown(source.name)} -> {_shown(target.name)} would close a cycle")

    def _disconnect(self, edge: EdgeDoc) -> Change:
        if self.edges.get((edge.target, edge.target_port)) != edge:
            raise PatchError(f"there is no edge to input {_shown(edge.target_port)} of node {_shown(edge.target)}")
        del self.edges[edge.target, edge.target_port]
        del self.incoming[edge.target][edge.target_port]
        del self.outgoing[edge.source][edge]
        return Connect(edge)

    def _rename(self, id: str, *, name: str | None = None, scope: str | None = None) -> NodeDoc:
        """Give the node another name or scope; the node as it was."""
        old = self.node(id)
        new = (old.scope if scope is None else scope, old.name if name is None else name)
        if new != (old.scope, old.name):
            self._check_name(new[1], new[0])
            self._free(old)
            self._ids_by_name[new] = id
            self._replace(old, scope=new[0], name=new[1])
        return old

    def _replace(self, node: NodeDoc, **fields: object) -> None:
        self.nodes[node.id] = msgspec.structs.replace(node, **fields)

    def _free(self, node: NodeDoc) -> None:
        """Let others have the node's name."""
        del self._ids_by_name[node.scope, node.name]
        self._last_suffix.clear()

    def _check_name(self, name: str, scope: str) -> None:
        _check_text("a name", name)
        if scope != "":
            if len(scope) > SCOPE_LENGTH:
                raise PatchError(f"a scope is at most {SCOPE_LENGTH} characters; got {len(scope)}")
            for part in scope.split("/"):
                _check_text("each name in a scope", part)
        if (scope, name) in self._ids_by_name:
            raise PatchError(f"there is a node named {_shown(name)} already")


def free_suffix(base: str, taken: Callable[[str], bool]) -> str:
    """`base`, or `base_1`, `base_2`, ...: the first that is not taken. `State.free_name` gives the same, faster."""
    if not taken(base):
        return base
    return next(name for i in count(1) if not taken(name := f"{base}_{i}"))


def known_kind(node: NodeDoc) -> Kind | None:
    """The kind of a node; None where this flowloom does not know it, or knows only an earlier version."""
    kind = find_kind(node.kind)
    return kind if kind is not None and node.version <= kind.version else None


def operand_ports(ports: Sequence[Port], connected: Iterable[str]) -> list[str]:
    """The ports of a node that has these connected: variadic ones spelled out, up to the last in use."""
    used = set(connected)
    names: list[str] = []
    for port in ports:
        if not port.variadic:
            names.append(port.name)
            continue
        last = max((_index(port, n) for n in used), default=-1)
        names += [f"{port.name}.{i}" for i in range(last + 1)]
    return names


def _index(port: Port, name: str) -> int:
    """Which input of the variadic port that is called: 3 for `xs.3`, -1 for what is none of its."""
    index = name[len(port.name) + 1 :]
    if index.isdecimal() and len(index) <= 4 and name == f"{port.name}.{int(index)}":
        return int(index)
    return -1


def check_port(node: NodeDoc, name: str, side: Literal["input", "output"]) -> None:
    """Raise PatchError unless the kind of the node has that port; an unknown kind may have any."""
    kind = known_kind(node)
    if kind is None:
        _check_text("a port", name)
        return
    ports = kind.ports if side == "input" else kind.outputs
    if any(_index(port, name) >= 0 if port.variadic else name == port.name for port in ports):
        return
    there_is = ", ".join(f"{p.name}.0, ..." if p.variadic else p.name for p in ports) or "none"
    raise PatchError(f"node {_shown(node.name)} ({node.kind}) has no {side} {_shown(name)}; there is: {there_is}")


def passes(kind: Kind) -> bool:
    """Whether a node of this kind can be bypassed: it has an input and a fixed number of outputs, and ends nothing."""
    fixed = bool(kind.outputs) and not any(p.variadic for p in kind.outputs)
    return bool(kind.ports) and fixed and kind.name not in ("output", "gradients", *ZONE_ENDS)


def _check_passes(node: NodeDoc) -> None:
    kind = known_kind(node)
    if kind is not None and not passes(kind):
        raise PatchError(
            f"node {_shown(node.name)} ({node.kind}) cannot be bypassed: it has no input that it could pass on"
        )


def check_graph_name(name: str) -> None:
    """Raise PatchError for what cannot name a graph. Unlike a node it may be called anything, or nothing."""
    if not isinstance(name, str) or len(name) > SCOPE_LENGTH or not _is_unicode(name):
        raise PatchError(f"the name of a graph is a text of at most {SCOPE_LENGTH} characters; got {_shown(name)}")


def _check_text(what: str, text: str) -> None:
    if (
        not isinstance(text, str)
        or not text.strip()
        or "/" in text
        or len(text) > NAME_LENGTH
        or not text.isprintable()
    ):
        raise PatchError(f"{what} is 1 to {NAME_LENGTH} printable characters without '/'; got {_shown(text)}")


def _check_note(note: str) -> None:
    """A note may say anything, but Python source has it as comments: these end at control characters."""
    as_json(note)
    if control := next((c for c in note if (c < " " and c not in "\t\n") or "\x7f" <= c <= "\x9f"), None):
        raise PatchError(f"a note has no control characters besides tabs and ends of lines; got {control!r}")


def _check_position(*place: float | None) -> None:
    if any(p is not None and not math.isfinite(p) for p in place):
        raise PatchError("a position is two finite numbers")


def as_json(value: Any, depth: int = MOST_DEPTH) -> Any:
    """`value` as a document keeps it: tuples as lists, floats that are not finite as text ("inf", "-inf", "nan").

    Raises PatchError for what JSON cannot hold.
    """
    if depth == 0:
        raise PatchError(f"a parameter is nested at most {MOST_DEPTH} deep")
    match value:
        case None | bool():
            return value
        case float():
            return float(value) if math.isfinite(value) else str(float(value))
        case int() if -(2**63) <= value < 2**64:
            return int(value)
        case str() if _is_unicode(value):
            if len(value) > TEXT_LENGTH:
                raise PatchError(f"a text is at most {TEXT_LENGTH:,} characters; got {len(value):,}")
            return value
        case list() | tuple():
            return [as_json(v, depth - 1) for v in value]
        case dict() if all(isinstance(k, str) and _is_unicode(k) for k in value):
            return {as_json(k): as_json(v, depth - 1) for k, v in value.items()}
        case _:
            raise PatchError(f"a document cannot hold {_shown(value)}")


def as_kept(change: Change) -> Change:
    """A change that was applied, with its values as the document has them since."""
    match change:
        case SetParam(id, key, value):
            return SetParam(id, key, as_json(value))
        case AddNode(node):
            return AddNode(msgspec.structs.replace(node, params=as_json(node.params)))
    return change


def _is_unicode(text: str) -> bool:
    """Whether a file can hold the text: it has no half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:56]}...{text[-1]}"
