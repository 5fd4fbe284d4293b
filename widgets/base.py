"""The widget behind every view: one bundle, a first picture, and messages for its parts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import msgspec
import traitlets

from flowloom.widgets.catalogue import catalogue
from flowloom.widgets.files import FilesPart
from flowloom.widgets.graph_part import GraphPart
from flowloom.widgets.run_part import RunPart
from flowloom.widgets.wire import GraphEvent, WidgetState
from flowloom.widgets.wire.files import FilesReply
from flowloom.widgets.wire.pictures import Picture
from flowloom.widgets.wire.run import RunReply

STATIC = Path(__file__).parent / "static"
NO_BUNDLE = """export default { render({ el }) {
  el.textContent = "The flowloom front end is not built. Install flowloom with pip, or run 'make front-end'.";
} }"""


class LoomWidget(anywidget.AnyWidget):
    """A view with a graph part and its files, a run part, or all of them. Subclasses choose the layout."""

    _esm = STATIC / "flowloom.js" if (STATIC / "flowloom.js").is_file() else NO_BUNDLE
    _css = STATIC / "flowloom.css" if (STATIC / "flowloom.css").is_file() else ""
    _state = traitlets.Dict().tag(sync=True)
    _folds = traitlets.Dict(  # which scopes were folded (true) or opened by hand; kept for a page that is loaded again
        key_trait=traitlets.Unicode(), value_trait=traitlets.Bool()
    ).tag(sync=True)
    layout_name: str = "studio"
    graph_part: GraphPart | None = None  # also of a widget that refused its arguments, and is closed all the same
    run_part: RunPart | None = None
    files_part: FilesPart | None = None

    def __init__(self, graph_part: GraphPart | None = None, run_part: RunPart | None = None, **kwargs: Any) -> None:
        # Before the comm opens, for its first message holds the state.
        self.graph_part, self.run_part = graph_part, run_part
        self.files_part = FilesPart(graph_part.graph, self._tell_files) if graph_part is not None else None
        super().__init__(**kwargs)
        self.on_msg(self._receive)
        # ipykernel answers on the subshell that last sent on a comm; a run's thread sends, and would move every later
        # click to the main shell, behind a busy cell (measured: 0 of 12 clicks acknowledged; with this line all 12).
        if hasattr(self.comm, "_reply_subshell_for"):
            self.comm._reply_subshell_for = lambda _data, default: default

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> Any:
        """The state for a page that attaches now: today's, not that of the first display."""
        state = super().get_state(key, drop_defaults)
        if "_state" in state:
            state["_state"] = self._snapshot()
        return state

    def close(self) -> None:
        """Take the view off the page. A run that goes on, goes on."""
        for part in (self.graph_part, self.run_part, self.files_part):
            if part is not None:
                part.close()
        super().close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.layout_name}>"

    def _snapshot(self) -> dict[str, Any]:
        picture = self._picture()
        state = WidgetState(
            layout=self.layout_name,  # type: ignore[arg-type]
            kinds=catalogue() if self.graph_part is not None or picture is not None else [],
            features=self.run_part.features() if self.run_part is not None else [],
            graph=self.graph_part.state() if self.graph_part is not None else None,
            run=self.run_part.state() if self.run_part is not None else None,
            picture=picture,
            files=self.files_part.state() if self.files_part is not None else None,
        )
        plain: dict[str, Any] = msgspec.to_builtins(state)
        return plain

    def _picture(self) -> Picture | None:
        """What a view shows that has no part to be edited or run."""
        return None

    def _receive(self, _widget: Any, content: Any, buffers: Any) -> None:
        if not isinstance(content, dict):
            return
        if content.get("part") == "files" and self.files_part is not None:
            self.files_part.receive(content.get("message"), buffers or [])
            return
        part = {"graph": self.graph_part, "run": self.run_part}.get(str(content.get("part")))
        if part is not None:
            part.receive(content.get("message"))

    def _tell_graph(self, message: GraphEvent) -> None:
        self.send({"part": "graph", "message": msgspec.to_builtins(message)})

    def _tell_files(self, message: FilesReply) -> None:
        self.send({"part": "files", "message": msgspec.to_builtins(message)})

    def _tell_run(self, message: RunReply, buffers: list[bytes]) -> None:
        self.send({"part": "run", "message": msgspec.to_builtins(message)}, buffers=buffers)
