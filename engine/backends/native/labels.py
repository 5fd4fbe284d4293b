"""Native kernels of labels: checked, or as one-hot vectors; and of numbering elements."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from flowloom.backends.native.copying import bits, word
from flowloom.backends.native.indexing import END, indented, step_of, steps_of
from flowloom.backends.native.instructions import Call, Flag, Place, lowering, parameters
from flowloom.backends.native.templates import array_type, type_name
from flowloom.compiler.expr import Expr
from flowloom.spec import normalize_axis


@lowering("checked_labels")
def _(e: Expr, operands: Sequence[Place], result: Place) -> list[Call] | None:
    (labels,), classes = operands, parameters(e)["classes"]
    apart = step_of(labels, 0, len(labels.shape))
    if apart is None or type_name(labels.dtype) is None:
        return None
    text = f"""
def checked_labels(y: [i64], p: [{array_type(labels.dtype)}], flag: [i64], n: i64, apart: i64, classes: i64):
    bad = 0
    for i in range(n * thread // threads, n * (thread + 1) // threads):
        label = i64(p[{"i" if apart == 1 else "i * apart"}])
        bad = bad | i64(label < 0 or label >= classes)
        y[i] = label
    if bad != 0:
        flag[0] = 1
"""
    return [Call(text, (result, labels, Flag(), labels.size, apart, classes), (e,), work=labels.size)]


@lowering("one_hot")
def _(e: Expr, operands: Sequence[Place], result: Place) -> list[Call] | None:
    (indices,), given, kind = operands, parameters(e), word(result.dtype)
    axis, depth = normalize_axis(given["axis"], len(result.shape)), given["depth"]
    steps = steps_of(indices, axis)
    if kind is None or steps is None or type_name(indices.dtype) is None or not result.size:
        return None
    before, after = prod(indices.shape[:axis]), prod(indices.shape[axis:])
    read = [
        f"i = i64(p[b * pb{' + a * pa' if after > 1 else ''}])",
        *(["bad = bad | i64(i < -depth or i >= depth)"] if given["outside"] == "error" else []),
        "i = where(i < 0, i + depth, i)",
    ]
    put = f"{kind}(hot) if i == d else {kind}(cold)"
    if after == 1:
        lines = [
            "for b in range(before * thread // threads, before * (thread + 1) // threads):",
            *indented(1, read),
            "    for d in range(depth):",
            f"        y[b * depth + d] = {put}",
        ]
    else:
        lines = [
            "for r in range(before * depth * thread // threads, before * depth * (thread + 1) // threads):",
            "    b = r // depth",
            "    d = r - b * depth",
            "    for a in range(after):",
            *indented(2, [*read, f"y[r * after + a] = {put}"]),
        ]
    names = ", ".join(f"{n}: i64" for n in ("before", "depth", "after", "pb", "pa", "hot", "cold"))
    text = [
        f"def one_hot(y: [{kind}], p: [{array_type(indices.dtype)}], flag: [i64], {names}):",
        "    bad = 0",
        *indented(1, lines),
        *END,
    ]
    values = bits(given["on"], result.dtype), bits(given["off"], result.dtype)
    args = (result, indices, Flag(), before, depth, after, *steps, *values)
    return [Call("\n".join(text), args, (e,), work=result.size)]


@lowering("numbered")
def _(e: Expr, operands: Sequence[Place], result: Place) -> list[Call] | None:
    text = """
def numbered(y: [i64], n: i64):
    for i in range(n * thread // threads, n * (thread + 1) // threads):
        y[i] = i
"""
    return [Call(text, (result, result.size), (e,), work=result.size)]
