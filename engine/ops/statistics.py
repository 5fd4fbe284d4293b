"""How elements are spread: variance and standard deviation, quantiles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.comparison import equal, not_equal
from flowloom.ops.composing import as_floats
from flowloom.ops.elementwise import cast, maximum, minimum, sqrt, square, where
from flowloom.ops.indexing import take
from flowloom.ops.inference import normalize_axes, reduced_dims
from flowloom.ops.ordering import sort
from flowloom.ops.reduction import kept, mean, size
from flowloom.ops.sampling import distinct
from flowloom.ops.shape import expand_dims, flatten, transpose
from flowloom.params import Axes, Share, Whole
from flowloom.spec import SpecError, product


@op(family="reduction", composite=True)
def var(x: Any, *, axis: Axes = None, ddof: Whole = 0, keepdims: bool = False) -> Any:
    """Variance of `x` over `axis` (None: all axes): the sum of squared distances to the mean over their count - `ddof`.

    A float dtype stays; integers give float32. NaN or infinite where the count is not above `ddof`. Raises SpecError if
    an axis is outside `x` or given twice.
    """
    squares = square(x - mean(x, axis=axis, keepdims=True))
    made = mean(squares, axis=axis, keepdims=keepdims)
    return made * _correction(x, axis, ddof, made.dtype) if ddof else made


def _correction(x: Any, axis: Axes, ddof: int, dtype: np.dtype[Any]) -> Any:
    """n / (n - ddof), infinite where n is not above ddof."""
    count = product(reduced_dims(x, axis))
    if isinstance(count, int):
        return count / (count - ddof) if count > ddof else np.inf
    n = size(x, axis=axis)
    return cast(cast(n, dtype="float64") / maximum(n - ddof, 0), dtype=dtype.name)


def _slope(g: Any, x: Any, axis: Axes, ddof: int, keepdims: bool) -> Any:
    """`g` times half the slope of the variance, (x - mean) / (n - ddof): distances to the mean sum to 0, so that what
    comes from its own moving vanishes."""
    centred = x - mean(x, axis=axis, keepdims=True)
    g = g * _correction(x, axis, ddof, g.dtype) if ddof else g
    count = product(reduced_dims(x, axis))
    share = g * (1 / max(count, 1)) if isinstance(count, int) else g / size(x, axis=axis)
    return kept(share, x, axis, keepdims) * centred


@var.vjp
def _(g: Any, y: Any, x: Any, *, axis: Axes, ddof: int, keepdims: bool) -> Any:
    return (_slope(2.0 * g, x, axis, ddof, keepdims),)


@op(family="reduction", composite=True)
def std(x: Any, *, axis: Axes = None, ddof: Whole = 0, keepdims: bool = False) -> Any:
    """Standard deviation of `x` over `axis` (None: all axes): the root of the variance with the same `ddof`.

    A float dtype stays; integers give float32. NaN or infinite where the count is not above `ddof`. The gradient at
    equal elements is 0. Raises SpecError if an axis is outside `x` or given twice.
    """
    return sqrt(var(x, axis=axis, ddof=ddof, keepdims=keepdims))


@std.vjp
def _(g: Any, y: Any, x: Any, *, axis: Axes, ddof: int, keepdims: bool) -> Any:
    return (_slope(g / where(equal(y, 0), 1.0, y), x, axis, ddof, keepdims),)


def _spread(rng: np.random.Generator) -> Iterator[Sample]:
    yield (distinct(rng, 3, 4),), {}
    yield (distinct(rng, 2, 3, 4),), {"axis": 1, "keepdims": True}
    yield (distinct(rng, 2, 3, 4),), {"axis": (0, -1), "ddof": 1}
    yield (distinct(rng, 0, 3),), {"axis": 1, "ddof": 2}
    yield (rng.integers(1, 9, (3, 2), dtype=np.int32),), {"axis": 0}


var.samples(_spread)
std.samples(_spread)


@op(family="reduction", composite=True)
def quantile(x: Any, *, q: Share, axis: Axes = None, keepdims: bool = False) -> Any:
    """The number that the share `q` of the elements of `x` over `axis` (None: all axes) is below.

    Between two elements it is interpolated: NumPy's method "linear". NaN where any element is NaN. A float dtype stays;
    integers give float32. Raises SpecError if an axis is outside `x`, given twice, or of size 0.
    """
    axes = normalize_axes(axis, x.ndim)
    rows = sort(_flat_rows(x, axes))
    if rows.shape[-1] == 0:
        raise SpecError("there is no element along an axis of size 0", dimension="size 0")
    last = size(rows, axis=-1) - 1
    place = q * cast(last, dtype="float64")
    below = cast(place, dtype="int64")  # towards 0: the one below
    part = cast(place - below, dtype=rows.dtype.name)
    low, high = take(rows, below, axis=-1), take(rows, minimum(below + 1, last), axis=-1)
    highest = take(rows, last, axis=-1)  # NaN, if there is one
    made = where(not_equal(highest, highest), highest, low + part * (high - low))
    return kept(made, x, axes, keepdims=False) if keepdims else made


def _flat_rows(x: Any, axes: tuple[int, ...]) -> Any:
    """`x` as floats, with all `axes` as one, the last."""
    x = as_floats(x)
    others = tuple(i for i in range(x.ndim) if i not in axes)
    if len(axes) == 1 and axes[0] == x.ndim - 1:
        return x
    moved = transpose(x, axes=(*others, *axes))
    return moved if len(axes) == 1 else flatten(moved, first=len(others)) if axes else expand_dims(moved, axis=-1)


@op(family="reduction", composite=True)
def median(x: Any, *, axis: Axes = None, keepdims: bool = False) -> Any:
    """The middle of the elements of `x` over `axis` (None: all axes), or the mean of the two in the middle.

    NaN where any element is NaN. A float dtype stays; integers give float32. Raises SpecError if an axis is outside
    `x`, given twice, or of size 0.
    """
    return quantile(x, q=0.5, axis=axis, keepdims=keepdims)


def _middles(rng: np.random.Generator) -> Iterator[Sample]:
    yield (distinct(rng, 3, 4),), {}
    yield (distinct(rng, 2, 3, 4),), {"axis": 1, "keepdims": True}
    yield (distinct(rng, 2, 3, 4),), {"axis": (0, -1)}
    yield (distinct(rng, 5, 3),), {"axis": 0}
    yield (distinct(rng),), {}
    yield (rng.integers(1, 9, (3, 2), dtype=np.int32),), {"axis": 0}


median.samples(_middles)


@quantile.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for i, (args, params) in enumerate(_middles(rng)):
        yield args, {**params, "q": (0.3, 0.0, 1.0)[i % 3]}
