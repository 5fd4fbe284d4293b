"""Who reads a saved model: ONNX's reference evaluator, ONNX Runtime, and flowloom itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
import onnx
import onnxruntime
from onnx import GraphProto, ModelProto, NodeProto, helper
from onnx.reference import ReferenceEvaluator

import flowloom as fl
from flowloom.spec import is_float, is_narrow

Array = np.ndarray[Any, Any]
Reader: TypeAlias = Callable[[ModelProto, Mapping[str, Array]], "list[Array] | None"]

onnxruntime.set_default_logger_severity(4)


def reference(model: ModelProto, feeds: Mapping[str, Array]) -> list[Array] | None:
    """What the standard's reference evaluator (onnx 1.23) gives; None for what it is known not to do, or not right."""
    if any(_mistaken(n) for n in nodes_of(model.graph)):
        return None
    try:
        with np.errstate(all="ignore"):
            return [np.asarray(y) for y in ReferenceEvaluator(model).run(None, dict(feeds))]
    except RuntimeError as error:
        if "Scan" in str(error):  # one that goes backwards, or over nothing
            return None
        raise


def _mistaken(node: NodeProto) -> bool:
    how = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    pads = how.get("pads", [])
    return (
        (node.op_type == "ConvTranspose" and how.get("group", 1) > 1)
        or (node.op_type == "MaxPool" and pads[: len(pads) // 2] != pads[len(pads) // 2 :])
        or (node.op_type == "TfIdfVectorizer" and how.get("max_skip_count", 0) > 0)
    )


def runtime(model: ModelProto, feeds: Mapping[str, Array]) -> list[Array] | None:
    """What ONNX Runtime (1.31) gives; None for what it has no kernel for, or no NumPy array."""
    ends = [*model.graph.input, *model.graph.output]
    if any(map(_refused, nodes_of(model.graph))) or any(map(_no_array, ends)):
        return None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    except Exception as error:
        if "NOT_IMPLEMENTED" in str(error):
            return None
        raise
    return list(session.run(None, dict(feeds)))


def _refused(node: NodeProto) -> bool:
    mode = next((helper.get_attribute_value(a) for a in node.attribute if a.name == "mode"), b"")
    # A locale of text must be installed; a cubic Resize must have two axes, and no transposition before it.
    return node.op_type == "StringNormalizer" or (node.op_type == "Resize" and mode == b"cubic")


def _no_array(info: onnx.ValueInfoProto) -> bool:
    return is_narrow(np.dtype(helper.tensor_dtype_to_np_dtype(info.type.tensor_type.elem_type)))


def ourselves(model: ModelProto, feeds: Mapping[str, Array]) -> list[Array]:
    """What the graph gives that flowloom makes of the model."""
    graph = fl.formats.onnx.load(model)
    names = [i.name for i in model.graph.input]
    found: list[Array] = fl.compile(graph.outputs)(
        {t.name: feeds[name] for t, name in zip(graph.inputs, names, strict=True)}
    )
    return found


READERS: dict[str, Reader] = {"the reference": reference, "ONNX Runtime": runtime, "flowloom": ourselves}


def check_readers(model: ModelProto, feeds: Mapping[str, Array], expected: list[Array], rtol: float = 1e-5) -> None:
    """Check that the model is a valid one, and that all who can read it, two at least, get the expected numbers."""
    onnx.checker.check_model(model, full_check=True)
    read = {i.name: feeds[i.name] for i in model.graph.input}
    able = 0
    for reader, run in READERS.items():
        found = run(model, read)
        able += found is not None
        for i, (a, b) in enumerate(zip(found or [], expected, strict=bool(found))):
            check_same(a, b, rtol, f"output {i} as read by {reader}")
    assert able >= 2, "nobody else reads it"


def check_same(found: Array, expected: Array, rtol: float, what: str = "") -> None:
    """Check dtype, shape and numbers; `rtol` counts for an element, a tenth of it for the largest one."""
    found = np.asarray(found)
    found = found.astype(object) if found.dtype.kind == "U" else found
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype), what
    if not is_float(expected.dtype):
        assert found.tolist() == expected.tolist(), what
        return
    a, b = found.astype("float64"), expected.astype("float64")
    most = np.max(np.abs(b), initial=1.0, where=np.isfinite(b))
    np.testing.assert_allclose(a, b, rtol=rtol, atol=0.1 * rtol * most, err_msg=what)


def nodes_of(graph: GraphProto) -> Iterator[NodeProto]:
    """The nodes of a graph and of the bodies in it."""
    for node in graph.node:
        yield node
        for a in node.attribute:
            if a.HasField("g"):
                yield from nodes_of(a.g)
