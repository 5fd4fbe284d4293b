"""Saving: a graph as an ONNX model, checked before it is written."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import onnx
from onnx import GraphProto, ModelProto, NodeProto, helper, numpy_helper

from flowloom.compiler.expr import Expr
from flowloom.formats.onnx.errors import OnnxError, UnsupportedOps
from flowloom.formats.onnx.properties import note_not_trainable
from flowloom.formats.onnx.writing.dtypes import OPSET
from flowloom.formats.onnx.writing.writer import ML, Failure, Writer, value_info
from flowloom.graph.expansion import STEP_KEY
from flowloom.graph.graph import Graph
from flowloom.graph.lower import Lowered, lower
from flowloom.graph.tensor import Tensor

IR_VERSION = 10
VERSIONS = {ML: 4}
KEYS = ("fold_in", "fold_in_index")  # which make keys for the ops that draw numbers, and need not be named beside them
MOST_BYTES = 2**31 - 1  # of a protobuf message


def to_model(graph: Graph, outputs: list[Tensor] | None = None) -> ModelProto:
    """The model of a graph, as it is when it does not learn: its inputs and outputs by name, variables as initializers.

    Raises UnsupportedOps, naming the nodes, for what ONNX cannot say, and SpecError if the graph does not typecheck.
    """
    with graph.lock:
        return _model(graph, graph.outputs if outputs is None else outputs)


def _model(graph: Graph, wanted: list[Tensor]) -> ModelProto:
    if not wanted:
        raise OnnxError(f"graph {graph.name!r} has nothing to save: it has no outputs")
    lowered = lower(graph, wanted)
    writer = Writer(label=lambda e: _label(graph, lowered, e))
    writer.bind(STEP_KEY, "")  # read by ops that draw random numbers, which have no entry
    inputs = []
    for tensor in graph.inputs:
        if tensor.name in lowered.inputs:
            expr = lowered.inputs[tensor.name]
            name = writer.fresh(tensor.name)
            writer.bind(expr, name)
            inputs.append(value_info(name, expr.spec))
    named = {v.info.key: v.name for v in graph.variables}
    for key, info in lowered.variables.items():
        name = writer.fresh(named[key])
        writer.bind(info.expr, name)
        writer.initializers.append(numpy_helper.from_array(graph.values.get(info), name))
    reserved = [writer.fresh(t.name) for t in wanted]
    found = writer.write(lowered.outputs)
    if writer.failures:
        raise _unsupported(writer)
    results = []
    for expr, value, name in zip(lowered.outputs, found, reserved, strict=True):
        writer.nodes.append(helper.make_node("Identity", [value], [name], name=f"output {name}"))
        results.append(value_info(name, expr.spec))
    read = set(reserved)
    nodes = _needed([*writer.constants, *writer.nodes], read)
    weights = [t for t in writer.initializers if t.name in read]
    proto = helper.make_graph(nodes, graph.name, inputs, results, weights)
    opsets = [helper.make_opsetid("", OPSET), *(helper.make_opsetid(d, VERSIONS[d]) for d in sorted(writer.domains))]
    model: ModelProto = helper.make_model(proto, producer_name="flowloom", ir_version=IR_VERSION, opset_imports=opsets)
    note_not_trainable(model, [str(writer.name_of(v.expr)) for v in lowered.variables.values() if not v.trainable])
    return model


def save(graph: Graph, path: str | Path) -> None:
    """Write the graph to `path` as an ONNX model: aside first, then renamed into place. See `onnx.save`."""
    model = to_model(graph)
    if model.ByteSize() > MOST_BYTES:
        raise OnnxError(f"the model has {model.ByteSize()} bytes; an ONNX file holds at most {MOST_BYTES}")
    onnx.checker.check_model(model, full_check=True)
    target = Path(path).resolve()
    aside = target.with_name(f".{uuid4().hex}.tmp")
    try:
        aside.write_bytes(model.SerializeToString(deterministic=True))
        os.replace(aside, target)
    except BaseException:
        with suppress(OSError):
            aside.unlink()
        raise


def _needed(nodes: list[NodeProto], read: set[str]) -> list[NodeProto]:
    """The nodes that make what is `read`, in order: transpositions that met their inverse are left out.

    What these nodes read is added to `read`.
    """
    kept = []
    for node in reversed(nodes):
        if not read.isdisjoint(node.output):
            kept.append(node)
            read |= _reads(node)
    return kept[::-1]


def _reads(node: NodeProto) -> set[str]:
    """What a node reads, bodies included. Those are cleaned up as well."""
    read = set(node.input)
    for attribute in node.attribute:
        if attribute.HasField("g"):
            read |= _cleaned(attribute.g)
    return read


def _cleaned(body: GraphProto) -> set[str]:
    """Drop what a body does not need. Returns what it reads."""
    ends = {o.name for o in body.output}
    nodes = _needed(list(body.node), set(ends))
    del body.node[:]
    body.node.extend(nodes)
    return ends.union(*map(_reads, nodes))


def _unsupported(writer: Writer) -> UnsupportedOps:
    nodes: dict[str, list[str]] = {}
    others = [f for f in writer.failures if f.within[-1].op.name not in KEYS]
    for failure in others or writer.failures:
        paths, where = nodes.setdefault(_what(failure), []), writer.label_of(failure.within) or "?"
        if where not in paths:
            paths.append(where)
    return UnsupportedOps(nodes, "ONNX has no form for")


def _what(failure: Failure) -> str:
    name = failure.within[-1].op.name
    return f"{name}: {failure.why}" if failure.why else name


def _label(graph: Graph, lowered: Lowered, e: Expr) -> str:
    """The path of the node that an expression was made for; "" if none is known."""
    ids = lowered.origins.of(e)
    return graph.nodes[ids[0]].path if ids and ids[0] in graph.nodes else ""
