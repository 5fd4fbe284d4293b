"""Files on the wire: where a graph is saved, what is opened, and what was kept of work that was not saved."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct


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
