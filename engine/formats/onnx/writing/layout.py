"""Layout: flowloom has channels last, ONNX first. Transpositions are put off and cancel where they meet.

What is done element by element is done before a transposition that its operands have in common, not after it. So
between two convolutions there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import helper

from flowloom.compiler.expr import Expr
from flowloom.formats.onnx.writing.dtypes import computed_in, takes
from flowloom.formats.onnx.writing.writer import Name, Order, Writer
from flowloom.spec import promote

BOOL = np.dtype(bool)
TRUTHS = ("Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "IsNaN", "IsInf")


def channels_first(w: Writer, x: Name, ndim: int) -> Name:
    """[n, ..., c] as [n, c, ...]."""
    return w.transpose(x, (0, ndim - 1, *range(1, ndim - 1)))


def channels_last(w: Writer, x: Name, ndim: int) -> Name:
    """[n, c, ...] as [n, ..., c]."""
    return w.transpose(x, last_order(ndim))


def last_order(ndim: int) -> Order:
    """The order of axes that puts channels last."""
    return (0, *range(2, ndim), 1)


def elementwise(w: Writer, e: Expr, op_type: str, *names: Name, **attributes: Any) -> Name:
    """ONNX's op on the operands of `e`, all in one dtype: that of the result, or the widest of theirs for truths."""
    dtype = promote(*(a.dtype for a in e.args)) if op_type in TRUTHS else e.dtype
    dtype = computed_in(op_type, dtype)
    same = [w.cast(x, a.dtype, dtype) for x, a in zip(names, e.args, strict=True)]
    y = in_common_order(w, op_type, same, [a.ndim for a in e.args], **attributes)
    return w.cast(y, BOOL if op_type in TRUTHS else dtype, e.dtype)


def in_common_order(w: Writer, op_type: str, names: Sequence[Name], ndims: Sequence[int], **attributes: Any) -> Name:
    """A node on operands that broadcast, done before the transposition that they have in common."""
    order = _common_order(w, names, ndims)
    if not order:
        made: Name = w.node(op_type, *names, **attributes)
        return made
    moved = [_before(w, x, n, order) for x, n in zip(names, ndims, strict=True)]
    return w.transpose(w.node(op_type, *moved, **attributes), order)


def _common_order(w: Writer, names: Sequence[Name], ndims: Sequence[int]) -> Order:
    """The order of axes that all operands have but scalars and vectors; () if there is none."""
    most = max(ndims)
    orders = {w.turned(x)[1] for x, n in zip(names, ndims, strict=True) if n > 1}
    return orders.pop() if len(orders) == 1 and all(n in (0, 1, most) for n in ndims) else ()


def _before(w: Writer, x: Name, ndim: int, order: Order) -> Name:
    """What becomes `x` by that transposition and broadcasting. A vector lies along the last axis."""
    if ndim > 1:
        return w.turned(x)[0]
    behind = len(order) - 1 - order[-1] if ndim else 0
    y: Name = w.node("Unsqueeze", x, w.ints(*range(1, behind + 1))) if behind else x
    return y


def with_bias(w: Writer, e: Expr, x: Name, bias: Name) -> Name | None:
    """`x + bias` as part of the convolution that made `x`, where that is what they are; else None."""
    base, order = w.turned(x)
    conv = w.maker(base)
    a, b = e.args
    if conv is None or conv.op_type not in ("Conv", "ConvTranspose") or len(conv.input) > 2:
        return None
    vector = b.ndim == 1 and a.ndim > 2 and isinstance(b.shape[0], int) and b.shape[0] == a.shape[-1]
    if not vector or order != last_order(a.ndim) or a.dtype != b.dtype or not takes(conv.op_type, a.dtype):
        return None
    attributes = {item.name: helper.get_attribute_value(item) for item in conv.attribute}
    return channels_last(w, w.node(conv.op_type, *conv.input, bias, **attributes), a.ndim)
