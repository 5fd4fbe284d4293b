"""Parts of tensors, what is put around them, and their elements in another order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from flowloom import ops
from flowloom.compiler.expr import Expr, constant
from flowloom.formats.onnx.errors import OnnxError
from flowloom.formats.onnx.writing.table import becomes, writes
from flowloom.formats.onnx.writing.writer import REST, Name, Size, Writer
from flowloom.ops.inference import normalize_axes
from flowloom.ops.padding import sources
from flowloom.spec import Dim, normalize_axis

FIRST, LAST = np.iinfo(np.int64).min, np.iinfo(np.int64).max
INT64 = np.dtype("int64")
Pairs = Sequence[tuple[int, int]]


@writes("slice")
def _slice(w: Writer, e: Expr, x: Name) -> Name:
    params = dict(e.params)
    steps = params["step"] or (None,) * len(params["start"])
    parts = []
    for axis, (start, stop, step) in enumerate(zip(params["start"], params["stop"], steps, strict=True)):
        if (start, stop, step or 1) != (None, None, 1):
            parts.append((axis, *_bounds(start, stop, step or 1)))
    return sliced(w, x, parts)


def _bounds(start: int | None, stop: int | None, step: int) -> tuple[int, int, int]:
    first, last = (0, LAST) if step > 0 else (LAST, FIRST)
    return first if start is None else start, last if stop is None else stop, step


def sliced(w: Writer, x: Name, parts: Sequence[tuple[int, int, int, int]]) -> Name:
    """The part of a value from start to stop in steps, along each axis that is named."""
    if not parts:
        return x
    base, order = w.turned(x)
    axes, starts, stops, steps = zip(*parts, strict=True)
    inner = [order[a] for a in axes] if order else axes
    by = w.ints(*steps) if any(s != 1 for s in steps) else ""
    names = [w.ints(*starts), w.ints(*stops), w.ints(*inner), *([by] if by else [])]
    y: Name = w.node("Slice", base, *names)
    return w.transpose(y, order) if order else y


@writes("slice_by")
def _slice_by(w: Writer, e: Expr, x: Name, *bounds: Name) -> Any:
    axes = dict(e.params)["axes"]
    if not axes:
        return x
    starts, stops, steps = (w.cast(b, a.dtype, INT64) for b, a in zip(bounds, e.args[1:], strict=True))
    return w.node("Slice", x, starts, stops, w.ints(*(a % e.ndim for a in axes)), steps)


@writes("unslice")
def _unslice(w: Writer, e: Expr, part: Name, *like: Name) -> Any:
    params = dict(e.params)
    bounds = {k: params[k] for k in ("start", "stop", "step")}
    margins = _margins(e, **bounds)
    if margins is not None:
        return padded(w, part, e.dtype, e.args[0].shape, margins, "constant", 0.0)
    return w.written(_put(e, like, lambda places: ops.slice(places, **bounds)))


def _margins(e: Expr, start: Any, stop: Any, step: Any) -> Pairs | None:
    """What lies before and behind the part along each axis, if that is known and the part has no gaps."""
    widths = [(0, 0)] * e.ndim
    for axis, (first, last, by) in enumerate(zip(start, stop, step or (1,) * len(start), strict=True)):
        d = e.shape[axis]
        if by not in (None, 1):
            return None
        if isinstance(d, int):
            before, end, _ = slice(first, last).indices(d)
            widths[axis] = (before, d - max(end, before)) if end > before else (0, d)
        elif (first or 0) >= 0 and (last is None or last < 0):
            widths[axis] = (first or 0, -(last or 0))
        else:
            return None
    return widths


@writes("unslice_by")
def _unslice_by(w: Writer, e: Expr, part: Name, like: Name, *bounds: Name) -> Any:
    axes, vectors = dict(e.params)["axes"], e.args[2:]
    return w.written(_put(e, (like,), lambda places: ops.slice_at(places, *vectors, axes=axes)))


def _put(e: Expr, like: Sequence[Any], taken: Any) -> Any:
    """Zeros with the part at the places of which `taken` gives those of the part."""
    part = e.args[0]
    if like:
        whole = ops.full_like(e.args[1], value=0.0, dtype=part.dtype.name)
    else:
        whole = ops.broadcast_to(constant(0, part.dtype), shape=e.shape)
    places = ops.reshape(taken(ops.numbered(whole)), shape=(-1,))
    flat = ops.scatter_elements(ops.flatten(whole), places, ops.flatten(part))
    return ops.reshape_like(flat, whole)


# ---------------------------------------------------------------- margins


@writes("pad")
def _pad(w: Writer, e: Expr, x: Name) -> Name:
    params = dict(e.params)
    width = params["pad_width"]
    widths = [(width, width)] * e.ndim if isinstance(width, int) else list(width)
    return padded(w, x, e.dtype, e.args[0].shape, widths, params["mode"], params["value"])


def padded(
    w: Writer, x: Name, dtype: np.dtype[Any], shape: Sequence[Dim], widths: Pairs, mode: str, value: float
) -> Name:
    """`x`, of that dtype and shape, with margins, also below 0.

    ONNX repeats an axis once at most; for more its places are looked up.
    """
    widths = list(widths)
    for axis, (width, d) in enumerate(zip(widths, shape, strict=True)):
        if isinstance(d, int) and max(width) > {"reflect": d - 1, "wrap": d}.get(mode, LAST):
            x = w.node("Gather", x, w.constant(sources(d, width, mode)), axis=axis)
            widths[axis] = (0, 0)
    cut = [(a, max(-b, 0), -max(-c, 0) or LAST, 1) for a, (b, c) in enumerate(widths) if min(b, c) < 0]
    base, order = w.turned(x)
    inner = [widths[order.index(a)] for a in range(len(order))] if order else widths
    grown = [max(n, 0) for side in zip(*inner, strict=True) for n in side]
    if any(grown):
        fill = w.constant(value, dtype) if mode == "constant" else ""
        y = w.node("Pad", base, w.ints(*grown), *([fill] if fill else []), mode=mode)
        x = w.transpose(y, order) if order else y
    return sliced(w, x, cut)


@writes("pad_by")
def _pad_by(w: Writer, e: Expr, x: Name, widths: Name) -> Any:
    params, zero = dict(e.params), w.constant(np.int64(0))
    given = w.cast(widths, e.args[1].dtype, INT64)
    pairs = w.node("Transpose", given, perm=(1, 0))
    grown = w.reshape(w.node("Max", pairs, zero), [REST])
    fill = w.constant(params["value"], e.dtype) if params["mode"] == "constant" else ""
    y = w.node("Pad", x, grown, *([fill] if fill else []), mode=params["mode"])
    cut = w.node("Min", pairs, zero)
    before, behind = (w.node("Gather", cut, w.constant(np.int64(i)), axis=0) for i in (0, 1))
    stops = w.node("Add", w.node("Shape", y), behind)
    return w.node("Slice", y, w.node("Neg", before), stops)


@becomes("fold_pad")
def _fold_pad(x: Any, *, pad_width: Any, mode: str) -> Any:
    widths = [(pad_width, pad_width)] * x.ndim if isinstance(pad_width, int) else pad_width
    if mode == "constant":
        return ops.pad(x, pad_width=tuple((-before, -behind) for before, behind in widths))
    for axis, width in enumerate(widths):
        if any(width):
            if not isinstance(x.shape[axis], int):
                raise OnnxError("the size of a margin's axis must be known")
            size = x.shape[axis] - sum(width)
            x = ops.scatter_add(x, sources(size, width, mode), size=size, axis=axis)
    return x


@becomes("fold_pad_by")
def _fold_pad_by(x: Any, like: Any, widths: Any, *, mode: str) -> Any:
    if mode != "constant":
        raise OnnxError("what a margin repeats must be known")
    return ops.pad_by(x, 0 - widths)


@writes("fit")
def _fit(w: Writer, e: Expr, x: Name) -> Any:
    (operand,) = e.args
    axis = dict(e.params)["axis"] % e.ndim
    before, after = operand.shape[axis], e.shape[axis]
    if isinstance(before, int) and isinstance(after, int):
        widths = tuple((0, after - before if a == axis else 0) for a in range(e.ndim))
        return padded(w, x, e.dtype, operand.shape, widths, "constant", 0.0)
    zero, wanted = w.ints(0), w.vector([w.size(after)])
    more = w.node("Max", w.node("Sub", wanted, w.vector([w.extent(operand, x, axis)])), zero)
    grown = w.node("Pad", x, w.vector([0, Size(more)]), w.constant(0, e.dtype), w.ints(axis))
    return w.node("Slice", grown, zero, wanted, w.ints(axis))


@becomes("shift")
def _shift(x: Any, *, by: int, axis: int) -> Any:
    axis = normalize_axis(axis, x.ndim)
    grown = ops.pad(x, pad_width=tuple((max(by, 0), max(-by, 0)) if a == axis else (0, 0) for a in range(x.ndim)))
    lead = (None,) * axis
    start, stop = (None, -by) if by > 0 else (-by or None, None)
    return ops.slice(grown, start=(*lead, start), stop=(*lead, stop)) if by else x


@writes("center_crop_pad")
def _center_crop_pad(w: Writer, e: Expr, x: Name) -> Any:
    axes = dict(e.params)["axes"]
    where = range(1, e.ndim - 1) if axes is None else [a % e.ndim for a in axes]
    return w.node("CenterCropPad", x, w.shape([e.shape[a] for a in where]), axes=list(where))


@writes("center_crop_pad_to")
def _center_crop_pad_to(w: Writer, e: Expr, x: Name, sizes: Name) -> Any:
    axes = dict(e.params)["axes"]
    where = range(1, e.ndim - 1) if axes is None else [a % e.ndim for a in axes]
    return w.node("CenterCropPad", x, w.cast(sizes, e.args[1].dtype, INT64), axes=list(where))


# ---------------------------------------------------------------- copies, and another order


@writes("tile")
def _tile(w: Writer, e: Expr, x: Name) -> Any:
    reps = dict(e.params)["reps"]
    counts = (reps,) if isinstance(reps, int) else reps
    y, ones = _aligned(w, e.args[0], x, len(counts))
    return w.node("Tile", y, w.ints(*(1,) * ones, *counts))


@writes("tile_by")
def _tile_by(w: Writer, e: Expr, x: Name, reps: Name) -> Any:
    count = e.args[1].shape[0]
    y, ones = _aligned(w, e.args[0], x, count)
    counts = w.cast(reps, e.args[1].dtype, INT64)
    return w.node("Tile", y, w.node("Concat", w.ints(*(1,) * ones), counts, axis=0) if ones else counts)


def _aligned(w: Writer, operand: Expr, x: Name, count: int) -> tuple[Name, int]:
    """`x` with `count` axes or more, and how many of them come before those."""
    missing = count - operand.ndim
    return (w.node("Unsqueeze", x, w.ints(*range(missing))), 0) if missing > 0 else (x, -missing)


@becomes("untile_by")
def _untile_by(x: Any, like: Any, reps: Any) -> Any:
    counts, sizes = ops.cast(reps, dtype="int64"), ops.shape_of(like)
    more = counts.shape[0] - like.ndim
    counts = ops.concatenate(np.ones(-more, np.int64), counts) if more < 0 else counts
    sizes = ops.concatenate(np.ones(more, np.int64), sizes) if more > 0 else sizes
    copies = ops.reshape_to(x, ops.reshape(ops.stack(counts, sizes, axis=1), shape=(-1,)))
    total = ops.sum(copies, axis=tuple(range(0, copies.ndim, 2)))
    return ops.reshape_like(total if total.dtype == x.dtype else ops.cast(total, dtype=x.dtype.name), like)


@writes("flip")
def _flip(w: Writer, e: Expr, x: Name) -> Name:
    axes = normalize_axes(dict(e.params)["axis"], e.ndim)
    return sliced(w, x, [(a, LAST, FIRST, -1) for a in axes])


@writes("roll")
def _roll(w: Writer, e: Expr, x: Name) -> Any:
    (operand,) = e.args
    shift, axis = dict(e.params)["shift"], dict(e.params)["axis"]
    if axis is None:
        total = shift if isinstance(shift, int) else sum(shift)
        return w.written(ops.reshape_like(ops.roll(ops.flatten(operand), shift=total, axis=0), operand))
    axes = (axis,) if isinstance(axis, int) else axis
    shifts = (shift,) * len(axes) if isinstance(shift, int) else shift
    for a, by in zip(axes, shifts, strict=True):
        x = _rolled(w, x, operand, a % e.ndim, by)
    return x


def _rolled(w: Writer, x: Name, operand: Expr, axis: int, by: int) -> Any:
    size = w.extent(operand, x, axis)
    if isinstance(size, int):
        if by % size == 0:
            return x
        cut = w.ints(size - by % size)
    else:
        cut = w.node("Sub", size.name, w.node("Mod", w.ints(by), size.name))
    along = w.ints(axis)
    behind, front = w.node("Slice", x, cut, w.ints(LAST), along), w.node("Slice", x, w.ints(0), cut, along)
    return w.node("Concat", behind, front, axis=axis)


@writes("reverse_sequence")
def _reverse_sequence(w: Writer, e: Expr, x: Name, lengths: Name) -> Name:
    time, batch = (dict(e.params)[k] % e.ndim for k in ("time_axis", "batch_axis"))
    rest = [a for a in range(e.ndim) if a not in (time, batch)]
    order = [batch, time, *rest] if {time, batch} != {0, 1} else list(range(e.ndim))
    steps = w.cast(lengths, e.args[1].dtype, INT64)
    y = w.node(
        "ReverseSequence",
        w.transpose(x, order),
        steps,
        time_axis=order.index(time),
        batch_axis=order.index(batch),
    )
    return w.transpose(y, [order.index(a) for a in range(e.ndim)])
