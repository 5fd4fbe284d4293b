"""Every message between the kernel and the browser. The TypeScript types are generated from this package.

A widget has parts ("graph", "run", "files"); each message names the part it is for. Python owns the state: the browser
sends `Edit`s that it has applied already, Python answers each with the `Patched` that all views apply, or a `Rejected`.

A view numbers what it asks Python to do, and Python does each once and in that order. Messages may be lost, doubled or
out of order all the same: then `Sync` and `Synced` say what each side has missed.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from flowloom.widgets.wire.blocks import BlockRequest, Blocks
from flowloom.widgets.wire.files import FilesState
from flowloom.widgets.wire.graph import (
    Code,
    CodeRefused,
    CodeRequest,
    CodeTaken,
    Edit,
    EditCode,
    Fits,
    FitsRequest,
    Followers,
    FollowersRequest,
    GraphState,
    History,
    KindInfo,
    Patched,
    Rejected,
    Sync,
    Synced,
)
from flowloom.widgets.wire.pictures import (
    CompareRequest,
    LoweredRequest,
    Picture,
    PictureIs,
    VersionsAre,
    VersionsRequest,
)
from flowloom.widgets.wire.run import FeatureInfo, RunState

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
GraphEvent: TypeAlias = (
    Patched | Rejected | Fits | Followers | Synced | Code | CodeTaken | CodeRefused | Blocks | PictureIs | VersionsAre
)


class WidgetState(Struct, frozen=True):
    """What a view needs to draw its first picture. `layout` names the view; a part that is absent is null."""

    layout: Literal["editor", "board", "studio", "diff"]
    kinds: list[KindInfo]
    features: list[FeatureInfo]
    graph: GraphState | None
    run: RunState | None
    picture: Picture | None = None
    files: FilesState | None = None
