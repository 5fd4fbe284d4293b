"""ONNX's reference evaluator, for tests that hold an op to an operator of ONNX."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import helper
from onnx.reference import ReferenceEvaluator

Array = np.ndarray[Any, Any]


def onnx(operator: str, *inputs: Array | None, outputs: int = 1, opset: int = 25, **attributes: Any) -> list[Array]:
    """The results of one ONNX operator; None is an input that stays open."""
    names = [f"x{i}" if x is not None else "" for i, x in enumerate(inputs)]
    given = {name: x for name, x in zip(names, inputs, strict=True) if x is not None}
    results = [f"y{i}" for i in range(outputs)]
    graph = helper.make_graph(
        [helper.make_node(operator, names, results, **attributes)],
        operator,
        [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape) for n, x in given.items()],
        [helper.make_empty_tensor_value_info(name) for name in results],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    found: Sequence[Any] = ReferenceEvaluator(model).run(None, given)
    return [np.asarray(y) for y in found]


def channels_last(x: Array) -> Array:
    """ONNX's (batch, channels, ...) as (batch, ..., channels)."""
    return np.moveaxis(x, 1, -1)
