"""The loss that a graph without one is probably meant to have: offered as a fix, never taken for granted."""

from __future__ import annotations

from flowloom.graph import Fix, Graph, Patch, PatchError, Tensor
from flowloom.graph.document import AddNode, Change, Connect, EdgeDoc, NodeDoc
from flowloom.spec import is_float, is_integer

Measure = tuple[str, str, str]  # a kind, the port of what was predicted, the port of what is true
CLASSES: tuple[Measure, ...] = (
    ("losses.softmax_cross_entropy", "logits", "label"),
    ("metrics.accuracy", "logits", "label"),
)
NUMBERS: tuple[Measure, ...] = (("losses.mean_squared_error", "prediction", "target"),)
ENDS = ("metrics.", "output")  # kinds that only look on
BESIDE, BELOW = 336.0, 140.0  # pixels from a node to the next column and row


def proposed_loss(graph: Graph) -> list[Fix]:
    """A loss, for classes with their accuracy, between the one output of `graph` that is not used yet and the one such
    input. Nothing if it is not clear which those are, or if it would not typecheck.
    """
    with graph.lock:
        loose = [tensor for id in graph.nodes if (tensor := _loose(graph, id)) is not None]
        predicted = [t for t in loose if graph.nodes[t.id].kind != "input"]
        true = [t for t in loose if graph.nodes[t.id].kind == "input"]
        if len(predicted) != 1 or len(true) != 1 or not is_float(predicted[0].spec.dtype):
            return []
        measures = CLASSES if is_integer(true[0].spec.dtype) else NUMBERS
        measured = any(node.kind.startswith("metrics.") for node in graph.nodes.values())
        patch = _patch(graph, predicted[0], true[0], measures[:1] if measured else measures)
        try:
            fits = graph.refusal(patch) is None
        except PatchError:
            return []
    names = [change.node.kind.rpartition(".")[2] for change in patch if isinstance(change, AddNode)]
    label = f"Add {' and '.join(names)} of {predicted[0].name} and {true[0].name}"
    return [Fix(label, patch)] if fits else []


def _loose(graph: Graph, id: str) -> Tensor | None:
    """The only output of a node, if nothing computes with it."""
    outputs = graph.inferred(id).exprs()
    readers = (graph.nodes[edge.target].kind for edge in graph.state.outgoing.get(id, ()))
    if len(outputs) != 1 or graph.nodes[id].kind.startswith(ENDS) or not all(kind.startswith(ENDS) for kind in readers):
        return None
    return Tensor(graph, id, next(iter(outputs)))


def _patch(graph: Graph, predicted: Tensor, true: Tensor, measures: tuple[Measure, ...]) -> Patch:
    patch: list[Change] = []
    node = graph.nodes[predicted.id]
    for row, (kind, prediction, truth) in enumerate(measures):
        name = graph.state.free_name("loss" if kind.startswith("losses.") else kind.rpartition(".")[2])
        x, y = (None, None) if node.x is None or node.y is None else (node.x + BESIDE, node.y + BELOW * row)
        new = NodeDoc(f"{predicted.id}_{name}", kind, name, x=x, y=y)
        patch.append(AddNode(new))
        for tensor, port in ((predicted, prediction), (true, truth)):
            patch.append(Connect(EdgeDoc(tensor.id, tensor.port, new.id, port)))
    return patch
