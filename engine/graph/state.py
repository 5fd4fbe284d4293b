"""The state of a graph: nodes and edges, changed only by patches that apply whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

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
    SetNote,
    SetParam,
    SetScope,
)
from flowloom.graph.kinds import Kind, find_kind
from flowloom.op import Port

NAME_LENGTH = 120


class PatchError(ValueError):
    """A change that does not fit the graph as it is: an unknown id, a taken name, an occupied port, a cycle."""


class State:
    """Nodes by id, in order of their making, and edges by their target port."""

    def __init__(self) -> None:
        self.nodes: dict[str, NodeDoc] = {}
        self.edges: dict[tuple[str, str], EdgeDoc] = {}
        self.incoming: dict[str, dict[str, EdgeDoc]] = {}
        self.outgoing: dict[str, dict[EdgeDoc, None]] = {}
        self._ids_by_name: dict[tuple[str, str], str] = {}
        self._next_suffix: dict[tuple[str, str], int] = {}

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
        except PatchError:
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

    def free_name(self, base: str, scope: str = "") -> str:
        """`base`, or `base_1`, `base_2`, ...: the first that no node of the scope has."""
        if (scope, base) not in self._ids_by_name:
            return base
        suffix = self._next_suffix.get((scope, base), 1)
        while (scope, f"{base}_{suffix}") in self._ids_by_name:
            suffix += 1
        self._next_suffix[scope, base] = suffix + 1
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
                self._replace(node, params={**node.params, key: value})
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
                self._replace(node, x=x, y=y)
                return Move(id, node.x, node.y)
            case SetNote(id, note):
                node = self.node(id)
                self._replace(node, note=note)
                return SetNote(id, node.note)

    def _add(self, node: NodeDoc) -> Change:
        if not node.id or len(node.id) > NAME_LENGTH:
            raise PatchError("a node needs an id")
        if node.id in self.nodes:
            raise PatchError(f"there is a node {_shown(node.id)} already")
        self._check_name(node.name, node.scope)
        self.nodes[node.id] = node
        self._ids_by_name[node.scope, node.name] = node.id
        return RemoveNode(node.id)

    def _remove(self, id: str) -> Change:
        node = self.node(id)
        if self.incoming.get(id) or self.outgoing.get(id):
            raise PatchError(f"node {_shown(node.name)} still has edges")
        del self.nodes[id], self._ids_by_name[node.scope, node.name]
        return AddNode(node)

    def _connect(self, edge: EdgeDoc) -> Change:
        source, target = self.node(edge.source), self.node(edge.target)
        _check_port(source, known_kind(source), edge.source_port, "output")
        _check_port(target, known_kind(target), edge.target_port, "input")
        if (edge.target, edge.target_port) in self.edges:
            raise PatchError(f"input {edge.target_port!r} of node {_shown(target.name)} is connected already")
        if edge.source in self.downstream([edge.target]):
            raise PatchError(f"{_shown(source.name)} -> {_shown(target.name)} would close a cycle")
        self.edges[edge.target, edge.target_port] = edge
        self.incoming.setdefault(edge.target, {})[edge.target_port] = edge
        self.outgoing.setdefault(edge.source, {})[edge] = None
        return Disconnect(edge)

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
            del self._ids_by_name[old.scope, old.name]
            self._ids_by_name[new] = id
            self._replace(old, scope=new[0], name=new[1])
        return old

    def _replace(self, node: NodeDoc, **fields: object) -> None:
        self.nodes[node.id] = msgspec.structs.replace(node, **fields)

    def _check_name(self, name: str, scope: str) -> None:
        if not name.strip() or len(name) > NAME_LENGTH or "/" in name or not name.isprintable():
            raise PatchError(f"a name is 1 to {NAME_LENGTH} printable characters without '/'; got {_shown(name)}")
        if (scope, name) in self._ids_by_name:
            raise PatchError(f"there is a node named {_shown(name)} already")


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
        prefix = f"{port.name}."
        last = max((int(n[len(prefix) :]) for n in used if n.startswith(prefix)), default=-1)
        names += [f"{prefix}{i}" for i in range(last + 1)]
    return names


def _check_port(node: NodeDoc, kind: Kind | None, name: str, side: str) -> None:
    if kind is None:
        return
    ports = kind.ports if side == "input" else kind.outputs
    for port in ports:
        index = name[len(port.name) + 1 :]
        if name == port.name and not port.variadic:
            return
        if port.variadic and name.startswith(f"{port.name}.") and index.isdecimal() and len(index) <= 4:
            return
    there_is = ", ".join(f"{p.name}.0, ..." if p.variadic else p.name for p in ports) or "none"
    raise PatchError(f"node {_shown(node.name)} ({node.kind}) has no {side} {_shown(name)}; there is: {there_is}")


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
