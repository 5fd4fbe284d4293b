"""Program: a part of a graph made callable. Plans are kept for the last few combinations of input shapes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from flowloom.backends.choice import Backend, Step, check_backend, make_step
from flowloom.backends.portable import KernelError
from flowloom.compiler.expr import Expr
from flowloom.compiler.plan import make_plan
from flowloom.compiler.rewriting import rewrite
from flowloom.feeds import bind
from flowloom.graph.expansion import STEP_KEY
from flowloom.graph.explanation import Explanation, explain
from flowloom.graph.graph import Graph
from flowloom.graph.lower import Lowered, inputs_needed, lower
from flowloom.graph.tensor import Tensor
from flowloom.graph.variables import Values
from flowloom.initializers import key_of
from flowloom.spec import Spec

if TYPE_CHECKING:
    from flowloom.profiler import Profile

Array = np.ndarray[Any, Any]
PLANS_KEPT = 8


class RunError(RuntimeError):
    """A step that failed on its values. `node` is the id of the node it happened in."""

    def __init__(self, message: str, node: str | None = None) -> None:
        super().__init__(message)
        self.node = node


def compile(outputs: Tensor | Sequence[Tensor], *, backend: Backend = "auto", training: bool = False) -> Program:
    """Make tensors of a graph callable: `program({"image": X})` gives their values.

    `outputs` is a tensor or a list of tensors of one graph; results come in the same form. `training` expands the
    graph as it is while learning (dropout drops). `backend` "auto" answers at once, and calls go over to compiled
    kernels when those are ready, which may change the last bits; name a backend for the same bits every time. Raises
    SpecError if the graph does not typecheck, ValueError for a backend that is not there.
    """
    return Program(outputs, backend=backend, training=training)


class Program:
    """Tensors of a graph, callable. It follows the graph: after an edit it is lowered anew."""

    def __init__(
        self, outputs: Tensor | Sequence[Tensor], *, backend: Backend = "auto", training: bool = False
    ) -> None:
        check_backend(backend)
        self.backend: Backend = backend
        self._single = isinstance(outputs, Tensor)
        self.outputs: list[Tensor] = [outputs] if isinstance(outputs, Tensor) else list(outputs)
        if not self.outputs:
            raise ValueError("compile() needs at least one tensor")
        for output in self.outputs:
            if not isinstance(output, Tensor):
                raise TypeError(f"compile() takes tensors of a graph; got {type(output).__name__}")
        self.graph: Graph = self.outputs[0].graph
        self.training = training
        self._calls = count()
        self._steps: OrderedDict[Any, tuple[Lowered, Step]] = OrderedDict()
        self._ready: list[_Ready] = []  # what runs for feeds of a form that was checked before; the last one first
        self._leaves = _Leaves(self.graph.values)
        self._needed = self.graph.structure, inputs_needed(self.graph, self.outputs, training=training)

    def __repr__(self) -> str:
        return f"<program: {', '.join(self.inputs) or 'nothing'} -> {', '.join(t.name for t in self.outputs)}>"

    @property
    def inputs(self) -> dict[str, Spec]:
        """The specs of the inputs that must be fed, by name, in the order they were made."""
        with self.graph.lock:
            structure = self.graph.structure
            if self._needed[0] != structure:
                self._needed = structure, inputs_needed(self.graph, self.outputs, training=self.training)
            return dict(self._needed[1])

    def __call__(self, feeds: Mapping[str, Any] | None = None) -> Any:
        """The values of the outputs: an array of each one's spec (a list of them if a list was compiled).

        An input of the graph that the outputs do not need may be fed, too; its named dimensions have the sizes that are
        fed. Raises FeedError for a feed that does not fit, RunError where a value is refused (a label out of range,
        say).
        """
        given = {} if feeds is None else feeds
        with self.graph.lock:  # no edit between the inputs and the plan, and one thread at the cache of plans
            ready, bound = self._ready_for(given)
            inputs = self._leaves.of(ready)
            for i, name in ready.fed:
                inputs[i] = bound[name]
        if ready.key is not None:
            inputs[ready.key] = key_of(self.graph.seed, f"call {next(self._calls)}")
        try:
            results = ready.step(inputs)
        except KernelError as error:
            raise located(self.graph, ready.lowered, error) from None
        return results[0] if self._single else results

    def explain(self, feeds: Mapping[str, Any] | None = None) -> Explanation:
        """How the outputs are computed for feeds like these, or of these Specs: phases of rewriting, kernels, memory.

        Raises FeedError for a feed that does not fit, SpecError for a Spec whose sizes are not all numbers.
        """
        given = {} if feeds is None else feeds
        if hasattr(given, "items"):
            given = {name: _any_of(v) if isinstance(v, Spec) else v for name, v in given.items()}
        with self.graph.lock:
            specs = {name: Spec.of(a) for name, a in self.bound(given).items()}
            lowered = lower(self.graph, self.outputs, specs, training=self.training)
            return explain(self.graph, lowered)

    def profile(self, feeds: Mapping[str, Any] | None = None, steps: int = 20) -> Profile:
        """What each instruction costs on feeds like these, run so many times on the backend that calls come to.

        Raises what a call does, ValueError for a number of steps below 1.
        """
        from flowloom.profiler.measuring import measured

        with self.graph.lock:
            bound = self.bound({} if feeds is None else feeds)
            lowered, step = self._step_for({name: Spec.of(a) for name, a in bound.items()})
        values = leaf_values(self.graph, lowered, bound, key_of(self.graph.seed, "call 0"))
        try:
            return measured(step, [values[e] for e in step.plan.inputs], self.graph, lowered.origins, steps)
        except KernelError as error:
            raise located(self.graph, lowered, error) from None

    def bound(self, feeds: Mapping[str, Any]) -> dict[str, Array]:
        """An array for each input that the outputs need, and for others of the graph that are fed. Raises FeedError."""
        declared = self.inputs
        if hasattr(feeds, "items"):  # what is no mapping is refused by `bind`
            declared |= {t.name: t.spec for t in self.graph.inputs if t.name in feeds}
        return bind(declared, feeds)

    def _ready_for(self, feeds: Mapping[str, Any]) -> tuple[_Ready, Mapping[str, Array]]:
        """What runs for these feeds, and an array for each input it needs. Feeds like others before need no check."""
        structure = self.graph.structure
        for k, ready in enumerate(self._ready):
            if ready.suits(structure, feeds):
                if k:
                    self._ready.insert(0, self._ready.pop(k))
                return ready, feeds
        bound = self.bound(feeds)
        ready = _Ready(structure, bound, *self._step_for({name: Spec.of(a) for name, a in bound.items()}))
        if ready.suits(structure, feeds):
            self._ready.insert(0, ready)
        return ready, bound

    def _step_for(self, specs: dict[str, Spec]) -> tuple[Lowered, Step]:
        key = (self.graph.structure, tuple(specs.items()))
        if key not in self._steps:
            self._ready.clear()
            lowered = lower(self.graph, self.outputs, specs, training=self.training)
            outputs = rewrite(lowered.outputs, origins=lowered.origins).outputs
            self._steps[key] = (lowered, make_step(make_plan(outputs), self.backend))
            if len(self._steps) > PLANS_KEPT:
                self._steps.popitem(last=False)
        self._steps.move_to_end(key)
        return self._steps[key]


class _Ready:
    """A step with what its inputs are, so that a call need only look up what changes."""

    def __init__(self, structure: int, feeds: Mapping[str, Array], lowered: Lowered, step: Step) -> None:
        self.lowered, self.step = lowered, step
        self._structure = structure
        self._form = [(name, a.shape, a.dtype) for name, a in feeds.items()]
        variables = {v.expr: v for v in lowered.variables.values()}
        place = {e: i for i, e in enumerate(step.plan.inputs)}
        self.variables = [variables.get(e) for e in place]  # by position
        self.fed = [(place[e], name) for name, e in lowered.inputs.items() if e in place]
        self.key = place.get(STEP_KEY)  # the position of the random key

    def suits(self, structure: int, feeds: Any) -> bool:
        """Whether these feeds are a dict of arrays just like those that it was made for."""
        if structure != self._structure or type(feeds) is not dict or len(feeds) != len(self._form):
            return False
        for name, shape, dtype in self._form:
            a = feeds.get(name)
            if type(a) is not np.ndarray or a.shape != shape or a.dtype != dtype:
                return False
        return True


class _Leaves:
    """The values of a step's variables, looked up once as long as none of them changes."""

    def __init__(self, values: Values) -> None:
        self._values = values
        self._seen: tuple[_Ready, int] | None = None
        self._arrays: list[Any] = []

    def of(self, ready: _Ready) -> list[Any]:
        """A list of the step's inputs, in which only those are filled in."""
        seen = ready, self._values.version
        if seen != self._seen:
            self._arrays = [v and self._values.get(v) for v in ready.variables]
            self._seen = seen
        return self._arrays.copy()


def _any_of(spec: Spec) -> Array:
    """Some array of that spec, which takes no memory."""
    return np.broadcast_to(np.zeros((), spec.dtype), spec.sizes)


def leaf_values(graph: Graph, lowered: Lowered, feeds: Mapping[str, Array], key: Array | None) -> dict[Expr, Array]:
    """The arrays of all leaves of a lowered graph: what is fed, its variables, and a step's random key, if given."""
    fed = {expr: feeds[name] for name, expr in lowered.inputs.items() if name in feeds}
    keys = {} if key is None else {STEP_KEY: key}
    return fed | {v.expr: graph.values.get(v) for v in lowered.variables.values()} | keys


def located(graph: Graph, lowered: Lowered, error: KernelError) -> RunError:
    """The error of a kernel with the name of the node that it came from."""
    origins = [id for id in lowered.origins.of(error.expr) if id in graph.nodes]
    if not origins:
        return RunError(f"{error.expr.op.name}: {error.reason}")
    return RunError(f"{error.expr.op.name}: {error.reason}. In {graph.whereabouts(origins[0])}", origins[0])
