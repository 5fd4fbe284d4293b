"""The graph part of a widget: takes edits from the browser, tells every view what changed. Python owns the state."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from flowloom.graph import Applied, Graph, PatchError, Problem, Tensor
from flowloom.graph.document import Move, SetNote
from flowloom.graph.picture import drawn
from flowloom.widgets.blocks import answer
from flowloom.widgets.code import code_of, edit_code
from flowloom.widgets.compared import Versions
from flowloom.widgets.lowered import lowered_view
from flowloom.widgets.pictures import info_of
from flowloom.widgets.wire import (
    BlockRequest,
    CodeRequest,
    CompareRequest,
    Edit,
    EditCode,
    Fits,
    FitsRequest,
    Followers,
    FollowersRequest,
    GraphEvent,
    GraphRequest,
    GraphReset,
    GraphState,
    History,
    LoweredRequest,
    NodeInfo,
    Patched,
    PortVerdict,
    Rejected,
    Sync,
    VersionsRequest,
)


class GraphPart:
    """One graph, shown. `send` carries a message to all views."""

    def __init__(self, graph: Graph, send: Callable[[GraphEvent], None]) -> None:
        self.graph = graph
        self._send = send
        graph.place()
        self._floor = graph.undo_depth  # what was built before the editor opened is not undone by it
        self._versions = Versions(graph)
        self._stop = graph.subscribe(self._tell)

    def close(self) -> None:
        """Stop telling the views."""
        self._stop()

    def state(self) -> GraphState:
        """The whole graph as the browser sees it."""
        graph = self.graph
        with graph.lock:
            return GraphState(
                name=graph.name,
                revision=graph.revision,
                nodes=list(graph.nodes.values()),
                edges=graph.edges,
                info=[self._info(id) for id in graph.nodes],
                problems=graph.problems,
                can_undo=graph.undo_depth > self._floor,
                can_redo=graph.redo_depth > 0,
            )

    def receive(self, raw: object) -> None:
        """Carry out a message from the browser. A malformed one is refused, and changes nothing."""
        try:
            request: GraphRequest = msgspec.convert(raw, GraphRequest)
        except msgspec.ValidationError as error:
            self._refuse_malformed(raw, str(error))
            return
        match request:
            case Edit() | History():
                self._change(request)
            case FitsRequest():
                self._send(self._fits(request))
            case FollowersRequest():
                self._send(self._followers(request))
            case Sync():
                self._send(GraphReset(self.state()))
            case CodeRequest(client):
                self._send(code_of(self.graph, client))
            case EditCode():
                self._send(edit_code(self.graph, request))
            case LoweredRequest():
                self._send(lowered_view(self.graph, request))
            case VersionsRequest():
                self._send(self._versions.listed(request, self.graph.undo_depth - self._floor))
            case CompareRequest():
                self._send(self._versions.compared(request))
            case BlockRequest():
                self._send(answer(self.graph, request))

    # ------------------------------------------------------------ requests

    def _change(self, request: Edit | History) -> None:
        graph, author = self.graph, (request.client, request.sequence)
        try:
            with graph.lock:
                if isinstance(request, History):
                    self._go(request, author)
                    return
                problem = graph.refusal(request.patch)
                if problem is None:
                    graph.apply(request.patch, author=author, continues=request.continues)
                    return
        except PatchError as error:
            problem = Problem("", str(error))
        self._send(Rejected(request.client, request.sequence, problem))

    def _go(self, request: History, author: tuple[str, int]) -> None:
        graph = self.graph
        if request.action == "undo":
            if graph.undo_depth <= self._floor:
                raise PatchError("there is nothing to undo")
            graph.undo(author=author)
        elif request.action == "redo":
            graph.redo(author=author)
        else:
            graph.apply(graph.tidying(set(request.nodes)), author=author)

    def _fits(self, request: FitsRequest) -> Fits:
        try:
            if request.side == "input":
                found = self.graph.verdicts_before(request.source, request.source_port)
            else:
                found = self.graph.verdicts(Tensor(self.graph, request.source, request.source_port))
        except PatchError:
            found = {}
        return Fits(request.request, [PortVerdict(id, port, why) for (id, port), why in found.items()])

    def _followers(self, request: FollowersRequest) -> Followers:
        ends = [(request.source, request.source_port), (request.target, request.target_port)]
        try:
            found = self.graph.followers(*((node, port) if node else None for node, port in ends))
        except PatchError:
            found = []
        return Followers(request.request, found)

    def _refuse_malformed(self, raw: object, why: str) -> None:
        if isinstance(raw, dict) and isinstance(raw.get("client"), str) and isinstance(raw.get("sequence"), int):
            self._send(Rejected(raw["client"], raw["sequence"], Problem("", f"the edit is malformed: {why}")))

    # ------------------------------------------------------------ telling

    def _tell(self, applied: Applied) -> None:
        graph = self.graph
        client, sequence = applied.author or ("", 0)
        drawn_only = all(isinstance(c, Move | SetNote) for c in applied.patch)
        touched = {*applied.changed} | {c.edge.target for c in applied.patch if hasattr(c, "edge")}
        with graph.lock:
            self._floor = min(self._floor, graph.undo_depth)
            self._send(
                Patched(
                    revision=applied.revision,
                    client=client,
                    sequence=sequence,
                    patch=list(applied.patch),
                    info=[] if drawn_only else [self._info(id) for id in touched if id in graph.nodes],
                    problems=graph.problems,
                    can_undo=graph.undo_depth > self._floor,
                    can_redo=graph.redo_depth > 0,
                )
            )

    def _info(self, id: str) -> NodeInfo:
        return info_of(drawn(self.graph, id))
