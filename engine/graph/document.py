"""The document: what a graph is on disk, in a patch and on the wire. Plain data, validated by msgspec.

Everything that crosses a boundary of the graph (undo, the browser, `.flow.json`, a one-click fix) is made of these
structs, so a malformed message is refused in one place, with the path of the value that is wrong.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from msgspec import Struct

Json: TypeAlias = Any  # None, bool, int, float, str, list or dict of the same: what JSON can hold


class NodeDoc(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """One node. `params` holds only what was set; everything else has the default of its kind.

    A node that is `bypassed` computes nothing: its outputs are the first of its inputs that is wired.
    """

    id: str
    kind: str
    name: str
    version: int = 1
    params: dict[str, Any] = {}
    scope: str = ""
    x: float | None = None
    y: float | None = None
    note: str = ""
    bypassed: bool = False

    @property
    def path(self) -> str:
        """The name with its scope, by which people find the node: "encoder/dense"."""
        return f"{self.scope}/{self.name}" if self.scope else self.name


class EdgeDoc(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A wire from an output port to an input port. An input port takes one edge, so its target identifies it."""

    source: str
    source_port: str
    target: str
    target_port: str


class AddNode(Struct, frozen=True, gc=False, forbid_unknown_fields=True, tag_field="op", tag="add_node"):
    """Add a node. Its id must be new, its name free in its scope."""

    node: NodeDoc


class RemoveNode(Struct, frozen=True, gc=False, forbid_unknown_fields=True, tag_field="op", tag="remove_node"):
    """Remove a node that has no edges left."""

    id: str


class Connect(Struct, frozen=True, gc=False, forbid_unknown_fields=True, tag_field="op", tag="connect"):
    """Add an edge to a free input port."""

    edge: EdgeDoc


class Disconnect(Struct, frozen=True, gc=False, forbid_unknown_fields=True, tag_field="op", tag="disconnect"):
    """Remove an edge."""

    edge: EdgeDoc


class SetParam(Struct, frozen=True, gc=False, forbid_unknown_fields=True, tag_field="op", tag="set_param"):
    """Set one parameter of a node."""

    id: str
    key: str
    value: Any


class ResetParam(Struct, frozen=True, gc=False, forbid_unknown_fields=True, tag_field="op", tag="reset_param"):
    """Take back a parameter that was set: the default of its kind applies again."""

    id: str
    key: str


class Rename(Struct, frozen=True, gc=False, forbid_unknown_fields=True, tag_field="op", tag="rename"):
    """Give a node another name, unique in its scope."""

    id: str
    name: str


class Move(Struct, frozen=True, gc=False, forbid_unknown_fields=True, tag_field="op", tag="move"):
    """Put a node elsewhere on the canvas (pixels at zoom 1, of its upper left corner; null: not laid out)."""

    id: str
    x: float | None
    y: float | None


class SetNote(Struct, frozen=True, gc=False, forbid_unknown_fields=True, tag_field="op", tag="set_note"):
    """Write a node's note."""

    id: str
    note: str


class SetBypassed(Struct, frozen=True, gc=False, forbid_unknown_fields=True, tag_field="op", tag="set_bypassed"):
    """Have a node pass its first input on instead of computing, or compute again."""

    id: str
    bypassed: bool


class SetScope(Struct, frozen=True, gc=False, forbid_unknown_fields=True, tag_field="op", tag="set_scope"):
    """Move a node into another scope, a path such as "encoder/block_1" ("" is the top)."""

    id: str
    scope: str


class Reorder(Struct, frozen=True, gc=False, forbid_unknown_fields=True, tag_field="op", tag="reorder"):
    """Put these nodes into this order, in the places that they have among all nodes: as if made one after another."""

    ids: list[str]


class Describe(Struct, frozen=True, gc=False, forbid_unknown_fields=True, tag_field="op", tag="describe"):
    """Give the graph a name, and the seed from which its variables get their first values."""

    name: str
    seed: int


Change: TypeAlias = (
    AddNode
    | RemoveNode
    | Connect
    | Disconnect
    | SetParam
    | ResetParam
    | Rename
    | Move
    | SetNote
    | SetBypassed
    | SetScope
    | Reorder
    | Describe
)
Patch: TypeAlias = list[Change]


class Fix(Struct, frozen=True, gc=False):
    """A way to mend a problem: a label for a button and the patch behind it."""

    label: str
    patch: list[Change]


class Problem(Struct, frozen=True, gc=False):
    """Why a node cannot be typed: an unknown kind, a parameter or wire that is missing or wrong, inputs that misfit.

    `specs` are those of its inputs, `dimension` the one that failed, where one did."""

    node: str
    message: str
    code: Literal["kind", "parameter", "missing", "spec"] = "spec"
    port: str | None = None
    specs: list[str] = []
    dimension: str | None = None
    fixes: list[Fix] = []


class Follower(Struct, frozen=True, gc=False):
    """A kind that fits: at which of its inputs, and which of its outputs goes on (null: neither has a say in it).

    `params` are those without which it would not fit.
    """

    kind: str
    port: str | None = None
    output: str | None = None
    params: dict[str, Any] = {}
