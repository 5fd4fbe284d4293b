"""`.flow.json`: a graph on disk, as JSON with a published schema. The editor's save format.

Unknown kinds are kept and shown as problems, never dropped. Loading runs no code and is bounded in size and depth.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import uuid4

import msgspec
from msgspec import Meta, Struct

from flowloom.graph.document import AddNode, Connect, EdgeDoc, NodeDoc
from flowloom.graph.graph import Graph
from flowloom.graph.state import PatchError

__all__ = ["FlowDoc", "FlowFileError", "decode", "document", "encode", "load", "save", "schema"]

VERSION = 1
MOST_BYTES = 64 << 20


class FlowFileError(ValueError):
    """A file that is not a whole `.flow.json` of a version this flowloom reads. One line, naming the file and place."""


class FlowDoc(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a `.flow.json` holds: the name and seed of a graph, its nodes and its edges."""

    format: Literal["flowloom"]
    version: Annotated[int, Meta(ge=1, le=VERSION)]
    name: str
    seed: int = 0
    nodes: list[NodeDoc]
    edges: list[EdgeDoc]


class _Header(Struct):
    """What is read first: a later version may hold anything besides."""

    version: Any = None
    format: Any = None


def document(graph: Graph) -> FlowDoc:
    """The graph as plain data, in the order its nodes were made."""
    with graph.lock:
        return FlowDoc(
            format="flowloom",
            version=VERSION,
            name=graph.name,
            seed=graph.seed,
            nodes=list(graph.nodes.values()),
            edges=graph.edges,
        )


def encode(graph: Graph) -> bytes:
    """The graph as the bytes of a `.flow.json`: the same graph is always the same bytes."""
    return encoded(document(graph))


def encoded(doc: FlowDoc) -> bytes:
    """A document as the bytes of a `.flow.json`."""
    return msgspec.json.format(msgspec.json.encode(doc, order="deterministic"), indent=1) + b"\n"


def decode(data: bytes, place: str = "the data") -> Graph:
    """The graph in the bytes of a `.flow.json`. Raises FlowFileError, which names `place`."""
    if len(data) > MOST_BYTES:
        raise FlowFileError(f"{place} has {len(data)} bytes; a .flow.json has at most {MOST_BYTES}")
    try:
        header = msgspec.json.decode(data, type=_Header)
        if header.format != "flowloom":
            raise FlowFileError(
                f"{place} is not a .flow.json: its format is {str(header.format)[:40]!r}, not 'flowloom'"
            )
        if isinstance(header.version, int) and header.version > VERSION:
            raise FlowFileError(f"{place} has format version {header.version}; this flowloom reads up to {VERSION}")
        doc = msgspec.json.decode(data, type=FlowDoc)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise FlowFileError(f"{place} is not a whole .flow.json: {_one_line(error)}") from None
    return _rebuilt(doc, place)


def save(graph: Graph, path: str | Path) -> None:
    """Write the graph to `path`: aside first, then renamed into place, so no reader ever sees half a file."""
    write(encode(graph), path)


def write(data: bytes, path: str | Path) -> None:
    """Write a file in one move: it is the old one or the whole new one, whatever happens meanwhile."""
    target = Path(path).resolve()
    aside = target.with_name(f".{uuid4().hex}.tmp")
    try:
        with open(aside, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, aside)
        os.replace(aside, target)
    except BaseException:
        with suppress(OSError):
            aside.unlink()
        raise


def load(path: str | Path) -> Graph:
    """The graph in a `.flow.json`. Raises FlowFileError in one line if it is not one, OSError if it cannot be read."""
    with open(path, "rb") as file:
        return decode(file.read(MOST_BYTES + 1), str(path))


def schema() -> dict[str, Any]:
    """The JSON schema of `.flow.json`."""
    return msgspec.json.schema(FlowDoc)


def _rebuilt(doc: FlowDoc, place: str) -> Graph:
    try:
        graph = Graph(doc.name, seed=doc.seed)
        graph.restore([*(AddNode(n) for n in doc.nodes), *(Connect(e) for e in doc.edges)])
    except PatchError as error:
        raise FlowFileError(f"{place} does not hold together: {error}") from None
    return graph


def _one_line(error: Exception) -> str:
    text = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
    return " ".join(text.split())[:200]
