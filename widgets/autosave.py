"""Work that is kept by itself: beside the notebook, in `.flowloom/autosave`, one file for each graph that is edited.

Each session of a graph has a file of its own, so none writes over what another has kept.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from msgspec import Struct

from flowloom.formats import flow
from flowloom.graph import Graph
from flowloom.widgets.file_names import SUFFIX, name_of

FOLDER = (".flowloom", "autosave")
MOST_KEPT = 5  # of the graphs of one name


class Kept(Struct, frozen=True):
    """What an earlier session has kept of a graph."""

    path: Path
    time: float
    graph: Graph


class Autosave:
    """The file in which one graph is kept while it has changes that are not saved."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.joinpath(*FOLDER)
        self.path: Path | None = None  # once something was kept
        self._token = uuid4().hex[:8]

    def keep(self, doc: flow.FlowDoc) -> None:
        """Write the graph, in one move. Raises OSError."""
        path = self.folder / f"{name_of(doc.name)}.{self._token}{SUFFIX}"
        if not self.folder.is_dir():
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder.parent / ".gitignore").write_text("*\n")
        flow.write(flow.encoded(doc), path)
        if self.path not in (None, path):
            self.drop()
        self.path = path
        for old in _kept(self.folder, doc.name)[MOST_KEPT:]:
            remove(old)

    def drop(self) -> None:
        """Remove what was kept."""
        if self.path is not None:
            remove(self.path)
        self.path = None

    def earlier(self, graph: Graph, since: float) -> Kept | None:
        """The newest that other sessions have kept of a graph of this name since a time, if it is another graph."""
        for path in _kept(self.folder, graph.name):
            with suppress(OSError, flow.FlowFileError):
                time = path.stat().st_mtime
                if path == self.path or time <= since:
                    continue
                found = flow.load(path)
                if found.name == graph.name and flow.document(found) != flow.document(graph):
                    return Kept(path, time, found)
        return None


def remove(path: Path) -> None:
    """Remove a file that may be gone."""
    with suppress(OSError):
        path.unlink()


def _kept(folder: Path, name: str) -> list[Path]:
    """What there is of graphs of that name, the newest first."""
    of_name = re.compile(rf"{re.escape(name_of(name))}\.[0-9a-f]{{8}}{re.escape(SUFFIX)}")
    found: list[tuple[float, Path]] = []
    with suppress(OSError):
        for path in folder.iterdir():
            if of_name.fullmatch(path.name):
                with suppress(OSError):
                    found.append((path.stat().st_mtime, path))
    return [path for _, path in sorted(found, reverse=True)]
