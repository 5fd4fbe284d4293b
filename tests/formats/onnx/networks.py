"""Networks in ONNX's text form, and what onnxruntime makes of them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx.parser import parse_model

import flowloom as fl

Array = np.ndarray[Any, Any]
SOURCES = ("input", "output", "constant", "variable")


def network(body: str, weights: dict[str, Array] | None = None, opset: int = 17) -> Any:
    """A model from its text form, with these initializers."""
    model = parse_model(f'<ir_version: 8, opset_import: ["": {opset}]>\n{body}')
    model.graph.initializer.extend(onnx.numpy_helper.from_array(a, n) for n, a in (weights or {}).items())
    return model


def floats(*shape: int, seed: int = 0) -> Array:
    """Normally distributed numbers of that shape."""
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(np.float32)


def run(graph: fl.Graph, feeds: dict[str, Array]) -> list[Array]:
    """The outputs of the loaded graph."""
    results: list[Array] = fl.compile(graph.outputs)({t.name: feeds[t.name] for t in graph.inputs})
    return results


def check(model: Any, feeds: dict[str, Array], *, rtol: float = 1e-4, atol: float = 1e-5) -> fl.Graph:
    """The loaded model, which gives what onnxruntime gives."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    graph = fl.formats.onnx.load(model)
    for ours, theirs in zip(run(graph, feeds), session.run(None, feeds), strict=True):
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=atol)
    return graph


def kinds(graph: fl.Graph) -> list[str]:
    """The kinds of the nodes that compute, in order."""
    return [n.kind for n in graph.nodes.values() if n.kind not in SOURCES]


def count(graph: fl.Graph, kind: str) -> int:
    """How many nodes are of that kind."""
    return Counter(kinds(graph))[kind]
