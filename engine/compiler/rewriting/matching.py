"""What rules look at and build with: constants behind broadcasts, sizes, axes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import ml_dtypes
import numpy as np

from flowloom.compiler.expr import CONSTANT, Expr, constant
from flowloom.ops import broadcast_to, cast, reshape
from flowloom.spec import Spec, is_float, normalize_axis


def params(e: Expr) -> dict[str, Any]:
    """The parameters of `e` by name."""
    return dict(e.params)


def splat(e: Expr) -> Any:
    """The one number, as a NumPy scalar, that all elements of `e` are known to be; None where that is not known."""
    if e.op is broadcast_to:
        e = e.args[0]
    if e.op is not CONSTANT or e.value is None or e.value.size != 1:
        return None
    return e.value.reshape(())[()]


def is_splat(e: Expr, number: float) -> bool:
    """Whether all elements of `e` are known to be `number`."""
    value = splat(e)
    return value is not None and bool(value == number)


def factor(e: Expr) -> float | None:
    """The one float that all elements of `e` are, if it can be multiplied by others beforehand; else None."""
    value = splat(e)
    if value is None or not is_float(e.dtype):
        return None
    number = float(value)
    return number if _is_ordinary(number, e.dtype) else None


def scalar_factor(number: float, dtype: np.dtype[Any]) -> Expr | None:
    """`number`, made of factors, as a scalar constant; None if `dtype` does not hold it to full precision."""
    return constant(number, dtype) if _is_ordinary(number, dtype) else None


def _is_ordinary(number: float, dtype: np.dtype[Any]) -> bool:
    """Whether `dtype` holds `number` in full precision: it is finite, and neither 0 nor nearly."""
    smallest, largest = _limits(dtype)
    return smallest <= abs(number) <= largest


@cache
def _limits(dtype: np.dtype[Any]) -> tuple[float, float]:
    limits = ml_dtypes.finfo(dtype)  # type: ignore[no-untyped-call]
    return float(limits.smallest_normal), float(limits.max)


def filled(number: Any, spec: Spec) -> Expr:
    """`number` in every element of a tensor of `spec`: a scalar, broadcast where the spec is none."""
    one = constant(number, spec.dtype)
    return one if spec.shape == () else broadcast_to(one, shape=spec.shape)


def fitted(x: Expr, spec: Spec) -> Expr:
    """`x` in the dtype of `spec` and broadcast to its shape."""
    if x.dtype != spec.dtype:
        x = cast(x, dtype=spec.dtype.name)
    return x if x.shape == spec.shape else broadcast_to(x, shape=spec.shape)


def in_shape(x: Expr, shape: Sequence[Any]) -> Expr:
    """`x` in another shape."""
    return x if x.shape == tuple(shape) else reshape(x, shape=tuple(shape))


def axes_of(e: Expr) -> tuple[int, ...]:
    """The axes that the reduction `e` (sum, mean, max, min, logsumexp or sum_to) removes, counted from the front."""
    x, given = e.args[0], params(e)
    if "shape" not in given:
        axis = given["axis"]
        axes = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
        return tuple(sorted(normalize_axis(a, x.ndim) for a in axes))
    lead = x.ndim - e.ndim
    return (*range(lead), *(lead + i for i, d in enumerate(e.shape) if d == 1 and x.shape[lead + i] != 1))


def order_of(e: Expr) -> tuple[int, ...]:
    """The axes of a transposition, counted from the front."""
    axes = params(e)["axes"]
    return tuple(reversed(range(e.ndim))) if axes is None else tuple(normalize_axis(a, e.ndim) for a in axes)


def without(shape: Sequence[Any], axes: Sequence[int]) -> tuple[Any, ...]:
    """`shape` with 1 along `axes`."""
    return tuple(1 if i in axes else d for i, d in enumerate(shape))


def is_constant_along(e: Expr, ndim: int, axes: Sequence[int]) -> bool:
    """Whether `e`, broadcast to `ndim` dimensions, has size 1 along all of `axes`: it is the same number there."""
    if e.op is broadcast_to:
        e = e.args[0]
    lead = ndim - e.ndim
    return all(a < lead or e.shape[a - lead] == 1 for a in axes)
