"""Where a graph is saved, and what is kept of it meanwhile. One for each graph, shared by all its editors."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable
from pathlib import Path
from weakref import WeakValueDictionary

from msgspec import Struct

from flowloom.formats import flow
from flowloom.graph import Applied, Graph
from flowloom.graph.document import EdgeDoc, NodeDoc
from flowloom.graph.graph import Author
from flowloom.widgets.autosave import Autosave, remove
from flowloom.widgets.file_names import SUFFIX, first_name, flow_name
from flowloom.widgets.folder import reason

DELAY = 3.0  # seconds from a change by hand until it is kept
Signature = tuple[int, int] | None  # when a file was written, in ns, and its size; None: it is not known
Listener = Callable[[str], None]  # told why work cannot be kept, or "" when the state is another


class SaveError(ValueError):
    """A graph cannot be saved there; `exists` if it can be when the file that is there is to be replaced. One line."""

    def __init__(self, message: str, *, exists: bool = False) -> None:
        super().__init__(message)
        self.exists = exists


class _Content(Struct, frozen=True):
    """What a file of a graph would hold; two are compared in a fraction of the time that writing one takes."""

    name: str
    seed: int
    nodes: list[NodeDoc]
    edges: dict[tuple[str, str], EdgeDoc]


class _Place(Struct):
    """The file of a graph from when it was opened, as the step `depth`: undo goes back to the file before it."""

    depth: int
    opened: _Content
    name: str
    known: Signature  # of the file when it was last read or written here
    saved: _Content | None  # what is in it; None: the graph is not saved there yet


class WorkingFile:
    """The file of one graph: its name, whether there are changes since it was saved, and the work kept meanwhile."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.folder = _here()
        content = _content(graph)
        self._places = [_Place(-1, content, first_name(graph.name), None, content)]
        self._undone: list[_Place] = []
        self.changed = False
        self._autosave = Autosave(self.folder)
        saved = _signature(self.folder / self.name)
        self.unsaved = self._autosave.earlier(graph, saved[0] / 1e9 if saved else 0.0)
        self._timer: threading.Timer | None = None
        self._by_hand = False
        self._complained = False
        self._keeping = threading.Lock()
        self._listeners: list[Listener] = []
        self._stop = graph.subscribe(self._follow)

    @property
    def name(self) -> str:
        """The file's name in the folder."""
        return self._places[-1].name

    def join(self, listener: Listener) -> Callable[[], None]:
        """Tell `listener` what changes. Returns how to stop; when all have, what is not saved is kept at once."""
        self._listeners.append(listener)

        def leave() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)
                if not self._listeners:
                    self._close()

        return leave

    # ------------------------------------------------------------ saving

    def save(self, name: str = "", *, replace: bool = False) -> Path:
        """Write the graph, in one move; under its name or another, which then is its own. Returns where it is.

        Raises FileNameError, and SaveError for a file that is not known to be this graph's or that cannot be written.
        """
        name = flow_name(name) if name else self.name
        path = self.folder / name
        self._check(path, replace=replace)
        with self.graph.lock:
            doc, content = flow.document(self.graph), _content(self.graph)
        try:
            flow.write(flow.encoded(doc), path)
        except OSError as error:
            raise SaveError(f"{name} cannot be written in {self.folder}: {reason(error)}") from None
        with self.graph.lock:
            place = self._places[-1]
            place.name, place.known, place.saved = name, _signature(path), content
            self.changed = _content(self.graph) != content
        self._tell()
        with self._keeping:
            self._autosave.drop()
        return path

    def opened(self, name: str, *, beside: bool) -> None:
        """The graph is now what that file holds; `beside` the notebook, or from elsewhere and to be saved here yet."""
        with self.graph.lock:
            content = _content(self.graph)
            base = name[: -len(".onnx")] if name.lower().endswith(".onnx") else name
            known = _signature(self.folder / name) if beside else None
            saved = content if known else None
            self._undone.clear()
            self._places.append(_Place(self.graph.undo_depth, content, first_name(_bare(base)), known, saved))
            self.changed = content != saved
        self._tell()

    def _check(self, path: Path, *, replace: bool) -> None:
        if path.is_dir():
            raise SaveError(f"There is a folder named {path.name}")
        if replace or not path.exists():
            return
        place = self._places[-1]
        if place.known is None or path.name != place.name:
            raise SaveError(f"There is a file {path.name} already", exists=True)
        if _signature(path) != place.known:
            raise SaveError(f"{path.name} was changed by something else since it was opened or saved here", exists=True)

    # ------------------------------------------------------------ what an earlier session has left

    def restore(self, author: Author) -> None:
        """Make the graph what the unsaved work is, as one step. Raises PatchError."""
        if (left := self.unsaved) is None:
            return
        with self.graph.lock:
            self.graph.apply(self.graph.becoming(left.graph, places=True), author=author)
        self.unsaved = None
        if self._keep():
            remove(left.path)
        self._tell()

    def discard(self) -> None:
        """Drop the unsaved work for good."""
        if self.unsaved is not None:
            remove(self.unsaved.path)
        self.unsaved = None
        self._tell()

    # ------------------------------------------------------------ what happens to the graph

    def _follow(self, applied: Applied) -> None:
        by_hand = applied.author is not None
        if self.changed and not by_hand and not self._by_hand:
            return  # a cell goes on building: whether it comes back to what is saved need not be known at each step
        self._by_hand |= by_hand
        content = _content(self.graph)
        self._move_along(content)
        changed = content != self._places[-1].saved
        if changed != self.changed:
            self.changed = changed
            self._tell()
        if self._by_hand and self._timer is None:
            self._timer = threading.Timer(DELAY, self._keep)
            self._timer.name, self._timer.daemon = f"flowloom autosave of {self.graph.name[:40]!r}", True
            self._timer.start()

    def _move_along(self, content: _Content) -> None:
        """The file is that of the graph which is there after an undo or a redo."""
        depth = self.graph.undo_depth
        before = self.name
        while len(self._places) > 1 and self._places[-1].depth > depth:
            self._undone.append(self._places.pop())
        if self._undone and self._undone[-1].depth == depth:
            if self._undone[-1].opened == content:
                self._places.append(self._undone.pop())
            else:
                self._undone.clear()
        if self.name != before:
            self._tell()

    def _keep(self) -> bool:
        """Keep the graph if it has changes that are not saved; whether that could be done. Never raises."""
        self._timer = None  # what changes from now on is for another one
        with self._keeping:
            with self.graph.lock:
                doc = flow.document(self.graph)
                changed = _content(self.graph) != self._places[-1].saved
            try:
                if changed:
                    self._autosave.keep(doc)
                else:
                    self._autosave.drop()
                return True
            except OSError as error:
                if not self._complained:
                    self._complained = True
                    why = f"Work cannot be kept beside the notebook ({reason(error)}); save it yourself"
                    self._tell(why)
                return False

    def _tell(self, why: str = "") -> None:
        for listener in list(self._listeners):
            listener(why)

    def flush(self) -> None:
        """Keep at once what is to be kept."""
        if (timer := self._timer) is not None:
            timer.cancel()
            self._keep()

    def _close(self) -> None:
        self._stop()
        self.flush()
        if _files.get(id(self.graph)) is self:
            del _files[id(self.graph)]


# By the id of its graph, which stays that graph's own: each file holds its graph.
_files: WeakValueDictionary[int, WorkingFile] = WeakValueDictionary()


def working_file(graph: Graph) -> WorkingFile:
    """The file of a graph: the same for all its editors."""
    file = _files.get(id(graph))
    if file is None:
        file = _files[id(graph)] = WorkingFile(graph)
    return file


@atexit.register
def _keep_all() -> None:
    """Keep what a timer would keep that no longer fires."""
    for file in list(_files.values()):
        file.flush()


def _content(graph: Graph) -> _Content:
    with graph.lock:
        return _Content(graph.name, graph.seed, list(graph.nodes.values()), dict(graph.state.edges))


def _here() -> Path:
    try:
        return Path.cwd()
    except OSError:  # the folder is gone
        return Path(".")


def _bare(name: str) -> str:
    return name[: -len(SUFFIX)] if name.lower().endswith(SUFFIX) else name


def _signature(path: Path) -> Signature:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
