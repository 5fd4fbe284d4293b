"""Blocks on the wire: what is kept beside the notebook to be used again."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from flowloom.graph.document import EdgeDoc, NodeDoc
from flowloom.widgets.wire.graph import Client


class BlockRequest(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="block"):
    """Something about the blocks that are kept beside the notebook; all are answered with `Blocks`.

    save keeps the scope `scope` under `name`, in place of one that is there if `replace`; take asks for what is in one,
    to be put behind the output `source_port` of `source` if that is given; rename calls it `new`.
    """

    client: Client
    request: int
    action: Literal["list", "save", "take", "rename", "remove"]
    name: str = ""
    new: str = ""
    scope: str = ""
    replace: bool = False
    source: str = ""
    source_port: str = ""


class BlockPort(Struct, frozen=True):
    """A port of a node in a block."""

    node: str
    port: str


class BlockEnd(Struct, frozen=True):
    """An input or output of a block, and the ports in it that it stands for."""

    name: str
    spec: str | None
    ports: list[BlockPort]


class BlockInfo(Struct, frozen=True):
    """A block as the palette shows it; if `error` is not null it cannot be read, and all else is empty."""

    name: str
    inputs: list[str]
    outputs: list[str]
    nodes: int
    parameters: int
    error: str | None = None


class BlockContent(Struct, frozen=True):
    """What a block holds, in a scope of its name. `fits` says which of its inputs goes first with the asked output."""

    name: str
    nodes: list[NodeDoc]
    edges: list[EdgeDoc]
    inputs: list[BlockEnd]
    outputs: list[BlockEnd]
    fits: int | None


class Blocks(Struct, frozen=True, tag_field="type", tag="blocks"):
    """The answer to a `BlockRequest`: all blocks as they are now, and why it was refused (null: it was not).

    `exists` says that it was refused because there is a block of that name.
    """

    client: str
    request: int
    blocks: list[BlockInfo]
    content: BlockContent | None = None
    error: str | None = None
    exists: bool = False
