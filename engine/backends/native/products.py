"""Matrix products: each thread takes a share of the matrices, of the rows or of the columns."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from math import prod

from flowloom.backends.native import products_sources as sources
from flowloom.backends.native.instructions import Call, Place, Scratch, lowering
from flowloom.backends.native.layout import broadcast
from flowloom.backends.native.machine import BY_HAND
from flowloom.backends.native.vectors import lanes, register_bytes
from flowloom.compiler.expr import Expr

MOST_BATCH_AXES = 3
FAR = 4096  # bytes between neighbours from which on they fall on the same places of a cache
TALL = 64  # rows or columns for which it pays to bring such together
_TYPES = {"float32": "f32", "float64": "f64"}

# A row times a matrix, which is read once, four of its rows at a time; the result stays in the nearest cache.
_ROW_BY_MATRIX = """
def kernel(a: [TYPE], b: [TYPE], c: [TYPE], n: i64, k: i64, apart: i64):
    lo = n * thread // threads // 16 * 16
    hi = n if thread + 1 == threads else n * (thread + 1) // threads // 16 * 16
    for j in range(lo, hi):
        c[j] = 0.0
    fours = k // 4
    for q in range(fours):
        p = q * 4
        b0 = b + p * apart
        b1 = b0 + apart
        b2 = b1 + apart
        b3 = b2 + apart
        a0 = a[p]
        a1 = a[p + 1]
        a2 = a[p + 2]
        a3 = a[p + 3]
        for j in range(lo, hi):
            c[j] += a0 * b0[j] + a1 * b1[j] + a2 * b2[j] + a3 * b3[j]
    for p in range(fours * 4, k):
        b4 = b + p * apart
        a4 = a[p]
        for j in range(lo, hi):
            c[j] += a4 * b4[j]
"""

# The rows of a matrix, each times the same row.
_ROWS_BY_ROW = """
def kernel(a: [TYPE], b: [TYPE], c: [TYPE], n: i64, k: i64, apart: i64):
    for j in range(n * thread // threads, n * (thread + 1) // threads):
        row = b + j * apart
        s = TYPE(0.0)
        for p in range(k):
            s += a[p] * row[p]
        c[j] = s
"""


@lowering("matmul")
def _(e: Expr, operands: Sequence[Place], result: Place) -> Call | None:
    a, b = operands
    if e.dtype.name not in _TYPES or a.dtype != e.dtype or b.dtype != e.dtype or min(len(a.shape), len(b.shape)) < 2:
        return None
    if 0 in (*a.shape, *b.shape):
        return None
    if len(b.shape) == 2 and (rows := rows_together(a)) is not None:
        a = rows
        result = Place(result.base, 0, (rows.shape[0], result.shape[-1]), (result.shape[-1], 1), result.dtype)
    leading = result.shape[:-2]
    a, b = broadcast(a, (*leading, *a.shape[-2:])), broadcast(b, (*leading, *b.shape[-2:]))
    batch = batch_axes([a, b, result])
    if len(batch) > MOST_BATCH_AXES:
        return None
    if not batch and 1 in result.shape[-2:]:
        (ai, ap), (bp, bj) = a.strides[-2:], b.strides[-2:]
        vector, matrix, step, below, beside = (a, b, ap, bp, bj) if a.shape[-2] == 1 else (b, a, bp, ap, ai)
        if made := _by_vector(e, (vector, matrix, result), step, below, beside):
            return made
    return _product(e, (a, b, result), batch)


def _by_vector(e: Expr, arrays: tuple[Place, Place, Place], step: int, below: int, beside: int) -> Call | None:
    """A vector times a matrix, given how far their terms lie apart, and the matrix's columns."""
    vector, _, result = arrays
    n, k = result.size, vector.size
    if (step != 1 and k > 1) or (beside != 1 and below != 1):
        return None
    source, apart = (_ROW_BY_MATRIX, below) if beside == 1 else (_ROWS_BY_ROW, beside)
    work = 4.0 * n * k  # twice the operations, for each number of the matrix is fetched for one product only
    return Call(source.replace("TYPE", _TYPES[e.dtype.name]), (*arrays, n, k, apart), (e,), work=work)


def _product(e: Expr, arrays: tuple[Place, Place, Place], batch: list[tuple[int, tuple[int, ...]]]) -> Call:
    a, b, _ = arrays
    (m, k), n, size = a.shape[-2:], b.shape[-1], e.dtype.itemsize
    (ai, ap), (bp, bj) = a.strides[-2:], b.strides[-2:]
    bj = 1 if n == 1 else bj
    wide = max(4 if size == 4 else 2, min(lanes(e.dtype), 1 << (n - 1).bit_length()))
    rows = 8 if _has_many_registers() else 6
    count = prod(axis for axis, _ in batch)
    by = 0 if count >= 8 else 1 if m >= n else 2
    packing = "columns" if bj != 1 and bp == 1 else "numbers" if bj != 1 else ""
    if bj == 1 and bp * size >= FAR and m >= TALL:
        packing = "rows"
    scattered = ap * size >= FAR and n >= TALL
    words = sources.words(wide, rows, packing=packing, scattered=scattered)
    source = sources.source(
        _TYPES[e.dtype.name],
        wide,
        rows,
        pairs=n >= 2 * wide,
        rest=n % (2 * wide) > 0,
        packing=packing,
        scattered=scattered,
        axes=len(batch),
    )
    numbers = (m, n, k, ai, ap, bp, bj, by, words, count)
    along = (number for axis, steps in batch for number in (axis, *steps))
    work = 2.0 * m * n * k * count
    return Call(BY_HAND + source, (*arrays, Scratch(words * size), *numbers, *along), (e,), work=work)


def _has_many_registers() -> bool:
    """Whether there are 32 vector registers, not 16."""
    return register_bytes() == 64 or platform.machine().lower() in ("arm64", "aarch64")


def rows_together(a: Place) -> Place | None:
    """`a` as one matrix, where its leading axes run on in one stride."""
    rows, step = a.shape[-2], a.strides[-2]
    for n, s in zip(reversed(a.shape[:-2]), reversed(a.strides[:-2]), strict=True):
        if n == 1:
            continue
        if rows == 1:
            step = s
        elif s != step * rows:
            return None
        rows *= n
    return Place(a.base, a.offset, (rows, a.shape[-1]), (step, a.strides[-1]), a.dtype)


def batch_axes(arrays: Sequence[Place]) -> list[tuple[int, tuple[int, ...]]]:
    """The leading axes with the stride of each array; neighbours that run on alike are one."""
    axes: list[tuple[int, tuple[int, ...]]] = []
    for i, n in enumerate(arrays[0].shape[:-2]):
        if n == 1:
            continue
        steps = tuple(a.strides[i] for a in arrays)
        if axes and all(b == s * n for b, s in zip(axes[-1][1], steps, strict=True)):
            axes[-1] = axes[-1][0] * n, steps
        else:
            axes.append((n, steps))
    return axes
