"""Pooling of images (batch, height, width, channels): the maximum or the mean of each window, and their gradients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.convolution import InputSize
from flowloom.ops.inference import floating, numeric
from flowloom.ops.kernels import as_float
from flowloom.ops.sampling import distinct
from flowloom.ops.windows import Windows, images
from flowloom.params import Padding, Pair
from flowloom.spec import Spec, SpecError, merge


@op(family="layer")
def max_pool2d(x: Spec, *, pool_size: Pair = 2, strides: Pair | None = None, padding: Padding = "valid") -> Spec:
    """The largest element of each window and channel; `strides` None is `pool_size`, so that windows do not overlap.

    `x` (batch, height, width, channels). Returns (batch, rows, columns, channels) in the dtype of `x`; "same" padding
    has ceil(size / stride) rows and columns and never wins. The first of equals takes the gradient. Raises SpecError
    if a window does not fit.
    """
    return _pooled(numeric(x), _windows(pool_size, strides, padding))


@max_pool2d.kernel
def _(xp: Any, x: Any, *, pool_size: Pair, strides: Pair | None, padding: Padding, out: Any = None) -> Any:
    windows = _windows(pool_size, strides, padding)
    rows, columns = windows.count(*x.shape[1:3])
    padded = windows.pad(xp, x, _lowest(x.dtype))
    first, *rest = (padded[where] for _, _, where in windows.taps(rows, columns))  # type: ignore[arg-type]  # numbers
    if not rest:
        return _copied(first, out)
    out = xp.maximum(first, rest[0], out=out)
    for x in rest[1:]:
        xp.maximum(out, x, out=out)
    return out


@max_pool2d.vjp
def _(g: Any, y: Any, x: Any, **how: Any) -> Any:
    return (max_pool2d_backprop(g, x, y, **how),)


@max_pool2d.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for shape, how in _CASES:
        yield (distinct(rng, *shape),), how
    yield (rng.integers(-9, 0, (1, 3, 3, 1)),), {"padding": "same"}


@op(family="layer")
def max_pool2d_backprop(
    g: Spec, x: Spec, y: Spec, *, pool_size: Pair = 2, strides: Pair | None = None, padding: Padding = "valid"
) -> Spec:
    """Gradient of `max_pool2d`: zeros like `x`, with each of `g` added where its window of `x` has the maximum `y`.

    `g` and `y` (batch, rows, columns, channels), `x` (batch, height, width, channels). Returns the shape of `x` in the
    dtype of `g`. Raises SpecError if `g` or `y` is not what the pooling of `x` gives.
    """
    pooled = _pooled(x, _windows(pool_size, strides, padding))
    _agree(pooled, g, "g")
    _agree(pooled, y, "y")
    return numeric(g).with_shape(x.shape)


@max_pool2d_backprop.kernel
def _(
    xp: Any,
    g: Any,
    x: Any,
    y: Any,
    *,
    pool_size: Pair,
    strides: Pair | None,
    padding: Padding,
    out: Any = None,
) -> Any:
    windows = _windows(pool_size, strides, padding)
    images_ = windows.canvas(xp, x.shape, g.dtype, out)
    for where, winner in _winners(xp, windows, x, y):
        images_[where] += g * winner
    return _cropped(windows, images_, x, out)


@max_pool2d_backprop.vjp
def _(g: Any, y: Any, g_: Any, x: Any, y_: Any, **how: Any) -> Any:
    return max_pool2d_select(g, x, y_, **how), None, None


@max_pool2d_backprop.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for shape, how in _CASES:
        x = distinct(rng, *shape)
        y = max_pool2d(x, **how)
        yield (rng.normal(size=y.shape), x, y), how


@op(family="layer")
def max_pool2d_select(
    h: Spec, x: Spec, y: Spec, *, pool_size: Pair = 2, strides: Pair | None = None, padding: Padding = "valid"
) -> Spec:
    """The element of `h` where each window of `x` has its maximum `y`: the gradient of `max_pool2d_backprop`.

    `h` and `x` (batch, height, width, channels), `y` (batch, rows, columns, channels). Returns the shape of `y` in the
    dtype of `h`. Raises SpecError if `h` and `x` differ in shape, or `y` is not what the pooling of `x` gives.
    """
    pooled = _pooled(x, _windows(pool_size, strides, padding))
    _agree(pooled, y, "y")
    _agree(x, h, "h")
    return numeric(h).with_shape(pooled.shape)


@max_pool2d_select.kernel
def _(
    xp: Any,
    h: Any,
    x: Any,
    y: Any,
    *,
    pool_size: Pair,
    strides: Pair | None,
    padding: Padding,
    out: Any = None,
) -> Any:
    windows = _windows(pool_size, strides, padding)
    if out is None:
        out = xp.empty(y.shape, h.dtype)
    out.fill(0)
    padded = windows.pad(xp, h)
    for where, winner in _winners(xp, windows, x, y):
        out += padded[where] * winner
    return out


@max_pool2d_select.vjp
def _(g: Any, y: Any, h: Any, x: Any, y_: Any, **how: Any) -> Any:
    return max_pool2d_backprop(g, x, y_, **how), None, None


@max_pool2d_select.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for shape, how in _CASES:
        x = distinct(rng, *shape)
        yield (rng.normal(size=shape), x, max_pool2d(x, **how)), how


@op(family="layer")
def avg_pool2d(x: Spec, *, pool_size: Pair = 2, strides: Pair | None = None, padding: Padding = "valid") -> Spec:
    """The mean of each window and channel; `strides` None is `pool_size`, so that windows do not overlap.

    `x` (batch, height, width, channels). Returns (batch, rows, columns, channels); a float dtype stays, integers give
    float32. "same" padding has ceil(size / stride) rows and columns and does not count. Raises SpecError if a window
    does not fit.
    """
    return _pooled(floating(numeric(x)), _windows(pool_size, strides, padding))


@avg_pool2d.kernel
def _(xp: Any, x: Any, *, pool_size: Pair, strides: Pair | None, padding: Padding, out: Any = None) -> Any:
    windows = _windows(pool_size, strides, padding)
    x = as_float(x)
    padded = windows.pad(xp, x)
    counts = _counts(xp, windows, x.shape[1:3], x.dtype)
    first, *rest = (padded[where] for _, _, where in windows.taps(*counts.shape[:2]))
    if not rest:
        return _copied(first, out)
    out = xp.add(first, rest[0], out=out)
    for x in rest[1:]:
        xp.add(out, x, out=out)
    return xp.divide(out, counts, out=out)


@avg_pool2d.vjp
def _(g: Any, y: Any, x: Any, **how: Any) -> Any:
    return (avg_pool2d_backprop(g, input_size=x.shape[1:3], **how),)


@avg_pool2d.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for shape, how in _CASES:
        yield (rng.normal(size=shape),), how
    yield (rng.integers(0, 9, (1, 4, 4, 1)),), {}


@op(family="layer")
def avg_pool2d_backprop(
    g: Spec, *, input_size: InputSize, pool_size: Pair = 2, strides: Pair | None = None, padding: Padding = "valid"
) -> Spec:
    """Gradient of `avg_pool2d` on images of height and width `input_size`: each of `g` spread evenly over its window.

    `g` (batch, rows, columns, channels). Returns (batch, *input_size, channels); a float dtype stays, integers give
    float32. Raises SpecError if `g` is not what the pooling of such images gives.
    """
    whole = images(floating(numeric(g)), "g").with_shape((g.shape[0], *input_size, g.shape[3]))
    _agree(_pooled(whole, _windows(pool_size, strides, padding)), g, "g")
    return whole


@avg_pool2d_backprop.kernel
def _(
    xp: Any,
    g: Any,
    *,
    input_size: tuple[int, int],
    pool_size: Pair,
    strides: Pair | None,
    padding: Padding,
    out: Any = None,
) -> Any:
    windows = _windows(pool_size, strides, padding)
    g = as_float(g)
    whole = (g.shape[0], *input_size, g.shape[3])
    images_ = windows.canvas(xp, whole, g.dtype, out)
    share = g / _counts(xp, windows, input_size, g.dtype)
    for _, _, where in windows.taps(*g.shape[1:3]):
        images_[where] += share
    result = windows.crop(images_, *input_size)
    return result if out is None or images_ is out else _copied(result, out)


@avg_pool2d_backprop.vjp
def _(g: Any, y: Any, g_: Any, *, input_size: InputSize, **how: Any) -> Any:
    return (avg_pool2d(g, **how),)


@avg_pool2d_backprop.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for shape, how in _CASES:
        y = avg_pool2d(Spec(shape), **how)
        yield (rng.normal(size=y.sizes),), {"input_size": shape[1:3], **how}


# ---------------------------------------------------------------- the rules


def _windows(pool_size: Pair, strides: Pair | None, padding: Padding) -> Windows:
    return Windows.of(pool_size, pool_size if strides is None else strides, padding)


def _pooled(x: Spec, windows: Windows) -> Spec:
    batch, height, width, channels = images(x, "x").shape
    return x.with_shape((batch, *windows.count(height, width), channels))


def _agree(expected: Spec, found: Spec, what: str) -> None:
    try:
        for a, b in zip(expected.shape, images(found, what).shape, strict=True):
            merge(a, b)
    except SpecError as error:
        raise SpecError(
            f"{what} is {found}; these windows need {expected.with_dtype(found.dtype)}", dimension=error.dimension
        ) from None


# ---------------------------------------------------------------- the numbers


def _lowest(dtype: np.dtype[Any]) -> Any:
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def _winners(xp: Any, windows: Windows, x: Any, y: Any) -> Iterator[tuple[Any, Any]]:
    """For each place in a window: where in the padded images it lies, and in which windows it is the first maximum."""
    padded = windows.pad(xp, x, _lowest(x.dtype))
    open_ = None
    for _, _, where in windows.taps(*y.shape[1:3]):
        winner = padded[where] == y
        if open_ is None:
            open_ = ~winner
        else:
            winner &= open_
            open_ ^= winner
        yield where, winner


def _counts(xp: Any, windows: Windows, size: tuple[int, int], dtype: Any) -> Any:
    """How many elements of each window are not padding: (rows, columns, 1)."""
    ones = windows.pad(xp, xp.ones((1, *size, 1), dtype))
    rows, columns = windows.count(*size)
    return sum(ones[0][where[1:]] for _, _, where in windows.taps(rows, columns))  # type: ignore[arg-type]  # numbers


def _copied(x: Any, out: Any) -> Any:
    if out is None:
        return x.copy()
    out[...] = x
    return out


def _cropped(windows: Windows, padded: Any, x: Any, out: Any) -> Any:
    result = windows.crop(padded, *x.shape[1:3])
    return result if out is None or padded is out else _copied(result, out)


_CASES: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    ((2, 4, 6, 3), {}),
    ((2, 5, 5, 2), {}),
    ((1, 5, 4, 2), {"padding": "same"}),
    ((1, 6, 5, 2), {"pool_size": 3, "strides": 2}),
    ((1, 5, 5, 1), {"pool_size": (3, 2), "strides": 1, "padding": "same"}),
    ((1, 4, 4, 1), {"pool_size": 1, "strides": (1, 2)}),
    ((0, 4, 4, 1), {}),
]
