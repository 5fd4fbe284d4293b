"""Matrix products, by BLAS: each thread takes a share of the matrices, of the rows or of the columns."""

from __future__ import annotations

from collections.abc import Sequence

from flowloom.backends.native.instructions import Argument, Call, Function, Place, lowering
from flowloom.backends.native.layout import broadcast
from flowloom.compiler.expr import Expr

MOST_BATCH_AXES = 3
_TYPES = {"float32": ("f32", "sgemm"), "float64": ("f64", "dgemm")}


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
    form_a, form_b = matrix_form(a), matrix_form(b)
    if form_a is None or form_b is None:
        return None
    (m, k), n = a.shape[-2:], b.shape[-1]
    batch = batch_axes([a, b, result])
    if len(batch) > MOST_BATCH_AXES:
        return None
    if m == 1 and not batch and form_a[0] == form_b[0] == 0:
        return _row_by_matrix(e, (a, b, result), n, k, form_b[1])
    return _call(e, (a, b, result), (m, n, k), (*form_a, *form_b), batch)


def _row_by_matrix(e: Expr, arrays: tuple[Place, Place, Place], n: int, k: int, ldb: int) -> Call:
    """One row times a matrix, which is read once, four of its rows at a time; the result stays in the nearest cache."""
    t, _ = _TYPES[e.dtype.name]
    source = f"""
def kernel(a: [{t}], b: [{t}], c: [{t}], n: i64, k: i64, ldb: i64):
    lo = n * thread // threads // 16 * 16
    hi = n if thread + 1 == threads else n * (thread + 1) // threads // 16 * 16
    for j in range(lo, hi):
        c[j] = 0.0
    fours = k // 4
    for q in range(fours):
        p = q * 4
        b0 = b + p * ldb
        b1 = b0 + ldb
        b2 = b1 + ldb
        b3 = b2 + ldb
        a0 = a[p]
        a1 = a[p + 1]
        a2 = a[p + 2]
        a3 = a[p + 3]
        for j in range(lo, hi):
            c[j] += a0 * b0[j] + a1 * b1[j] + a2 * b2[j] + a3 * b3[j]
    for p in range(fours * 4, k):
        b4 = b + p * ldb
        a4 = a[p]
        for j in range(lo, hi):
            c[j] += a4 * b4[j]
"""
    return Call(source, (*arrays, n, k, ldb), (e,), True, 2.0 * n * k)


def _call(
    e: Expr,
    arrays: tuple[Place, Place, Place],
    sizes: tuple[int, int, int],
    forms: tuple[int, int, int, int],
    batch: list[tuple[int, tuple[int, ...]]],
) -> Call:
    t, function = _TYPES[e.dtype.name]
    (m, n, k), (ta, lda, tb, ldb) = sizes, forms
    count = 1
    for size, _ in batch:
        count *= size
    work = 2.0 * m * n * k * count
    by_batch, by_rows = count >= 8, m >= n
    lines = [
        f"def kernel(function: i64, a: [{t}], b: [{t}], c: [{t}], m: i64, n: i64, k: i64, lda: i64, ldb: i64, "
        + "".join(f"n{i}: i64, a{i}: i64, b{i}: i64, c{i}: i64, " for i in range(len(batch)))
        + "count: i64):",
    ]
    share = "count" if by_batch else "m" if by_rows else "n"
    unit = 1 if by_batch else 16
    lines += [
        f"    lo = {share} * thread // threads // {unit} * {unit}",
        f"    hi = {share} if thread + 1 == threads else {share} * (thread + 1) // threads // {unit} * {unit}",
    ]
    step_a, step_b = ("1" if ta else "lda"), ("ldb" if tb else "1")
    indent = "    "
    at_a, at_b, at_c = "a", "b", "c"
    if batch:
        lines.append(f"    for which in range({'lo, hi' if by_batch else 'count'}):")
        indent = "        "
        rest = "which"
        for i in reversed(range(len(batch))):
            lines += [f"{indent}i{i} = {rest} % n{i}", f"{indent}rest{i} = {rest} // n{i}"]
            rest = f"rest{i}"
        at_a, at_b, at_c = (f"{x}" + "".join(f" + i{i} * {x}{i}" for i in range(len(batch))) for x in "abc")
    if by_batch:
        call = f"gemm(function, {ta}, {tb}, m, n, k, 1.0, {at_a}, lda, {at_b}, ldb, 0.0, {at_c}, n)"
    elif by_rows:
        call = (
            f"gemm(function, {ta}, {tb}, hi - lo, n, k, 1.0, {at_a} + lo * {step_a}, lda, {at_b}, ldb, 0.0, "
            f"{at_c} + lo * n, n)"
        )
    else:
        call = (
            f"gemm(function, {ta}, {tb}, m, hi - lo, k, 1.0, {at_a}, lda, {at_b} + lo * {step_b}, ldb, 0.0, "
            f"{at_c} + lo, n)"
        )
    if by_batch:
        lines.append(indent + call)
    else:
        lines += [f"{indent}if hi > lo:", f"{indent}    {call}"]
    numbers = [number for size, steps in batch for number in (size, *steps)]
    args: tuple[Argument, ...] = (Function(function), *arrays, m, n, k, lda, ldb, *numbers, count)
    return Call("\n".join([*lines, ""]), args, (e,), True, work)


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


def matrix_form(a: Place) -> tuple[int, int] | None:
    """Whether the last two axes are a transposed matrix to BLAS (0 or 1), and the step between its rows."""
    (m, n), (s, t) = a.shape[-2:], a.strides[-2:]
    if (t == 1 or n == 1) and (s >= n or m == 1):
        return 0, max(s, n) if m > 1 else n
    if (s == 1 or m == 1) and (t >= m or n == 1):
        return 1, max(t, m) if n > 1 else m
    return None


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
