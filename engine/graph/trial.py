"""Trials: what a patch would do to the nodes it touches, found out on the graph itself and taken back at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flowloom.graph.document import AddNode, Change, Connect, EdgeDoc, Problem, ResetParam, SetParam
from flowloom.graph.inference import Inference, Inferred
from flowloom.graph.state import State, check_port, known_kind, operand_ports


def trial(
    state: State, inference: Inference, patch: Sequence[Change], besides: Iterable[str] = ()
) -> dict[str, Inferred]:
    """What would be known of the nodes that the patch adds, wires or sets, and of those `besides`.

    Raises PatchError if it does not apply.
    """
    touched = [*(id for change in patch if (id := _touched(change))), *besides]
    inverse = state.apply(patch)
    touched = [id for id in touched if id in state.nodes]
    before = {id: inference.known.get(id) for id in touched}
    try:
        for id in state.sorted(touched):
            inference.known[id] = inference.infer(state.nodes[id])
        return {id: inference.known[id] for id in touched}
    finally:
        for id, known in before.items():
            if known is None:
                inference.known.pop(id, None)
            else:
                inference.known[id] = known
        state.apply(inverse)


def refusal(state: State, inference: Inference, patch: Sequence[Change]) -> Problem | None:
    """Why an edit by hand should not happen: a node that typechecked, or is wired anew, would no longer fit."""
    tried = trial(state, inference, patch).items()
    return next((p for id, after in tried if (p := _new_problem(inference.known.get(id), after))), None)


def _new_problem(before: Inferred | None, after: Inferred) -> Problem | None:
    problem, old = after.problem, before.problem if before else None
    if problem and problem.code in ("spec", "parameter") and (old is None or old.code != problem.code):
        return problem
    return None


def verdicts(state: State, inference: Inference, source: str, source_port: str) -> dict[tuple[str, str], str | None]:
    """For every input port of the graph, why a wire from this output does not fit there; None where it does.

    A wire that is there already is taken to be replaced. Raises PatchError for an unknown source.
    """
    check_port(state.node(source), source_port, "output")
    before = state.upstream([source])
    out: dict[tuple[str, str], str | None] = {}
    for id, node in state.nodes.items():
        if known_kind(node) is None:
            continue
        for port in open_ports(state, id):
            edge = EdgeDoc(source, source_port, id, port)
            out[id, port] = "this would close a cycle" if id in before else _why_not(state, inference, edge)
    return out


def verdicts_before(state: State, inference: Inference, target: str, port: str) -> dict[tuple[str, str], str | None]:
    """For every output port of the graph, why a wire from it does not fit this input; None where it does.

    A wire that is there already is taken to be replaced. Raises PatchError for an unknown target.
    """
    check_port(state.node(target), port, "input")
    behind = state.downstream([target])
    why_not: dict[object, str | None] = {}  # by spec: all outputs of one spec fit alike
    out: dict[tuple[str, str], str | None] = {}
    for id in state.nodes:
        known = inference.known.get(id, Inferred())
        exprs = known.exprs()
        for name in known.outputs:
            spec = exprs[name].spec if name in exprs else None
            if id in behind:
                out[id, name] = "this would close a cycle"
                continue
            if spec not in why_not:
                why_not[spec] = _why_not(state, inference, EdgeDoc(id, name, target, port))
            out[id, name] = why_not[spec]
    return out


def open_ports(state: State, id: str) -> list[str]:
    """The input ports that a node offers: those it has, and one more of a variadic one."""
    kind = known_kind(state.nodes[id])
    connected = list(state.incoming.get(id, {}))
    if kind is None:
        return connected
    names = operand_ports(kind.ports, connected)
    for port in kind.ports:
        if port.variadic:
            used = sum(n.startswith(f"{port.name}.") for n in names)
            names.insert(_end_of(names, port.name), f"{port.name}.{used}")
    return names


def _end_of(names: list[str], variadic: str) -> int:
    return max((i + 1 for i, n in enumerate(names) if n.startswith(f"{variadic}.")), default=len(names))


def _why_not(state: State, inference: Inference, edge: EdgeDoc) -> str | None:
    edges = {**state.incoming.get(edge.target, {}), edge.target_port: edge}
    after = inference.infer(state.nodes[edge.target], edges)
    problem = _new_problem(inference.known.get(edge.target), after)
    return problem.message if problem else None


def _touched(change: Change) -> str | None:
    match change:
        case AddNode(node):
            return node.id
        case Connect(edge):
            return edge.target
        case SetParam(id) | ResetParam(id):
            return id
        case _:
            return None
