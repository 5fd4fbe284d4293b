"""What composites and layers are made of besides ops: parts of a tensor, its sizes known or not, and its dtype."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowloom.ops.elementwise import cast
from flowloom.ops.reduction import size
from flowloom.ops.shape import squeeze
from flowloom.ops.slicing import slice_
from flowloom.spec import DEFAULT_DTYPE, is_float, normalize_axis


def span(x: Any, start: int | None, stop: int | None, axis: int = -1, step: int | None = None) -> Any:
    """`x` from `start` to `stop` along `axis`."""
    lead = (None,) * normalize_axis(axis, x.ndim)
    return slice_(x, start=(*lead, start), stop=(*lead, stop), step=() if step is None else (*lead, step))


def part(x: Any, index: int, axis: int = -1) -> Any:
    """`x` at `index` along `axis`, without that axis."""
    return squeeze(span(x, index, index + 1 or None, axis), axis=axis)


def extent(x: Any, axis: int, dtype: Any) -> Any:
    """The size of `x` along `axis`: a number where it is known, else a scalar of `dtype` that reads it when it runs."""
    d = x.shape[axis]
    return d if isinstance(d, int) else cast(size(x, axis=axis), dtype=np.dtype(dtype).name)


def in_dtype(x: Any, dtype: np.dtype[Any]) -> Any:
    """`x` in `dtype`: itself where that is its own."""
    return x if x.dtype == dtype else cast(x, dtype=dtype.name)


def as_floats(x: Any) -> Any:
    """`x` if it is of floats, else `x` in the default dtype."""
    return x if is_float(x.dtype) else cast(x, dtype=DEFAULT_DTYPE.name)


def at_least_single(x: Any) -> Any:
    """`x`, but narrower than float32 as that."""
    return x if x.dtype.itemsize >= DEFAULT_DTYPE.itemsize else cast(x, dtype=DEFAULT_DTYPE.name)


def beside(values: Any, x: Any) -> Any:
    """`values` as an array that does not widen `x`: in its dtype if that is float, else in the default dtype."""
    return np.asarray(values, x.dtype if is_float(x.dtype) else DEFAULT_DTYPE)
