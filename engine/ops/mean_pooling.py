"""Pooling by sums: the mean of each window (`avg_pool1d`, `avg_pool2d`, `avg_pool3d`), and its norm (`lp_pool1d`, ...).

`avg_pool` and its gradient work over any number of axes. Each is linear, and the gradient of the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from math import prod
from typing import Any, Literal, TypeAlias

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.comparison import equal
from flowloom.ops.composing import as_floats
from flowloom.ops.convolution import unsized
from flowloom.ops.elementwise import abs_, sqrt, square, where
from flowloom.ops.inference import floating, numeric
from flowloom.ops.kernels import as_float
from flowloom.ops.pooling import ALL_CASES, CASES, fits, folded, pool_params, pool_windows, pooled, tapped
from flowloom.ops.sampling import away_from_zero
from flowloom.ops.windows import Windows, images
from flowloom.params import AnyPadding, Each, Padding1D, Padding2D, Padding3D, Pair, Positive, Shape, Single, Triple
from flowloom.spec import Spec

DividedBy: TypeAlias = Literal["one", "elements", "places"]


@op(family="layer", composite=True)
def avg_pool1d(
    x: Any,
    *,
    pool_size: Single = 2,
    strides: Single | None = None,
    padding: Padding1D = "valid",
    dilation_rate: Single = 1,
    ceil_mode: bool = False,
    count_include_pad: bool = False,
) -> Any:
    """The mean of each window and channel of sequences; `strides` None is `pool_size`.

    `x` (batch, length, channels). Returns (batch, windows, channels). The rest is as in `avg_pool2d`.
    """
    how = pool_params(pool_size, strides, padding, dilation_rate, ceil_mode)
    return avg_pool(images(x, "x", 1), divided_by="places" if count_include_pad else "elements", **how)


@op(family="layer", composite=True)
def avg_pool2d(
    x: Any,
    *,
    pool_size: Pair = 2,
    strides: Pair | None = None,
    padding: Padding2D = "valid",
    dilation_rate: Pair = 1,
    ceil_mode: bool = False,
    count_include_pad: bool = False,
) -> Any:
    """The mean of each window and channel; `strides` None is `pool_size`, so that windows do not overlap.

    `x` (batch, height, width, channels). Returns (batch, rows, columns, channels); a float dtype stays, integers give
    float32. "same" padding has ceil(size / stride) rows and columns; widths are ((top, bottom), (left, right)). With
    `ceil_mode` a last window may reach beyond the end. Padding counts, as zeros, with `count_include_pad`; what is
    beyond it never does. Raises SpecError if a window does not fit, or lies in the padding.
    """
    how = pool_params(pool_size, strides, padding, dilation_rate, ceil_mode)
    return avg_pool(images(x, "x", 2), divided_by="places" if count_include_pad else "elements", **how)


@op(family="layer", composite=True)
def avg_pool3d(
    x: Any,
    *,
    pool_size: Triple = 2,
    strides: Triple | None = None,
    padding: Padding3D = "valid",
    dilation_rate: Triple = 1,
    ceil_mode: bool = False,
    count_include_pad: bool = False,
) -> Any:
    """The mean of each window and channel of volumes; `strides` None is `pool_size`.

    `x` (batch, depth, height, width, channels). Returns (batch, layers, rows, columns, channels). The rest is as in
    `avg_pool2d`.
    """
    how = pool_params(pool_size, strides, padding, dilation_rate, ceil_mode)
    return avg_pool(images(x, "x", 3), divided_by="places" if count_include_pad else "elements", **how)


@op(family="layer", composite=True)
def lp_pool1d(
    x: Any,
    *,
    p: Positive = 2.0,
    pool_size: Single = 2,
    strides: Single | None = None,
    padding: Padding1D = "valid",
    dilation_rate: Single = 1,
    ceil_mode: bool = False,
) -> Any:
    """The norm of each window and channel of sequences, sum(abs(x)**p)**(1/p); `strides` None is `pool_size`.

    `x` (batch, length, channels). Returns (batch, windows, channels). The rest is as in `lp_pool2d`.
    """
    return _norms(images(x, "x", 1), p, **pool_params(pool_size, strides, padding, dilation_rate, ceil_mode))


@op(family="layer", composite=True)
def lp_pool2d(
    x: Any,
    *,
    p: Positive = 2.0,
    pool_size: Pair = 2,
    strides: Pair | None = None,
    padding: Padding2D = "valid",
    dilation_rate: Pair = 1,
    ceil_mode: bool = False,
) -> Any:
    """The norm of each window and channel, sum(abs(x)**p)**(1/p); `strides` None is `pool_size`.

    `x` (batch, height, width, channels). Returns (batch, rows, columns, channels); a float dtype stays, integers give
    float32. Padding is as in `avg_pool2d` and adds nothing. The gradient of a window of zeros is 0. Raises SpecError if
    a window does not fit, or lies in the padding.
    """
    return _norms(images(x, "x", 2), p, **pool_params(pool_size, strides, padding, dilation_rate, ceil_mode))


@op(family="layer", composite=True)
def lp_pool3d(
    x: Any,
    *,
    p: Positive = 2.0,
    pool_size: Triple = 2,
    strides: Triple | None = None,
    padding: Padding3D = "valid",
    dilation_rate: Triple = 1,
    ceil_mode: bool = False,
) -> Any:
    """The norm of each window and channel of volumes, sum(abs(x)**p)**(1/p); `strides` None is `pool_size`.

    `x` (batch, depth, height, width, channels). Returns (batch, layers, rows, columns, channels). The rest is as in
    `lp_pool2d`.
    """
    return _norms(images(x, "x", 3), p, **pool_params(pool_size, strides, padding, dilation_rate, ceil_mode))


def _norms(x: Any, p: float, **how: Any) -> Any:
    x = as_floats(numeric(x))
    total = avg_pool(square(x) if p == 2 else abs_(x) ** p, divided_by="one", **how)
    if p == 1:
        return total
    # At 0 the slope of a root is infinite; there the gradient takes the other way.
    some = where(equal(total, 0), 1.0, total)
    return where(equal(total, 0), 0.0, sqrt(some) if p == 2 else some ** (1 / p))


# ---------------------------------------------------------------- over any number of axes


@op(family="layer", internal=True)
def avg_pool(
    x: Spec,
    *,
    pool_size: Each = 2,
    strides: Each | None = None,
    padding: AnyPadding = "valid",
    dilation_rate: Each = 1,
    ceil_mode: bool = False,
    divided_by: DividedBy = "elements",
) -> Spec:
    """The mean of each window and channel of `x` (batch, *sizes, channels): (batch, *windows, channels).

    The sum is divided by the number of elements that the window has, of its places (those in the padding too), or by
    one. A float dtype stays, integers give float32. Raises SpecError if a window does not fit, or lies in the padding.
    """
    return pooled(floating(numeric(x)), pool_windows(x.ndim, pool_size, strides, padding, dilation_rate, ceil_mode))


@avg_pool.kernel
def _(xp: Any, x: Any, *, divided_by: DividedBy, out: Any = None, **how: Any) -> Any:
    x, windows = as_float(x), pool_windows(x.ndim, **how)
    total = folded(xp.add, tapped(xp, windows, x, 0), out)
    if divided_by == "one":
        return total
    return xp.divide(total, _counts(xp, windows, x.shape[1:-1], divided_by, x.dtype), out=total)


@avg_pool.vjp
def _(g: Any, y: Any, x: Any, **how: Any) -> Any:
    return (avg_pool_backprop(g, *unsized(x), input_size=x.shape[1:-1], **how),)


@op(family="layer", internal=True)
def avg_pool_backprop(
    g: Spec,
    *like: Spec,
    input_size: Shape,
    pool_size: Each = 2,
    strides: Each | None = None,
    padding: AnyPadding = "valid",
    dilation_rate: Each = 1,
    ceil_mode: bool = False,
    divided_by: DividedBy = "elements",
) -> Spec:
    """Gradient of `avg_pool` on a tensor of the sizes `input_size`: each of `g` spread over its window.

    `g` (batch, *windows, channels). Returns (batch, *input_size, channels), or sizes that are not known before it runs
    from `like`; a float dtype stays, integers give float32. Raises SpecError if `g` is not what the pooling of such a
    tensor gives.
    """
    whole = images(floating(numeric(g)), "g", len(input_size)).with_shape((g.shape[0], *input_size, g.shape[-1]))
    fits(pooled(whole, pool_windows(g.ndim, pool_size, strides, padding, dilation_rate, ceil_mode)), g, "g")
    return whole


@avg_pool_backprop.kernel
def _(
    xp: Any,
    g: Any,
    *like: Any,
    input_size: tuple[int, ...],
    divided_by: DividedBy,
    out: Any = None,
    **how: Any,
) -> Any:
    g, windows = as_float(g), pool_windows(g.ndim, **how)
    sizes = like[0].shape[1:-1] if like else input_size
    out = xp.empty((g.shape[0], *sizes, g.shape[-1]), g.dtype) if out is None else out
    canvas = windows.canvas(xp, out)
    share = g if divided_by == "one" else g / _counts(xp, windows, sizes, divided_by, g.dtype)
    for _, tap in windows.taps(g.shape[1:-1]):
        canvas[tap] += share
    return windows.crop(canvas, out)


@avg_pool_backprop.vjp
def _(g: Any, y: Any, g_: Any, *like: Any, input_size: Shape, **how: Any) -> Any:
    return avg_pool(g, **how), *(None for _ in like)


def _counts(xp: Any, windows: Windows, sizes: tuple[int, ...], what: DividedBy, dtype: Any) -> Any:
    """How many elements, or places, each window has: (*windows, 1), or one number where there is no padding."""
    if not any(map(any, windows.margins(sizes))):
        return dtype.type(prod(windows.size))
    along = windows.populations(xp, sizes, padding=what == "places")
    return reduce(xp.multiply, (n.reshape(-1, *(1,) * (len(along) - i)) for i, n in enumerate(along))).astype(dtype)


# ---------------------------------------------------------------- samples


def _forward(*ranks: int, **extra: tuple[Any, Any]) -> Any:
    """Samples of these ranks; of `extra` parameters the first value, and in a few calls the second."""

    def samples(rng: np.random.Generator) -> Iterator[Sample]:
        for rank in ranks:
            for i, (shape, how) in enumerate(CASES[rank]):
                yield (away_from_zero(rng, *shape),), how | {k: v[i % 2] for k, v in extra.items()}
            yield (rng.integers(0, 9, (1, *(4,) * rank, 1)),), {}

    return samples


for pool, ranks in ((avg_pool1d, (1,)), (avg_pool2d, (2,)), (avg_pool3d, (3,))):
    pool.samples(_forward(*ranks, count_include_pad=(False, True)))
for pool, ranks in ((lp_pool1d, (1,)), (lp_pool2d, (2,)), (lp_pool3d, (3,))):
    pool.samples(_forward(*ranks, p=(2.0, 3.0)))
avg_pool.samples(_forward(1, 2, 3, divided_by=("elements", "places")))


@avg_pool_backprop.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for i, (shape, how) in enumerate(ALL_CASES):
        divided_by = ("one", "elements", "places")[i % 3]
        y = avg_pool(Spec(shape), **how)
        yield (rng.normal(size=y.sizes),), {"input_size": shape[1:-1], "divided_by": divided_by, **how}
