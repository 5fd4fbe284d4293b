"""Native kernels of positions of extremes: argmax, argmin and hardmax, over axes seen as (before, along, after).

Along rows in memory the extreme is found first, which is a vector loop, and then its place. Along columns, blocks of
them run down side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from flowloom.backends.native.copying import seen
from flowloom.backends.native.indexing import flat, steps_of
from flowloom.backends.native.instructions import Call, Place, lowering, parameters
from flowloom.backends.native.templates import type_name
from flowloom.compiler.expr import Expr
from flowloom.spec import is_bool, normalize_axis

BLOCK = 64  # columns
ROW_BLOCK = 256  # elements of a row
FEW = 16  # elements of a row that are taken one by one


@lowering("argmax", "argmin", "hardmax")
def _(e: Expr, operands: Sequence[Place], result: Place) -> list[Call] | None:
    (x,), given = operands, parameters(e)
    seen_as = flat(x) if given["axis"] is None else x
    axis = normalize_axis(given["axis"] or 0, 1 if given["axis"] is None else len(x.shape))
    steps = None if seen_as is None else steps_of(seen_as, axis, axis + 1)
    kind, made = "u8" if is_bool(x.dtype) else type_name(x.dtype), type_name(result.dtype)
    if seen_as is None or steps is None or kind is None or made is None or not result.size:
        return None
    x = seen_as
    sizes = prod(x.shape[:axis]), x.shape[axis], prod(x.shape[axis + 1 :])
    least, hot, last = e.op.name == "argmin", e.op.name == "hardmax", given.get("select_last", False)
    if sizes[2] > 1:
        lines = _columns(kind, made, least, last, hot)
    else:
        if last:
            x, steps = seen(x, x.shape, x.strides, (sizes[1] - 1) * steps[1]), (steps[0], -steps[1], 1)
        lines = _rows(kind, made, least, last, hot, steps[1], sizes[1] if sizes[1] <= FEW else None)
    names = ", ".join(f"{n}: i64" for n in ("before", "along", "after", "xb", "xs", "xa"))
    text = "\n".join([f"def {e.op.name}(y: [{made}], x: [{kind}], {names}):", *lines, ""])
    return [Call(text, (result, x, *sizes, *steps), (e,), work=2 * x.size)]


def _rows(kind: str, made: str, least: bool, last: bool, hot: bool, step: int, few: int | None) -> list[str]:
    """For each row: the extreme, block by block; its first place, in the block where it came up; what is made of it.

    The last place is the first one from the end. `few` is how many elements a row has, where that is in the source.
    """
    x = "row[{}]" if step == 1 else "row[{} * xs]"
    extreme, further = ("min", "<") if least else ("max", ">")
    if few is not None:
        search = [f"for i in range({few}):", f"    best = {extreme}(best, {x.format('i')})"]
    else:
        search = [
            f"for block in range(0, along, {ROW_BLOCK}):",
            f"    top = {x.format('block')}",
            f"    for i in range(block, min(block + {ROW_BLOCK}, along)):",
            f"        top = {extreme}(top, {x.format('i')})",
            f"    if top {further} best or (top != top and best == best):",
            "        best = top",
            "        at = block",
        ]
    place = "along - 1 - at" if last else "at"
    return [
        "    for r in range(before * thread // threads, before * (thread + 1) // threads):",
        "        row = x + r * xb",
        "        best = row[0]",
        "        at = 0",
        *(f"        {line}" for line in search),
        "        if best == best:",
        f"            while {x.format('at')} != best:",
        "                at = at + 1",
        "        else:",
        f"            while {x.format('at')} == {x.format('at')}:",
        "                at = at + 1",
        *(
            ["        for i in range(along):", f"            y[r * along + i] = {made}(1) if i == at else {made}(0)"]
            if hot
            else [f"        y[r] = {place}"]
        ),
    ]


def _columns(kind: str, made: str, least: bool, last: bool, hot: bool) -> list[str]:
    """For each block of columns, the extreme so far and its place, element by element."""
    better = f"v {'<' if least else '>'}{'=' if last else ''} b"
    better += " or v != v" if last else " or (v != v and b == b)"
    put = f"y[(o * along + i) * after + a + c] = {made}(1) if places[c] == i else {made}(0)"
    return [
        f"    best = stack({kind}, {BLOCK})",
        f"    places = stack(i64, {BLOCK})",
        f"    blocks = (after + {BLOCK - 1}) // {BLOCK}",
        "    for r in range(before * blocks * thread // threads, before * blocks * (thread + 1) // threads):",
        "        o = r // blocks",
        f"        a = (r - o * blocks) * {BLOCK}",
        f"        width = min({BLOCK}, after - a)",
        "        column = x + (o * xb + a * xa)",
        "        for c in range(width):",
        "            best[c] = column[c * xa]",
        "            places[c] = 0",
        "        for i in range(1, along):",
        "            row = column + i * xs",
        "            for c in range(width):",
        "                v = row[c * xa]",
        "                b = best[c]",
        f"                better = {better}",
        "                best[c] = where(better, v, b)",
        "                places[c] = where(better, i, places[c])",
        *(
            ["        for i in range(along):", "            for c in range(width):", f"                {put}"]
            if hot
            else ["        for c in range(width):", "            y[o * after + a + c] = places[c]"]
        ),
    ]
