"""Random edits of a graph: by a page, from what it shows, and by Python. Some of them do not fit."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import msgspec

import flowloom as fl
from flowloom.graph.document import Change, SetParam
from flowloom.widgets.code import code_of
from flowloom.widgets.graph_part import GraphPart
from tests.property.choices import Choices
from tests.widgets.exchange import Exchange

Json: TypeAlias = Any
KINDS: dict[str, dict[str, Json]] = {
    "input": {"shape": ["batch", 4]},
    "layers.relu": {},
    "layers.dense": {"units": 3},
    "add": {},
    "concatenate": {"axis": -1},
    "no.such.kind": {},
}
PORTS = {"add": ("a", "b"), "concatenate": ("xs.0", "xs.1", "xs.2")}
NAMES = ("a", "b", "c", "d")
SCOPES = ("", "", "s", "s/t")
VALUES = (5, -1, "x", None, 2.5, [1, [2]], {"name": "l2"})


class Edits:
    """Makes edits; the ids of the nodes that they add are new."""

    def __init__(self, choices: Choices) -> None:
        self._choices = choices
        self._made = 0

    def patch(self, view: Json) -> list[Json]:
        """One or several changes to a document; they may be refused."""
        made: list[Json] = []
        for _ in range(1 if not self._choices.rarely() else 3):
            made += self._change(view["nodes"], view["edges"])
        return made

    def _change(self, nodes: list[Json], edges: list[Json]) -> list[Json]:
        choices = self._choices
        what = choices.of(
            ("add", "connect", "set", "rename", "move", "remove", "disconnect", "scope", "order", "other")
        )
        if what == "add" or not nodes:
            return self._add(nodes)
        node = choices.of(nodes)
        id = node["id"]
        match what:
            case "connect":
                return [_wire("connect", choices.of(nodes), "y", node, choices.of(PORTS.get(node["kind"], ("x",))))]
            case "set":
                key = choices.of(("units", "shape", "axis", "activation"))
                return [{"op": "set_param", "id": id, "key": key, "value": choices.of(VALUES)}]
            case "rename":
                return [{"op": "rename", "id": id, "name": choices.of(NAMES)}]
            case "move":
                return [{"op": "move", "id": id, "x": choices.number(-50, 50), "y": 0.5}]
            case "remove":
                gone = [e for e in edges if id in (e["source"], e["target"])]
                return [*({"op": "disconnect", "edge": e} for e in gone), {"op": "remove_node", "id": id}]
            case "disconnect" if edges:
                return [{"op": "disconnect", "edge": choices.of(edges)}]
            case "scope":
                return [{"op": "set_scope", "id": id, "scope": choices.of(SCOPES)}]
            case "order":
                return [{"op": "reorder", "ids": [n["id"] for n in choices.some(nodes)][::-1]}]
        return [
            choices.of(
                (
                    {"op": "set_note", "id": id, "note": "look"},
                    {"op": "set_bypassed", "id": id, "bypassed": not node["bypassed"]},
                    {"op": "reset_param", "id": id, "key": "units"},
                    {"op": "remove_node", "id": "gone"},
                )
            )
        ]

    def _add(self, nodes: list[Json]) -> list[Json]:
        choices = self._choices
        self._made += 1
        kind = choices.of(list(KINDS))
        node = {
            "id": f"made{self._made}",
            "kind": kind,
            "name": choices.of(NAMES),
            "version": 1,
            "scope": "",
            "note": "",
        }
        node |= {"params": KINDS[kind], "x": 10.0 * self._made, "y": 0, "bypassed": False}
        added: list[Json] = [{"op": "add_node", "node": node}]
        if nodes and kind in ("layers.relu", "layers.dense"):
            added.append(_wire("connect", choices.of(nodes), "y", node, "x"))
        return added

    # ------------------------------------------------------------ who edits

    def by_page(self, exchange: Exchange, page: int) -> None:
        """Have a page edit, undo, redo, tidy or propose code."""
        choices = self._choices
        if not choices.rarely():
            exchange.do(page, "edit", patch=self.patch(exchange.look(page)))
        elif choices.flag():
            exchange.do(page, "history", action=choices.of(("undo", "redo")))
        else:
            text = code_of(exchange.graph, "me").text or "there is none"
            new = choices.of((text, text.replace("units=3", "units=7"), text.replace("4", "6"), "no code"))
            exchange.do(page, "code", text=new)

    def by_python(self, graph: fl.Graph) -> None:
        """Edit from a cell. What is refused has changed nothing."""
        choices = self._choices
        state = {"nodes": msgspec.to_builtins(list(graph.nodes.values())), "edges": msgspec.to_builtins(graph.edges)}
        try:
            match choices.number(0, 6):
                case 0:
                    graph.undo()
                case 1:
                    graph.redo()
                case 2:
                    _half_built(graph)
                case 3:
                    unusual = choices.of((math.inf, (1, 2), math.nan))
                    graph.apply([SetParam(choices.of(list(graph.nodes) or ["gone"]), "units", unusual)])
                case 4:
                    with graph:
                        fl.input(graph.state.free_name("unplaced"), shape=("batch", 4))
                case 5:
                    GraphPart(graph, lambda _: None).close()  # another editor opens, and lays out what has no place
                case _:
                    graph.apply(msgspec.convert(self.patch(state), list[Change]))
        except fl.PatchError:
            pass


def _half_built(graph: fl.Graph) -> None:
    """Nodes that are added and taken back at once, as what follows fails."""
    try:
        with graph, graph.attempt():
            fl.relu(fl.input(graph.state.free_name("half"), shape=("batch", 4)))
            raise InterruptedError
    except InterruptedError:
        pass


def _wire(op: str, source: Json, source_port: str, target: Json, target_port: str) -> Json:
    ends = {"source": source["id"], "source_port": source_port, "target": target["id"], "target_port": target_port}
    return {"op": op, "edge": ends}
