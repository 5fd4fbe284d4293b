"""The graph part of a widget: takes edits from the browser, tells every view what changed. Python owns the state."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

import msgspec

from flowloom.graph import Applied, Graph, PatchError, Problem, Tensor
from flowloom.graph.document import AddNode, Move, Patch, SetNote
from flowloom.graph.naming import with_free_names
from flowloom.graph.picture import drawn
from flowloom.widgets.blocks import answer
from flowloom.widgets.code import code_of, edit_code
from flowloom.widgets.compared import Versions
from flowloom.widgets.ledger import Ledger
from flowloom.widgets.lowered import lowered_view
from flowloom.widgets.pictures import info_of
from flowloom.widgets.wire import GraphEvent, GraphRequest
from flowloom.widgets.wire.blocks import BlockRequest
from flowloom.widgets.wire.graph import (
    Answer,
    Client,
    CodeRequest,
    Edit,
    EditCode,
    Fits,
    FitsRequest,
    Followers,
    FollowersRequest,
    GraphState,
    History,
    NodeInfo,
    Patched,
    PortVerdict,
    Rejected,
    Sequence,
    Sync,
    Synced,
)
from flowloom.widgets.wire.pictures import CompareRequest, LoweredRequest, VersionsRequest


class _Numbered(msgspec.Struct):
    """What a request that is otherwise malformed must say to be answered."""

    client: Client
    sequence: Sequence


class GraphPart:
    """One graph, shown. `send` carries a message to all views."""

    def __init__(self, graph: Graph, send: Callable[[GraphEvent], None]) -> None:
        self.graph = graph
        self._send = send
        self._ledger = Ledger()
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
            case Edit() | History() | EditCode():
                if self._is_next(request):
                    self._do(request)
            case FitsRequest():
                self._send(self._fits(request))
            case FollowersRequest():
                self._send(self._followers(request))
            case Sync():
                self._sync(request)
            case CodeRequest(client):
                self._send(code_of(self.graph, client))
            case LoweredRequest():
                self._send(lowered_view(self.graph, request))
            case VersionsRequest():
                self._send(self._versions.listed(request, self.graph.undo_depth - self._floor))
            case CompareRequest():
                self._send(self._versions.compared(request))
            case BlockRequest():
                self._send(answer(self.graph, request))

    # ------------------------------------------------------------ requests

    def _is_next(self, request: Edit | History | EditCode | _Numbered) -> bool:
        """Whether it is the turn of a request; the view is told if not."""
        if self._ledger.take(request.client, request.sequence) == "next":
            return True
        self._tell_where(request.client)
        return False

    def _do(self, request: Edit | History | EditCode) -> None:
        try:
            if isinstance(request, EditCode):
                self._answer(edit_code(self.graph, request))
            else:
                self._change(request)
        except Exception as error:  # a fault of ours: the view takes back what it has shown, and the log says the rest
            why = " ".join(f"{type(error).__name__}: {error}".split())
            self._refuse(request, Problem("", f"this cannot be done: {why[:200]}"))
            raise

    def _change(self, request: Edit | History) -> None:
        graph, author = self.graph, (request.client, request.sequence)
        try:
            with graph.lock:
                if isinstance(request, History):
                    self._go(request, author)
                    return
                patch, problem = self._tried(request.patch)
                if problem is None:
                    graph.apply(patch, author=author, continues=request.continues)
                    return
        except PatchError as error:
            problem = Problem("", str(error))
        self._refuse(request, problem)

    def _tried(self, patch: Patch) -> tuple[Patch, Problem | None]:
        """The patch, with other names if others have taken those of new nodes, and why it is refused if it is."""
        try:
            return patch, self.graph.refusal(patch)
        except PatchError:
            renamed = with_free_names(self.graph.state, patch)
            if renamed == patch:
                raise
            return renamed, self.graph.refusal(renamed)

    def _refuse(self, request: Edit | History | EditCode | _Numbered, problem: Problem) -> None:
        self._answer(Rejected(request.client, request.sequence, self.graph.revision, problem))

    def _answer(self, answer: Answer) -> None:
        """Send an answer, and keep it for a view that may have missed it."""
        self._ledger.account(answer.client).answers.append(answer)
        self._send(answer)

    def _sync(self, request: Sync) -> None:
        self._ledger.account(request.client, request.sequence)
        self._tell_where(request.client, request.request, request.revision)

    def _tell_where(self, client: str, request: int = 0, revision: int | None = None) -> None:
        """Tell a view what has been dealt with; with the document if it asks at another revision than today's."""
        account = self._ledger.account(client)
        with self.graph.lock:  # so that no patch overtakes the document
            now = self.graph.revision
            state = None if request == 0 or revision == now else self.state()
            self._send(Synced(client, request, account.handled, now, list(account.answers), state))

    def _go(self, request: History, author: tuple[str, int]) -> None:
        graph = self.graph
        if request.action == "undo":
            if graph.undo_depth <= self._floor:
                raise PatchError("there is nothing to undo")
            graph.undo(author=author)
        else:
            graph.redo(author=author)

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
        """Answer a request that is no request, if it says whose it is. It counts as dealt with."""
        try:
            request = msgspec.convert(raw, _Numbered)
        except msgspec.ValidationError:
            return
        if self._is_next(request):
            self._refuse(request, Problem("", f"the edit is malformed: {why}"))

    # ------------------------------------------------------------ telling

    def _tell(self, applied: Applied) -> None:
        graph = self.graph
        client, sequence = applied.author or ("", 0)
        drawn_only = all(isinstance(c, Move | SetNote) for c in applied.patch)
        touched = {*applied.changed} | {c.edge.target for c in applied.patch if hasattr(c, "edge")}
        touched |= {e.target for id in applied.changed for e in graph.state.outgoing.get(id, ())}
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
                    order=self._order(applied),
                )
            )

    def _order(self, applied: Applied) -> list[str]:
        """All ids in their order, if nodes were added and one of them does not come last."""
        nodes = self.graph.state.nodes
        added = [c.node.id for c in applied.patch if isinstance(c, AddNode) and c.node.id in nodes]
        return [] if added == list(islice(reversed(nodes), len(added)))[::-1] else list(nodes)

    def _info(self, id: str) -> NodeInfo:
        return info_of(drawn(self.graph, id))
