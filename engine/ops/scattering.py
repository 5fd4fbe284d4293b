"""What the scatters share: writing values at places of a copy, five ways to combine them, and their gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from flowloom.ops.comparison import equal
from flowloom.ops.creation import full_like, numbered, ones_like, zeros_like
from flowloom.ops.elementwise import cast, where
from flowloom.ops.inference import numeric
from flowloom.ops.rows import combine_rows, write_rows
from flowloom.spec import Spec, promote

Reduction: TypeAlias = Literal["none", "add", "mul", "max", "min"]
Combine: TypeAlias = Callable[..., Any]
UFUNCS = {"add": "add", "mul": "multiply", "max": "maximum", "min": "minimum"}


def updated(x: Spec, updates: Spec, reduction: Reduction) -> Spec:
    """The spec of `x` with `updates` written into it: its shape, in the wider dtype. Sums and products refuse bool."""
    result = x.with_dtype(promote(x.dtype, updates.dtype))
    return numeric(result) if reduction in ("add", "mul") else result


def write(xp: Any, x: Any, places: Any, updates: Any, reduction: Reduction, out: Any = None) -> Any:
    """A copy of `x` with `updates` at `places`, row numbers of `x` seen as (rows, the rest of `updates`).

    Of several updates at one place the last one stays, or all are combined with what is there.
    """
    if out is None:
        out = xp.empty(x.shape, promote(x.dtype, updates.dtype))
    out[...] = x
    if reduction != "none":
        return _combine(xp, out, places, updates, UFUNCS[reduction])
    if updates.size:
        columns = updates.size // places.size
        write_rows(xp, out.reshape(-1, columns), places.reshape(-1), updates.reshape(-1, columns))
    return out


def add_at(xp: Any, total: Any, places: Any, updates: Any) -> Any:
    """`total` with `updates` added in place, at row numbers as in `write`."""
    return _combine(xp, total, places, updates, "add")


def _combine(xp: Any, total: Any, places: Any, updates: Any, ufunc: str) -> Any:
    if updates.size:
        columns = updates.size // places.size
        rows = updates.astype(total.dtype, copy=False).reshape(-1, columns)
        combine_rows(xp, total.reshape(-1, columns), places.reshape(-1), rows, ufunc)
    return total


def scatter_gradients(g: Any, y: Any, x: Any, updates: Any, reduction: Reduction, read: Combine, put: Combine) -> Any:
    """The gradients of a scatter for `x` and `updates`.

    `read(t)` takes what a tensor like `x` has at the places, `put(t, u, reduction)` scatters `u` into it. Equal ones
    share the gradient of a maximum; that of a product is right also where updates are 0, its derivative where none is.
    """
    if reduction == "add":
        return g, read(g)
    if reduction == "none":
        count = numbered(updates)
        stays = equal(read(put(full_like(x, value=-1.0, dtype="int64"), count, "none")), count)
        return put(g, zeros_like(updates), "none"), where(stays, read(g), 0.0)
    if reduction == "mul":
        # The product of the others is y / u; at a 0 it is the product of the rest, unless there is a second 0.
        zero = equal(updates, 0)
        rest = where(zero, 1, updates)
        zeros = read(put(zeros_like(x, dtype="int64"), cast(zero, dtype="int64"), "add"))
        others = read(put(x, rest, "mul")) / rest
        slope = where(equal(zeros, cast(zero, dtype="int64")), others, 0.0)
        return g * put(ones_like(x), updates, "mul"), read(g) * slope
    chosen = cast(equal(x, y), dtype=y.dtype.name)
    chosen_updates = cast(equal(updates, read(y)), dtype=y.dtype.name)
    share = g / put(chosen, chosen_updates, "add")
    return share * chosen, read(share) * chosen_updates
