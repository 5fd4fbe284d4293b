"""What the ops' inference rules have in common: which operands they take, and what a reduction leaves of a shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

import numpy as np

from flowloom.params import Axes
from flowloom.spec import (
    DEFAULT_DTYPE,
    Dim,
    Spec,
    SpecError,
    broadcast,
    is_bool,
    is_float,
    is_integer,
    merge_shapes,
    normalize_axis,
    shape_text,
)


class Typed(Protocol):
    """What a rule looks at: a Spec, or in the body of a composite an expression or an array."""

    @property
    def shape(self) -> tuple[Dim, ...]:
        """The dimensions."""

    @property
    def ndim(self) -> int:
        """How many dimensions."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of an element."""


T = TypeVar("T", bound=Typed)


def numeric(x: T) -> T:
    """`x`. Raises SpecError if it is bool."""
    if is_bool(x.dtype):
        raise SpecError("the elements must be numbers; got bool. Cast them first", dimension="dtype bool")
    return x


def floating(x: Spec) -> Spec:
    """`x` if it is float, else `x` in the default dtype."""
    return x if is_float(x.dtype) else x.with_dtype(DEFAULT_DTYPE)


def boolean(*specs: Spec) -> Spec:
    """The bool result of combining `specs` with broadcasting. Raises SpecError if one is not bool."""
    for s in specs:
        if not is_bool(s.dtype):
            raise SpecError(
                f"the elements must be bool; got {s.dtype}. Compare them first", dimension=f"dtype {s.dtype}"
            )
    return broadcast(*specs)


def integer(x: T, what: str) -> T:
    """`x`. Raises SpecError, calling it `what`, unless it is an integer tensor."""
    if not is_integer(x.dtype):
        raise SpecError(f"{what} must be integers; got {x.dtype}", dimension=f"dtype {x.dtype}")
    return x


def floats(x: T, what: str) -> T:
    """`x`. Raises SpecError, calling it `what`, unless it is a float tensor."""
    if not is_float(x.dtype):
        raise SpecError(f"{what} must be floats; got {x.dtype}", dimension=f"dtype {x.dtype}")
    return x


def same_dims(x: T, ndim: int, what: str) -> T:
    """`x`. Raises SpecError, calling it `what`, unless it has `ndim` dimensions."""
    if x.ndim != ndim:
        raise SpecError(f"{what} must have {ndim} dimensions; got {x.ndim}", dimension=f"{x.ndim} != {ndim} dimensions")
    return x


def shaped(x: T, shape: Sequence[Dim], what: str) -> T:
    """`x`. Raises SpecError, calling it `what`, unless it has that shape, as far as sizes are known."""
    merge_shapes(x.shape, shape, f"{what} must be {shape_text(shape)}; got {shape_text(x.shape)}")
    return x


def normalize_axes(axis: Axes, ndim: int) -> tuple[int, ...]:
    """`axis` as sorted numbers from the front; None is all axes. Raises SpecError for one outside, or given twice."""
    if axis is None:
        return tuple(range(ndim))
    axes = sorted(normalize_axis(a, ndim) for a in ((axis,) if isinstance(axis, int) else axis))
    if len(set(axes)) < len(axes):
        raise SpecError(f"an axis is given twice in {axis}", dimension=f"axis {axis}")
    return tuple(axes)


def reduced(x: Spec, axis: Axes, keepdims: bool) -> Spec:
    """The spec that a reduction of `x` over `axis` leaves, in the dtype of `x`."""
    axes = normalize_axes(axis, x.ndim)
    if keepdims:
        return x.with_shape(1 if i in axes else d for i, d in enumerate(x.shape))
    return x.with_shape(d for i, d in enumerate(x.shape) if i not in axes)


def reduced_dims(x: Spec, axis: Axes) -> tuple[Dim, ...]:
    """The dimensions of `x` that a reduction over `axis` removes."""
    return tuple(x.shape[a] for a in normalize_axes(axis, x.ndim))


def not_empty(x: Spec, axis: Axes) -> Spec:
    """`x`. Raises SpecError if `axis` holds no element to choose from."""
    if 0 in reduced_dims(x, axis):
        raise SpecError("there is no element along an axis of size 0", dimension="size 0")
    return x


def accumulator(dtype: np.dtype[np.generic]) -> np.dtype[np.generic]:
    """The dtype in which `dtype` is summed, as in NumPy: small integers and bool in 64 bits."""
    if is_float(dtype):
        return dtype
    return np.dtype("uint64" if dtype.name.startswith("u") else "int64")
