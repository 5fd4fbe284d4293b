"""Fixes: small changes that would mend a node that does not typecheck, each tried before it is offered."""

from __future__ import annotations

import msgspec

from flowloom.graph.document import AddNode, Connect, Disconnect, EdgeDoc, Fix, Json, NodeDoc, Patch, Problem, SetParam
from flowloom.graph.inference import Inference, Inferred
from flowloom.graph.state import PatchError, State
from flowloom.graph.trial import refusal, trial

MOST = 3
MOST_LOOSE = 8  # outputs that nothing reads; among more than these it is not clear which is meant
INSERTIONS: tuple[tuple[str, str, dict[str, Json]], ...] = (
    ("Insert flatten", "layers.flatten", {}),
    ("Cast to int64", "cast", {"dtype": "int64"}),
    ("Cast to float32", "cast", {"dtype": "float32"}),
    ("Swap the axes", "transpose", {}),
)
Candidate = tuple[str, Patch]


def with_fixes(state: State, inference: Inference, problem: Problem) -> Problem:
    """The problem with up to three fixes that make its node typecheck. The state is tried on and left as it was."""
    if problem.code == "spec":
        tried = [*_settings(state, inference, problem.node), *_insertions(state, problem.node)]
    elif problem.code == "missing" and problem.port is not None:
        tried = _wires(state, inference, problem.node, problem.port)
    else:
        return problem
    mending = [Fix(label, patch) for label, patch in tried if _mends(state, inference, problem.node, patch)]
    if problem.code == "missing" and len(mending) > 1:
        mending = []  # which of them is meant is not ours to guess
    return msgspec.structs.replace(problem, fixes=mending[:MOST])


def refused(state: State, inference: Inference, patch: Patch) -> Problem | None:
    """Why an edit by hand should not happen, with fixes that do what was wanted in another way. Raises PatchError."""
    problem = refusal(state, inference, patch)
    if problem is None:
        return None
    if problem.code != "spec":
        return msgspec.structs.replace(problem, fixes=[])
    inverse = state.apply(patch)
    try:
        fixes = with_fixes(state, inference, problem).fixes
    finally:
        state.apply(inverse)
    return msgspec.structs.replace(problem, fixes=[Fix(f.label, [*patch, *f.patch]) for f in fixes])


def _settings(state: State, inference: Inference, id: str) -> list[Candidate]:
    """Other dtypes for the inputs, and other sizes for the layers, that the node reads from."""
    sources = dict.fromkeys(edge.source for edge in state.incoming.get(id, {}).values())
    shapes = [e.shape for source in sources for e in inference.known.get(source, Inferred()).exprs().values()]
    sizes = dict.fromkeys([1, *(d for shape in shapes for d in shape[1:] if isinstance(d, int))])
    options: dict[str, tuple[str, list[Json]]] = {
        "input": ("dtype", ["int64", "float32"]),
        "layers.dense": ("units", [*sizes]),
    }
    found: list[Candidate] = []
    for source in sources:
        node = state.nodes[source]
        key, values = options.get(node.kind, ("", []))
        found += [(f"Set {key} of {node.name} to {value}", [SetParam(source, key, value)]) for value in values]
    return found


def _wires(state: State, inference: Inference, id: str, port: str) -> list[Candidate]:
    """A wire to the port from each output that nothing reads yet."""
    behind = state.downstream([id])
    loose = [
        (source, out)
        for source in state.nodes
        if source not in behind and not state.outgoing.get(source)
        for out in inference.known.get(source, Inferred()).exprs()
    ]
    if len(loose) > MOST_LOOSE:
        return []
    return [(f"Connect {state.nodes[s].name}", [Connect(EdgeDoc(s, out, id, port))]) for s, out in loose]


def _insertions(state: State, id: str) -> list[Candidate]:
    """Every insertion on every edge to the node."""
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
    """Whether the node typechecks after the patch, and no other that reads from what it sets is broken by it."""
    set_here = [c.id for c in patch if isinstance(c, SetParam)]
    readers = [edge.target for source in set_here for edge in state.outgoing.get(source, ())]
    try:
        after = trial(state, inference, patch, besides=[id, *readers])
    except PatchError:
        return False
    broken = [i for i, known in after.items() if known.problem and not inference.known.get(i, known).problem]
    return after[id].expansion is not None and not broken
