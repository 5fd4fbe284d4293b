"""Reductions, and what is the largest."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowloom.compiler.expr import Expr
from flowloom.formats.onnx.writing.dtypes import computed_in
from flowloom.formats.onnx.writing.table import writes
from flowloom.formats.onnx.writing.writer import REST, Name, Size, Writer
from flowloom.ops.inference import normalize_axes
from flowloom.spec import is_bool

REDUCTIONS = {
    "all": "ReduceMin",
    "any": "ReduceMax",
    "logsumexp": "ReduceLogSumExp",
    "max": "ReduceMax",
    "mean": "ReduceMean",
    "min": "ReduceMin",
    "prod": "ReduceProd",
    "sum": "ReduceSum",
}


@writes(*REDUCTIONS)
def _reduction(w: Writer, e: Expr, x: Name) -> Name:
    (operand,) = e.args
    axes = normalize_axes(dict(e.params)["axis"], operand.ndim)
    y = w.cast(x, operand.dtype, e.dtype)
    return reduced(w, REDUCTIONS[e.op.name], y, e.dtype, axes, dict(e.params)["keepdims"]) if axes else y


def reduced(w: Writer, op_type: str, x: Name, dtype: np.dtype[Any], axes: tuple[int, ...], keepdims: bool) -> Name:
    """A reduction of a value of that dtype, done before it is transposed."""
    wide = computed_in(op_type, dtype)
    base, order = w.turned(w.cast(x, dtype, wide))
    inner = tuple(sorted(order[a] for a in axes)) if order else axes
    y = w.cast(w.node(op_type, base, w.ints(*inner), keepdims=int(keepdims)), wide, dtype)
    if not order:
        return y
    left = list(order) if keepdims else [a for a in order if a not in inner]
    return w.transpose(y, [sorted(left).index(a) for a in left]) if left else y


@writes("sum_to")
def _sum_to(w: Writer, e: Expr, x: Name) -> Name:
    operand = e.args[0]
    lead = operand.ndim - e.ndim
    ones = tuple(i for i in range(lead, operand.ndim) if e.shape[i - lead] == 1 and operand.shape[i] != 1)
    y = reduced(w, "ReduceSum", x, e.dtype, tuple(range(lead)), keepdims=False) if lead else x
    return reduced(w, "ReduceSum", y, e.dtype, tuple(i - lead for i in ones), keepdims=True) if ones else y


@writes("sum_like")
def _sum_like(w: Writer, e: Expr, x: Name, like: Name) -> Any:
    """Over the axes in front that `like` lacks, and over those in which it turns out to have size 1."""
    operand, model = e.args
    if None not in model.shape:
        return _sum_to(w, e, x)
    lead = operand.ndim - model.ndim
    y = reduced(w, "ReduceSum", x, e.dtype, tuple(range(lead)), keepdims=False) if lead else x
    axes = w.reshape(w.node("NonZero", w.node("Equal", w.node("Shape", like), w.ints(1))), [REST])
    wide = computed_in("ReduceSum", e.dtype)
    total = w.node("ReduceSum", w.cast(y, e.dtype, wide), axes, keepdims=1, noop_with_empty_axes=1)
    return w.cast(total, wide, e.dtype)


@writes("size")
def _size(w: Writer, e: Expr, x: Name) -> Any:
    (operand,) = e.args
    axes = normalize_axes(dict(e.params)["axis"], operand.ndim)
    sizes = [w.extent(operand, x, a) for a in axes]
    if all(isinstance(n, Size) for n in sizes) and len(axes) == operand.ndim > 1:
        return w.node("Size", x)
    total: Any = None
    for n in sizes:
        one = w.scalar(n)
        total = one if total is None else w.node("Mul", total, one)
    return w.constant(np.int64(1)) if total is None else total


@writes("argmax", "argmin")
def _position(w: Writer, e: Expr, x: Name) -> Any:
    (operand,) = e.args
    params = dict(e.params)
    op_type = {"argmax": "ArgMax", "argmin": "ArgMin"}[e.op.name]
    axis, last = params["axis"], 1 if params["select_last"] else None
    flat = axis is None
    dtype = np.dtype("int32") if is_bool(operand.dtype) else operand.dtype
    wide = computed_in(op_type, dtype)
    y = w.cast(w.reshape(x, [REST]) if flat else x, operand.dtype, wide)
    keepdims = params["keepdims"] and not flat
    base, order = w.turned(y)
    if order and keepdims:
        made = w.node(op_type, base, axis=order[axis % operand.ndim], keepdims=1, select_last_index=last)
        return w.transpose(made, order)
    made = w.node(op_type, y, axis=0 if flat else axis % operand.ndim, keepdims=int(keepdims), select_last_index=last)
    return w.reshape(made, [1] * operand.ndim) if flat and params["keepdims"] else made


# ---------------------------------------------------------------- order


@writes("sort", "argsort")
def _sort(w: Writer, e: Expr, x: Name) -> Any:
    """All of an axis, best first: of equals ONNX too takes the one at the lower position first."""
    (operand,) = e.args
    axis, descending = (dict(e.params)[k] for k in ("axis", "descending"))
    count = w.vector([w.extent(operand, x, axis)])
    return _best(w, operand, x, count, axis, largest=descending)[e.op.name == "argsort"]


@writes("top_k")
def _top_k(w: Writer, e: Expr, x: Name) -> Any:
    (operand,) = e.args
    k, axis, largest, ordered = (dict(e.params)[name] for name in ("k", "axis", "largest", "sorted"))
    best = _best(w, operand, x, w.ints(k), axis, largest)
    if ordered:
        return best
    axis %= operand.ndim
    indices = w.node("TopK", best[1], w.ints(k), count=2, axis=axis, largest=0)[0]
    return w.node("GatherElements", x, indices, axis=axis), indices


def _best(w: Writer, operand: Expr, x: Name, count: Name, axis: int, largest: bool) -> tuple[Name, Name]:
    wide = computed_in("TopK", operand.dtype)
    y = w.cast(x, operand.dtype, wide)
    values, indices = w.node("TopK", y, count, count=2, axis=axis % operand.ndim, largest=int(largest))
    return w.cast(values, wide, operand.dtype), indices
