"""Versions of a graph, and what has changed since: the picture that has both."""

from __future__ import annotations

from pathlib import Path

from flowloom.graph import Graph, PatchError
from flowloom.graph.difference_picture import Difference, difference_picture
from flowloom.widgets.file_names import SUFFIX
from flowloom.widgets.folder import FileError, files_in, graph_in
from flowloom.widgets.pictures import no_picture, picture
from flowloom.widgets.wire.pictures import CompareRequest, Picture, PictureIs, Version, VersionsAre, VersionsRequest

MOST_STEPS, MOST_FILES = 5, 50


class Versions:
    """What an edited graph can be compared with: as it was when the editor opened, a few steps ago, or in a file."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._opened = graph.name, graph.seed, graph.as_patch()

    def listed(self, request: VersionsRequest, steps: int) -> VersionsAre:
        """The versions there are: the opened one, those of the last `steps`, and the files of the working directory."""
        back = range(1, min(steps, MOST_STEPS) + 1)
        versions = [
            Version("opened", "When the editor was opened"),
            *(Version(f"steps:{n}", "Before the last step" if n == 1 else f"{n} steps ago") for n in back),
            *(Version(f"file:{name}", name, "file") for name in _files()),
        ]
        return VersionsAre(request.client, request.request, versions)

    def compared(self, request: CompareRequest) -> PictureIs:
        """What has changed since a version, or why that cannot be said."""
        graph = self._graph
        with graph.lock:
            return PictureIs(request.client, request.request, graph.revision, self._picture(request.version))

    def _picture(self, version: str) -> Picture:
        what, _, which = version.partition(":")
        try:
            if what == "file":
                return compared(graph_in(Path.cwd(), which), self._graph, f"Changes since {which}")
            if what == "steps" and which.isdecimal() and len(which) < 10:
                since = "the last step" if which == "1" else f"{int(which)} steps ago"
                return compared(self._graph.earlier(int(which)), self._graph, f"Changes since {since}", same_ids=True)
            if what == "opened":
                title = "Changes since the editor was opened"
                name, seed, patch = self._opened
                opened = Graph(name, seed=seed)
                opened.restore(patch)
                return compared(opened, self._graph, title, same_ids=True)
        except (FileError, PatchError) as error:
            return no_picture("Changes", str(error))
        return no_picture("Changes", "There is no such version.")


def compared(before: Graph, after: Graph, title: str, *, same_ids: bool = False) -> Picture:
    """The picture of two versions. `same_ids`: nodes of one id are the same, as in the history of one graph."""
    ids = {id: id for id in after.nodes} if same_ids else None
    drawing, differences = difference_picture(before, after, ids)
    return picture(drawing, title, _counted(differences), changes=differences)


def _counted(differences: list[Difference]) -> str:
    """How many changes there are of each sign."""
    if not differences:
        return "Nothing differs, but perhaps where the nodes lie."
    words = {"+": "added", "-": "removed", "~": "changed"}
    counts = {word: sum(d.sign == sign for d in differences) for sign, word in words.items()}
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count)


def _files() -> list[str]:
    """The graphs that are saved in the working directory, which is that of the notebook; the newest first."""
    try:
        found = [file.name for file in files_in(Path.cwd()) if file.name.endswith(SUFFIX)]
    except (FileError, OSError):  # the folder is gone, or cannot be read
        return []
    return found[:MOST_FILES]
