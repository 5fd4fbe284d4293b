"""Pooling of images (batch, height, width, channels): the maximum or the mean of each window, and their gradients."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.convolution import InputSize
from flowloom.ops.inference import floating, numeric
from flowloom.ops.kernels import as_float, blank
from flowloom.ops.sampling import distinct
from flowloom.ops.windows import Slices, Windows, images
from flowloom.params import Padding, Pair
from flowloom.spec import Spec, SpecError, merge

_CASES: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    ((2, 4, 6, 3), {}),
    ((2, 5, 5, 2), {}),
    ((1, 5, 4, 2), {"padding": "same"}),
    ((1, 6, 5, 2), {"pool_size": 3, "strides": 2}),
    ((1, 5, 5, 1), {"pool_size": (3, 2), "strides": 1, "padding": "same"}),
    ((1, 4, 4, 1), {"pool_size": 1, "strides": (1, 2)}),
    ((0, 4, 4, 1), {}),
]


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
    return _folded(xp.maximum, _taps(xp, _windows(pool_size, strides, padding), x, _lowest(x.dtype)), out)


@max_pool2d.vjp
def _(g: Any, y: Any, x: Any, **how: Any) -> Any:
    return (max_pool2d_backprop(g, x, **how),)


@max_pool2d.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for shape, how in _CASES:
        yield (distinct(rng, *shape),), how
    yield (rng.integers(-9, 0, (1, 3, 3, 1)),), {"padding": "same"}


@op(family="layer", internal=True)
def max_pool2d_backprop(
    g: Spec, x: Spec, *, pool_size: Pair = 2, strides: Pair | None = None, padding: Padding = "valid"
) -> Spec:
    """Gradient of `max_pool2d`: zeros like `x`, with each of `g` added where its window of `x` has its maximum.

    `g` (batch, rows, columns, channels), `x` (batch, height, width, channels). Returns the shape of `x` in the dtype of
    `g`. Raises SpecError if `g` is not what the pooling of `x` gives.
    """
    _agree(_pooled(x, _windows(pool_size, strides, padding)), g, "g")
    return numeric(g).with_shape(x.shape)


@max_pool2d_backprop.kernel
def _(xp: Any, g: Any, x: Any, *, pool_size: Pair, strides: Pair | None, padding: Padding, out: Any = None) -> Any:
    windows = _windows(pool_size, strides, padding)
    canvas = windows.canvas(xp, x.shape, g.dtype, out)
    for where, winner in _winners(xp, windows, x, g.dtype):
        if windows.overlap:
            canvas[where] += g * winner
        else:
            xp.multiply(g, winner, out=canvas[where])
    return windows.crop(canvas, x.shape[1:3], out)


@max_pool2d_backprop.vjp
def _(g: Any, y: Any, g_: Any, x: Any, **how: Any) -> Any:
    return max_pool2d_select(g, x, **how), None


@max_pool2d_backprop.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for shape, how in _CASES:
        yield (rng.normal(size=max_pool2d(Spec(shape), **how).sizes), distinct(rng, *shape)), how


@op(family="layer", internal=True)
def max_pool2d_select(
    h: Spec, x: Spec, *, pool_size: Pair = 2, strides: Pair | None = None, padding: Padding = "valid"
) -> Spec:
    """The element of `h` where each window of `x` has its maximum: the gradient of `max_pool2d_backprop`.

    `h` and `x` (batch, height, width, channels). Returns (batch, rows, columns, channels) in the dtype of `h`. Raises
    SpecError if `h` and `x` differ in shape.
    """
    _agree(x, h, "h")
    return numeric(h).with_shape(_pooled(x, _windows(pool_size, strides, padding)).shape)


@max_pool2d_select.kernel
def _(xp: Any, h: Any, x: Any, *, pool_size: Pair, strides: Pair | None, padding: Padding, out: Any = None) -> Any:
    windows = _windows(pool_size, strides, padding)
    rows, columns = windows.count(*x.shape[1:3])
    out = blank(xp, out, (x.shape[0], rows, columns, x.shape[3]), h.dtype)
    padded = windows.pad(xp, h)
    for where, winner in _winners(xp, windows, x, h.dtype):
        out += padded[where] * winner
    return out


max_pool2d_select.vjp(lambda g, y, h, x, **how: (max_pool2d_backprop(g, x, **how), None))


@max_pool2d_select.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for shape, how in _CASES:
        yield (rng.normal(size=shape), distinct(rng, *shape)), how


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
    total = _folded(xp.add, _taps(xp, windows, x, 0), out)
    return xp.divide(total, _counts(xp, windows, x.shape[1:3], x.dtype), out=total)


@avg_pool2d.vjp
def _(g: Any, y: Any, x: Any, **how: Any) -> Any:
    return (avg_pool2d_backprop(g, input_size=x.shape[1:3], **how),)


@avg_pool2d.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for shape, how in _CASES:
        yield (rng.normal(size=shape),), how
    yield (rng.integers(0, 9, (1, 4, 4, 1)),), {}


@op(family="layer", internal=True)
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
    canvas = windows.canvas(xp, (g.shape[0], *input_size, g.shape[3]), g.dtype, out)
    share = g / _counts(xp, windows, input_size, g.dtype)
    for _, _, where in windows.taps(*g.shape[1:3]):
        canvas[where] += share
    return windows.crop(canvas, input_size, out)


avg_pool2d_backprop.vjp(lambda g, y, g_, *, input_size, **how: (avg_pool2d(g, **how),))


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


def _taps(xp: Any, windows: Windows, x: Any, padding_value: float) -> list[Any]:
    """For each place in a window, what all windows of `x` have there: views of (batch, rows, columns, channels)."""
    padded = windows.pad(xp, x, padding_value)
    return [padded[where] for _, _, where in windows.taps(*windows.count(*x.shape[1:3]))]


def _folded(ufunc: Any, taps: list[Any], out: Any) -> Any:
    """All of `taps` combined by `ufunc`: a few passes over whole images, and no loop over windows."""
    if out is None:
        out = taps[0].copy()
    else:
        out[...] = taps[0]
    for tap in taps[1:]:
        ufunc(out, tap, out=out)
    return out


def _winners(xp: Any, windows: Windows, x: Any, dtype: Any) -> Iterator[tuple[Slices, Any]]:
    """For each place in a window: where in the padded images it lies, and 1 for windows that have their first maximum
    there, else 0, in `dtype`. The array is overwritten at each step: new ones would take half of the time.
    """
    taps = _taps(xp, windows, x, _lowest(x.dtype))
    highest = _folded(xp.maximum, taps, None)
    found, open_, winner = xp.empty(highest.shape, bool), xp.ones(highest.shape, bool), xp.empty(highest.shape, dtype)
    for (_, _, where), tap in zip(windows.taps(*highest.shape[1:3]), taps, strict=True):
        xp.equal(tap, highest, out=found)
        found &= open_
        open_ ^= found
        winner[...] = found  # as numbers: bool times float would go through NumPy's slow buffers
        yield where, winner


def _counts(xp: Any, windows: Windows, size: tuple[int, int], dtype: Any) -> Any:
    """How many elements of each window are not padding: (rows, columns, 1), or one number where there is none."""
    if windows.padding == "valid":
        return dtype.type(windows.size[0] * windows.size[1])
    return reduce(xp.add, _taps(xp, windows, xp.ones((1, *size, 1), dtype), 0))[0]
