"""Pictures on the wire: what is looked at on the canvas, and not edited."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from flowloom.widgets.wire.graph import Client, GraphState, KindInfo


class LoweredRequest(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="lowered"):
    """What does the machine run of the graph, or of its gradients? As lowered, or as rewriting leaves it (`optimized`).

    `loss` is the id of the node whose gradients are meant; "" leaves the choice to Python.
    """

    client: Client
    request: int
    what: Literal["operations", "gradients"]
    optimized: bool = False
    loss: str = ""


class VersionsRequest(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="versions"):
    """Which versions can the graph be compared with?"""

    client: Client
    request: int


class CompareRequest(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="compare"):
    """What has changed since that version?"""

    client: Client
    request: int
    version: str


class PictureNode(Struct, frozen=True):
    """What there is to say of a node, or of a scope by its id "/path", besides the document.

    `sign` says what became of it, `facts` are lines about it, `origins` are ids of the graph's nodes behind it.
    """

    id: str
    sign: Literal["", "+", "-", "~"] = ""
    facts: list[str] = []
    origins: list[str] = []


class PictureEdge(Struct, frozen=True):
    """A wire, by the input port that it leads to, that is there only since (+) or no more (-)."""

    target: str
    target_port: str
    sign: Literal["+", "-"]


class PictureChange(Struct, frozen=True):
    """A line in the list of changes; `node` is what it is about ("": the whole)."""

    sign: Literal["", "+", "-", "~"]
    label: str
    facts: list[str]
    node: str = ""


class PictureChoice(Struct, frozen=True):
    """Something else that the picture could be of."""

    id: str
    label: str


class Picture(Struct, frozen=True):
    """A drawing that is only looked at. `message` is a line about it, or says why there is none.

    `kinds` are those that are in no palette; `folds` says which scopes begin folded (true) or open. `choices` are the
    losses that gradients could be of, `choice` is the one that they are of.
    """

    title: str
    message: str
    state: GraphState
    kinds: list[KindInfo]
    nodes: list[PictureNode]
    edges: list[PictureEdge]
    folds: dict[str, bool]
    changes: list[PictureChange] = []
    choices: list[PictureChoice] = []
    choice: str = ""


class PictureIs(Struct, frozen=True, tag_field="type", tag="picture"):
    """The answer to a `LoweredRequest` or a `CompareRequest`, of the graph at `revision`."""

    client: str
    request: int
    revision: int
    picture: Picture


class Version(Struct, frozen=True):
    """A version to compare the graph with."""

    id: str
    label: str
    detail: str = ""


class VersionsAre(Struct, frozen=True, tag_field="type", tag="versions_are"):
    """The answer to a `VersionsRequest`."""

    client: str
    request: int
    versions: list[Version]
