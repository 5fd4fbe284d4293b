"""The parts of an editor that works on files, for the tests of those."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import flowloom as fl
from flowloom.widgets.files import FilesPart
from flowloom.widgets.graph_part import GraphPart
from flowloom.widgets.wire.files import FilesChanged


class Editor:
    """The parts of an editor, and what the files part has told its views."""

    made: ClassVar[list[Editor]] = []

    def __init__(self, graph: fl.Graph) -> None:
        self.made.append(self)
        self.graph = graph
        self.told: list[Any] = []
        self.graph_part = GraphPart(graph, lambda _: None)
        self.part = FilesPart(graph, self.told.append)
        self.sequence = self.wishes = 0
        self.closed = False

    def ask(self, type: str, buffer: bytes | None = None, **fields: Any) -> Any:
        """Send a request as the browser does; the answer to it."""
        self.sequence -= 1
        buffers = [] if buffer is None else [buffer]
        self.part.receive({"type": type, "client": "me", "sequence": self.sequence, **fields}, buffers)
        return next(m for m in reversed(self.told) if not isinstance(m, FilesChanged))

    def send(self, name: str, data: bytes, piece: int = 1 << 20, **fields: Any) -> Any:
        """Send a file, piece by piece."""
        answer = None
        for start in range(0, len(data), piece):
            answer = self.ask("send", data[start : start + piece], name=name, size=len(data), start=start, **fields)
        return answer

    def edit(self, units: int = 12) -> None:
        """Change the graph as a hand in the browser does."""
        scores = self.graph["scores"].id
        self.wish("edit", patch=[{"op": "set_param", "id": scores, "key": "units", "value": units}])

    def wish(self, type: str, **fields: Any) -> None:
        """Want something done with the graph, as the browser does."""
        self.wishes += 1
        self.graph_part.receive({"type": type, "client": "me", "sequence": self.wishes, **fields})

    def close(self) -> None:
        self.part.close()
        if not self.closed:
            self.graph_part.close()
        self.closed = True


def kept(folder: Path) -> list[Path]:
    """The files in which work was kept."""
    return sorted(folder.glob(".flowloom/autosave/*.flow.json"))


def other_model() -> fl.Graph:
    """Another graph than `digits_model`, laid out and seeded in its own way."""
    graph = fl.Graph("other", seed=7)
    with graph:
        x = fl.input("x", shape=("batch", 3))
        with graph.scope("body"):
            fl.layers.dense(x, units=2, name="scores")
    graph.place()
    graph.apply([fl.graph.document.Move(graph["x"].id, -500.0, 40.0)])
    return graph


def nested() -> bytes:
    """A graph's file whose lists never end."""
    return b'{"format": "flowloom", "version": 1, "name": "g", "nodes": [], "edges": ' + b"[" * 100_000


def with_node(**fields: Any) -> bytes:
    """A graph's file with one node that has these fields."""
    node = {"id": "a", "kind": "relu", "name": "a", **fields}
    return json.dumps({"format": "flowloom", "version": 1, "name": "g", "nodes": [node], "edges": []}).encode()
