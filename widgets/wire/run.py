"""Runs on the wire: what the board shows, its controls, and the points of its curves."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from flowloom.graph.document import Fix


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
