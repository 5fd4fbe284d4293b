"""The graph on the wire: what is drawn of it, what a view wants done or asks, and what Python answers."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta, Struct

from flowloom.graph.document import Change, EdgeDoc, Follower, NodeDoc, Problem

Client: TypeAlias = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{1,64}$")]  # a page: made anew each time it is loaded
Sequence: TypeAlias = Annotated[int, Meta(ge=1, le=2**53 - 1)]


class PortInfo(Struct, frozen=True):
    """A port as drawn. `spec` is what arrives or leaves, such as "float32[batch, 10]"; null while unknown."""

    name: str
    spec: str | None = None


class NodeInfo(Struct, frozen=True):
    """What was inferred for a node: its ports as they are now, and how many weights it owns.

    `parameter_bytes` is what these take, `output_bytes` what its outputs take for one sample: sizes that are not known,
    such as that of the batch, count as 1.
    """

    id: str
    inputs: list[PortInfo]
    outputs: list[PortInfo]
    parameters: int = 0
    parameter_bytes: int = 0
    output_bytes: int = 0


class Field(Struct, frozen=True):
    """One form field in the inspector, made from a keyword-only parameter of an op or layer.

    `choices` are all there is for a "choice", and suggestions for "json". A choice that has a variant takes parameters
    of its own: its value is then a mapping, such as {"name": "constant", "value": 0.5}. A number is from `minimum` to
    `maximum`, but greater than the one if it is to be `above` it, and less than the other if `below`.
    """

    name: str
    control: Literal["number", "integer", "boolean", "choice", "text", "json"]
    default: Any
    choices: list[str] = []
    variants: list[Variant] = []
    minimum: float | None = None
    maximum: float | None = None
    above: bool = False
    below: bool = False
    required: bool = False


class Variant(Struct, frozen=True):
    """A choice with parameters of its own; `plain` if its name alone says it too, with their defaults."""

    name: str
    fields: list[Field]
    plain: bool = False


class PortKind(Struct, frozen=True):
    """A port as declared. A variadic one, `xs`, is drawn as `xs.0`, `xs.1`, ...; an input has one free at the end."""

    name: str
    variadic: bool = False
    optional: bool = False


class KindInfo(Struct, frozen=True):
    """A kind of node. `kind` may have a namespace ("layers.dense"); people see the `label` ("dense").

    One that is `internal` is not in the palette, but may be in a graph that was loaded. A node of a kind that `passes`
    can be bypassed. `formula` is what it computes, in a line, where that is known.
    """

    kind: str
    label: str
    version: int
    family: str
    internal: bool
    summary: str
    doc: str
    inputs: list[PortKind]
    outputs: list[PortKind]
    fields: list[Field]
    passes: bool = False
    formula: str = ""


class GraphState(Struct, frozen=True):
    """The whole of the graph part; sent when a view attaches, and when one has missed something."""

    name: str
    revision: int
    nodes: list[NodeDoc]
    edges: list[EdgeDoc]
    info: list[NodeInfo]
    problems: list[Problem]
    can_undo: bool
    can_redo: bool


class Edit(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="edit"):
    """A patch that the view `client` has shown already. `sequence` numbers what it wants done, from 1.

    One that `continues` the view's last edit, as a slider does while it is dragged, is undone together with that. A
    node that it adds under a name which was taken meanwhile gets the next that is free.
    """

    client: Client
    sequence: Sequence
    patch: list[Change]
    continues: bool = False


class History(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="history"):
    """Undo or redo one step."""

    client: Client
    sequence: Sequence
    action: Literal["undo", "redo"]


class FitsRequest(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="fits"):
    """Which input ports could take a wire from this output port? Asked once, when a drag starts.

    With `side` "input": which output ports could a wire to this input port come from?
    """

    request: int
    source: str
    source_port: str
    side: Literal["output", "input"] = "output"


class FollowersRequest(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="followers"):
    """Which kinds fit behind an output, before an input, or on the wire between them? "" is no such end."""

    request: int
    source: str = ""
    source_port: str = ""
    target: str = ""
    target_port: str = ""


class Sync(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="sync"):
    """What has the view missed? It is at `revision`, and has heard of all that it sent up to `sequence`."""

    client: Client
    request: int
    sequence: Annotated[int, Meta(ge=0)]
    revision: int


class CodeRequest(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="code"):
    """What is the Python of the graph now?"""

    client: Client


class EditCode(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="edit_code"):
    """Make the graph what this Python says: one undoable step, or none if it cannot be read."""

    client: Client
    sequence: Sequence
    text: str


class Patched(Struct, frozen=True, tag_field="type", tag="patched"):
    """Revision `revision` of the graph: the patch, whose it was (client "" is Python), and what it changed.

    `info` holds only the nodes whose inferred specs changed; `problems` is always the whole list. `order` has the ids
    of all nodes if those that were added do not come last, such as after a removal is undone; else it is empty.
    """

    revision: int
    client: str
    sequence: int
    patch: list[Change]
    info: list[NodeInfo]
    problems: list[Problem]
    can_undo: bool
    can_redo: bool
    order: list[str] = []


class Rejected(Struct, frozen=True, tag_field="type", tag="rejected"):
    """An edit that was refused while the graph was at `revision`; the view takes it back and shows why."""

    client: str
    sequence: int
    revision: int
    problem: Problem


class PortVerdict(Struct, frozen=True):
    """Whether a wire fits a port; `reason` says why not (null: it fits)."""

    node: str
    port: str
    reason: str | None = None


class Fits(Struct, frozen=True, tag_field="type", tag="fits"):
    """The answer to a `FitsRequest`: a verdict on every port of the other side in the graph."""

    request: int
    ports: list[PortVerdict]


class Followers(Struct, frozen=True, tag_field="type", tag="followers"):
    """The answer to a `FollowersRequest`."""

    request: int
    kinds: list[Follower]


class NodeLines(Struct, frozen=True):
    """The lines of source on which a node stands, counted from 1."""

    id: str
    first: int
    last: int


class Code(Struct, frozen=True, tag_field="type", tag="code_is"):
    """The Python of the graph at `revision`; `text` is null, and `message` says why, while there is none."""

    client: str
    revision: int
    text: str | None
    lines: list[NodeLines]
    message: str = ""


class CodeTaken(Struct, frozen=True, tag_field="type", tag="code_taken"):
    """The graph is what the proposed Python says, by the patch that was sent before. `lines` are those of its text."""

    client: str
    sequence: int
    revision: int
    changes: int
    lines: list[NodeLines]


class CodeRefused(Struct, frozen=True, tag_field="type", tag="code_refused"):
    """The proposed Python says no graph; nothing has changed. Line and column count from 1; null: no one place."""

    client: str
    sequence: int
    message: str
    line: int | None
    column: int | None


Answer: TypeAlias = Rejected | CodeTaken | CodeRefused


class Synced(Struct, frozen=True, tag_field="type", tag="synced"):
    """Where Python stands with the view `client`: all that it sent up to `sequence` has been dealt with.

    In answer to `Sync` with its `request`; or, with 0, to something that came twice or before what it follows, and was
    left alone for that. `answers` repeats the latest besides patches. `state` is null for a view at this `revision`.
    """

    client: str
    request: int
    sequence: int
    revision: int
    answers: list[Answer]
    state: GraphState | None
