"""Layout: where the elements of an expression lie. A view lies in the memory of what it looks at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from flowloom.backends.native.instructions import Place, dense
from flowloom.compiler.expr import CONSTANT, Expr


def own_place(e: Expr) -> Place:
    """The place of a result that has memory of its own."""
    return Place(e, 0, e.spec.sizes, dense(e.spec.sizes), e.spec.dtype)


def viewed(e: Expr, of: Place, operands: Sequence[Expr]) -> Place | list[Place] | None:
    """The place of a view of `of`, the first operand's; a list of them where the op has several outputs.

    None if it is none: a reshape that would have to copy, or one that depends on values that are not known yet. NumPy
    decides: the op's kernel is run on an array of those strides, whose elements it does not touch.
    """
    values = [a.value for a in operands[1:]]
    if any(a.op is not CONSTANT for a in operands[1:]) or of.dtype == object:
        return None
    memory = np.empty(of.base.spec.size, of.dtype)
    steps = [s * of.dtype.itemsize for s in of.strides]
    looked: Any = np.ndarray(of.shape, of.dtype, memory, of.offset * of.dtype.itemsize, steps)
    looked.flags.writeable = False
    made = e.op.compute(np, looked, *values, **dict(e.params))
    if isinstance(made, tuple):
        places = [_place_of(m, memory, of.base) for m in made]
        return None if any(p is None for p in places) else [p for p in places if p is not None]
    return _place_of(made, memory, of.base)


def _place_of(view: Any, memory: np.ndarray[Any, Any], base: Expr) -> Place | None:
    size = memory.dtype.itemsize
    start = view.ctypes.data - memory.ctypes.data
    if view.dtype != memory.dtype or not 0 <= start < max(memory.nbytes, 1) or any(s % size for s in view.strides):
        return None
    return Place(base, start // size, view.shape, tuple(s // size for s in view.strides), view.dtype)


def broadcast(place: Place, shape: Sequence[int]) -> Place:
    """A place as an array of the shape that it broadcasts to."""
    extra = len(shape) - len(place.shape)
    strides = [
        0 if n == 1 and wanted != 1 else s
        for n, wanted, s in zip(place.shape, shape[extra:], place.strides, strict=True)
    ]
    return Place(place.base, place.offset, tuple(shape), (*[0] * extra, *strides), place.dtype)
