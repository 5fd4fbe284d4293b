"""Running totals. ONNX has that of sums; the others go through a scan, one step for each place along the axis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from flowloom import ops
from flowloom.compiler.control import scan
from flowloom.compiler.expr import Expr
from flowloom.formats.onnx.writing.table import becomes, writes
from flowloom.formats.onnx.writing.writer import Name, Writer
from flowloom.ops.inference import accumulator


def _flat(rule: Callable[..., Any]) -> Callable[..., Any]:
    """A running total for the axis None as well, made from one for a numbered axis."""

    def made(x: Any, *, axis: int | None, **params: Any) -> Any:
        if axis is None or x.ndim == 0:
            return rule(ops.flatten(x), axis=0, **params)
        return rule(x, axis=axis, **params)

    return made


@writes("cumsum")
def _cumsum(w: Writer, e: Expr, x: Name) -> Any:
    (operand,) = e.args
    params = dict(e.params)
    if params["axis"] is None:
        return w.written(ops.cumsum(ops.flatten(operand), **{**params, "axis": 0}))
    axis = w.constant(np.int64(params["axis"] % e.ndim))
    how: dict[str, Any] = {k: int(params[k]) or None for k in ("exclusive", "reverse")}
    return w.node("CumSum", w.cast(x, operand.dtype, e.dtype), axis, **how)


@becomes("cumprod")
@_flat
def _cumprod(x: Any, *, axis: int, exclusive: bool, reverse: bool) -> Any:
    x = ops.cast(x, dtype=accumulator(x.dtype).name)

    def step(index: Any, total: Any, row: Any) -> Any:
        return total * row, total if exclusive else total * row

    return _scanned(step, 1.0, [x], axis, reverse)


@becomes("cummax")
@_flat
def _cummax(x: Any, *, axis: int) -> Any:
    lowest = ops.min(ops.moveaxis(x, source=axis, destination=0), axis=0)
    return _scanned(lambda index, best, row: (ops.maximum(best, row),) * 2, lowest, [x], axis)


@becomes("cummin")
@_flat
def _cummin(x: Any, *, axis: int) -> Any:
    highest = ops.max(ops.moveaxis(x, source=axis, destination=0), axis=0)
    return _scanned(lambda index, best, row: (ops.minimum(best, row),) * 2, highest, [x], axis)


@becomes("linear_recurrence")
def _linear_recurrence(factor: Any, x: Any, *, axis: int, reverse: bool) -> Any:
    def forward(index: Any, before: Any, f: Any, row: Any) -> Any:
        return (f * before + row,) * 2

    def backward(index: Any, behind: Any, f: Any, row: Any) -> Any:
        y = behind + row
        return f * y, y

    return _scanned(backward if reverse else forward, 0.0, [factor, x], axis, reverse)


def _scanned(step: Callable[..., Any], start: Any, xs: list[Any], axis: int, reverse: bool = False) -> Any:
    """What `step` gives along the axis from the state `start`: a row, or a number for all of its elements."""
    rows = [ops.moveaxis(x, source=axis, destination=0) for x in xs]
    if isinstance(start, float):
        start = ops.full_like(ops.max(rows[0], axis=0), value=start)  # of the shape of a row
    return ops.moveaxis(scan(step, [start], rows, reverse=reverse)[1], source=0, destination=axis)
