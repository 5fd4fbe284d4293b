"""Lowering: from the graph that people edit to the expressions that machines run, with numbers for named dimensions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from flowloom.compiler.expr import Expr, toposort
from flowloom.compiler.function import BEGIN
from flowloom.compiler.gradient import Origins
from flowloom.graph.expansion import Total, VariableInfo, expand
from flowloom.graph.graph import Graph
from flowloom.graph.state import known_kind, operand_ports
from flowloom.graph.tensor import Tensor
from flowloom.op import port_names
from flowloom.spec import Spec, SpecError


@dataclass(frozen=True, slots=True)
class Lowered:
    """A part of a graph as expressions.

    `inputs` are the fed leaves by node name, `variables` by key, `updates` the values that variables take after the
    step, `totals` what a streaming lowering sums up over batches, `origins` the way from an expression back to the
    nodes it was made for.
    """

    outputs: tuple[Expr, ...]
    inputs: dict[str, Expr] = field(default_factory=dict)
    variables: dict[str, VariableInfo] = field(default_factory=dict)
    updates: dict[str, Expr] = field(default_factory=dict)
    totals: dict[str, Total] = field(default_factory=dict)
    origins: Origins = field(default_factory=Origins)


def needed(graph: Graph, outputs: Iterable[Tensor]) -> list[str]:
    """The nodes that these tensors are computed from, each after those it reads.

    Raises SpecError if one of the tensors is not in the graph.
    """
    outputs = list(outputs)
    for tensor in outputs:
        if tensor.graph is not graph or tensor.id not in graph.nodes:
            raise SpecError(f"a tensor that is asked for is not in graph {graph.name!r} any more")
    upstream = graph.state.upstream(t.id for t in outputs)
    return graph.state.sorted(id for id in graph.nodes if id in upstream)


def inputs_before(graph: Graph, outputs: Sequence[Tensor]) -> dict[str, Spec]:
    """The specs of the inputs that lie before these tensors, by name, in the order they were made."""
    before = set(needed(graph, outputs))
    return {t.name: t.spec for t in graph.inputs if t.id in before}


def inputs_needed(graph: Graph, outputs: Sequence[Tensor], *, training: bool = False) -> dict[str, Spec]:
    """Those of `inputs_before` that are read, or that alone say how large a named dimension is.

    Raises SpecError if the graph does not typecheck.
    """
    with graph.lock:
        lowered = lower(graph, outputs, training=training)
        read = toposort(lowered.outputs)
        before = inputs_before(graph, outputs)
    reading = set(read)
    found = {name for name, e in lowered.inputs.items() if e in reading}
    told = {d for name in found for d in _names(before[name])}
    used = {d for e in read for spec in e.specs for d in _names(spec)}
    for name, spec in before.items():
        if name not in found and (_names(spec) & used) - told:
            found.add(name)
            told |= _names(spec)
    return {name: spec for name, spec in before.items() if name in found}


def _names(spec: Spec) -> set[str]:
    """The names of dimensions in a spec; "2*batch" has one."""
    return {n for d in spec.shape if isinstance(d, str) for n in d.split("*") if not n.isdecimal()}


def lower(
    graph: Graph,
    outputs: Sequence[Tensor],
    specs: Mapping[str, Spec] | None = None,
    *,
    training: bool = False,
    streaming: bool = False,
) -> Lowered:
    """Expand all that `outputs` need. `specs` gives the specs of what is fed, by the input's name.

    `streaming`: metrics are those of all batches so far, by `totals` that are fed and fetched. Raises SpecError,
    naming the node, if the graph does not typecheck.
    """
    with graph.lock:
        return _lower(graph, outputs, specs, training, streaming)


def _lower(
    graph: Graph, outputs: Sequence[Tensor], specs: Mapping[str, Spec] | None, training: bool, streaming: bool
) -> Lowered:
    order = needed(graph, outputs)
    given = {} if specs is None else specs
    fed = {id: given[graph.nodes[id].path] for id in order if graph.nodes[id].path in given}
    sizes = None if specs is None else _sizes(graph, given)
    values: dict[tuple[str, str], Expr] = {}
    lowered = Lowered(())
    for id in order:
        node = graph.nodes[id]
        kind = known_kind(node)
        if kind is None or graph.inferred(id).problem is not None:
            raise SpecError(f"the graph does not typecheck. {graph.why_unknown(id)}")
        edges = graph.state.incoming.get(id, {})
        wires = [edges.get(port) for port in operand_ports(kind.ports, edges)]
        args = [None if e is None else values[e.source, e.source_port] for e in wires]
        try:
            made = expand(node, kind, args, training=training, streaming=streaming, inputs=fed, sizes=sizes)
        except SpecError as error:
            raise SpecError(f"{error}. In {graph.whereabouts(id)}", dimension=error.dimension) from None
        lowered.variables.update(made.variables)
        lowered.updates.update(made.updates)
        lowered.totals.update(made.totals)
        lowered.origins.claim([*made.outputs, *made.updates.values()], (id,))
        if node.kind == "input":
            lowered.inputs[node.path] = made.outputs[0]
        for port, expr in zip(port_names(kind.outputs, len(made.outputs)), made.outputs, strict=True):
            values[id, port] = expr
    _check_closed(graph, outputs, lowered, [values[t.id, t.port] for t in outputs])
    return Lowered(
        tuple(values[t.id, t.port] for t in outputs),
        lowered.inputs,
        lowered.variables,
        lowered.updates,
        lowered.totals,
        lowered.origins,
    )


def _sizes(graph: Graph, given: Mapping[str, Spec]) -> dict[str, int]:
    """The numbers that named dimensions have in what is fed, whether or not it is needed otherwise."""
    return {
        name: size
        for tensor in graph.inputs
        if tensor.name in given
        for name, size in zip(tensor.shape, given[tensor.name].shape, strict=True)
        if isinstance(name, str) and isinstance(size, int)
    }


def _check_closed(graph: Graph, outputs: Sequence[Tensor], lowered: Lowered, exprs: Sequence[Expr]) -> None:
    """Raise SpecError if something that is asked for lies inside a loop or branch, where it has many values or none."""
    asked = [(t.name, e) for t, e in zip(outputs, exprs, strict=True)]
    changed = [(f"an update of {lowered.variables[key].key!r}", e) for key, e in lowered.updates.items()]
    if not any(e.op is BEGIN for e in toposort([e for _, e in (*asked, *changed)])):
        return
    for what, expr in (*asked, *changed):
        if any(e.op is BEGIN for e in toposort([expr])):
            raise SpecError(f"{what} lies inside a loop or branch; take it through the node that ends it")
