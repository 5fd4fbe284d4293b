"""Operations on the bits of integers."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowloom import ops
from flowloom.compiler.expr import Expr
from flowloom.formats.onnx.writing.layout import elementwise
from flowloom.formats.onnx.writing.table import writes
from flowloom.formats.onnx.writing.writer import Name, Writer

BITWISE = {
    "bitwise_and": "BitwiseAnd",
    "bitwise_not": "BitwiseNot",
    "bitwise_or": "BitwiseOr",
    "bitwise_xor": "BitwiseXor",
}
UNSIGNED = np.dtype("uint64")


@writes(*BITWISE)
def _bitwise(w: Writer, e: Expr, *names: Name) -> Name:
    return elementwise(w, e, BITWISE[e.op.name], *names)


@writes("left_shift")
def _left_shift(w: Writer, e: Expr, a: Name, b: Name) -> Any:
    """ONNX shifts unsigned integers; in two's complement the bits are the same."""
    y = _shifted(w, e, e.args[0], "LEFT")
    return w.node("Where", w.written(_within(e)), w.cast(y, UNSIGNED, e.dtype), w.constant(0, e.dtype))


@writes("right_shift")
def _right_shift(w: Writer, e: Expr, a: Name, b: Name) -> Any:
    """Of a negative number, the bits turned round are those of one that is not."""
    x = ops.cast(e.args[0], dtype=e.dtype.name)
    below = ops.less(x, 0)
    y = w.cast(_shifted(w, e, ops.where(below, ops.bitwise_not(x), x), "RIGHT"), UNSIGNED, e.dtype)
    kept = w.node("Where", w.written(_within(e)), y, w.constant(0, e.dtype))
    return w.node("Where", w.written(below), w.node("BitwiseNot", kept), kept)


def _shifted(w: Writer, e: Expr, x: Any, direction: str) -> Any:
    by = ops.where(_within(e), e.args[1], 0)
    names = (w.cast(w.written(value), value.dtype, UNSIGNED) for value in (x, by))
    return w.node("BitShift", *names, direction=direction)


def _within(e: Expr) -> Any:
    """Where the shift leaves any bits."""
    by = e.args[1]
    return ops.logical_and(ops.greater_equal(by, 0), ops.less(by, 8 * e.dtype.itemsize))
