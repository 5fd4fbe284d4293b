"""The files part of a widget: saves the graph beside the notebook, opens files, and restores what was not saved."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from flowloom.graph import Graph, PatchError
from flowloom.graph.difference import new_nodes, same_nodes
from flowloom.graph.graph import Author
from flowloom.widgets.file_names import FileNameError
from flowloom.widgets.folder import FileError, files_in, graph_in, graph_of, shown
from flowloom.widgets.wire.files import (
    FileDone,
    FileList,
    FileRefused,
    FilesChanged,
    FilesReply,
    FilesRequest,
    FilesState,
    FileWanted,
    ListFiles,
    OpenFile,
    RecoverWork,
    SaveFile,
    SendFile,
    UnsavedWork,
)
from flowloom.widgets.working_file import SaveError, working_file

MOST_BYTES = 256 << 20  # of a file that comes through the browser


class FilesPart:
    """The file of one graph, as a widget shows it. `send` carries a message to all views."""

    def __init__(self, graph: Graph, send: Callable[[FilesReply], None]) -> None:
        self.graph = graph
        self.file = working_file(graph)
        self._send = send
        self._leave = self.file.join(self._hear)
        self._upload: _Upload | None = None

    def close(self) -> None:
        """Stop telling the views."""
        self._upload = None
        self._leave()

    def state(self) -> FilesState:
        """Where the graph is saved, and whether it is."""
        file, left = self.file, self.file.unsaved
        unsaved = None if left is None else UnsavedWork(left.time, len(left.graph.nodes))
        return FilesState(str(file.folder), file.name, file.changed, unsaved)

    def receive(self, raw: object, buffers: Sequence[bytes | memoryview] = ()) -> None:
        """Carry out a message from the browser. One that is malformed or asks for too much changes nothing."""
        try:
            request: FilesRequest = msgspec.convert(raw, FilesRequest)
        except msgspec.ValidationError as error:
            if isinstance(raw, dict) and isinstance(raw.get("client"), str) and isinstance(raw.get("sequence"), int):
                self._send(FileRefused(raw["client"], raw["sequence"], f"The request is malformed: {error}"))
            return
        author = (request.client, request.sequence)
        try:
            self._carry_out(request, author, buffers)
        except SaveError as error:
            self._send(FileRefused(*author, str(error), error.exists))
        except (FileError, FileNameError) as error:
            self._send(FileRefused(*author, str(error)))

    def _carry_out(self, request: FilesRequest, author: Author, buffers: Sequence[bytes | memoryview]) -> None:
        match request:
            case SaveFile(name=name, replace=replace):
                path = self.file.save(name, replace=replace)
                without = ", without trained values" if self.graph.values.version else ""
                self._send(FileDone(*author, f"Saved as {path.name} in {path.parent}{without}"))
            case ListFiles():
                self._send(FileList(*author, files_in(self.file.folder)))
            case OpenFile(name=name, insert=insert):
                self._send(FileWanted(*author, 0))  # it may take a while
                self._take(graph_in(self.file.folder, name), name, author, insert=insert, beside=True)
            case SendFile():
                self._receive_piece(request, author, buffers)
            case RecoverWork(action="restore"):
                try:
                    self.file.restore(author)
                except PatchError as error:
                    raise FileError(f"The unsaved work cannot be restored: {error}") from None
                self._send(FileDone(*author, "Unsaved work restored"))
            case RecoverWork():
                self.file.discard()
                self._send(FileDone(*author, "Unsaved work discarded"))

    def _receive_piece(self, piece: SendFile, author: Author, buffers: Sequence[bytes | memoryview]) -> None:
        if piece.start == 0:
            self._upload = _Upload(piece)
        upload = self._upload
        if upload is None or not upload.takes(piece):
            raise FileError(f"{shown(piece.name)} did not arrive whole; try again")
        upload.data += b"".join(buffers)
        if len(upload.data) > piece.size:
            self._upload = None
            raise FileError(f"{shown(piece.name)} is larger than was said")
        self._send(FileWanted(*author, len(upload.data)))
        if len(upload.data) == piece.size:
            self._upload = None
            other = graph_of(bytes(upload.data), piece.name, shown(piece.name))
            self._take(other, piece.name, author, insert=piece.insert, beside=False)

    def _take(self, other: Graph, name: str, author: Author, *, insert: bool, beside: bool) -> None:
        """Make of the graph what was read, or add that to it: one step that can be taken back."""
        graph = self.graph
        other.place()
        try:
            with graph.lock:
                if insert:
                    patch, ids = graph.inserting(other)
                else:
                    alike = other.name == graph.name and not name.lower().endswith(".onnx")
                    ids = (same_nodes if alike else new_nodes)(graph.state, other.state)
                    patch = graph.becoming(other, ids, places=True)
                if patch:
                    graph.apply(patch, author=author)
                graph.values.take(other.values, ids)
        except PatchError as error:
            raise FileError(f"{shown(name)} cannot be opened: {error}") from None
        count = f"{len(other.nodes)} {'node' if len(other.nodes) == 1 else 'nodes'}"
        if insert:
            self._send(FileDone(*author, f"{count} of {shown(name)} inserted", list(ids.values())))
            return
        self.file.opened(name, beside=beside)
        self._send(FileDone(*author, f"{shown(name)} opened, {count}"))

    def _hear(self, why: str) -> None:
        self._send(FileRefused("", 0, why) if why else FilesChanged(self.state()))


class _Upload:
    """A file that comes in pieces, one after the other."""

    def __init__(self, first: SendFile) -> None:
        self.first = first
        self.data = bytearray()
        if first.size <= 0:
            raise FileError(f"{shown(first.name)} is empty")
        if first.size > MOST_BYTES:
            most = f"{MOST_BYTES >> 20} MB"
            raise FileError(f"{shown(first.name)} is larger than {most}; put it beside the notebook and open it there")

    def takes(self, piece: SendFile) -> bool:
        """Whether this is the next piece of the same file."""
        first = self.first
        same = (piece.client, piece.name, piece.size) == (first.client, first.name, first.size)
        return same and piece.start == len(self.data)
