"""ONNX's reference evaluator for what slides windows: it wants channels second, we have them last."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.ops.onnx_reference import Array, channels_last, onnx


def by_onnx(operator: str, *inputs: Array | None, outputs: int = 1, **attributes: Any) -> Any:
    """The result of one ONNX operator, or its results, with channels last."""
    found = [channels_last(y) for y in onnx(operator, *inputs, outputs=outputs, opset=22, **attributes)]
    return found[0] if outputs == 1 else found


def channels_second(x: Array) -> Array:
    """(batch, ..., channels) as ONNX's (batch, channels, ...)."""
    return np.moveaxis(x, -1, 1)


def kernel_first(kernel: Array) -> Array:
    """(*window, channels, filters) as ONNX's (filters, channels, *window)."""
    return np.moveaxis(kernel, (-1, -2), (0, 1))


def pads(padding: Any) -> list[int]:
    """((before, after), ...) in ONNX's order: all before, then all after."""
    return [before for before, _ in padding] + [after for _, after in padding]
