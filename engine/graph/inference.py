"""Incremental inference: after a patch, only what lies downstream of it is expanded again.

Each node is expanded on the (interned) expressions of its inputs, with dimensions by name. Where a node's expressions
come out the same, those behind it are left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from flowloom.compiler.expr import Expr
from flowloom.graph.document import EdgeDoc, Fix, NodeDoc, Problem, ResetParam
from flowloom.graph.expansion import Expansion, expand
from flowloom.graph.kinds import Kind, find_kind
from flowloom.graph.state import State, known_kind, operand_ports
from flowloom.op import port_names
from flowloom.params import REQUIRED, unknown_name
from flowloom.spec import SpecError


class Inferred(Struct, frozen=True, gc=False):
    """What is known of a node: its expansion, or the problem in the way of it (both None: it waits for others)."""

    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    expansion: Expansion | None = None
    problem: Problem | None = None

    def exprs(self) -> dict[str, Expr]:
        """The expression of each output port; {} while there is none."""
        if self.expansion is None:
            return {}
        return dict(zip(self.outputs, self.expansion.outputs, strict=True))


class Inference:
    """What is known of every node, kept up to date with a State."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.known: dict[str, Inferred] = {}
        self.troubled: dict[str, Problem] = {}  # what is known to have a problem, so that nobody looks at all for it

    def refresh(self, touched: Iterable[str]) -> set[str]:
        """Infer these nodes anew and, as far as they changed, those behind them. Returns the ids of what changed."""
        pending = set(touched)
        changed = {id for id in pending if id not in self._state.nodes}
        for id in changed:
            self.forget(id)
        pending -= changed
        for id in self._state.sorted(self._state.downstream(pending)):
            if id not in pending:
                continue
            before = self.known.get(id)
            after = self.infer(self._state.nodes[id])
            if after == before:
                continue
            changed.add(id)
            self._keep(id, after)
            pending |= {e.target for e in self._state.outgoing.get(id, ())}
        return changed

    def forget(self, id: str) -> None:
        """Know nothing of a node that is gone."""
        self.known.pop(id, None)
        self.troubled.pop(id, None)

    def _keep(self, id: str, found: Inferred) -> None:
        self.known[id] = found
        if found.problem is not None:
            self.troubled[id] = found.problem
        else:
            self.troubled.pop(id, None)

    def infer(self, node: NodeDoc, edges: Mapping[str, EdgeDoc] | None = None) -> Inferred:
        """What can be said of a node from what is known of those before it; with other incoming `edges`, if given."""
        kind = known_kind(node)
        if edges is None:
            edges = self._state.incoming.get(node.id, {})
        if kind is None:
            return Inferred(tuple(sorted(edges)), problem=_unknown_kind(node))
        names = operand_ports(kind.ports, edges)
        outputs = port_names(kind.outputs, len(kind.outputs))
        ports = (tuple(names), outputs)
        if node.bypassed:
            if not any(n in edges for n in names):
                return Inferred(
                    *ports, problem=Problem(node.id, "it is bypassed, and no input is connected", "missing")
                )
            args = self._args(names, edges)
            return Inferred(*ports) if args is None else _expanded(node, kind, ports, args)
        wrong = _wrong_parameter(node)
        if wrong:
            return Inferred(*ports, problem=wrong)
        optional = {p.name for p in kind.ports if p.optional}
        missing = next((n for n in names if n not in edges and n not in optional), None)
        if not names and kind.ports:
            missing = kind.ports[0].name
        if missing is not None:
            return Inferred(*ports, problem=Problem(node.id, f"input {missing!r} is not connected", "missing", missing))
        args = self._args(names, edges)
        return Inferred(*ports) if args is None else _expanded(node, kind, ports, args)

    def append(self, node: NodeDoc, kind: Kind, params: dict[str, Any]) -> Inferred:
        """What is known of a node that was just added, with all its parameters, checked; nothing reads it yet."""
        edges = self._state.incoming.get(node.id, {})
        names = operand_ports(kind.ports, edges)
        args = self._args(names, edges)
        ports = (tuple(names), port_names(kind.outputs, len(kind.outputs)))
        known = Inferred(*ports) if args is None else _expanded(node, kind, ports, args, params)
        self._keep(node.id, known)
        return known

    def _args(self, names: Sequence[str], edges: Mapping[str, EdgeDoc]) -> list[Expr | None] | None:
        """The expressions at these ports, None for those that are open; None if one is not known."""
        args: list[Expr | None] = []
        for name in names:
            edge = edges.get(name)
            expr = None
            if edge is not None:
                known = self.known.get(edge.source)
                if known is None or known.expansion is None or edge.source_port not in known.outputs:
                    return None
                expr = known.expansion.outputs[known.outputs.index(edge.source_port)]
            args.append(expr)
        return args


def _expanded(
    node: NodeDoc,
    kind: Kind,
    ports: tuple[tuple[str, ...], tuple[str, ...]],
    args: Sequence[Expr | None],
    params: dict[str, Any] | None = None,
) -> Inferred:
    try:
        expansion = expand(node, kind, args, params=params)
    except SpecError as error:
        specs = [str(a.spec) for a in args if a is not None]
        return Inferred(*ports, problem=Problem(node.id, str(error), specs=specs, dimension=error.dimension))
    return Inferred(ports[0], port_names(kind.outputs, len(expansion.outputs)), expansion)


def _unknown_kind(node: NodeDoc) -> Problem:
    kind = find_kind(node.kind)
    if kind is None:
        return Problem(node.id, f"the kind {node.kind!r} is not known to this flowloom", "kind")
    return Problem(
        node.id,
        f"{node.kind!r} version {node.version} comes from a later flowloom (this one knows {kind.version})",
        "kind",
    )


def _wrong_parameter(node: NodeDoc) -> Problem | None:
    kind = find_kind(node.kind)
    assert kind is not None
    for key, value in sorted(node.params.items()):
        if key not in kind.params:
            message = unknown_name(key, kind.params, f"{node.kind} has no parameter")
            return _parameter_problem(node, key, message, f"Remove {key}")
        try:
            kind.params[key].check(value)
        except SpecError as error:
            required = kind.params[key].default is REQUIRED
            return _parameter_problem(node, key, str(error), None if required else f"Reset {key} to its default")
    for key, param in kind.params.items():
        if param.default is REQUIRED and key not in node.params:
            return Problem(node.id, f"parameter {key!r} is not set", "missing")
    return None


def _parameter_problem(node: NodeDoc, key: str, message: str, label: str | None) -> Problem:
    fixes = [Fix(label, [ResetParam(node.id, key)])] if label else []
    return Problem(node.id, message, "parameter", fixes=fixes)
