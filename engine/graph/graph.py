"""Graph: what people see and edit. Mutable, always drawable, possibly unfinished."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, TypeAlias

from msgspec import Struct, structs

from flowloom.graph import fixes, layout, trial
from flowloom.graph.difference import difference, same_nodes
from flowloom.graph.document import (
    AddNode,
    Change,
    Connect,
    Describe,
    Disconnect,
    EdgeDoc,
    Follower,
    Move,
    NodeDoc,
    Patch,
    Problem,
    RemoveNode,
    Rename,
    Reorder,
    SetBypassed,
    SetNote,
    SetParam,
)
from flowloom.graph.expansion import constant_params
from flowloom.graph.followers import End, followers
from flowloom.graph.inference import Inference, Inferred
from flowloom.graph.inserting import insertion
from flowloom.graph.kinds import Kind, all_kinds, find_kind
from flowloom.graph.placing import placed, placed_as
from flowloom.graph.state import PatchError, State, as_kept, check_graph_name, known_kind
from flowloom.graph.tensor import Tensor
from flowloom.graph.variables import Values, Variable
from flowloom.op import operands_of, port_names
from flowloom.params import complete, unknown_name
from flowloom.places import Place, place_text, user_place
from flowloom.spec import Spec, SpecError

MOST_FIXED = 16  # problems that fixes are looked for at once; the others get theirs when these are mended
_open: ContextVar[tuple[tuple[Graph, str], ...]] = ContextVar("open graphs", default=())


Author: TypeAlias = tuple[str, int]  # who sent a patch: a view, and the number it gave the request


class Applied(Struct, frozen=True, gc=False):
    """A patch that was applied: the revision it made, its inverse, and the nodes whose inference changed."""

    revision: int
    patch: tuple[Change, ...]
    inverse: tuple[Change, ...]
    changed: tuple[str, ...]
    author: Author | None = None


Listener = Callable[[Applied], None]


class Graph:
    """A dataflow graph: nodes joined by edges, edited by patches, each of which can be taken back.

    Use it as a context to build in it: `with fl.Graph("digits") as g: ...`. A graph that does not typecheck is a normal
    state; `problems` says what is wrong and how to mend it. `seed` decides the first values of its variables. Raises
    PatchError for a name that is no text or too long.
    """

    def __init__(self, name: str = "graph", *, seed: int = 0) -> None:
        check_graph_name(name)
        self.revision = 0
        self.structure = 0  # counts the revisions that change what is computed, not only how it is drawn
        self.values = Values(seed)
        self.values.serve(self)
        self.lock = threading.RLock()
        self._state = State(name, seed)
        self._inference = Inference(self._state)
        self._undo: list[Applied] = []
        self._redo: list[Applied] = []
        self._listeners: list[Listener] = []
        self._places: dict[str, Place] = {}
        self._made = 0  # the number in the newest node's id; none is given twice, so no node inherits another's weights

    # ------------------------------------------------------------ what is there

    @property
    def name(self) -> str:
        """What people call it; assigning another one is a step that can be taken back."""
        return self._state.name

    @name.setter
    def name(self, name: str) -> None:
        self.apply([Describe(name, self.seed)])

    @property
    def seed(self) -> int:
        """What the first values of the variables are drawn from."""
        return self._state.seed

    @property
    def nodes(self) -> Mapping[str, NodeDoc]:
        """The nodes by id, in the order they were made."""
        return MappingProxyType(self._state.nodes)

    @property
    def edges(self) -> list[EdgeDoc]:
        """The edges, in the order of the nodes that they lead to and of their ports' names."""
        incoming = self._state.incoming
        return [edges[port] for id in self._state.nodes if (edges := incoming.get(id)) for port in sorted(edges)]

    @property
    def state(self) -> State:
        """Nodes and edges as plain data; to be changed by `apply` alone."""
        return self._state

    @property
    def inputs(self) -> list[Tensor]:
        """The tensors that are fed, in the order they were made."""
        with self.lock:
            return [Tensor(self, id, "y") for id, node in self._state.nodes.items() if node.kind == "input"]

    @property
    def outputs(self) -> list[Tensor]:
        """The tensors of the `output` nodes, in the order they were made; where there are none, all that no node
        reads.
        """
        with self.lock:
            declared = [Tensor(self, id, "y") for id, node in self._state.nodes.items() if node.kind == "output"]
            return declared or [
                Tensor(self, id, port)
                for id in self._state.nodes
                for port in self.inferred(id).outputs
                if not any(e.source_port == port for e in self._state.outgoing.get(id, ()))
            ]

    @property
    def variables(self) -> list[Variable]:
        """The variables of all nodes that typecheck."""
        with self.lock:
            known = (self.inferred(id).expansion for id in self._state.nodes)
            return [Variable(self, info) for e in known if e is not None for info in e.variables.values()]

    @property
    def trainable_variables(self) -> list[Variable]:
        """The variables that training changes."""
        return [v for v in self.variables if v.trainable]

    @property
    def problems(self) -> list[Problem]:
        """What stands in the way of typing this graph, the first ones with fixes if there are; [] if it typechecks."""
        with self.lock:
            troubled = self._inference.troubled
            found = [troubled[id] for id in self._state.by_age(troubled)]
            mended = [fixes.with_fixes(self._state, self._inference, p) for p in found[:MOST_FIXED]]
            return mended + found[MOST_FIXED:]

    def __getitem__(self, name: str) -> Tensor:
        """The first output of the node of that name ("scope/name"). Raises KeyError with the nearest name."""
        id = self._id(name)
        ports = self.inferred(id).outputs
        if not ports:
            raise SpecError(f"the outputs of {name!r} are not known: {self.why_unknown(id)}")
        return Tensor(self, id, ports[0])

    def variable(self, name: str) -> Variable:
        """The variable of that name ("dense/kernel"). Raises KeyError with the nearest name."""
        variables = {v.name: v for v in self.variables}
        if name not in variables:
            raise KeyError(unknown_name(name, variables, f"graph {self.name!r} has no variable"))
        return variables[name]

    def _id(self, name: str) -> str:
        scope, _, last = name.rpartition("/")
        id = self._state.find(last, scope)
        if id is None:
            paths = [n.path for n in self._state.nodes.values()]
            raise KeyError(unknown_name(name, paths, f"graph {self.name!r} has no node"))
        return id

    def whereabouts(self, id: str) -> str:
        """Where a node was made, as far as is known, and its name: "cell 7, line 3, node 'scores'"."""
        place = place_text(self._places.get(id))
        return f"{place}, node {self._state.nodes[id].path!r}" if place else f"node {self._state.nodes[id].path!r}"

    def copy_places(self, other: Graph) -> None:
        """Take over from a graph with nodes of the same ids where in the user's code they were made."""
        self._places.update(other._places)

    def located(self, error: Exception, kind: str, name: str | None, operands: Iterable[Any] = ()) -> Exception:
        """An error of a node of that kind that is being added: with the call, if it names none, and the user's line."""
        scope = current_scope(self)
        called = self._state.free_name(kind, scope) if name is None else name
        place = place_text(user_place())
        where = f"{place + ', ' if place else ''}node {f'{scope}/{called}' if scope else called!r}"
        if isinstance(error, SpecError):
            specs = ", ".join(str(self.spec(o)) for o in operands if isinstance(o, Tensor) and o.graph is self)
            return SpecError(f"{error.within(f'{kind}({specs})')}. In {where}", dimension=error.dimension)
        return type(error)(f"{error}. In {where}")

    def inferred(self, id: str) -> Inferred:
        """What is known of a node: ports, expressions, its problem."""
        return self._inference.known.get(id, Inferred())

    def inferred_alone(self, id: str) -> Inferred:
        """What would be known of a bypassed node if it computed again."""
        return self._inference.infer(structs.replace(self._state.nodes[id], bypassed=False))

    def spec(self, tensor: Tensor) -> Spec | None:
        """The shape and dtype of a tensor of this graph, or None while they are not known."""
        expr = self.inferred(tensor.id).exprs().get(tensor.port)
        return None if expr is None else expr.spec

    def blocker(self, id: str) -> Problem | None:
        """The problem that keeps a node from being typed: its own, or that of the first one before it that has one."""
        seen, stack = {id}, [id]
        while stack:
            current = stack.pop()
            if problem := self.inferred(current).problem:
                return problem
            sources = {e.source for e in self._state.incoming.get(current, {}).values()} - seen
            seen |= sources
            stack += sorted(sources)
        return None

    def why_unknown(self, id: str) -> str:
        """The problem that keeps a node from being typed, in a line."""
        problem = self.blocker(id)
        return f"{self._state.nodes[problem.node].path}: {problem.message}" if problem else "it is not in the graph"

    # ------------------------------------------------------------ change

    def apply(self, patch: Sequence[Change], *, author: Author | None = None, continues: bool = False) -> Applied:
        """Apply a patch as one undoable step. Raises PatchError, with the graph as it was, if it does not fit.

        With `continues` it is one step with the patch before it, if that was the same author's.
        """
        with self.lock:
            before = self._undo[-1] if self._undo else None
            joins = continues and before is not None and before.revision == self.revision and _same(before, author)
            applied = self._perform(patch, author)
            if joins:
                before = self._undo.pop()
                whole = (*before.patch, *applied.patch), (*applied.inverse, *before.inverse)
                self._record(structs.replace(applied, patch=whole[0], inverse=whole[1]))
            else:
                self._record(applied)
            self._tell(applied)
        return applied

    def refusal(self, patch: Sequence[Change]) -> Problem | None:
        """Why this patch, made by hand, should be refused: a node that was fine, or is wired anew, would not fit.

        The problem names both specs and the failing dimension and has fixes for the graph as it is. Raises PatchError.
        """
        with self.lock:
            return fixes.refused(self._state, self._inference, list(patch))

    def verdicts(self, tensor: Tensor) -> dict[tuple[str, str], str | None]:
        """For every input port (node id, port) why `tensor` does not fit; None where it does. Raises PatchError."""
        with self.lock:
            return trial.verdicts(self._state, self._inference, tensor.id, tensor.port)

    def verdicts_before(self, id: str, port: str) -> dict[tuple[str, str], str | None]:
        """For every output (node id, port) why it does not fit that input; None where it does. Raises PatchError."""
        with self.lock:
            return trial.verdicts_before(self._state, self._inference, id, port)

    def followers(self, source: End | None, target: End | None = None) -> list[Follower]:
        """The kinds that fit behind the output `source`, before the input `target`, or between: (node id, port) each.

        Raises PatchError for a node or port that is not there.
        """
        with self.lock:
            return followers(self._state, self._inference, source, target)

    def restore(self, patch: Sequence[Change]) -> None:
        """Apply the patch that an empty graph is filled by; not a step that can be taken back. Raises PatchError."""
        with self.lock:
            self._perform(patch, None)
            numbers = (id[1:] for id in self._state.nodes if id.startswith("n"))
            self._made = max((int(n) for n in numbers if n.isdecimal() and len(n) < 10), default=0)

    def undo(self, *, author: Author | None = None) -> Applied:
        """Take back the last step. Raises PatchError if there is none."""
        return self._step_back(self._undo, self._redo, "undo", author)

    def redo(self, *, author: Author | None = None) -> Applied:
        """Do again the last step taken back. Raises PatchError if there is none."""
        return self._step_back(self._redo, self._undo, "redo", author)

    @property
    def undo_depth(self) -> int:
        """How many steps can be taken back."""
        return len(self._undo)

    @property
    def redo_depth(self) -> int:
        """How many steps taken back can be done again."""
        return len(self._redo)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` after each patch, in order, in the thread that applied it. Returns the way to stop that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _step_back(self, source: list[Applied], target: list[Applied], what: str, author: Author | None) -> Applied:
        with self.lock:
            if not source:
                raise PatchError(f"there is nothing to {what}")
            applied = self._perform(source[-1].inverse, author)
            source.pop()
            target.append(applied)
            self._tell(applied)
        return applied

    def _perform(self, patch: Sequence[Change], author: Author | None) -> Applied:
        inverse = self._state.apply(patch)
        self.values.seed = self._state.seed
        try:
            changed = self._inference.refresh(_touched(patch))
        except BaseException:  # a declaration that fails otherwise than by SpecError, or Ctrl-C
            self._state.apply(inverse)
            self.values.seed = self._state.seed
            self._inference.refresh(_touched(patch))
            raise
        if any(not isinstance(c, Move | SetNote) for c in patch):
            self.structure += 1
        self.revision += 1
        return Applied(self.revision, tuple(map(as_kept, patch)), tuple(inverse), tuple(changed), author)

    def _record(self, applied: Applied) -> None:
        self._undo.append(applied)
        if self._redo:
            added = {c.node.id for undone in self._redo for c in undone.inverse if isinstance(c, AddNode)}
            self._redo.clear()
            self.values.forget(added)

    def _tell(self, applied: Applied) -> None:
        for listener in list(self._listeners):
            listener(applied)

    # ------------------------------------------------------------ building from Python

    def __enter__(self) -> Graph:
        _open.set((*_open.get(), (self, "")))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _open.set(_open.get()[:-1])

    @contextmanager
    def scope(self, name: str) -> Any:
        """Put the nodes made inside into the scope `name`; scopes nest: "encoder/block"."""
        outer = current_scope(self)
        token = _open.set((*_open.get(), (self, f"{outer}/{name}" if outer else name)))
        try:
            yield self
        finally:
            _open.reset(token)

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Build in a `with` that takes back all its steps if it fails."""
        with self.lock:
            depth = len(self._undo)
            try:
                yield
            except BaseException:
                while len(self._undo) > depth:
                    self._tell(self._perform(self._undo.pop().inverse, None))
                raise

    def add(
        self, kind: str, args: Iterable[Any] = (), params: Mapping[str, Any] | None = None, *, name: str | None = None
    ) -> Any:
        """Add a node of `kind` on tensors of this graph (numbers and arrays become constants). Returns its output.

        Raises SpecError or TypeError, with the graph as it was, if it does not typecheck. Several outputs: a tuple.
        """
        found = find_kind(kind)
        if found is None:
            raise KeyError(unknown_name(kind, (k.name for k in all_kinds()), "there is no kind"))
        given = list(args)
        try:
            operands, params = operands_of(kind, found.ports, given, params or {}, found.params)
            params = {k: found.params[k].document(v) if k in found.params else v for k, v in params.items()}
            full = complete(found.params, params, f"{kind}()")
        except (TypeError, SpecError) as error:
            raise self.located(error, found.label, name, given) from None
        return self.insert(found, operands, params, full, name)

    def insert(
        self, kind: Kind, operands: Sequence[Any], params: dict[str, Any], full: dict[str, Any], name: str | None
    ) -> Any:
        """`add` for what is checked already: an operand (or None) for each port, the parameters as the document holds
        them, and all of them with their defaults (`full`)."""
        with self.lock:
            made, added = self._made, list[NodeDoc]()
            try:
                return self._add(kind, operands, params, full, name, added)
            except BaseException as error:
                for node in reversed(added):
                    self._state.discard(node)
                    self._inference.forget(node.id)
                self._made = made
                if isinstance(error, SpecError | PatchError):
                    raise self.located(error, kind.label, name, operands) from None
                raise

    def _add(
        self,
        kind: Kind,
        operands: Sequence[Any],
        params: dict[str, Any],
        full: dict[str, Any],
        name: str | None,
        added: list[NodeDoc],
    ) -> Any:
        scope = current_scope(self)
        wires: list[tuple[str, Tensor]] = []
        for port, operand in zip(port_names(kind.ports, len(operands)), operands, strict=True):
            if operand is not None:
                tensor = operand if isinstance(operand, Tensor) else self._constant(operand, operands, scope, added)
                if tensor.graph is not self:
                    raise SpecError(f"{tensor.name!r} belongs to graph {tensor.graph.name!r}, not to {self.name!r}")
                wires.append((port, tensor))
        free = self._state.free_name(kind.label, scope) if name is None else name
        node = NodeDoc(self._new_id(), kind.name, free, 1, params, scope)
        edges = [EdgeDoc(tensor.id, tensor.port, node.id, port) for port, tensor in wires]
        inferred = self._append(kind, node, edges, full, added, named=name is not None)
        if inferred.expansion is None:
            raise self._why_not(node, inferred)
        if (place := user_place()) is not None:
            self._places[node.id] = place
        self.revision += 1
        self.structure += 1
        patch: tuple[Change, ...] = (*map(AddNode, added), *map(Connect, edges))
        inverse: tuple[Change, ...] = (*map(Disconnect, edges), *(RemoveNode(n.id) for n in reversed(added)))
        applied = Applied(self.revision, patch, inverse, tuple(n.id for n in added))
        self._record(applied)
        self._tell(applied)
        outputs = tuple(Tensor(self, node.id, port) for port in inferred.outputs)
        return outputs[0] if len(outputs) == 1 and not kind.outputs[0].variadic else outputs

    def _why_not(self, node: NodeDoc, inferred: Inferred) -> SpecError:
        """Why a node that was added has no expressions."""
        if inferred.problem is None:
            return SpecError(self.why_unknown(node.id))
        call, found, rule = inferred.problem.message.partition("): ")
        if not found:
            return SpecError(call, dimension=inferred.problem.dimension)
        return SpecError(rule, dimension=inferred.problem.dimension, call=f"{call})")

    def _append(
        self,
        kind: Kind,
        node: NodeDoc,
        edges: Sequence[EdgeDoc],
        full: dict[str, Any],
        added: list[NodeDoc],
        *,
        named: bool,
    ) -> Inferred:
        """Add a node that nothing reads yet, and infer it."""
        node = self._state.append(node, edges, named=named)
        added.append(node)
        return self._inference.append(node, kind, full)

    def _constant(self, value: Any, beside: Sequence[Any], scope: str, added: list[NodeDoc]) -> Tensor:
        """A constant node for a number or array among the operands."""
        params = constant_params(value, beside=[t.spec.dtype for t in beside if isinstance(t, Tensor)])
        kind = find_kind("constant")
        assert kind is not None
        node = NodeDoc(self._new_id(), kind.name, self._state.free_name(kind.name, scope), 1, params, scope)
        self._append(kind, node, (), params, added, named=False)
        return Tensor(self, node.id, "y")

    def _new_id(self) -> str:
        self._made += 1
        while self._state.ever(f"n{self._made}"):
            self._made += 1
        return f"n{self._made}"

    # ------------------------------------------------------------ editing by name

    def set(self, name: str, **params: Any) -> None:
        """Set parameters of the node of that name, as one step. Raises TypeError or SpecError if they do not fit."""
        id = self._id(name)
        node = self._state.nodes[id]
        kind = known_kind(node)
        if kind is None:
            raise SpecError(f"the parameters of {name!r} cannot be set: {self.why_unknown(id)}")
        complete(kind.params, {**node.params, **params}, f"{kind.name}()")
        self.apply([SetParam(id, k, kind.params[k].document(v)) for k, v in params.items()])

    def bypass(self, name: str, bypassed: bool = True) -> None:
        """Have the node of that name pass its first wired input on instead of computing, or compute again.

        Its parameters and trained values are kept. Raises PatchError for a node that has no input to pass on.
        """
        self.apply([SetBypassed(self._id(name), bypassed)])

    def rename(self, name: str, new: str) -> None:
        """Give a node another name."""
        self.apply([Rename(self._id(name), new)])

    def remove(self, *names: str) -> None:
        """Remove nodes with their edges, as one step."""
        self.apply(self._state.removal(self._id(n) for n in names))

    def as_patch(self) -> Patch:
        """The patch that makes this graph of an empty one, as `restore` takes it."""
        return [*map(AddNode, self._state.nodes.values()), *map(Connect, self._state.edges.values())]

    def earlier(self, steps: int) -> Graph:
        """This graph as it was so many undoable steps ago, as a graph of its own, whose nodes have the same ids.

        Raises PatchError if there were not so many.
        """
        with self.lock:
            if not 0 <= steps <= len(self._undo):
                raise PatchError(f"there are {len(self._undo)} steps to go back; got {steps}")
            past = Graph(self.name, seed=self.seed)
            past._state.apply(self.as_patch())
            for applied in self._undo[len(self._undo) - steps :][::-1]:
                past._state.apply(applied.inverse)
            past._inference.refresh(past._state.nodes)
            return past

    def keep(self, *tensors: Tensor) -> None:
        """Remove all nodes that these tensors are not computed from, as one step."""
        needed = self._state.upstream(t.id for t in tensors)
        self.apply(self._state.removal(id for id in self._state.nodes if id not in needed))

    def tidying(self, only: Collection[str] = ()) -> Patch:
        """The patch that lays all nodes out anew, or only those of some ids; `apply` it to make it a step.

        Raises PatchError for an id that no node has.
        """
        for id in only:
            self._state.node(id)
        return layout.tidy(self._state, self._inference, only)

    def becoming(self, other: Graph, ids: Mapping[str, str] | None = None, *, places: bool = False) -> Patch:
        """The patch that makes of this graph what `other` is; `apply` it to make it a step.

        Nodes of the same path and kind, or of the same wires, keep their ids and weights. `ids` says by the ids of
        `other` which those are, as `same_nodes` finds them. They keep their places, too, unless the `places` of `other`
        are asked for.
        """
        with self.lock:
            ids = same_nodes(self._state, other._state) if ids is None else ids
            patch = difference(self._state, other._state, ids)
            if (other.name, other.seed) != (self.name, self.seed):
                patch = [Describe(other.name, other.seed), *patch]
            if places:
                return placed_as(patch, self._state, other._state, ids)
            sizes = {ids[id]: layout.size(other._state, other._inference, id) for id in other._state.nodes}
            return placed(patch, self._state, other._state, ids, sizes)

    def inserting(self, other: Graph) -> tuple[Patch, dict[str, str]]:
        """The patch that adds all of `other` below what is there, and the id that each of its nodes gets."""
        with self.lock:
            sizes = {id: layout.size(self._state, self._inference, id) for id in self._state.nodes}
            return insertion(self._state, other._state, sizes)

    def place(self) -> None:
        """Lay the graph out if some node has no position yet; not a step of its own."""
        with self.lock:
            if any(n.x is None or n.y is None for n in self._state.nodes.values()):
                self._tell(self._perform(layout.tidy(self._state, self._inference), None))

    def to_python(self) -> str:
        """Python source that builds this graph again. Raises SpecError, naming the node, if it does not typecheck."""
        from flowloom.formats.python import to_python

        return to_python(self)

    def save(self, path: str | Path) -> None:
        """Write the graph to `path` as `.flow.json`, in one move: the file is the old one or the whole new one.

        Trained values are not in it; `np.savez(file, **{v.name: v.value for v in graph.variables})` keeps them.
        """
        from flowloom.formats.flow import save

        save(self, path)

    def __repr__(self) -> str:
        return f"<graph {self.name}: {len(self._state.nodes)} nodes, {len(self._state.edges)} edges>"


def current_graph() -> Graph:
    """The graph of the innermost `with`. Raises RuntimeError outside of one."""
    if not _open.get():
        raise RuntimeError('no graph is open; build inside "with fl.Graph(name) as g:"')
    return _open.get()[-1][0]


def current_scope(graph: Graph) -> str:
    """The scope that new nodes of `graph` are put into."""
    return next((scope for g, scope in reversed(_open.get()) if g is graph), "")


def _same(applied: Applied, author: Author | None) -> bool:
    """Whether a patch came from the view that `author` names."""
    return applied.author is not None and author is not None and applied.author[0] == author[0]


def _touched(patch: Sequence[Change]) -> list[str]:
    """The nodes that a patch says something about which inference must look at."""
    ids: list[str] = []
    for change in patch:
        match change:
            case Move() | SetNote() | Rename() | Reorder() | Describe():
                pass
            case AddNode(node):
                ids.append(node.id)
            case _ if hasattr(change, "edge"):
                ids.append(change.edge.target)
            case _:
                ids.append(change.id)
    return ids
