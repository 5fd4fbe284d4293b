"""The same elements in other places: shapes, parts, copies."""

from __future__ import annotations

from typing import Any

import numpy as np

import flowloom as fl
from flowloom.compiler.expr import INPUT, toposort
from tests.property.table import move, move_for
from tests.property.weaving import Rejected, Strand, Weaver


def anything(w: Weaver, least: int = 0, most: int = 4) -> Strand:
    """A tensor of any dtype, most often of floats."""
    if w.choose.number(0, 3):
        return w.floats(least, most)
    return w.pick(lambda s: s.known and least <= s.ndim <= most)


def _regrouped(w: Weaver, shape: tuple[Any, ...]) -> list[Any]:
    """The sizes after the first, split and joined anew."""
    total = int(np.prod([d for d in shape if isinstance(d, int)]))
    named = [d for d in shape if not isinstance(d, int)]
    made: list[Any] = list(named)
    for factor in w.choose.some([f for f in (2, 3, 2) if f], 0):
        if total % factor == 0 and total:
            made.append(factor)
            total //= factor
    made.insert(w.choose.number(0, len(made)), total)
    return made


@move
def reshape(w: Weaver) -> None:
    x = anything(w)
    shape = _regrouped(w, x.shape)
    at = w.choose.number(0, len(shape) - 1)
    if w.choose.flag() and 0 not in x.sizes:
        shape[at] = -1
    w.apply(fl.reshape, x, shape=tuple(shape))


@move
def flatten(w: Weaver) -> None:
    x = anything(w)
    first = w.choose.number(0, max(0, x.ndim - 1))
    w.apply(fl.flatten, x, first=first, last=w.choose.of([-1, max(first, x.ndim - 1)]))


@move
def unflatten(w: Weaver) -> None:
    x = anything(w, 1, 3)
    if not isinstance(x.shape[-1], int) or x.sizes[-1] % 2 or not x.sizes[-1]:
        raise Rejected
    w.apply(fl.unflatten, x, axis=-1, shape=w.choose.of([(2, -1), (x.sizes[-1] // 2, 2), (-1,)]))


@move
def transpose(w: Weaver) -> None:
    x = anything(w)
    w.apply(fl.transpose, x, axes=None if w.choose.rarely() else w.choose.order(x.ndim))


@move_for("swapaxes", "moveaxis")
def exchange(w: Weaver, op: str) -> None:
    x = anything(w, 2)
    names = ("axis1", "axis2") if op == "swapaxes" else ("source", "destination")
    w.apply(getattr(fl.ops, op), x, **{name: w.choose.axis(x.ndim) for name in names})


@move
def expand_dims(w: Weaver) -> None:
    x = anything(w, 0, 3)
    w.apply(fl.expand_dims, x, axis=w.choose.number(-x.ndim - 1, x.ndim))


@move
def squeeze(w: Weaver) -> None:
    x = w.pick(lambda s: 1 in s.shape and s.known)
    axes = tuple(i for i, d in enumerate(x.shape) if d == 1)
    every = None if all(isinstance(d, int) for d in x.shape) else axes
    w.apply(fl.squeeze, x, axis=w.choose.of([every, axes[0], axes]))


@move
def broadcast_to(w: Weaver) -> None:
    x = anything(w, 0, 3)
    named = any("batch" in e.shape for e in toposort([x.tensor.expr]) if e.op is INPUT)  # else nothing tells its size
    shape = [w.choose.of([2, 3, "batch" if named else 4]) if d == 1 else d for d in x.shape]
    w.apply(fl.broadcast_to, x, shape=(*w.choose.some([2, 3]), *shape))


@move
def concatenate(w: Weaver) -> None:
    x = anything(w, 1)
    axis = w.choose.axis(x.ndim)

    def fits(s: Strand) -> bool:
        return (
            s.ndim == x.ndim
            and s.known
            and (s.dtype.kind == "b") == (x.dtype.kind == "b")
            and all(a == b for i, (a, b) in enumerate(zip(s.shape, x.shape, strict=True)) if i != axis % x.ndim)
        )

    w.apply(fl.concatenate, *(w.pick(fits) for _ in range(w.choose.number(1, 2))), x, axis=axis)


@move
def stack(w: Weaver) -> None:
    x = anything(w, 0, 3)
    others = [w.pick(lambda s: s.shape == x.shape and s.dtype == x.dtype) for _ in range(w.choose.number(0, 2))]
    w.apply(fl.stack, x, *others, axis=w.choose.axis(x.ndim + 1))


@move
def split(w: Weaver) -> None:
    x = w.pick(lambda s: s.known and any(isinstance(d, int) and d > 1 for d in s.shape))
    axis = w.choose.of([i for i, d in enumerate(x.shape) if isinstance(d, int) and d > 1])
    size = x.sizes[axis]
    cut = w.choose.number(1, size - 1)
    divisors = [n for n in range(2, size + 1) if size % n == 0]
    w.apply(fl.split, x, axis=axis, **w.choose.of([{"sizes": (cut, size - cut)}, {"sections": w.choose.of(divisors)}]))


@move
def unstack(w: Weaver) -> None:
    x = w.pick(lambda s: s.known and any(isinstance(d, int) and 0 < d <= 4 for d in s.shape))
    axis = w.choose.of([i for i, d in enumerate(x.shape) if isinstance(d, int) and 0 < d <= 4])
    w.apply(fl.unstack, x, axis=axis)


@move
def slice_(w: Weaver) -> None:
    x = anything(w, 1)
    parts: list[Any] = []
    for size in x.sizes[: w.choose.number(1, x.ndim)]:
        start = w.choose.of([None, 0, 1, -1, -2])
        stop = w.choose.of([None, size, -1, 2, 99])
        step = w.choose.of([None, 1, 2, -1])
        whole = slice(None)
        part = slice(start, stop, step)
        parts.append(part if len(range(size)[part]) else whole)
    start, stop, step = ([getattr(p, k) for p in parts] for k in ("start", "stop", "step"))
    w.apply(fl.slice, x, start=tuple(start), stop=tuple(stop), step=tuple(step))


@move
def index(w: Weaver) -> None:
    x = anything(w, 1)
    dims = [i for i, d in enumerate(x.sizes) if d]
    axis = w.choose.of(dims) if dims else 0
    if not dims:
        raise Rejected
    most = x.sizes[axis] if isinstance(x.shape[axis], int) else 1  # other sizes may be fed
    at = w.choose.number(-most, most - 1)
    w.apply(lambda a: a[(*(slice(None),) * axis, at)], x)


@move
def flip(w: Weaver) -> None:
    x = anything(w)
    w.apply(fl.flip, x, axis=None if not x.ndim or w.choose.rarely() else w.choose.axes(x.ndim, 1))


@move
def roll(w: Weaver) -> None:
    x = anything(w, 1)
    axis = None if w.choose.rarely() else w.choose.axis(x.ndim)
    w.apply(fl.roll, x, shift=w.choose.number(-3, 7), axis=axis)


@move
def tile(w: Weaver) -> None:
    x = anything(w, 0, 3)
    w.apply(fl.tile, x, reps=tuple(w.choose.number(1, 2) for _ in range(w.choose.number(1, x.ndim + 1))))


@move
def repeat(w: Weaver) -> None:
    x = anything(w, 1)
    axis = w.choose.axis(x.ndim)
    size = x.shape[axis]
    repeats: Any = w.choose.number(1, 3)
    if isinstance(size, int) and w.choose.flag():
        repeats = tuple(w.choose.number(0, 2) for _ in range(size))
    if isinstance(repeats, tuple) and not sum(repeats):
        raise Rejected
    w.apply(fl.repeat, x, repeats=repeats, axis=axis)


@move
def pad(w: Weaver) -> None:
    x = anything(w, 1)
    mode = w.choose.of(["constant", "edge", "reflect", "wrap"])
    widths = tuple(
        (w.choose.number(0, min(2, d - 1)), w.choose.number(0, min(2, d - 1))) if isinstance(d, int) and d else (0, 0)
        for d in x.shape
    )
    value = {"value": w.choose.of([0.0, 0.5])} if mode == "constant" and x.dtype.kind == "f" else {}
    w.apply(fl.pad, x, pad_width=widths, mode=mode, **value)


@move_for("tril", "triu")
def triangle(w: Weaver, op: str) -> None:
    w.apply(getattr(fl.ops, op), w.floats(2), k=w.choose.number(-1, 1))


@move
def diagonal(w: Weaver) -> None:
    x = w.floats(2)
    a, b = w.choose.order(x.ndim)[:2]
    w.apply(w.choose.of([fl.diagonal, fl.trace]), x, offset=w.choose.number(-1, 1), axis1=a, axis2=b)


@move
def diag(w: Weaver) -> None:
    w.apply(fl.diag, w.floats(1, 2), k=w.choose.number(-1, 1))


@move
def meshgrid(w: Weaver) -> None:
    w.apply(fl.meshgrid, w.floats(1, 1), w.floats(1, 1), indexing=w.choose.of(["xy", "ij"]))


@move_for("depth_to_space", "space_to_depth")
def blocks(w: Weaver, op: str) -> None:
    x = w.source(w.choose.of(["batch", 1, 2]), 2, 4, 4) if w.choose.flag() else w.floats(4)
    if x.sizes[-1] % 4 if op == "depth_to_space" else x.sizes[1] % 2 or x.sizes[2] % 2:
        raise Rejected
    if not all(isinstance(d, int) for d in x.shape[1:]):
        raise Rejected
    w.apply(getattr(fl.ops, op), x, block_size=2, mode=w.choose.of(["DCR", "CRD"]))


@move
def frame(w: Weaver) -> None:
    x = w.floats(1, 3)
    if not isinstance(x.shape[-1], int) or x.sizes[-1] < 3:
        raise Rejected
    framed = w.apply(fl.frame, x, frame_length=w.choose.number(2, 3), frame_step=w.choose.number(1, 2))
    if w.choose.flag():
        w.apply(fl.overlap_add, framed, frame_step=w.choose.number(1, 3))


@move
def center_crop_pad(w: Weaver) -> None:
    x = w.ranked(4)
    w.apply(fl.center_crop_pad, x, sizes=(w.choose.number(1, 5), w.choose.number(1, 5)))


@move
def reverse_sequence(w: Weaver) -> None:
    x = w.floats(2)
    if isinstance(x.shape[1], str) or not x.sizes[1]:
        raise Rejected
    w.apply(fl.reverse_sequence, x, w.whole(x.sizes[1] + 1, x.shape[0]))


@move
def stop_shapes(w: Weaver) -> None:
    """A shape that is read when it runs, and what is shaped by it."""
    x = w.floats(1, 3, known=w.choose.flag())
    start = w.choose.number(0, x.ndim - 1)
    w.apply(fl.shape_of, x, start=start)


@move
def eye_like(w: Weaver) -> None:
    w.apply(fl.ops.eye_like, w.floats(2, 2), k=w.choose.number(-1, 1))


@move
def full_of(w: Weaver) -> None:
    """A number in the shape of another tensor."""
    x = w.floats(1, 3)
    y = w.apply(fl.ops.full_of, w.apply(fl.shape_of, x), w.source() if w.choose.flag() else 0.5)
    w.apply(lambda a, b: a * b, x, y)


@move
def counted_rows(w: Weaver) -> None:
    """The numbers of the rows of a tensor."""
    rows = w.apply(lambda a: fl.sum(fl.shape_of(a, start=0, stop=1)), w.floats(1))
    w.apply(lambda n: fl.ops.arange_of(0, n, w.choose.of([1])), rows)
