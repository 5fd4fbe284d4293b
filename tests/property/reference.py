"""The oracle for values: ONNX's reference evaluator, on the model that flowloom writes of a graph."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun
from onnx.reference.ops.op_conv_transpose import ConvTranspose as OneGroup
from onnx.reference.ops.op_scan import Scan as ForwardScan

import flowloom as fl
from flowloom.formats.onnx import UnsupportedOps
from flowloom.formats.onnx.writing.saving import to_model
from flowloom.formats.onnx.writing.table import entry_of

Array = np.ndarray[Any, Any]

# Ops that are not compared with the reference evaluator, and why.
EXCLUDED: dict[str, str] = {
    "selu": "its two numbers are attributes, which ONNX keeps in float32",
}


# ---------------------------------------------------------------- what the evaluator does not do as it should


class ConvTranspose(OneGroup):  # type: ignore[misc]
    """ONNX's own takes the kernels of a group from the wrong axis."""

    op_domain = ""

    def _run(self, x: Array, kernel: Array, bias: Array | None = None, group: int = 1, **how: Any) -> tuple[Array]:
        assert bias is None
        groups = zip(np.split(x, group, axis=1), np.split(kernel, group, axis=0), strict=True)
        return (np.concatenate([super(ConvTranspose, self)._run(a, b, group=1, **how)[0] for a, b in groups], axis=1),)


class Erf(OpRun):
    """ONNX's own computes in float32, whatever it is given."""

    op_domain = ""

    def _run(self, x: Array) -> tuple[Array]:
        return (_erf(x),)


class Gelu(OpRun):
    """Made of Erf in float32, too."""

    op_domain = ""

    def _run(self, x: Array, approximate: str = "none") -> tuple[Array]:
        if approximate == "tanh":
            return (0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),)
        return (0.5 * x * (1 + _erf(x / math.sqrt(2))),)


class GatherElements(OpRun):
    """ONNX's own takes at most 64 rows."""

    op_domain = ""

    def _run(self, x: Array, indices: Array, axis: int = 0) -> tuple[Array]:
        within = tuple(slice(None) if i == axis % x.ndim else slice(n) for i, n in enumerate(indices.shape))
        return (np.take_along_axis(x[within], indices, axis),)


class Scan(ForwardScan):  # type: ignore[misc]
    """ONNX's own only goes forwards; here what goes the other way is turned around before and after."""

    op_domain = ""

    def __init__(self, node: NodeProto, run_params: dict[str, Any]) -> None:
        forwards = NodeProto()
        forwards.CopyFrom(node)
        del forwards.attribute[:]
        forwards.attribute.extend(a for a in node.attribute if not a.name.endswith("_directions"))
        super().__init__(forwards, run_params)
        self._reversed = any(any(a.ints) for a in node.attribute if a.name.endswith("_directions"))

    def _run(self, *args: Array, **how: Any) -> tuple[Array, ...]:
        states = len(args) - self.num_scan_inputs
        turned = [a[::-1] if self._reversed and i >= states else a for i, a in enumerate(args)]
        made = super()._run(*turned, **how)
        return tuple(y[::-1] if self._reversed and i >= states else y for i, y in enumerate(made))


class MaxPool(OpRun):
    """ONNX's own exchanges what is padded before and behind, and axes, where the stride is 1."""

    op_domain = ""

    def _run(self, x: Array, **how: Any) -> tuple[Array, ...]:
        axes = tuple(range(2, x.ndim))
        size, ones = how["kernel_shape"], [1] * len(axes)
        strides, dilation = how.get("strides") or ones, how.get("dilations") or ones
        reach = [(k - 1) * d + 1 for k, d in zip(size, dilation, strict=True)]
        margins = _margins(how, x.shape[2:], reach, strides)
        extra = [s - 1 if how.get("ceil_mode") else 0 for s in strides]
        wide = [(0, 0), (0, 0), *((a, b + e) for (a, b), e in zip(margins, extra, strict=True))]
        places = np.arange(math.prod(x.shape)).reshape(x.shape)
        seen = []
        for values, outside in ((x, -np.inf), (places, -1)):
            padded = np.pad(values, wide, constant_values=outside)
            windows = np.lib.stride_tricks.sliding_window_view(padded, reach, axes)  # type: ignore[call-overload]
            begins = zip(strides, x.shape[2:], margins, strict=True)  # a window that begins behind `x` is none
            firsts = [slice(None, n + a if e else None, s) for (s, n, (a, _)), e in zip(begins, extra, strict=True)]
            every = [slice(None, None, d) for d in dilation]
            windows = windows[(slice(None), slice(None), *firsts, *every)]
            seen.append(windows.reshape(*windows.shape[: x.ndim], -1))
        at = np.argmax(seen[0], axis=-1)[..., None]
        return tuple(np.take_along_axis(v, at, axis=-1)[..., 0] for v in seen)[: len(self.onnx_node.output)]


def _margins(how: dict[str, Any], sizes: Any, reach: list[int], strides: list[int]) -> list[tuple[int, int]]:
    """How much is padded before and behind each axis."""
    pads, auto = how.get("pads") or [0] * (2 * len(reach)), how.get("auto_pad") or "NOTSET"
    if not auto.startswith("SAME"):
        return list(zip(pads[: len(reach)], pads[len(reach) :], strict=True))
    missing = [max(0, (-(-n // s) - 1) * s + r - n) for n, s, r in zip(sizes, strides, reach, strict=True)]
    return [(m // 2, m - m // 2) if auto == "SAME_UPPER" else (m - m // 2, m // 2) for m in missing]


def _erf(x: Array) -> Array:
    return np.asarray(np.vectorize(math.erf, otypes=[x.dtype])(x))


INSTEAD = [ConvTranspose, Erf, GatherElements, Gelu, MaxPool, Scan]

# ---------------------------------------------------------------- the oracle


def comparable(kinds: set[str], primitives: set[str]) -> bool:
    """Whether nodes of these kinds can be written, and what the evaluator makes of them be trusted."""
    return kinds.isdisjoint(EXCLUDED) and all(entry_of(op) is not None for op in primitives)


def by_reference(graph: fl.Graph, outputs: list[fl.Tensor], feeds: dict[str, Array]) -> list[Array] | None:
    """The values of `outputs`, if their graph can be written."""
    model = written(graph, outputs)
    if model is None:
        return None
    given = {i.name: feeds[i.name] for i in model.graph.input}
    with np.errstate(all="ignore"):
        return [np.asarray(y) for y in ReferenceEvaluator(model, new_ops=INSTEAD).run(None, given)]


def written(graph: fl.Graph, outputs: list[fl.Tensor]) -> ModelProto | None:
    """The model of a graph; None where a size that is not known is in the way."""
    try:
        return to_model(graph, outputs)
    except UnsupportedOps as error:
        if "known" not in str(error):
            raise
        return None
