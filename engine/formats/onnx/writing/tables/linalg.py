"""Products of matrices, diagonals and triangles."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowloom import ops
from flowloom.compiler.expr import Expr, constant
from flowloom.formats.onnx.errors import OnnxError
from flowloom.formats.onnx.writing.table import becomes, writes
from flowloom.formats.onnx.writing.writer import Name, Writer
from flowloom.ops.contraction import terms_of


@writes("matmul")
def _matmul(w: Writer, e: Expr, a: Name, b: Name) -> Name:
    return w.typed("MatMul", e.dtype, *(w.cast(x, t.dtype, e.dtype) for x, t in zip((a, b), e.args, strict=True)))


@writes("contract")
def _contract(w: Writer, e: Expr, a: Name, b: Name) -> Any:
    equation = dict(e.params)["equation"]
    left, right, result = terms_of(equation)
    if not left or not right:  # a scalar, which has no term in ONNX
        x, scale = e.args if left else e.args[::-1]
        scaled: Any = ops.multiply(x, scale)
        return w.written(ops.transpose(scaled, axes=tuple((left or right).index(i) for i in result)))
    same = (w.cast(x, t.dtype, e.dtype) for x, t in zip((a, b), e.args, strict=True))
    return w.typed("Einsum", e.dtype, *same, equation=equation)


@writes("det")
def _det(w: Writer, e: Expr, a: Name) -> Name:
    return w.typed("Det", e.dtype, w.cast(a, e.args[0].dtype, e.dtype))


@becomes("slogdet")
def _slogdet(a: Any) -> Any:
    """From the determinant, which may overflow."""
    found = ops.det(a)
    return ops.sign(found), ops.log(abs(found))


@writes("triangle", "triangle_by")
def _triangle(w: Writer, e: Expr, x: Name, *k: Name) -> Name:
    params = dict(e.params)
    upper = params["upper"] if k else not params["lower"]
    offset = w.cast(k[0], e.args[1].dtype, np.dtype("int64")) if k else w.constant(np.int64(params["offset"]))
    y: Name = w.node("Trilu", x, offset, upper=int(upper))
    return y


# ---------------------------------------------------------------- diagonals


@becomes("diagonal")
def _diagonal(x: Any, *, offset: int, axis1: int, axis2: int) -> Any:
    """The elements of the flattened matrices that lie one row and one column on from each other."""
    matrix = ops.moveaxis(x, source=(axis1, axis2), destination=(-2, -1))
    rows, columns = (_size(matrix, axis) for axis in (-2, -1))
    count = _least(rows + min(offset, 0), columns - max(offset, 0))
    steps = np.arange(max(count, 0)) if isinstance(count, int) else ops.arange_of(np.int64(0), count, np.int64(1))
    places = steps * (columns + 1) + (max(-offset, 0) * columns + max(offset, 0))
    return ops.take(ops.flatten(matrix, first=-2), places, axis=-1)


def _size(x: Any, axis: int) -> Any:
    return x.shape[axis] if isinstance(x.shape[axis], int) else ops.size(x, axis=axis)


def _least(a: Any, b: Any) -> Any:
    return min(a, b) if isinstance(a, int) and isinstance(b, int) else ops.maximum(ops.minimum(a, b), 0)


@becomes("embed_diagonal")
def _embed_diagonal(x: Any, *like: Any, rows: Any, columns: Any, offset: int, axis1: int, axis2: int) -> Any:
    """Each column of a matrix has its element of the diagonal in every row; a mask leaves one."""
    if like:
        shape = [_size(like[0], a) for a in (axis1, axis2)]
    elif isinstance(rows, int) and isinstance(columns, int):
        shape = [rows, columns]
    else:
        raise OnnxError("the sizes of a matrix must be known")
    down, across = (np.arange(n) if isinstance(n, int) else ops.arange_of(np.int64(0), n, np.int64(1)) for n in shape)
    if x.shape[-1] == 0:
        matrix = ops.broadcast_to(constant(0, x.dtype), shape=(*x.shape[:-1], rows, columns))
    else:
        last = x.shape[-1] - 1 if isinstance(x.shape[-1], int) else ops.size(x, axis=-1) - 1
        place = ops.maximum(ops.minimum(across - max(offset, 0), last), 0)
        mask = ops.equal(ops.expand_dims(down, axis=-1) + offset, across)
        matrix = ops.where(mask, ops.expand_dims(ops.take(x, place, axis=-1), axis=-2), constant(0, x.dtype))
    return ops.moveaxis(matrix, source=(-2, -1), destination=(axis1, axis2))
