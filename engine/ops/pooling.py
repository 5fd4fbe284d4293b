"""Maximum pooling of sequences, images and volumes (batch, *sizes, channels): the largest element of each window.

`max_pool`, its gradient and the gradient of that work over any number of axes; `max_pool1d`, `max_pool2d` and
`max_pool3d` are what people call.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.inference import numeric
from flowloom.ops.kernels import blank
from flowloom.ops.sampling import distinct
from flowloom.ops.windows import Slices, Windows, images
from flowloom.params import AnyPadding, Each, Padding1D, Padding2D, Padding3D, Pair, Single, Triple
from flowloom.spec import Spec, SpecError, is_float, merge_shapes

Case: TypeAlias = tuple[tuple[int, ...], dict[str, Any]]

CASES: dict[int, list[Case]] = {
    1: [
        ((2, 5, 3), {}),
        ((1, 6, 2), {"pool_size": 3, "strides": 2, "padding": ((1, 0),), "ceil_mode": True}),
        ((1, 7, 1), {"pool_size": 2, "strides": 1, "dilation_rate": 3, "padding": "same_lower"}),
    ],
    2: [
        ((2, 4, 6, 3), {}),
        ((2, 5, 5, 2), {}),
        ((1, 5, 4, 2), {"padding": "same"}),
        ((1, 6, 5, 2), {"pool_size": 3, "strides": 2}),
        ((1, 5, 5, 1), {"pool_size": (3, 2), "strides": 1, "padding": "same"}),
        ((1, 4, 4, 1), {"pool_size": 1, "strides": (1, 2)}),
        ((1, 4, 5, 2), {"pool_size": 3, "strides": 2, "padding": ((1, 1), (0, 2)), "ceil_mode": True}),
        ((1, 6, 6, 1), {"pool_size": 2, "strides": 2, "dilation_rate": (2, 3)}),
        ((0, 4, 4, 1), {}),
    ],
    3: [
        ((2, 2, 4, 3, 2), {"padding": "same"}),
        ((1, 3, 4, 4, 1), {"pool_size": (2, 3, 1), "strides": (1, 2, 2), "padding": ((1, 0), (1, 1), (0, 0))}),
    ],
}
ALL_CASES = [case for cases in CASES.values() for case in cases]


@op(family="layer", composite=True)
def max_pool1d(
    x: Any,
    *,
    pool_size: Single = 2,
    strides: Single | None = None,
    padding: Padding1D = "valid",
    dilation_rate: Single = 1,
    ceil_mode: bool = False,
) -> Any:
    """The largest element of each window and channel of sequences; `strides` None is `pool_size`.

    `x` (batch, length, channels). Returns (batch, windows, channels) in the dtype of `x`. The rest is as in
    `max_pool2d`.
    """
    return max_pool(images(x, "x", 1), **pool_params(pool_size, strides, padding, dilation_rate, ceil_mode))


@op(family="layer", composite=True)
def max_pool2d(
    x: Any,
    *,
    pool_size: Pair = 2,
    strides: Pair | None = None,
    padding: Padding2D = "valid",
    dilation_rate: Pair = 1,
    ceil_mode: bool = False,
) -> Any:
    """The largest element of each window and channel; `strides` None is `pool_size`, so that windows do not overlap.

    `x` (batch, height, width, channels). Returns (batch, rows, columns, channels) in the dtype of `x`. "same" padding
    has ceil(size / stride) rows and columns; widths are ((top, bottom), (left, right)); padding never wins. With
    `ceil_mode` a last window may reach beyond the end. The first of equals takes the gradient. Raises SpecError if a
    window does not fit, or lies in the padding.
    """
    return max_pool(images(x, "x", 2), **pool_params(pool_size, strides, padding, dilation_rate, ceil_mode))


@op(family="layer", composite=True)
def max_pool3d(
    x: Any,
    *,
    pool_size: Triple = 2,
    strides: Triple | None = None,
    padding: Padding3D = "valid",
    dilation_rate: Triple = 1,
    ceil_mode: bool = False,
) -> Any:
    """The largest element of each window and channel of volumes; `strides` None is `pool_size`.

    `x` (batch, depth, height, width, channels). Returns (batch, layers, rows, columns, channels) in the dtype of `x`;
    more in `max_pool2d`.
    """
    return max_pool(images(x, "x", 3), **pool_params(pool_size, strides, padding, dilation_rate, ceil_mode))


def pool_params(pool_size: Any, strides: Any, padding: Any, dilation_rate: Any, ceil_mode: bool) -> dict[str, Any]:
    """What the poolings over any number of axes take."""
    return {
        "pool_size": pool_size,
        "strides": strides,
        "padding": padding,
        "dilation_rate": dilation_rate,
        "ceil_mode": ceil_mode,
    }


# ---------------------------------------------------------------- over any number of axes


@op(family="layer", internal=True)
def max_pool(
    x: Spec,
    *,
    pool_size: Each = 2,
    strides: Each | None = None,
    padding: AnyPadding = "valid",
    dilation_rate: Each = 1,
    ceil_mode: bool = False,
) -> Spec:
    """The largest element of each window and channel of `x` (batch, *sizes, channels): (batch, *windows, channels).

    Raises SpecError if a window does not fit, or lies in the padding.
    """
    return pooled(numeric(x), pool_windows(x.ndim, pool_size, strides, padding, dilation_rate, ceil_mode))


@max_pool.kernel
def _(xp: Any, x: Any, *, out: Any = None, **how: Any) -> Any:
    return folded(xp.maximum, tapped(xp, _windows(x, how), x, lowest(x.dtype)), out)


@max_pool.vjp
def _(g: Any, y: Any, x: Any, **how: Any) -> Any:
    return (max_pool_backprop(g, x, **how),)


@op(family="layer", internal=True)
def max_pool_backprop(
    g: Spec,
    x: Spec,
    *,
    pool_size: Each = 2,
    strides: Each | None = None,
    padding: AnyPadding = "valid",
    dilation_rate: Each = 1,
    ceil_mode: bool = False,
) -> Spec:
    """Gradient of `max_pool`: zeros like `x`, with each of `g` added where its window of `x` has its maximum.

    `g` (batch, *windows, channels), `x` (batch, *sizes, channels). Returns the shape of `x` in the dtype of `g`. Raises
    SpecError if `g` is not what the pooling of `x` gives.
    """
    fits(pooled(x, pool_windows(x.ndim, pool_size, strides, padding, dilation_rate, ceil_mode)), g, "g")
    return numeric(g).with_shape(x.shape)


@max_pool_backprop.kernel
def _(xp: Any, g: Any, x: Any, *, out: Any = None, **how: Any) -> Any:
    windows = _windows(x, how)
    out = xp.empty(x.shape, g.dtype) if out is None else out
    canvas = windows.canvas(xp, out)
    for where, winner in _winners(xp, windows, x, g.dtype):
        if windows.overlap:
            canvas[where] += g * winner
        else:
            xp.multiply(g, winner, out=canvas[where])
    return windows.crop(canvas, out)


@max_pool_backprop.vjp
def _(g: Any, y: Any, g_: Any, x: Any, **how: Any) -> Any:
    return max_pool_select(g, x, **how), None


@op(family="layer", internal=True)
def max_pool_select(
    h: Spec,
    x: Spec,
    *,
    pool_size: Each = 2,
    strides: Each | None = None,
    padding: AnyPadding = "valid",
    dilation_rate: Each = 1,
    ceil_mode: bool = False,
) -> Spec:
    """The element of `h` where each window of `x` has its maximum: the gradient of `max_pool_backprop`.

    `h` and `x` (batch, *sizes, channels). Returns (batch, *windows, channels) in the dtype of `h`. Raises SpecError if
    `h` and `x` differ in shape.
    """
    fits(x, h, "h")
    windows = pool_windows(x.ndim, pool_size, strides, padding, dilation_rate, ceil_mode)
    return numeric(h).with_shape(pooled(x, windows).shape)


@max_pool_select.kernel
def _(xp: Any, h: Any, x: Any, *, out: Any = None, **how: Any) -> Any:
    windows = _windows(x, how)
    out = blank(xp, out, (x.shape[0], *windows.count(x.shape[1:-1]), x.shape[-1]), h.dtype)
    padded = windows.pad(xp, h)
    for where, winner in _winners(xp, windows, x, h.dtype):
        out += padded[where] * winner
    return out


max_pool_select.vjp(lambda g, y, h, x, **how: (max_pool_backprop(g, x, **how), None))


# ---------------------------------------------------------------- the rules


def pool_windows(
    ndim: int, pool_size: Each, strides: Each | None, padding: AnyPadding, dilation_rate: Each, ceil_mode: bool
) -> Windows:
    """The windows of a pooling of a tensor of `ndim` dimensions; without `strides` they lie side by side.

    Raises SpecError if a window can lie in the padding.
    """
    windows = Windows.of(
        max(ndim - 2, 1), pool_size, pool_size if strides is None else strides, padding, dilation_rate, ceil_mode
    )
    if not isinstance(padding, str):
        for margin, extent in zip(padding, windows.extent, strict=True):
            if max(margin) >= extent:
                raise SpecError(
                    f"a padding of {max(margin)} holds a whole window, which spans {extent}; use less",
                    dimension=f"{max(margin)} >= {extent}",
                )
    return windows


def pooled(x: Spec, windows: Windows) -> Spec:
    """The spec of a pooling of `x`, in its dtype. Raises SpecError if a window does not fit."""
    batch, *sizes, channels = images(x, "x").shape
    return x.with_shape((batch, *windows.count(sizes), channels))


def fits(expected: Spec, found: Spec, what: str) -> None:
    """Raise SpecError, calling it `what`, if the shape of `found` is not the `expected` one."""
    needed = expected.with_dtype(found.dtype)
    merge_shapes(found.shape, needed.shape, f"{what} is {found}; these windows need {needed}")


# ---------------------------------------------------------------- the numbers


def tapped(xp: Any, windows: Windows, x: Any, padding_value: float) -> list[Any]:
    """For each place in a window, what all windows of `x` have there: views of (batch, *windows, channels)."""
    padded = windows.pad(xp, x, padding_value)
    return [padded[where] for _, where in windows.taps(windows.count(x.shape[1:-1]))]


def folded(ufunc: Any, taps: list[Any], out: Any) -> Any:
    """All of `taps` combined by `ufunc`: a few passes over whole tensors, and no loop over windows."""
    if out is None:
        out = taps[0].copy()
    else:
        out[...] = taps[0]
    for tap in taps[1:]:
        ufunc(out, tap, out=out)
    return out


def _windows(x: Any, how: dict[str, Any]) -> Windows:
    return pool_windows(x.ndim, **how)


def lowest(dtype: np.dtype[Any]) -> Any:
    """What is not above any number of `dtype`."""
    return -np.inf if is_float(dtype) else np.iinfo(dtype).min


def _winners(xp: Any, windows: Windows, x: Any, dtype: Any) -> Iterator[tuple[Slices, Any]]:
    """For each place in a window: where in the padded tensor it lies, and 1 for windows that have their first maximum
    there, else 0, in `dtype`. The array is overwritten at each step: new ones would take half of the time.
    """
    taps = tapped(xp, windows, x, lowest(x.dtype))
    highest = folded(xp.maximum, taps, None)
    found, open_, winner = xp.empty(highest.shape, bool), xp.ones(highest.shape, bool), xp.empty(highest.shape, dtype)
    for (_, where), tap in zip(windows.taps(highest.shape[1:-1]), taps, strict=True):
        xp.equal(tap, highest, out=found)
        found &= open_
        open_ ^= found
        winner[...] = found  # as numbers: bool times float would go through NumPy's slow buffers
        yield where, winner


# ---------------------------------------------------------------- samples


def _forward(*ranks: int) -> Any:
    def samples(rng: np.random.Generator) -> Iterator[Sample]:
        for rank in ranks:
            for shape, how in CASES[rank]:
                yield (distinct(rng, *shape),), how
            yield (rng.integers(-9, 0, (1, *(3,) * rank, 1)),), {"padding": "same"}

    return samples


max_pool1d.samples(_forward(1))
max_pool2d.samples(_forward(2))
max_pool3d.samples(_forward(3))
max_pool.samples(_forward(1, 2, 3))


@max_pool_backprop.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for shape, how in ALL_CASES:
        yield (rng.normal(size=max_pool(Spec(shape), **how).sizes), distinct(rng, *shape)), how


@max_pool_select.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for shape, how in ALL_CASES:
        yield (rng.normal(size=shape), distinct(rng, *shape)), how
