"""Native kernels of resizing: one axis, or two neighbouring ones, of which the second is done in each row of the first.

The taps, which say of which elements a result is made and how much each weighs, are those of the portable kernels; they
are constants of the plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from flowloom.backends.native.copying import SHORT, word
from flowloom.backends.native.instructions import Argument, Call, Place, Scratch, lowering, parameters
from flowloom.backends.native.layout import own_place
from flowloom.backends.native.templates import type_name
from flowloom.compiler.expr import Expr, constant
from flowloom.ops.resampling import Taps, taps, turned
from flowloom.ops.resizing import resamplings, resized_axes
from flowloom.spec import is_float

FEW = 4  # taps that are written out


@lowering("resize", "resize_backprop")
def _(e: Expr, operands: Sequence[Place], result: Place) -> Call | None:
    (x,), given = operands, parameters(e)
    axes = resized_axes(e.args[0], given["axes"])
    size = given.pop("input_size", None)
    given.pop("extrapolation_value", None)
    steps = resamplings([x.shape[a] for a in axes] if size is None else size, **given)
    found = [taps(step) if size is None else turned(step) for step in steps]
    side_by_side = list(axes) == list(range(axes[0], axes[0] + len(axes))) and len(axes) <= 2
    if not side_by_side or not x.is_dense or not result.size or not x.size or any(t.outside.any() for t in found):
        return None
    first, second = found if len(found) == 2 else (found[0], None)
    sizes = {"before": prod(x.shape[: axes[0]]), "after": prod(x.shape[axes[-1] + 1 :])}
    sizes |= {"h": x.shape[axes[0]], "w": x.shape[axes[1]] if second else 1}
    sizes |= {"rows": result.shape[axes[0]], "columns": result.shape[axes[1]] if second else 1}
    if all(t.copies for t in found):
        return _picked(e, x, result, first, second, sizes)
    kind = type_name(result.dtype)
    if kind is None or not is_float(x.dtype) or x.dtype != result.dtype:
        return None
    return _weighed(e, x, result, first, second, sizes, kind)


def _picked(e: Expr, x: Place, result: Place, first: Taps, second: Taps | None, sizes: dict[str, int]) -> Call | None:
    """Every result is one element as it is."""
    kind = word(result.dtype)
    if kind is None:
        return None
    where = "" if second is None else "q[j] * after + "
    text = f"""
def pick(y: [{kind}], x: [{kind}], p: [i64], q: [i64], {", ".join(f"{n}: i64" for n in sizes)}):
    for r in range(before * rows * thread // threads, before * rows * (thread + 1) // threads):
        b = r // rows
        row = x + (b * h + p[r - b * rows]) * w * after
        for j in range(columns):
            for c in range({_short(sizes["after"], "after")}):
                y[(r * columns + j) * after + c] = row[{where}c]
"""
    places = [_array(first.index, "int64"), _array((second or first).index, "int64")]
    return Call(text, (result, x, *places, *sizes.values()), (e,), work=result.size)


def _weighed(
    e: Expr, x: Place, result: Place, first: Taps, second: Taps | None, sizes: dict[str, int], kind: str
) -> Call:
    """Each row of the first axis, as a sum of rows of the operand; then its elements, as sums of its own."""
    names = [f"y: [{kind}]", f"x: [{kind}]", "p: [i64]", f"u: [{kind}]"]
    args: list[Argument] = [result, x, *_tables(first, result.dtype)]
    above = ["from_ = x + b * h * w * after", "at = (r - b * rows) * taps", "wide = w * after"]
    if second is None:
        lines = [*above, "row = y + r * wide", *_total("row", "i", "wide", "from_[p[{t}] * wide + i] * u[{t}]", first)]
    else:
        names += ["q: [i64]", f"v: [{kind}]", f"scratch: [{kind}]", "across: i64"]
        room = -(-sizes["w"] * sizes["after"] * result.dtype.itemsize // 64) * 64
        args += [*_tables(second, result.dtype), Scratch(room), second.index.shape[1]]
        names.append("room: i64")
        args.append(room // result.dtype.itemsize)
        lines = [
            *above,
            "row = scratch + thread * room",
            *_total("row", "i", "wide", "from_[p[{t}] * wide + i] * u[{t}]", first),
            "for j in range(columns):",
            "    at = j * across",
            "    made = y + (r * columns + j) * after",
            *(
                f"    {line}"
                for line in _total(
                    "made", "c", _short(sizes["after"], "after"), "row[q[{t}] * after + c] * v[{t}]", second
                )
            ),
        ]
    names += ["taps: i64", *(f"{n}: i64" for n in sizes)]
    args += [first.index.shape[1], *sizes.values()]
    text = [
        f"def weigh({', '.join(names)}):",
        "    for r in range(before * rows * thread // threads, before * rows * (thread + 1) // threads):",
        "        b = r // rows",
        *(f"        {line}" for line in lines),
        "",
    ]
    work = result.size * sum(t.index.shape[1] for t in (first, second) if t is not None)
    return Call("\n".join(text), tuple(args), (e,), work=work)


def _total(target: str, i: str, count: str, term: str, by: Taps) -> list[str]:
    """Lines that make target[i] the sum of the terms of all taps, for each i. Terms name their tap `{t}`."""
    number = by.index.shape[1]
    if number <= FEW:
        total = " + ".join(term.format(t=f"at + {k}") for k in range(number))
        return [f"for {i} in range({count}):", f"    {target}[{i}] = {total}"]
    return [
        f"for {i} in range({count}):",
        f"    {target}[{i}] = {term.format(t='at')}",
        f"for tap in range(1, {number}):",
        f"    for {i} in range({count}):",
        f"        {target}[{i}] += {term.format(t='at + tap')}",
    ]


def _short(n: int, name: str) -> str:
    return str(n) if n <= SHORT else name


def _tables(by: Taps, dtype: np.dtype[Any]) -> list[Place]:
    return [_array(by.index, "int64"), _array(by.weight, dtype.name)]


def _array(values: Any, dtype: str) -> Place:
    return own_place(constant(np.ascontiguousarray(values, dtype)))
