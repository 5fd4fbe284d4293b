"""Reading and writing at places."""

from __future__ import annotations

from typing import Any

import numpy as np

import flowloom as fl
from tests.property.moves.shape import anything
from tests.property.table import move, move_for
from tests.property.weaving import Rejected, Strand, Weaver, plain

REDUCTIONS = ["none", "add", "mul", "max", "min"]


def filled(w: Weaver, least: int = 1, most: int = 4) -> tuple[Strand, int]:
    """A tensor, and one of its axes that has a size greater than 0 known by number."""
    x = anything(w, least, most)
    axes = [i for i, d in enumerate(x.shape) if isinstance(d, int) and d]
    if not axes or 0 in x.sizes:
        raise Rejected
    return x, w.choose.of(axes)


@move
def take(w: Weaver) -> None:
    x, axis = filled(w)
    at = w.indices(x.sizes[axis])
    if w.choose.rarely():
        at = w.apply(lambda i: i - x.sizes[axis], at)
    w.apply(fl.take, x, at, axis=axis - x.ndim if w.choose.flag() else axis)


@move
def embed(w: Weaver) -> None:
    """Rows of a table, one for each of some integers."""
    table = w.source(4, w.choose.number(1, 3))
    w.apply(fl.take, table, w.indices(4))


@move_for("take_along_axis", "gather_elements")
def take_along(w: Weaver, op: str) -> None:
    x, axis = filled(w)
    shape = [*x.shape]
    shape[axis] = w.choose.number(1, 3)
    if any(not plain(d) for d in shape):
        raise Rejected
    w.apply(getattr(fl.ops, op), x, w.whole(x.sizes[axis], *shape), axis=axis)


@move
def gather_nd(w: Weaver) -> None:
    x, _ = filled(w, 2)
    batch = 1 if x.ndim > 2 and w.choose.flag() else 0
    if any(not isinstance(d, int) for d in x.shape[batch:]) or not plain(x.shape[0]):
        raise Rejected
    depth = w.choose.number(1, x.ndim - batch)
    count = w.choose.number(1, 3)
    sizes = x.sizes[batch : batch + depth]
    shape = (*x.sizes[:batch], count)
    places = np.stack([w.rng.integers(0, n, shape) for n in sizes], axis=-1)
    named = batch and isinstance(x.shape[0], str)
    at = w.whole(min(sizes), x.shape[0], count, depth) if named else w.constant(places)
    w.apply(fl.gather_nd, x, at, batch_dims=batch)


@move
def scatter_add(w: Weaver) -> None:
    x, axis = filled(w)
    if x.dtype.kind == "b":
        raise Rejected
    size = w.choose.number(1, 5)
    w.apply(fl.scatter_add, x, w.whole(size, x.sizes[axis]), size=size, axis=axis)


@move
def scatter_elements(w: Weaver) -> None:
    x, axis = filled(w)
    if x.dtype.kind == "b" or any(not isinstance(d, int) for d in x.shape):
        raise Rejected
    shape = [w.choose.number(1, d) for d in x.sizes]
    reduction = w.choose.of(REDUCTIONS)
    some = w.rng.permutation(x.sizes[axis])[: shape[axis]]
    lines = np.broadcast_to(some, (*shape[:axis], *shape[axis + 1 :], shape[axis]))
    at = np.moveaxis(lines, -1, axis) if reduction == "none" else w.rng.integers(0, x.sizes[axis], shape)
    updates = w.source(*shape) if x.dtype.kind == "f" else w.whole(3, *shape)
    w.apply(fl.scatter_elements, x, w.constant(np.ascontiguousarray(at)), updates, axis=axis, reduction=reduction)


@move
def scatter_nd(w: Weaver) -> None:
    x, _ = filled(w)
    if x.dtype.kind != "f" or any(not isinstance(d, int) for d in x.shape):
        raise Rejected
    depth = w.choose.number(1, x.ndim)
    reduction = w.choose.of(REDUCTIONS)
    total = int(np.prod(x.sizes[:depth]))
    count = w.choose.number(1, min(3, total))
    flat = w.rng.permutation(total)[:count] if reduction == "none" else w.rng.integers(0, total, count)
    at = np.stack(np.unravel_index(flat, x.sizes[:depth]), axis=-1)
    w.apply(fl.scatter_nd, x, w.constant(at), w.source(count, *x.sizes[depth:]), reduction=reduction)


@move
def one_hot(w: Weaver) -> None:
    at = w.indices(4)
    depth, axis = w.choose.number(4, 5), w.choose.axis(at.ndim + 1)
    w.apply(fl.one_hot, at, depth=depth, axis=axis, on=2.0, off=-0.5, dtype="float64")


@move
def update_slice(w: Weaver) -> None:
    x = w.floats(2, 3)
    if not isinstance(x.shape[1], int) or not all(plain(d) for d in x.shape) or 0 in x.sizes:
        raise Rejected
    size = w.choose.number(1, x.sizes[1])
    updates = w.source(x.shape[0], size, *x.shape[2:])
    starts = w.whole(x.sizes[1] - size + 1, x.shape[0])
    w.apply(fl.update_slice, x, updates, starts, axis=1, wrap=w.choose.flag())


@move_for("boolean_mask", "compress")
def chosen(w: Weaver, op: str) -> None:
    """What a mask leaves, of a size not known before; and a sum of it, so that others can go on."""
    x, axis = filled(w)
    if any(not plain(d) for d in x.shape):
        raise Rejected
    if op == "compress":
        y = w.apply(fl.compress, x, w.truth(x.shape[axis]), axis=axis)
    else:
        y, axis = w.apply(fl.boolean_mask, x, w.truth(*x.shape[: w.choose.number(1, x.ndim)])), 0
    if y.dtype.kind == "f" and w.choose.flag():
        w.apply(fl.sum, w.apply(fl.tanh, y), axis=axis)


@move
def nonzero(w: Weaver) -> None:
    x = w.bools()
    if not x.ndim:
        raise Rejected
    w.apply(fl.nonzero, x)


@move
def unique(w: Weaver) -> None:
    x = w.integers(1)
    w.apply(fl.unique, x, sorted=w.choose.flag())


@move_for("reshape_to", "broadcast_to_shape", "tile_by", "slice_at", "split_by", "pad_by", "expand_dims_at")
def by_tensors(w: Weaver, op: str) -> None:
    """What is shaped by integers that are tensors: constants, or the shape of another tensor."""
    x, axis = filled(w)
    size = x.sizes[axis]
    params: dict[str, Any] = {}
    if op == "reshape_to":
        y = w.apply(fl.flatten, x)
        w.apply(fl.ops.reshape_to, y, w.apply(fl.shape_of, x))
        return
    if op == "broadcast_to_shape":
        x = w.apply(fl.sum, x, axis=axis, keepdims=True) if x.dtype.kind == "f" else x
        given = [w.constant([2, *(1 for _ in x.sizes)])]
    elif op == "tile_by":
        given = [w.constant([w.choose.number(1, 2) for _ in x.sizes])]
    elif op == "slice_at":
        given = [w.constant([w.choose.number(-1, 0)]), w.constant([99]), w.constant([1])]
        params = {"axes": (axis,)}
    elif op == "split_by":
        cut = w.choose.number(0, size)
        given, params = [w.constant([cut, size - cut])], {"axis": axis}
    elif op == "pad_by":
        given = [w.constant([[w.choose.number(0, 1), 1] for _ in x.sizes])]
    else:
        given = [w.constant([w.choose.number(0, x.ndim)])]
    w.apply(getattr(fl.ops, op), x, *given, **params)


@move_for("squeeze_at", "moveaxis_at", "triangle_by", "one_hot_by", "center_crop_pad_to", "resize_to")
def more_by_tensors(w: Weaver, op: str) -> None:
    x = anything(w, 2) if op != "triangle_by" else w.floats(2)
    if op == "squeeze_at":
        x = w.apply(fl.expand_dims, x, axis=1)
        w.apply(fl.ops.squeeze_at, x, w.constant([1]))
    elif op == "moveaxis_at":
        w.apply(fl.ops.moveaxis_at, x, w.constant([0]), w.constant([w.choose.axis(x.ndim)]))
    elif op == "triangle_by":
        w.apply(fl.ops.triangle_by, x, w.whole(2), upper=w.choose.flag())
    elif op == "one_hot_by":
        w.apply(fl.ops.one_hot_by, w.indices(4), w.constant(5), outside="off", dtype="float64")
    elif op == "center_crop_pad_to":
        w.apply(fl.ops.center_crop_pad_to, w.ranked(4), w.constant([w.choose.number(1, 4), 3]))
    else:
        target = w.choose.of([w.constant([3, 2]), w.constant([2.0, 1.5], "float64")])
        w.apply(fl.ops.resize_to, w.ranked(4), target, mode=w.choose.of(["linear", "nearest"]))


@move
def sequence_mask(w: Weaver) -> None:
    w.apply(fl.sequence_mask, w.indices(4), max_length=w.choose.of([None, 3]))
