"""Two versions of a graph as one picture: what is in either, and what became of it. Where nodes lie is no change.

A wire that is gone from an input which has another one now is drawn to a port of its own, "x before".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import msgspec

from flowloom.graph.difference import Ids, difference, same_nodes, value_of
from flowloom.graph.document import EdgeDoc, Json, NodeDoc, Patch, Reorder, ResetParam, SetBypassed, SetNote, SetParam
from flowloom.graph.graph import Graph
from flowloom.graph.picture import Drawn, Picture, Sign, at, drawn, laid_out, picture_size
from flowloom.graph.placing import Box, free_top
from flowloom.params import REQUIRED

LONGEST = 60  # characters of a value


@dataclass(frozen=True, slots=True)
class Difference:
    """A change in a line: what it is about, and what became of that. `node` is an id in the picture ("": all of it)."""

    sign: Sign
    label: str
    facts: tuple[str, ...] = ()
    node: str = ""


def difference_picture(before: Graph, after: Graph, ids: Ids | None = None) -> tuple[Picture, list[Difference]]:
    """All nodes and wires of both versions, each with what became of it, and the list of what did.

    Nodes of `after` keep their ids. `ids` says by those which nodes of `before` they are, as `same_nodes` finds them.
    """
    ids = same_nodes(before.state, after.state) if ids is None else ids
    union = _Union(before, after, ids, difference(before.state, after.state, ids))
    union.draw_nodes()
    union.draw_wires()
    return union.picture(), union.differences


@dataclass(slots=True)
class _Union:
    """Draws what is in either of two versions."""

    before: Graph
    after: Graph
    ids: Ids
    patch: Patch
    nodes: dict[str, Drawn] = field(default_factory=dict)
    signs: dict[EdgeDoc, Sign] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)  # the ids in the picture of nodes of `before`

    def draw_nodes(self) -> None:
        """Draw all nodes: those that are there now, and those that are gone."""
        self._compare("Name of the graph", self.before.name, self.after.name)
        self._compare("Seed of the graph", self.before.seed, self.after.seed)
        facts = _facts_by_node(self.patch, self.before, {self.ids[id]: n for id, n in self.after.nodes.items()})
        for id, node in self.after.nodes.items():
            old = self.before.nodes.get(self.ids[id])
            if old is None:
                self._draw(id, drawn(self.after, id), "+", ())
                continue
            self.names[old.id] = id
            found = (*_elsewhere(old, node), *facts.get(old.id, ()))
            self._draw(id, drawn(self.after, id), "~" if found else "", found)
        for id in self.before.nodes:
            if id not in self.names:
                self.names[id] = f"-{id}"
                self._draw(f"-{id}", drawn(self.before, id), "-", ())
        if self._reordered():
            self.differences.append(Difference("~", "Order of the nodes"))

    def _compare(self, what: str, before: Json, after: Json) -> None:
        if before != after:
            self.differences.append(Difference("~", what, (f"{_shown(before)} → {_shown(after)}",)))

    def _reordered(self) -> bool:
        """Whether nodes that both versions have come in another order, as source would show."""
        kept = [name for id in self.before.nodes if (name := self.names[id]) in self.after.nodes]
        there = set(kept)
        return kept != [id for id in self.after.nodes if id in there] and any(
            isinstance(change, Reorder) for change in self.patch
        )

    def _draw(self, id: str, made: Drawn, sign: Sign, facts: tuple[str, ...]) -> None:
        node = msgspec.structs.replace(made.node, id=id)
        origins = () if sign == "-" else (id,)
        self.nodes[id] = replace(made, node=node, sign=sign, facts=facts, origins=origins)
        if sign:
            self.differences.append(Difference(sign, node.path, facts, id))

    def draw_wires(self) -> None:
        """Draw all wires, and list those between nodes that both versions have."""
        now = self.after.edges
        then = [
            msgspec.structs.replace(e, source=self.names[e.source], target=self.names[e.target])
            for e in self.before.edges
        ]
        taken = {(e.target, e.target_port) for e in now}
        known, there = set(then), set(now)
        for edge in now:
            self._wire(edge, edge, "" if edge in known else "+")
        for edge in then:
            if edge in there:
                continue
            if (edge.target, edge.target_port) in taken:
                self._wire(edge, self._aside(edge), "-")
            else:
                self._wire(edge, edge, "-")

    def _wire(self, edge: EdgeDoc, drawn_as: EdgeDoc, sign: Sign) -> None:
        self.signs[drawn_as] = sign
        ends = self.nodes[edge.source], self.nodes[edge.target]
        if sign and all(end.sign in ("", "~") for end in ends):
            source, target = (end.node.path for end in ends)
            port = "" if edge.source_port == "y" else f" ({edge.source_port})"
            label = f"{source}{port} → {edge.target_port} of {target}"
            self.differences.append(Difference(sign, label, ("wire",), edge.target))

    def _aside(self, edge: EdgeDoc) -> EdgeDoc:
        """A wire that is gone, to a port of its own."""
        port = f"{edge.target_port} before"
        target = self.nodes[edge.target]
        spec = dict(self.nodes[edge.source].outputs).get(edge.source_port)
        self.nodes[edge.target] = replace(target, inputs=(*target.inputs, (port, spec)))
        return msgspec.structs.replace(edge, target_port=port)

    def picture(self) -> Picture:
        """All that was drawn. Nodes keep their places, and those that are gone make room.

        A node that has no place yet is left to the canvas, which finds it one; unless it is in both versions, or in a
        scope, whose box needs room: then all are laid out.
        """
        picture = Picture(list(self.nodes.values()), list(self.signs), folded=self._folded(), signs=self.signs)
        boxes: dict[str, Box] = {}
        for made in sorted(picture.nodes, key=lambda made: made.sign == "-"):
            node, gone = made.node, made.sign == "-"
            if node.x is not None and node.y is not None:
                width, height = picture_size(made)
                y = free_top((node.x, node.y, width, height), boxes.values()) if gone else node.y
                boxes[node.id] = (node.x, y, width, height)
            elif made.sign in ("", "~") or node.scope:
                return laid_out(picture)
        nodes = [at(m, boxes[m.node.id][:2]) if m.node.id in boxes else m for m in picture.nodes]
        return replace(picture, nodes=nodes)

    def _folded(self) -> dict[str, bool]:
        """Scopes in which something changed begin open, the others folded."""
        folded: dict[str, bool] = {}
        ends = {id for edge, sign in self.signs.items() if sign for id in (edge.source, edge.target)}
        for id, made in self.nodes.items():
            parts = made.node.scope.split("/") if made.node.scope else []
            for i in range(len(parts)):
                path = "/".join(parts[: i + 1])
                folded[path] = folded.get(path, True) and not made.sign and id not in ends
        return folded


def _elsewhere(old: NodeDoc, new: NodeDoc) -> Iterator[str]:
    """What is to be said of another name or scope."""
    if old.name != new.name:
        yield f"renamed, was {old.name}"
    if old.scope != new.scope:
        yield f"moved, was in {old.scope}" if old.scope else "moved, was at the top"


def _facts_by_node(patch: Patch, before: Graph, after: dict[str, NodeDoc]) -> dict[str, list[str]]:
    """What a patch changes in nodes that stay, by their ids in `before`."""
    facts: dict[str, list[str]] = {}
    for change in patch:
        match change:
            case SetParam(id, key) | ResetParam(id, key):
                old, new = value_of(before.nodes[id], key), value_of(after[id], key)
                facts.setdefault(id, []).append(f"{key}: {_shown(old)} → {_shown(new)}")
            case SetNote(id, note):
                was = before.nodes[id].note
                facts.setdefault(id, []).append(f"note: {_shown(was)} → {_shown(note)}")
            case SetBypassed(id, bypassed):
                facts.setdefault(id, []).append("bypassed" if bypassed else "computes again")
            case _:
                pass
    return facts


def _shown(value: Json) -> str:
    if value is REQUIRED:
        return "not set"
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
