"""The widget that shows what differs between two graphs."""

from __future__ import annotations

from os import fspath
from pathlib import Path
from typing import Any

from flowloom.formats.flow import load
from flowloom.graph import Graph
from flowloom.widgets.base import LoomWidget
from flowloom.widgets.compared import compared
from flowloom.widgets.wire.pictures import Picture


class GraphDiff(LoomWidget):
    """What became of the graph `before` in `after`, drawn as one: nodes and wires that are new, gone or changed.

    Each is a Graph or the path of a `.flow.json`. Where nodes lie is no difference. The list of changes beside the
    drawing leads to each. Raises FlowFileError or OSError for a file that cannot be read.
    """

    layout_name = "diff"

    def __init__(self, before: Graph | str | Path, after: Graph | str | Path, **kwargs: Any) -> None:
        self.before, self.after = _graph(before), _graph(after)
        self._title = f"Changes from {_name(before)} to {_name(after)}"
        super().__init__(**kwargs)

    def _picture(self) -> Picture:
        with self.before.lock, self.after.lock:
            return compared(self.before, self.after, self._title)


def _graph(given: object) -> Graph:
    if isinstance(given, Graph):
        return given
    if isinstance(given, str | Path):
        return load(given)
    raise TypeError(f"a flowloom Graph or the path of a .flow.json is needed; got {type(given).__name__}")


def _name(given: Graph | str | Path) -> str:
    return given.name if isinstance(given, Graph) else Path(fspath(given)).name
