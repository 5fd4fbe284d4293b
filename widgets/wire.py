"""Every message between the kernel and the browser. The TypeScript types are generated from this file.

A widget has parts ("graph", "run"); each message names the part it is for. Python owns the state: the browser sends
`Edit`s that it has applied already, Python answers each with the `Patched` that all views apply, or a `Rejected`.

A view numbers what it asks Python to do, and Python does each once and in that order. Messages may be lost, doubled or
out of order all the same: then `Sync` and `Synced` say what each side has missed.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta, Struct

from flowloom.graph.document import Change, EdgeDoc, Fix, Follower, NodeDoc, Problem

Client: TypeAlias = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{1,64}$")]  # a page: made anew each time it is loaded
Sequence: TypeAlias = Annotated[int, Meta(ge=1, le=2**53 - 1)]

# ---------------------------------------------------------------- the graph as the browser sees it


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


# ---------------------------------------------------------------- graph: browser to kernel


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


GraphRequest: TypeAlias = (
    Edit
    | History
    | FitsRequest
    | FollowersRequest
    | Sync
    | CodeRequest
    | EditCode
    | LoweredRequest
    | VersionsRequest
    | CompareRequest
    | BlockRequest
)

# ---------------------------------------------------------------- graph: kernel to browser


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


# ---------------------------------------------------------------- blocks


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


# ---------------------------------------------------------------- pictures: what is looked at, and not edited


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


GraphEvent: TypeAlias = (
    Patched | Rejected | Fits | Followers | Synced | Code | CodeTaken | CodeRefused | Blocks | PictureIs | VersionsAre
)

# ---------------------------------------------------------------- the run


class Hyperparameter(Struct, frozen=True):
    """A number that can be changed while a run goes on."""

    name: str
    value: float
    minimum: float
    maximum: float
    scale: Literal["linear", "log"]


class Readout(Struct, frozen=True):
    """The newest value of a measured quantity; null until there is one."""

    name: str
    train: float | None
    validation: float | None


class RunEvent(Struct, frozen=True):
    """Something that happened at a step, marked on the time line, such as "learning_rate 0.001 -> 0.0003"."""

    step: int
    label: str


class RunState(Struct, frozen=True):
    """All that the board shows besides the curves."""

    run: int  # 0: none yet; each Train adds 1
    status: Literal["idle", "starting", "running", "paused", "stopped", "finished", "failed"]
    message: str  # one line: what goes on, or why it failed
    node: str | None  # the node that a failure is about
    fixes: list[Fix]  # what would mend it, as far as known
    outdated: bool  # the graph was changed since the run began, which goes on with the graph as it was
    step: int
    steps: int
    epoch: int
    epochs: int
    batch_size: int
    samples_per_second: float | None
    seconds_left: float | None
    readouts: list[Readout]
    hyperparameters: list[Hyperparameter]
    events: list[RunEvent]


class Command(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="command"):
    """A press of a control. `set` names a hyperparameter, `epochs` or `batch_size` (the latter two before a run).

    `train` goes on from the weights as they are; `reset`, between runs, gives all of them new first values.
    """

    client: str
    sequence: int
    action: Literal["train", "pause", "resume", "step", "stop", "set", "reset"]
    name: str = ""
    value: float | None = None


class PointsRequest(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="points"):
    """The view has no points yet, or has missed some: send them from the start."""


RunRequest: TypeAlias = Command | PointsRequest


class Acknowledged(Struct, frozen=True, tag_field="type", tag="acknowledged"):
    """A command has been taken (error null) or refused, in one line."""

    client: str
    sequence: int
    error: str | None = None


class RunChanged(Struct, frozen=True, tag_field="type", tag="state"):
    """The run's new state."""

    state: RunState


class Curve(Struct, frozen=True):
    """One curve in a `Points` message: `count` steps, then `count` values, float64, in the message's buffer.

    `start` is how many points were sent before these; a view that holds another number asks for all of them.
    """

    name: str
    split: Literal["train", "validation"]
    start: int
    count: int


class Points(Struct, frozen=True, tag_field="type", tag="points"):
    """New points, at most ten times a second; buffer i belongs to curve i. `start` 0 replaces what was there."""

    run: int
    curves: list[Curve]


RunReply: TypeAlias = Acknowledged | RunChanged | Points


class FeatureInfo(Struct, frozen=True):
    """A feature of the data: the input that has its name is fed with it. `shape` begins with "batch"."""

    name: str
    shape: list[str | int]
    dtype: str


# ---------------------------------------------------------------- files


class UnsavedWork(Struct, frozen=True):
    """Work on the graph that was kept by itself and never saved. `time` is in seconds since 1970."""

    time: float
    nodes: int


class FilesState(Struct, frozen=True):
    """Where the graph is saved: the file `name` in `folder`, which is made by the first save.

    `changed`: there are changes since it was saved or opened. `unsaved` is what an earlier session left.
    """

    folder: str
    name: str
    changed: bool
    unsaved: UnsavedWork | None = None


class SaveFile(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="save"):
    """Save the graph beside the notebook, under a name or, if that is "", under the one that it has.

    A file that is not known to be this graph's is replaced only on `replace`.
    """

    client: str
    sequence: int
    name: str = ""
    replace: bool = False


class ListFiles(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="list"):
    """Which files beside the notebook could be opened?"""

    client: str
    sequence: int


class OpenFile(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="open"):
    """Make the graph what a file beside the notebook holds, or `insert` that below what is there. One step."""

    client: str
    sequence: int
    name: str
    insert: bool = False


class SendFile(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="send"):
    """The piece of a file from `start` on, in the message's buffer. It is opened when all `size` bytes are there."""

    client: str
    sequence: int
    name: str
    size: int
    start: int
    insert: bool = False


class RecoverWork(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="recover"):
    """Make the graph what the unsaved work is (one step), or drop that for good."""

    client: str
    sequence: int
    action: Literal["restore", "discard"]


FilesRequest: TypeAlias = SaveFile | ListFiles | OpenFile | SendFile | RecoverWork


class FilesChanged(Struct, frozen=True, tag_field="type", tag="state"):
    """Another state of the file, for all views."""

    state: FilesState


class FileInfo(Struct, frozen=True):
    """A file beside the notebook; `time` of its last change is in seconds since 1970."""

    name: str
    size: int
    time: float


class FileList(Struct, frozen=True, tag_field="type", tag="files"):
    """The answer to `ListFiles`, the newest first."""

    client: str
    sequence: int
    files: list[FileInfo]


class FileWanted(Struct, frozen=True, tag_field="type", tag="go_on"):
    """The piece has arrived; the next one is that from `start` on. At the end of the file it is being read."""

    client: str
    sequence: int
    start: int


class FileDone(Struct, frozen=True, tag_field="type", tag="done"):
    """What was asked for is done: `message` says what, and `nodes` are those that were inserted."""

    client: str
    sequence: int
    message: str
    nodes: list[str] = []


class FileRefused(Struct, frozen=True, tag_field="type", tag="refused"):
    """It cannot be done, and nothing has changed. `exists`: it can if another file is to be replaced.

    Client "" is for all views: work could not be kept by itself.
    """

    client: str
    sequence: int
    message: str
    exists: bool = False


FilesReply: TypeAlias = FilesChanged | FileList | FileWanted | FileDone | FileRefused


class WidgetState(Struct, frozen=True):
    """What a view needs to draw its first picture. `layout` names the view; a part that is absent is null."""

    layout: Literal["editor", "board", "studio", "diff"]
    kinds: list[KindInfo]
    features: list[FeatureInfo]
    graph: GraphState | None
    run: RunState | None
    picture: Picture | None = None
    files: FilesState | None = None
