"""Fixes: for a node that does not typecheck, the small insertions that would mend it, each tried before offered."""

from __future__ import annotations

import msgspec

from flowloom.graph.document import AddNode, Connect, Disconnect, EdgeDoc, Fix, Json, NodeDoc, Patch, Problem
from flowloom.graph.inference import Inference
from flowloom.graph.state import PatchError, State
from flowloom.graph.trial import refusal, trial

MOST = 3
INSERTIONS: tuple[tuple[str, str, dict[str, Json]], ...] = (
    ("Insert flatten", "layers.flatten", {}),
    ("Cast to int64", "cast", {"dtype": "int64"}),
    ("Cast to float32", "cast", {"dtype": "float32"}),
    ("Swap the axes", "transpose", {}),
)


def with_fixes(state: State, inference: Inference, problem: Problem) -> Problem:
    """The problem with up to three fixes that make its node typecheck. The state is tried on and left as it was."""
    if problem.code != "spec":
        return problem
    fixes: list[Fix] = []
    for label, patch in _candidates(state, problem.node):
        if len(fixes) < MOST and _mends(state, inference, problem.node, patch):
            fixes.append(Fix(label, patch))
    return msgspec.structs.replace(problem, fixes=fixes)


def refused(state: State, inference: Inference, patch: Patch) -> Problem | None:
    """Why an edit by hand should not happen, with fixes that do what was wanted in another way. Raises PatchError."""
    problem = refusal(state, inference, patch)
    if problem is None:
        return None
    inverse = state.apply(patch)
    try:
        fixes = with_fixes(state, inference, problem).fixes
    finally:
        state.apply(inverse)
    return msgspec.structs.replace(problem, fixes=[Fix(f.label, [*patch, *f.patch]) for f in fixes])


def _candidates(state: State, id: str) -> list[tuple[str, Patch]]:
    """Every insertion on every edge to the node, with its label. A list, for each is tried on the state itself."""
    edges = state.incoming.get(id, {})
    return [
        (f"{label} before {port}" if len(edges) > 1 else label, _insertion(state, edge, kind, params))
        for port, edge in sorted(edges.items())
        for label, kind, params in INSERTIONS
    ]


def _insertion(state: State, edge: EdgeDoc, kind: str, params: dict[str, Json]) -> Patch:
    """Put a node of `kind` on an edge, halfway between its ends."""
    source, target = state.nodes[edge.source], state.nodes[edge.target]
    name = state.free_name(kind.rpartition(".")[2], target.scope)
    placed = None not in (source.x, source.y, target.x, target.y)
    x, y = ((source.x + target.x) / 2, (source.y + target.y) / 2) if placed else (None, None)  # type: ignore[operator]
    new = NodeDoc(f"{edge.target}_{edge.target_port}_{name}", kind, name, params=params, scope=target.scope, x=x, y=y)
    return [
        Disconnect(edge),
        AddNode(new),
        Connect(EdgeDoc(edge.source, edge.source_port, new.id, "x")),
        Connect(EdgeDoc(new.id, "y", edge.target, edge.target_port)),
    ]


def _mends(state: State, inference: Inference, id: str, patch: Patch) -> bool:
    """Whether the node typechecks after the patch."""
    try:
        return trial(state, inference, patch)[id].expansion is not None
    except PatchError:
        return False
