"""Native kernels of writing and adding at indices, in the form of `indexing`.

Indices may meet; so each thread has columns of its own, or rows of the result, and takes what falls there in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from flowloom.backends.native.copying import SHORT, word
from flowloom.backends.native.indexing import (
    END,
    MISSED,
    Where,
    apart_of,
    columns_of,
    indented,
    position,
    step_of,
    steps_of,
)
from flowloom.backends.native.instructions import Call, Place, lowering, parameters
from flowloom.backends.native.layout import broadcast
from flowloom.backends.native.templates import type_name
from flowloom.compiler.expr import Expr
from flowloom.ops.scattering import Reduction
from flowloom.spec import is_bool, normalize_axis

CHUNK = 32  # columns that one thread has in a row
WIDE = 2 * CHUNK  # columns: enough to be shared by threads
_COMBINED = {
    "none": "= {u}",
    "add": "+= {u}",
    "mul": "= {here} * {u}",
    "max": "= max({here}, {u})",
    "min": "= min({here}, {u})",
}


def _across(columns: str, line: str, found: Sequence[str] = (), *, inside: bool = True) -> list[str]:
    """`line` for each of these columns, below the lines `found`, which end in a condition. Without `inside` they are
    about each column by itself. Threads share columns in chunks, whose length LLVM knows; the last takes the rest.
    """
    if columns != "lo, hi":
        loops = [f"for a in range({columns}):"]
        return [*found, *indented(bool(found), [*loops, f"    {line}"])] if inside else [*loops, *_below(found, line)]
    loops = [
        "for chunk in range(lo, hi):",
        f"    for c in range({CHUNK}):",
        f"        a = chunk * {CHUNK} + c",
    ]
    rest = [f"for a in range(after // {CHUNK} * {CHUNK} if thread + 1 == threads else after, after):"]
    if inside:
        return [*found, *indented(bool(found), [*loops, f"        {line}", *rest, f"    {line}"])]
    return [*loops, *indented(1, _below(found, line)), *rest, *_below(found, line)]


def _below(found: Sequence[str], line: str) -> list[str]:
    return indented(1, [*found, f"    {line}" if found else line])


def _scattered(
    result: Place,
    updates: Place,
    where: Where,
    before: int,
    count: int,
    after: int,
    steps: Sequence[int],
    start: Place | None = None,
    combine: Reduction = "add",
) -> list[Call] | None:
    """`start`, or zeros, with updates[b, j, a] taken into y[b, index, a]; `steps` are those of `updates`."""
    kind = word(result.dtype) if combine == "none" else None if is_bool(result.dtype) else type_name(result.dtype)
    if kind is None or not where.is_known or not result.size or updates.dtype != result.dtype:
        return None
    if start is not None and (start.dtype != result.dtype or not start.is_dense):
        return None
    rows, width, part = prod(where.sizes), columns_of(after), "lo, hi"
    batches, lines, columns = "0, before", "0, rows", f"0, {width}"
    if after >= WIDE:
        extent, columns = f"({width} // {CHUNK})", part
    elif before > SHORT:
        extent, batches = "before", part
    else:
        extent, lines = "rows", part
    place = "i0"
    for k in range(1, len(where.sizes)):
        place = f"({place}) * size{k} + i{k}"
    mine = "inside and row >= lo and row < hi" if lines == part else "inside"
    found = [*where.read(), MISSED, f"row = {place}", f"if {mine}:"]
    over = position(("b", "ub", steps[0]), ("j", "uj", steps[1]), ("a", "ua", steps[2]))
    here = f"z[row * {width} + a]"
    body = _across(
        columns, f"{here} {_COMBINED[combine].format(here=here, u=f'u[{over}]')}", found, inside=where.for_rows
    )
    first = f"{kind}(0)" if start is None else f"x[b * rows * {width} + i * {width} + a]"
    arrays = [f"{n}: [{kind}]" for n in ("y", "u", "x")[: 2 if start is None else 3]]
    integers = ["before", "count", "after", "rows", "ub", "uj", "ua"]
    text = [
        f"def scatter({', '.join([*arrays, *where.names, *(f'{n}: i64' for n in integers)])}):",
        "    bad = 0",
        f"    lo = {extent} * thread // threads",
        f"    hi = {extent} * (thread + 1) // threads",
        f"    for b in range({batches}):",
        f"        z = y + b * rows * {width}",
        f"        for i in range({lines}):",
        *indented(3, _across(columns, f"z[i * {width} + a] = {first}")),
        "        for j in range(count):",
        *indented(3, body),
        *END,
    ]
    args = (result, updates, *(() if start is None else (start,)), *where.args, before, count, after, rows, *steps)
    return [Call("\n".join(text), args, (result.base,), work=result.size + updates.size)]


@lowering("scatter_add", "scatter_add_like")
def _(e: Expr, operands: Sequence[Place], result: Place) -> list[Call] | None:
    updates, indices = operands[:2]
    axis = normalize_axis(parameters(e)["axis"], len(result.shape))
    steps = steps_of(updates, axis, axis + len(indices.shape))
    apart = step_of(indices, 0, len(indices.shape))
    if steps is None or apart is None:
        return None
    where = Where(indices, (0, apart, 0), (result.shape[axis],))
    sizes = prod(result.shape[:axis]), indices.size, prod(result.shape[axis + 1 :])
    return _scattered(result, updates, where, *sizes, steps)


@lowering("add_along_axis")
def _(e: Expr, operands: Sequence[Place], result: Place) -> list[Call] | None:
    updates, indices = operands[:2]
    axis = normalize_axis(parameters(e)["axis"], len(result.shape))
    if any(n != m for a, (n, m) in enumerate(zip(result.shape, updates.shape, strict=True)) if a != axis):
        return None
    steps, apart = steps_of(updates, axis, axis + 1), steps_of(broadcast(indices, updates.shape), axis, axis + 1)
    if steps is None or apart is None:
        return None
    where = Where(indices, (apart[0], apart[1], apart[2]), (result.shape[axis],))
    sizes = prod(result.shape[:axis]), updates.shape[axis], prod(result.shape[axis + 1 :])
    return _scattered(result, updates, where, *sizes, steps)


@lowering("add_nd")
def _(e: Expr, operands: Sequence[Place], result: Place) -> list[Call] | None:
    return _at_coordinates(result, operands[0], operands[1], parameters(e)["batch_dims"])


def _at_coordinates(
    result: Place, updates: Place, indices: Place, common: int, start: Place | None = None, combine: Reduction = "add"
) -> list[Call] | None:
    coordinates = indices.shape[-1]
    steps, apart = steps_of(updates, common, len(indices.shape) - 1), apart_of(indices, common)
    if steps is None or apart is None or not coordinates:
        return None
    where = Where(indices, apart, result.shape[common : common + coordinates], indices.strides[-1])
    rest = prod(result.shape[common + coordinates :])
    sizes = prod(result.shape[:common]), prod(indices.shape[common:-1]), rest
    return _scattered(result, updates, where, *sizes, steps, start, combine)


@lowering("add_points")
def _(e: Expr, operands: Sequence[Place], result: Place) -> list[Call] | None:
    g, places = operands
    steps, apart = steps_of(g, 1, len(g.shape) - 1), steps_of(places, 1)
    if steps is None or apart is None:
        return None
    where = Where(places, (apart[0], apart[1], 0), (prod(result.shape[1:-1]),), clipped=True)
    sizes = g.shape[0], prod(places.shape[1:]), g.shape[-1]
    return _scattered(result, g, where, *sizes, steps)


# ---------------------------------------------------------------- into a copy


@lowering("scatter_elements")
def _(e: Expr, operands: Sequence[Place], result: Place) -> list[Call] | None:
    x, indices, updates = operands
    given = parameters(e)
    axis = normalize_axis(given["axis"], len(result.shape))
    if any(n != m for a, (n, m) in enumerate(zip(result.shape, updates.shape, strict=True)) if a != axis):
        return None
    steps, apart = steps_of(updates, axis, axis + 1), steps_of(indices, axis, axis + 1)
    if steps is None or apart is None:
        return None
    where = Where(indices, (apart[0], apart[1], apart[2]), (result.shape[axis],))
    sizes = prod(result.shape[:axis]), updates.shape[axis], prod(result.shape[axis + 1 :])
    return _scattered(result, updates, where, *sizes, steps, x, given["reduction"])


@lowering("scatter_nd")
def _(e: Expr, operands: Sequence[Place], result: Place) -> list[Call] | None:
    x, indices, updates = operands
    given = parameters(e)
    return _at_coordinates(result, updates, indices, given["batch_dims"], x, given["reduction"])
