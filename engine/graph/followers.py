"""Followers: which kinds of node could come after an output, before an input, or between the two on a wire.

Each kind is tried by itself, with default parameters, on a tensor of the same spec. What it needs besides, other
operands or parameters that are required, is filled with what usually fits; a kind that fits with none of that is not
offered.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, product

from msgspec import Struct

from flowloom.compiler.expr import Expr, placeholder
from flowloom.graph.document import EdgeDoc, Follower, Json, NodeDoc
from flowloom.graph.expansion import Expansion, expand
from flowloom.graph.inference import Inference, Inferred
from flowloom.graph.kinds import Kind, all_kinds
from flowloom.graph.state import State, check_port
from flowloom.op import Port, port_names
from flowloom.params import REQUIRED, Param
from flowloom.spec import Spec, SpecError

End = tuple[str, str]  # a node and one of its ports

TRIED = "a trial"  # the node that a kind is tried in
MOST_TRIALS = 14  # of one kind
MOST_KEPT = 20_000
TYPICAL = (
    Spec(("batch", 32)),
    Spec(("batch", 32, 32, 3)),
    Spec(("batch",), "int64"),
    Spec(("batch", 16, 32)),
)
VALUES: tuple[Json, ...] = (1, 2, "float32", 0.5, [-1], [1], [1, 1], [2, 2], [[0, 1]], "x")


class _Trial(Struct, frozen=True, gc=False):
    """The input at which a kind takes a spec, and the specs that it then gives; () while those are not known."""

    port: str
    outputs: tuple[Spec, ...] = ()


_tried: dict[tuple[str, Spec], tuple[Kind, _Trial | None]] = {}


def followers(state: State, inference: Inference, source: End | None, target: End | None) -> list[Follower]:
    """The kinds that take the output `source`, and whose first output the input `target` takes, as far as given.

    While the spec of `source` is not known, every kind with an input takes it. Raises PatchError for an unknown port.
    """
    if source is not None:
        check_port(state.node(source[0]), source[1], "output")
    if target is not None:
        check_port(state.node(target[0]), target[1], "input")
    takes = _Taking(state, inference, target)
    spec = None if source is None else _spec(inference, source)
    found = (_before(kind, takes) if source is None else _after(kind, spec, takes) for kind in _offered())
    return [follower for follower in found if follower is not None]


def _offered() -> list[Kind]:
    """All kinds but those that begin or end a zone, which come in pairs."""
    return [kind for kind in all_kinds() if kind.family != "control" or len(kind.ports) == len(kind.outputs) == 1]


class _Taking:
    """Which specs an input takes; without one, all."""

    def __init__(self, state: State, inference: Inference, target: End | None) -> None:
        self._state, self._inference, self._target = state, inference, target
        self._known: dict[Spec, bool] = {}

    def __call__(self, spec: Spec) -> bool:
        if self._target is None:
            return True
        if spec not in self._known:
            self._known[spec] = self._try(*self._target, spec)
        return self._known[spec]

    def likely(self) -> list[Spec]:
        """Specs that the input might take, first what it holds now."""
        edge = self._target and self._state.edges.get(self._target)
        now = _spec(self._inference, (edge.source, edge.source_port)) if edge else None
        return [*([now] if now else []), *TYPICAL]

    def _try(self, id: str, port: str, spec: Spec) -> bool:
        edges = {**self._state.incoming.get(id, {}), port: EdgeDoc(TRIED, "y", id, port)}
        self._inference.known[TRIED] = Inferred((), ("y",), Expansion((placeholder(TRIED, spec),)))
        try:
            problem = self._inference.infer(self._state.nodes[id], edges).problem
        finally:
            del self._inference.known[TRIED]
        return problem is None or problem.code != "spec"


def _after(kind: Kind, spec: Spec | None, takes: _Taking) -> Follower | None:
    """The kind as it follows a tensor of that spec, if what comes next takes what it gives."""
    if not kind.ports:
        return None
    output = port_names(kind.outputs, 1)[0] if kind.outputs else None
    if spec is None:
        return Follower(kind.name, port_names(kind.ports, 1)[0], output)
    trial = _trial(kind, spec)
    if trial is None or (trial.outputs and not takes(trial.outputs[0])):
        return None
    return Follower(kind.name, trial.port, output)


def _before(kind: Kind, takes: _Taking) -> Follower | None:
    """The kind, if it may give what comes next."""
    output = port_names(kind.outputs, 1)[0]
    if kind.name == "input":
        fitting = next((spec for spec in takes.likely() if takes(spec)), None)
        params = {"shape": list(fitting.shape), "dtype": fitting.dtype.name} if fitting else {}
        return Follower(kind.name, None, output, params)
    return Follower(kind.name, None, output) if any(spec is None or takes(spec) for spec in _outputs(kind)) else None


def _outputs(kind: Kind) -> Iterator[Spec | None]:
    """What the first output of a kind may be; None if its required parameters have a say in that."""
    trials = (_trial(kind, spec) for spec in TYPICAL) if kind.ports else iter([_expanded(kind, [], "")])
    return (trial.outputs[0] if trial.outputs else None for trial in trials if trial is not None)


def _spec(inference: Inference, source: End) -> Spec | None:
    expr = inference.known.get(source[0], Inferred()).exprs().get(source[1])
    return None if expr is None else expr.spec


# ---------------------------------------------------------------- one kind by itself


def _trial(kind: Kind, spec: Spec) -> _Trial | None:
    """How the kind takes a tensor of that spec; None if it does not. Kept, as every wire that is drawn asks for all."""
    known = _tried.get((kind.name, spec))
    if known is None or known[0] is not kind:  # new, or declared again in a notebook
        if len(_tried) >= MOST_KEPT:
            _tried.clear()
        known = _tried[kind.name, spec] = kind, _first_fitting(kind, spec)
    return known[1]


def _first_fitting(kind: Kind, spec: Spec) -> _Trial | None:
    """The first input of the kind that takes the spec; an optional one only where none has to be wired."""
    ports = [p for p in kind.ports if not p.optional] or kind.ports[:1]
    count = sum(not p.variadic for p in ports) - (not ports[0].variadic)
    for port, fill in islice(((port, fill) for fill in _fills(spec, count) for port in ports), MOST_TRIALS):
        others = [p for p in ports if p is not port and not p.variadic]
        specs = {**dict(zip(others, fill, strict=False)), port: spec}
        operands = [placeholder(f"{TRIED} {p.name}", specs[p]) if p in specs else None for p in kind.ports]
        found = _expanded(kind, _operands(kind.ports, operands), port_names((port,), 1)[0])
        if found is not None:
            return found
    return None


def _operands(ports: tuple[Port, ...], given: list[Expr | None]) -> list[Expr | None]:
    """The operands of a node, of a variadic port only those that are given."""
    return [expr for port, expr in zip(ports, given, strict=True) if expr is not None or not port.variadic]


def _expanded(kind: Kind, operands: list[Expr | None], port: str) -> _Trial | None:
    """What the kind gives of these operands; None if it does not take them, whatever its required parameters are."""
    required = [param for param in kind.params.values() if param.default is REQUIRED]
    choices = [[value for value in VALUES if _allowed(param, value)] for param in required]
    for values in islice(product(*choices), MOST_TRIALS):
        params = {param.name: value for param, value in zip(required, values, strict=True)}
        try:
            outputs = expand(NodeDoc(TRIED, kind.name, TRIED, params=params), kind, operands).outputs
        except SpecError:
            continue
        return _Trial(port, () if required else tuple(output.spec for output in outputs))
    return None


def _allowed(param: Param, value: Json) -> bool:
    try:
        param.check(value)
    except SpecError:
        return False
    return True


def _fills(spec: Spec, count: int) -> Iterator[tuple[Spec, ...]]:
    """What the other operands may be beside one of that spec: all alike, or one unlike the others."""
    if count == 0:
        return iter([()])
    shape, last = spec.shape, spec.shape[-1:]
    likely = dict.fromkeys(
        [
            spec,
            Spec(shape, "bool"),
            Spec(shape[:-1], "int64"),
            Spec((*shape, 8), "float32"),
            Spec(shape[::-1], spec.dtype),
            Spec(shape, "int64"),
            Spec(last, spec.dtype),
            Spec((), spec.dtype),
            Spec((*last, *last), spec.dtype),
            Spec((*(3 for _ in shape[1:-1]), *last, 8), spec.dtype),
        ]
    )
    alike = [(one,) * count for one in likely]
    unlike = [(*(spec,) * at, one, *(spec,) * (count - at - 1)) for one in likely for at in range(count)]
    return iter(dict.fromkeys([alike[0], *unlike, *alike]))
