"""What the machine runs of a graph, and its gradients, as pictures for the canvas."""

from __future__ import annotations

from collections.abc import Sequence

from flowloom.compiler.expr import CONSTANT, INPUT, ITEM, Expr, toposort
from flowloom.compiler.gradient import gradients
from flowloom.compiler.rewriting import RewriteError, rewrite
from flowloom.graph import Graph, Tensor
from flowloom.graph.expansion import VariableInfo, variables_in
from flowloom.graph.lower import Lowered, lower
from flowloom.graph.machine_picture import End, machine_picture
from flowloom.graph.picture import COARSE
from flowloom.graph.picture import Picture as Drawing
from flowloom.spec import Spec, SpecError, is_float
from flowloom.training.objective import objective
from flowloom.widgets.pictures import no_picture, picture
from flowloom.widgets.wire.pictures import LoweredRequest, Picture, PictureChoice, PictureIs

MOST_LOSSES = 50
SIZE = 32  # of named dimensions, such as "batch", in what is optimized


def lowered_view(graph: Graph, request: LoweredRequest) -> PictureIs:
    """The picture that is asked for, or why there is none."""
    with graph.lock:
        draw = _gradients if request.what == "gradients" else _operations
        return PictureIs(request.client, request.request, graph.revision, draw(graph, request))


# ---------------------------------------------------------------- the operations


def _operations(graph: Graph, request: LoweredRequest) -> Picture:
    title = f"Operations of {graph.name}"
    outputs = _typed_ends(graph)
    if not outputs:
        return no_picture(title, "Nothing in this graph can be lowered yet. Its problems say why.")
    try:
        lowered = lower(graph, outputs, _sized(graph, request))
        exprs = _rewritten(lowered.outputs, lowered) if request.optimized else lowered.outputs
    except (SpecError, RewriteError) as error:
        return no_picture(title, _line(error))
    ends = [
        End(graph.nodes[tensor.id].name, tensor.id, e)
        for tensor, e in zip(outputs, exprs, strict=True)
        if graph.nodes[tensor.id].kind == "output"
    ]
    drawing = machine_picture(graph.state, exprs, lowered.origins, ends=ends)
    return picture(drawing, title, _counted(lowered.outputs, exprs, request) + _coarsely(drawing) + _left_out(graph))


def _typed_ends(graph: Graph) -> list[Tensor]:
    """The outputs of the graph; while some of it does not typecheck, all that nothing which does reads."""
    typed = {id for id in graph.nodes if graph.inferred(id).expansion is not None}
    if len(typed) == len(graph.nodes):
        return graph.outputs
    return [
        Tensor(graph, id, port)
        for id in graph.nodes
        if id in typed
        for port in graph.inferred(id).outputs
        if not any(e.source_port == port and e.target in typed for e in graph.state.outgoing.get(id, ()))
    ]


def _left_out(graph: Graph) -> str:
    missing = [id for id in graph.nodes if graph.inferred(id).expansion is None]
    if not missing:
        return ""
    count = "One node is" if len(missing) == 1 else f"{len(missing)} nodes are"
    return f" · {count} left out: {graph.why_unknown(missing[0])}"


# ---------------------------------------------------------------- the gradients


def _gradients(graph: Graph, request: LoweredRequest) -> Picture:
    losses = _losses(graph)
    loss = next((t for t in losses if t.id == request.loss), losses[0] if losses else None)
    if loss is None:
        return no_picture("Gradients", "There is nothing to differentiate: no node gives one number, as a loss does.")
    title = f"Gradients of {loss.name}"
    try:
        lowered = lower(graph, [loss], _sized(graph, request), training=True)
        value = objective(lowered)
        wanted = _trained(lowered, value)
        if not wanted:
            return no_picture(title, f"{loss.name} depends on no variable that is trained.")
        made = gradients(value, [v.expr for v in wanted], origins=lowered.origins)
        exprs = (value, *made)
        if request.optimized:
            exprs = _rewritten(exprs, lowered)
    except (SpecError, RewriteError) as error:
        return no_picture(title, _line(error))
    ends = [
        End(f"gradient of {v.role if _has_roles(graph, v) else graph.nodes[_node(v)].name}", _node(v), e, True)
        for v, e in zip(wanted, exprs[1:], strict=True)
    ]
    drawing = machine_picture(graph.state, [exprs[0]], lowered.origins, ends=ends, forward=[exprs[0]])
    choices = [PictureChoice(t.id, t.name) for t in losses]
    message = _counted((value, *made), exprs, request) + _coarsely(drawing)
    return picture(drawing, title, message, choices=choices, choice=loss.id)


def _losses(graph: Graph) -> list[Tensor]:
    """The tensors of one float that could be differentiated, those of loss nodes first."""
    found = [
        Tensor(graph, id, port)
        for id in graph.nodes
        for port, e in graph.inferred(id).exprs().items()
        if e.shape == () and is_float(e.dtype) and _may_be_minimized(graph.nodes[id].kind)
    ]
    return sorted(found, key=lambda t: not graph.nodes[t.id].kind.startswith("losses."))[:MOST_LOSSES]


def _may_be_minimized(kind: str) -> bool:
    return kind not in ("input", "constant", "variable", "output") and not kind.startswith("metrics.")


def _trained(lowered: Lowered, value: Expr) -> list[VariableInfo]:
    read = variables_in(value)
    return [v for key, v in lowered.variables.items() if v.trainable and key in read]


def _node(variable: VariableInfo) -> str:
    return variable.key.partition("/")[0]


def _has_roles(graph: Graph, variable: VariableInfo) -> bool:
    return graph.nodes[_node(variable)].kind != "variable"


# ---------------------------------------------------------------- both


def _sized(graph: Graph, request: LoweredRequest) -> dict[str, Spec] | None:
    """What is fed, with numbers for named dimensions: without them little can be rewritten. None: names stay."""
    if not request.optimized:
        return None
    specs = {t.name: s for t in graph.inputs if (s := graph.spec(t)) is not None}
    return {name: s.with_shape(SIZE if isinstance(d, str) else d for d in s.shape) for name, s in specs.items()}


def _rewritten(exprs: Sequence[Expr], lowered: Lowered) -> tuple[Expr, ...]:
    return rewrite(tuple(exprs), origins=lowered.origins).outputs


def _counted(before: Sequence[Expr], after: Sequence[Expr], request: LoweredRequest) -> str:
    """How many operations there are, and how many there were."""
    first, last = (sum(e.op not in (INPUT, CONSTANT, ITEM) for e in toposort(each)) for each in (before, after))
    words = f"{last} {'operation' if last == 1 else 'operations'}"
    return f"{words}, {first} before optimization, where named sizes are {SIZE}" if request.optimized else words


def _coarsely(drawing: Drawing) -> str:
    is_coarse = any(drawn.node.kind == COARSE for drawn in drawing.nodes)
    return " · too many to draw each: one node for those of each node of the graph" if is_coarse else ""


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
