"""Native kernels of sort and argsort, by digits, the last one first (Knuth, The Art of Computer Programming 3, 5.2.5).

Elements become whole numbers of the same order, all NaN the largest, whose bytes are the digits. Each pass keeps the
order of equal digits, so that equal elements stay in order. Short rows are sorted by insertion.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from flowloom.backends.native.copying import WORDS
from flowloom.backends.native.indexing import steps_of
from flowloom.backends.native.instructions import Argument, Call, Place, Scratch, lowering, parameters
from flowloom.backends.native.templates import type_name
from flowloom.compiler.expr import Expr
from flowloom.spec import is_bool, normalize_axis

SHORT_ROW = 32
LONG_ROW = 512  # shorter rows are sorted faster by NumPy, whose sort, which need not keep an order, uses vectors


@lowering("argsort", "sort")
def _(e: Expr, operands: Sequence[Place], result: Place) -> list[Call] | None:
    (x,), given = operands, parameters(e)
    axis = normalize_axis(given["axis"], len(x.shape))
    steps, kind = steps_of(x, axis, axis + 1), "u8" if is_bool(x.dtype) else type_name(x.dtype)
    if steps is None or kind is None or not result.size:
        return None
    if e.op.name == "sort" and x.shape[axis] < LONG_ROW:
        return None
    width, found = x.dtype.itemsize, "order[i]" if e.op.name == "argsort" else "row[order[i] * xs]"
    before, along, after = prod(x.shape[:axis]), x.shape[axis], prod(x.shape[axis + 1 :])
    room = -(-along // 8) * 8  # elements: a whole number of cache lines
    text = f"""
{_key(kind, width, descending=given["descending"])}

def by_insertion(keys, order, n):
    for i in range(n):
        k = keys[i]
        j = i
        moving = j > 0
        while moving:
            moving = keys[j - 1] > k
            if moving:
                keys[j] = keys[j - 1]
                order[j] = order[j - 1]
                j = j - 1
                moving = j > 0
        keys[j] = k
        order[j] = i


def {e.op.name}(
    y: [{"i64" if e.op.name == "argsort" else kind}], x: [{kind}], scratch_keys: [u64], scratch_order: [i64], room: i64,
    before: i64, along: i64, after: i64, xb: i64, xs: i64, xa: i64,
):
    counts = stack(i64, {256 * width})
    for r in range(before * after * thread // threads, before * after * (thread + 1) // threads):
        b = r // after
        row = x + (b * xb + (r - b * after) * xa)
        keys = scratch_keys + 2 * thread * room
        others = keys + room
        order = scratch_order + 2 * thread * room
        next_order = order + room
        for i in range(along):
            keys[i] = u64(key(row[i * xs]))
        if along <= {SHORT_ROW}:
            by_insertion(keys, order, along)
        else:
            for i in range({256 * width}):
                counts[i] = 0
            for i in range(along):
                order[i] = i
                k = keys[i]
                for digit in range({width}):
                    place = digit * 256 + i64((k >> u64(digit * 8)) & u64(255))
                    counts[place] = counts[place] + 1
            for digit in range({width}):
                count = counts + digit * 256
                shift = u64(digit * 8)
                if count[i64((keys[0] >> shift) & u64(255))] != along:
                    total = 0
                    for i in range(256):
                        own = count[i]
                        count[i] = total
                        total = total + own
                    for i in range(along):
                        place = i64((keys[i] >> shift) & u64(255))
                        others[count[place]] = keys[i]
                        next_order[count[place]] = order[i]
                        count[place] = count[place] + 1
                    swap_keys = keys
                    keys = others
                    others = swap_keys
                    swap_order = order
                    order = next_order
                    next_order = swap_order
        for i in range(along):
            y[(b * along + i) * after + r - b * after] = {found}
"""
    args: tuple[Argument, ...] = (result, x, Scratch(16 * room), Scratch(16 * room), room, before, along, after, *steps)
    return [Call(text, args, (e,), work=10 * width * x.size)]


def _key(kind: str, width: int, *, descending: bool) -> str:
    """The template that makes an element a whole number without sign, in the same order, or in the reverse."""
    bits, top = WORDS[width], f"{WORDS[width]}({1 << (8 * width - 1)})"
    invert = "~made" if descending else "made"
    if kind.startswith("u"):
        lines = [f"made = {bits}(x)"]
    elif kind.startswith("i"):
        lines = [f"made = {bits}(x) ^ {top}"]
    else:
        lines = [
            f"there = x + {kind}(0)",  # -0.0 becomes 0.0, its equal
            f"raw = as_{bits}(there)",
            f"made = ~raw if (raw & {top}) != {bits}(0) else raw | {top}",
            f"made = made if x == x else ~{bits}(0)",
        ]
    return "\n".join(["def key(x):", *(f"    {line}" for line in lines), f"    return {invert}", ""])
