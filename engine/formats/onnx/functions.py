"""Ops that the standard defines by a function, and a look at a whole model for ops that nobody defines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from flowloom.formats.onnx.errors import OnnxError, UnsupportedOps
from flowloom.formats.onnx.table import entry_of
from flowloom.formats.onnx.values import Value

if TYPE_CHECKING:
    from onnx import AttributeProto, FunctionProto, ModelProto, NodeProto, TypeProto

    from flowloom.formats.onnx.node import Node


def check_supported(model: ModelProto) -> None:
    """Raise UnsupportedOps, which names them all, if the model has ops that flowloom lacks."""
    versions = {o.domain: int(o.version) for o in model.opset_import}
    own = {(f.domain, f.name) for f in model.functions}
    missing: dict[str, list[str]] = {}
    _look(model.graph.node, versions, own, missing)
    for function in model.functions:
        _look(function.node, {o.domain: int(o.version) for o in function.opset_import}, own, missing)
    if missing:
        raise UnsupportedOps(missing)


def defaults(node: Node) -> dict[str, AttributeProto]:
    """The attributes of an op of the standard that have a default."""
    schema = _schema(node.domain, node.op_type, node.version)
    given = {} if schema is None else {name: a.default_value for name, a in schema.attributes.items()}
    return {name: default for name, default in given.items() if default.name}


def standard(node: Node, inputs: Sequence[Any]) -> FunctionProto:
    """The body of an op that is a function in the standard. Raises UnsupportedOps if it is none."""
    import onnx

    schema = _schema(node.domain, node.op_type, node.version)
    body = None
    if schema is not None and schema.has_function:
        version = max((v for v in schema.function_opset_versions if v <= node.version), default=None)
        if version is not None:
            body = schema.get_function_with_opset_version(version)
    elif schema is not None and schema.has_context_dependent_function:
        version = max((v for v in schema.context_dependent_function_opset_versions if v <= node.version), default=None)
        types = [_type(v).SerializeToString() for v in inputs]
        if version is not None:
            body = schema.get_context_dependent_function_with_opset_version(
                version, node.proto.SerializeToString(), types
            )
    if not body:
        raise UnsupportedOps({node.op_type: [node.label]})
    function: FunctionProto = onnx.FunctionProto.FromString(body)
    return function


def _look(
    nodes: Iterable[NodeProto], versions: dict[str, int], own: set[tuple[str, str]], missing: dict[str, list[str]]
) -> None:
    for node in nodes:
        domain = "" if node.domain == "ai.onnx" else node.domain
        if (node.domain, node.op_type) not in own and not entry_of(domain, node.op_type):
            schema = _schema(domain, node.op_type, versions.get(node.domain, 1))
            if schema is None or not (schema.has_function or schema.has_context_dependent_function):
                name = f"{domain}.{node.op_type}" if domain else node.op_type
                missing.setdefault(name, []).append(node.name or next(iter(node.output), "") or "unnamed")
        for a in node.attribute:
            if a.HasField("g"):
                _look(a.g.node, versions, own, missing)
            for graph in a.graphs:
                _look(graph.node, versions, own, missing)


def _schema(domain: str, op_type: str, version: int) -> Any:
    import onnx

    try:
        return onnx.defs.get_schema(op_type, version, domain)
    except onnx.defs.SchemaError:
        return None


def _type(value: Any) -> TypeProto:
    """The type of an input as the standard's functions ask for it."""
    import onnx

    if value is None:
        return onnx.TypeProto()
    if isinstance(value, list):
        return onnx.helper.make_sequence_type_proto(_type(value[0]) if value else onnx.TypeProto())
    if not isinstance(value, Value):
        raise OnnxError("an empty optional has no type")
    code = onnx.helper.np_dtype_to_tensor_dtype(value.dtype)
    return onnx.helper.make_tensor_type_proto(code, value.shape)
