"""What the layers' declarations have in common: checks of what they read, and small things made of ops."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowloom.compiler.expr import constant
from flowloom.op import get_op
from flowloom.ops import broadcast_to, reshape, sum
from flowloom.spec import Dim, SpecError, is_float


def dimensions(x: Any, least: int, what: str, most: int | None = None) -> None:
    """Raise SpecError unless `x` has from `least` to `most` dimensions (None: or more); `what` says what is read."""
    if x.ndim < least or (most is not None and x.ndim > most):
        raise SpecError(f"it reads {what}; got {x.spec}", dimension=f"{x.ndim} dimensions")


def floats(x: Any, least: int = 0) -> None:
    """Raise SpecError unless `x` is of floats, in `least` dimensions or more."""
    if not is_float(x.dtype) or x.ndim < least:
        where_ = f" of {least} dimensions or more" if least else ""
        raise SpecError(f"it takes floats{where_}; got {x.spec}", dimension=str(x.spec))


def known(size: Dim, what: str) -> int:
    """`size` as a number. Raises SpecError, calling it `what`, while it is only a name."""
    if not isinstance(size, int):
        raise SpecError(f"{what} must be known; got {size if size else '?'}", dimension=f"{what} {size}")
    return size


def zeros_along(x: Any, axis: int, dtype: Any) -> Any:
    """As many zeros as `x` has along `axis`, which may be unknown: a vector."""
    axis = axis % x.ndim
    if x.shape[axis] is not None:
        return broadcast_to(constant(0, dtype), shape=(x.shape[axis],))
    nothing = get_op("zeros_like")(x, dtype=np.dtype(dtype).name)
    return sum(nothing, axis=tuple(i for i in range(x.ndim) if i != axis))


def zeros_beside(x: Any, *rest: int, dtype: Any) -> Any:
    """Zeros in the shape (first size of `x`, *rest); that size may be unknown."""
    if x.shape[0] is not None:
        return broadcast_to(constant(0, dtype), shape=(x.shape[0], *rest))
    column = reshape(zeros_along(x, 0, dtype), shape=(-1, *(1 for _ in rest)))
    return column + np.zeros(rest, dtype)


def positions(x: Any, axis: int) -> Any:
    """0, 1, 2, ... as long as `x` is along `axis`, which may be unknown: int64."""
    return get_op("numbered")(zeros_along(x, axis, "int64"))
