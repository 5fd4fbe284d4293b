"""Native kernels of ops that arrange: the elements of their operands at other places, with others around them.

An axis of a result is cut into runs: so many elements that the operand has one after the other, from some place on, or
so many that it does not have. The runs of all axes cut the result into parts, which are copied or filled.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, TypeAlias

import numpy as np

from flowloom.backends.native.copying import Part, bits, copies, merged, nested, part, seen, word
from flowloom.backends.native.instructions import Call, Place, lowering, parameters
from flowloom.backends.native.templates import array_type
from flowloom.compiler.expr import Expr
from flowloom.ops.padding import sources
from flowloom.ops.repeating import aligned
from flowloom.ops.resizing import resized_axes
from flowloom.ops.slicing import slices
from flowloom.spec import normalize_axis

Run: TypeAlias = tuple[int, int | None, int]  # how many; from which place on, or None; in what steps
MOST = 32  # parts of a result; a kernel of more is not worth compiling


def _parts(target: Place, source: Place, axes: Sequence[Sequence[Run]], value: int, axis: int = 0) -> Iterator[Part]:
    """The parts of `target` that the runs of its axes make. Runs that are nowhere in the source are `value`."""
    if axis == len(axes):
        yield target, source
        return
    at = 0
    for count, first, step in axes[axis]:
        here = part(target, axis, at, count)
        at += count
        if first is None:
            yield here, value
        else:
            yield from _parts(here, part(source, axis, first, count, step), axes, value, axis + 1)


def _arranged(result: Place, x: Place, axes: Sequence[Sequence[Run]], value: Any = 0) -> list[Call] | None:
    filling = 0 if x.dtype.hasobject else bits(value, x.dtype)
    there = [[run for run in runs if run[0] > 0] for runs in axes]
    parts = list(_parts(result, x, there, filling)) if result.size else []
    return copies(result, parts) if len(parts) <= MOST else None


def _whole(n: int) -> list[Run]:
    """An axis as it is."""
    return [(n, 0, 1)]


def _window(n: int, first: int, count: int) -> list[Run]:
    """`count` places of an axis of `n`, from `first` on, which may lie before its beginning or behind its end."""
    before = min(max(-first, 0), count)
    inside = max(min(first + count, n) - max(first, 0), 0)
    return [(before, None, 1), (inside, max(first, 0), 1), (count - before - inside, None, 1)]


# ---------------------------------------------------------------- several as one


@lowering("concatenate")
def _(e: Expr, operands: Sequence[Place], result: Place) -> list[Call] | None:
    if any(x.dtype != result.dtype for x in operands):
        return None
    axis, at, parts = normalize_axis(parameters(e)["axis"], len(result.shape)), 0, list[Part]()
    for x in operands:
        parts.append((part(result, axis, at, x.shape[axis]), x))
        at += x.shape[axis]
    return copies(result, parts)


@lowering("stack")
def _(e: Expr, operands: Sequence[Place], result: Place) -> list[Call] | None:
    if any(x.dtype != result.dtype for x in operands):
        return None
    axis = normalize_axis(parameters(e)["axis"], len(result.shape))
    slices = (part(result, axis, i, 1) for i in range(len(operands)))
    return copies(result, [(_without(s, axis), x) for s, x in zip(slices, operands, strict=True)])


def _without(place: Place, axis: int) -> Place:
    """A place without an axis of size 1."""
    rest = [i for i in range(len(place.shape)) if i != axis]
    return seen(place, [place.shape[i] for i in rest], [place.strides[i] for i in rest])


# ---------------------------------------------------------------- one with others around it


@lowering("pad")
def _(e: Expr, operands: Sequence[Place], result: Place) -> list[Call] | None:
    (x,), given = operands, parameters(e)
    mode, widths = given["mode"], _pairs(given["pad_width"], len(operands[0].shape))
    if mode == "constant":
        axes = [_window(n, -before, n + before + after) for n, (before, after) in zip(x.shape, widths, strict=True)]
    else:
        axes = [_runs(sources(n, width, mode)) if n else [] for n, width in zip(x.shape, widths, strict=True)]
    return _arranged(result, x, axes, given["value"])


@lowering("fold_pad")
def _(e: Expr, operands: Sequence[Place], result: Place) -> list[Call] | None:
    (x,), given = operands, parameters(e)
    if given["mode"] != "constant":
        return None
    widths = _pairs(given["pad_width"], len(x.shape))
    return _arranged(
        result, x, [_window(n, before, m) for n, m, (before, _) in zip(x.shape, result.shape, widths, strict=True)]
    )


def _pairs(widths: Any, ndim: int) -> Sequence[tuple[int, int]]:
    return [(widths, widths)] * ndim if isinstance(widths, int) else widths


def _runs(places: np.ndarray[Any, Any]) -> list[Run]:
    """Places along an axis as runs of equal steps: 1, -1 or 0."""
    runs, start = list[Run](), 0
    while start < len(places):
        steps = np.diff(places[start:])
        same = next(iter(groupby(steps)), None)
        count = 1 if same is None else 1 + len(list(same[1]))
        runs.append((count, int(places[start]), 1 if same is None else int(same[0])))
        start += count
    return runs


@lowering("unslice")
def _(e: Expr, operands: Sequence[Place], result: Place) -> list[Call] | None:
    given = parameters(e)
    cuts = slices(given["start"], given["stop"], given["step"])
    cuts += (builtins.slice(None),) * (len(result.shape) - len(cuts))
    ranges = [range(*cut.indices(n)) for cut, n in zip(cuts, result.shape, strict=True)]
    if any(abs(r.step) > 1 and len(r) > 1 for r in ranges):
        target = result
        for axis, r in enumerate(ranges):
            target = part(target, axis, r.start, len(r), r.step)
        return _over(result, [(target, operands[0])])
    return _arranged(result, operands[0], [_placed(r, n) for r, n in zip(ranges, result.shape, strict=True)])


def _placed(r: range, n: int) -> list[Run]:
    """An axis of `n` with a run at the places `r`, which lie side by side."""
    count = len(r)
    first = min(r[0], r[-1]) if count else 0
    return [(first, None, 1), (count, count - 1, -1) if r.step < 0 else (count, 0, 1), (n - first - count, None, 1)]


def _over(result: Place, parts: Sequence[Part]) -> list[Call] | None:
    """Zeros, and then `parts` of them."""
    zeros = copies(result, [(result, 0)])
    then = copies(result, parts)
    return None if zeros is None or then is None else zeros + then


@lowering("shift")
def _(e: Expr, operands: Sequence[Place], result: Place) -> list[Call] | None:
    (x,), given = operands, parameters(e)
    axes = [_whole(n) for n in x.shape]
    axis = normalize_axis(given["axis"], len(axes))
    axes[axis] = _window(x.shape[axis], -given["by"], x.shape[axis])
    return _arranged(result, x, axes)


@lowering("fit")
def _(e: Expr, operands: Sequence[Place], result: Place) -> list[Call] | None:
    (x,) = operands
    return _arranged(result, x, [_window(n, 0, m) for n, m in zip(x.shape, result.shape, strict=True)])


@lowering("center_crop_pad")
def _(e: Expr, operands: Sequence[Place], result: Place) -> list[Call] | None:
    (x,) = operands
    axes = [_whole(n) for n in x.shape]
    for a in resized_axes(e.args[0], parameters(e)["axes"]):
        n, m = x.shape[a], result.shape[a]
        axes[a] = _window(n, (n - m) // 2 if n > m else -((m - n) // 2), m)
    return _arranged(result, x, axes)


@lowering("embed_diagonal")
def _(e: Expr, operands: Sequence[Place], result: Place) -> list[Call] | None:
    given, ndim = parameters(e), len(result.shape)
    row, column = (normalize_axis(given[name], ndim) for name in ("axis1", "axis2"))
    rest = [i for i in range(ndim) if i not in (row, column)]
    down, across = result.strides[row], result.strides[column]
    target = seen(
        result,
        operands[0].shape,
        [*(result.strides[i] for i in rest), down + across],
        max(-given["offset"], 0) * down + max(given["offset"], 0) * across,
    )
    return _over(result, [(target, operands[0])])


@lowering("eye_like")
def _(e: Expr, operands: Sequence[Place], result: Place) -> list[Call] | None:
    k, (rows, columns) = parameters(e)["k"], result.shape
    if result.dtype.hasobject:
        return None
    count = max(min(rows + min(k, 0), columns - max(k, 0)), 0)
    diagonal = seen(result, (count,), (columns + 1,), max(-k, 0) * columns + max(k, 0))
    return _over(result, [(diagonal, bits(1, result.dtype))])


# ---------------------------------------------------------------- the same in another order, or several times


@lowering("roll")
def _(e: Expr, operands: Sequence[Place], result: Place) -> list[Call] | None:
    (x,), shift, axis = operands, parameters(e)["shift"], parameters(e)["axis"]
    if axis is None:
        if not x.is_dense:
            return None
        x, result, axis = seen(x, (x.size,), (1,)), seen(result, (x.size,), (1,)), 0
        shift = shift if isinstance(shift, int) else shift[0]
    axes = [_whole(n) for n in x.shape]
    named = (axis,) if isinstance(axis, int) else axis
    for a, by in zip(named, [shift] * len(named) if isinstance(shift, int) else shift, strict=True):
        n = x.shape[a]
        first = by % max(n, 1)
        axes[a] = [(first, n - first, 1), (n - first, 0, 1)]
    return _arranged(result, x, axes)


@lowering("tile")
def _(e: Expr, operands: Sequence[Place], result: Place) -> list[Call] | None:
    (x,) = operands
    counts, _ = aligned(parameters(e)["reps"], x.shape)
    missing = len(counts) - len(x.shape)
    shape, strides = (1,) * missing + x.shape, (0,) * missing + x.strides
    pairs = [m for pair in zip(counts, shape, strict=True) for m in pair]
    target = [m for n, s in zip(shape, result.strides, strict=True) for m in (n * s, s)]
    source = [m for s in strides for m in (0, s)]
    return copies(result, [(seen(result, pairs, target), seen(x, pairs, source))])


# ---------------------------------------------------------------- triangles and windows


@lowering("triangle", "triangle_by")
def _(e: Expr, operands: Sequence[Place], result: Place) -> list[Call] | Call | None:
    x, *diagonal = operands
    given, kind = parameters(e), word(result.dtype)
    if kind is None or not result.size:
        return None
    sizes, ys, xs = merged(x.shape[:-2], result.strides[:-2], x.strides[:-2])
    nest = nested((*sizes, *x.shape[-2:]), {"y": (*ys, *result.strides[-2:]), "x": (*xs, *x.strides[-2:])})
    *_, i, j = nest.index
    lower = given["lower"] if "lower" in given else not given["upper"]
    k, offset = (f"[{array_type(diagonal[0].dtype)}]", "i64(k[0])") if diagonal else ("i64", "k")
    lines = (
        f"def triangle(y: [{kind}], x: [{kind}], k: {k}, {', '.join(nest.names)}):",
        f"    offset = {offset}",
        *nest.lines,
        f"{nest.indent}inside = {j} - {i} {'<=' if lower else '>='} offset",
        f"{nest.indent}y[{nest.at['y']}] = x[{nest.at['x']}] if inside else {kind}(0)",
    )
    where = diagonal[0] if diagonal else given["offset"]
    return Call("\n".join(lines), (result, x, where, *nest.args), (e,), work=result.size)


@lowering("attention_window")
def _(e: Expr, operands: Sequence[Place], result: Place) -> list[Call] | Call | None:
    if not result.size:
        return None
    (_, offset, count), given = operands, parameters(e)
    batch, _, length, keys = result.shape
    tests = ["j < stop"]
    if given["left"] is not None:
        tests.append("j >= place - left")
    if given["right"] is not None:
        tests.append("j <= place + right")
    text = f"""
def attention_window(
    y: [bool8], offset: [{array_type(offset.dtype)}], count: [{array_type(count.dtype)}],
    batch: i64, length: i64, keys: i64, offset_step: i64, count_step: i64, left: i64, right: i64,
):
    for row in range(batch * length * thread // threads, batch * length * (thread + 1) // threads):
        b = row // length
        place = row - b * length + i64(offset[b * offset_step])
        stop = i64(count[b * count_step])
        for j in range(keys):
            y[row * keys + j] = {" and ".join(tests)}
"""
    steps = (sum(offset.strides), sum(count.strides))
    args = (result, offset, count, batch, length, keys, *steps, given["left"] or 0, given["right"] or 0)
    return Call(text, args, (e,), work=result.size)
