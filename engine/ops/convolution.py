"""Two-dimensional convolution of images (batch, height, width, channels), and its two gradients.

All three are one matrix product with the images unrolled into columns (im2col), in slabs of the batch. The convolution
is linear in images and in kernel, so each of the three has the other two as its gradients.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.indexing import Size
from flowloom.ops.inference import numeric, same_dims
from flowloom.ops.windows import Windows, images
from flowloom.params import Count, Padding, Pair
from flowloom.spec import Dim, Spec, SpecError, merge, promote

InputSize: TypeAlias = tuple[Size, Size]
KernelSize: TypeAlias = tuple[Count, Count]

# Columns of a slab: small enough to stay in a CPU's last-level cache between unrolling and multiplying.
_SLAB_BYTES = 4 << 20
# With fewer channels than this, runs of memory along a window are so short that copying runs along a row of windows
# is 2 to 10 times as fast.
_FEW = 4


@op(family="linalg")
def conv2d(x: Spec, kernel: Spec, *, strides: Pair = 1, padding: Padding = "valid", dilation_rate: Pair = 1) -> Spec:
    """Convolution of images with a bank of filters (a cross-correlation, as in Keras).

    `x` (batch, height, width, channels), `kernel` (height, width, channels, filters). Returns (batch, rows, columns,
    filters) in the wider dtype; "same" padding has ceil(size / stride) rows and columns. Raises SpecError if the
    channels differ, or if a window does not fit.
    """
    images(numeric(x), "x")
    channels = _kernel(numeric(kernel)).shape[2]
    _agree(x.shape[3], channels, f"x has {x.shape[3]} channels, the kernel takes {channels}")
    windows = Windows.of(_kernel_size(kernel), strides, padding, dilation_rate)
    rows, columns = windows.count(*x.shape[1:3])
    return Spec((x.shape[0], rows, columns, kernel.shape[3]), promote(x.dtype, kernel.dtype))


@conv2d.kernel
def _(xp: Any, x: Any, kernel: Any, *, strides: Pair, padding: Padding, dilation_rate: Pair, out: Any = None) -> Any:
    windows = Windows.of(kernel.shape[:2], strides, padding, dilation_rate)
    x, kernel = _same_dtype(x, kernel)
    rows, columns = windows.count(*x.shape[1:3])
    if out is None:
        out = xp.empty((x.shape[0], rows, columns, kernel.shape[3]), x.dtype)
    weights = kernel.reshape(-1, kernel.shape[3])
    for part in _slabs(out, weights):
        unrolled = _unrolled(xp, windows, x[part], out.shape[1:3])
        xp.matmul(unrolled, weights, out=out[part].reshape(-1, out.shape[3]))
    return out


@conv2d.vjp
def _(g: Any, y: Any, x: Any, kernel: Any, **how: Any) -> Any:
    return (
        conv2d_backprop_input(g, kernel, input_size=x.shape[1:3], **how),
        conv2d_backprop_filter(x, g, kernel_size=kernel.shape[:2], **how),
    )


@op(family="linalg", internal=True)
def conv2d_backprop_input(
    g: Spec,
    kernel: Spec,
    *,
    input_size: InputSize,
    strides: Pair = 1,
    padding: Padding = "valid",
    dilation_rate: Pair = 1,
) -> Spec:
    """Gradient of `conv2d` with respect to its images, of height and width `input_size`; a transposed convolution.

    `g` (batch, rows, columns, filters), `kernel` (height, width, channels, filters). Returns (batch, *input_size,
    channels) in the wider dtype. Raises SpecError if `g` is not what the convolution of such images gives.
    """
    images(numeric(g), "g")
    filters = _kernel(numeric(kernel)).shape[3]
    _agree(g.shape[3], filters, f"g has {g.shape[3]} channels, the kernel {filters} filters")
    _fits(g, Windows.of(_kernel_size(kernel), strides, padding, dilation_rate), input_size)
    return Spec((g.shape[0], *input_size, kernel.shape[2]), promote(g.dtype, kernel.dtype))


@conv2d_backprop_input.kernel
def _(
    xp: Any,
    g: Any,
    kernel: Any,
    *,
    input_size: tuple[int, int],
    strides: Pair,
    padding: Padding,
    dilation_rate: Pair,
    out: Any = None,
) -> Any:
    windows = Windows.of(kernel.shape[:2], strides, padding, dilation_rate)
    g, kernel = _same_dtype(g, kernel)
    shape = (g.shape[0], *input_size, kernel.shape[2])
    canvas = windows.canvas(xp, shape, g.dtype, out)
    weights = kernel.reshape(-1, kernel.shape[3])
    for part in _slabs(g, weights):
        _rolled_add(xp, windows, canvas[part], g[part], weights)
    return windows.crop(canvas, input_size, out)


@conv2d_backprop_input.vjp
def _(g: Any, y: Any, g_: Any, kernel: Any, *, input_size: InputSize, **how: Any) -> Any:
    return conv2d(g, kernel, **how), conv2d_backprop_filter(g, g_, kernel_size=kernel.shape[:2], **how)


@op(family="linalg", internal=True)
def conv2d_backprop_filter(
    x: Spec,
    g: Spec,
    *,
    kernel_size: KernelSize,
    strides: Pair = 1,
    padding: Padding = "valid",
    dilation_rate: Pair = 1,
) -> Spec:
    """Gradient of `conv2d` with respect to its kernel, of height and width `kernel_size`.

    `x` (batch, height, width, channels), `g` (batch, rows, columns, filters). Returns (*kernel_size, channels,
    filters) in the wider dtype. Raises SpecError if `g` is not what the convolution of `x` gives.
    """
    images(numeric(x), "x")
    images(numeric(g), "g")
    _agree(x.shape[0], g.shape[0], f"x has a batch of {x.shape[0]}, g of {g.shape[0]}")
    _fits(g, Windows.of(kernel_size, strides, padding, dilation_rate), x.shape[1:3])
    return Spec((*kernel_size, x.shape[3], g.shape[3]), promote(x.dtype, g.dtype))


@conv2d_backprop_filter.kernel
def _(
    xp: Any,
    x: Any,
    g: Any,
    *,
    kernel_size: KernelSize,
    strides: Pair,
    padding: Padding,
    dilation_rate: Pair,
    out: Any = None,
) -> Any:
    windows = Windows.of(kernel_size, strides, padding, dilation_rate)
    x, g = _same_dtype(x, g)
    if out is None:
        out = xp.empty((*kernel_size, x.shape[3], g.shape[3]), x.dtype)
    weights = out.reshape(-1, g.shape[3])
    weights.fill(0)
    for i, part in enumerate(_slabs(g, weights)):
        unrolled = _unrolled(xp, windows, x[part], g.shape[1:3])
        rows = g[part].reshape(-1, g.shape[3])
        if i == 0:
            xp.matmul(unrolled.T, rows, out=weights)
        else:
            weights += unrolled.T @ rows
    return out


@conv2d_backprop_filter.vjp
def _(g: Any, y: Any, x: Any, g_: Any, *, kernel_size: KernelSize, **how: Any) -> Any:
    return conv2d_backprop_input(g_, g, input_size=x.shape[1:3], **how), conv2d(x, g, **how)


# ---------------------------------------------------------------- the rules


def _kernel(kernel: Spec) -> Spec:
    return same_dims(kernel, 4, "the kernel, (height, width, channels, filters),")


def _kernel_size(kernel: Spec) -> tuple[int, int]:
    height, width = kernel.shape[:2]
    if not isinstance(height, int) or not isinstance(width, int) or height < 1 or width < 1:
        raise SpecError(f"the height and width of the kernel must be known and at least 1; got {kernel}")
    return height, width


def _agree(a: Dim, b: Dim, rule: str) -> None:
    try:
        merge(a, b)
    except SpecError:
        raise SpecError(rule, dimension=f"{a} != {b}") from None


def _fits(g: Spec, windows: Windows, input_size: tuple[Dim, ...]) -> None:
    for what, a, b in zip(("rows", "columns"), g.shape[1:3], windows.count(*input_size), strict=True):
        _agree(a, b, f"g has {a} {what}, the convolution {b}")


# ---------------------------------------------------------------- the numbers


def _same_dtype(a: Any, b: Any) -> tuple[Any, Any]:
    dtype = promote(a.dtype, b.dtype)
    return a.astype(dtype, copy=False), b.astype(dtype, copy=False)


def _slabs(y: Any, weights: Any) -> Iterator[slice]:
    """Parts of the batch whose unrolled columns together fit a slab; `y` is (batch, rows, columns, filters)."""
    each = y.shape[1] * y.shape[2] * weights.shape[0] * y.dtype.itemsize
    count = max(_SLAB_BYTES // max(each, 1), 1)
    for start in range(0, y.shape[0], count):
        yield slice(start, start + count)


def _unrolled(xp: Any, windows: Windows, x: Any, count: tuple[int, int]) -> Any:
    """Every window of `x` as a row: (batch * rows * columns, height * width * channels)."""
    x = windows.pad(xp, x)
    batch, channels = x.shape[0], x.shape[3]
    (rows, columns), (h, w), (sh, sw), (dh, dw) = count, windows.size, windows.strides, windows.dilation
    n, y, x_, c = x.strides
    shape: tuple[int, ...] = (batch, rows, columns, h, w, channels)
    steps: tuple[int, ...] = (n, y * sh, x_ * sw, y * dh, x_ * dw, c)
    if channels < _FEW:
        order = (3, 4, 5, 0, 1, 2)
        shape, steps = tuple(shape[i] for i in order), tuple(steps[i] for i in order)
        seen = xp.lib.stride_tricks.as_strided(x, shape, steps)
        return xp.ascontiguousarray(seen).reshape(h * w * channels, -1).T
    seen = xp.lib.stride_tricks.as_strided(x, shape, steps)
    return xp.ascontiguousarray(seen).reshape(-1, h * w * channels)


def _rolled_add(xp: Any, windows: Windows, padded: Any, g: Any, weights: Any) -> None:
    """Add to the `padded` images what each of their windows contributed: the reverse of `_unrolled`."""
    batch, rows, columns, filters = g.shape
    if padded.shape[3] < _FEW:
        by_place = xp.matmul(weights, g.reshape(-1, filters).T).reshape(*windows.size, -1, batch, rows, columns)
        for i, j, where in windows.taps(rows, columns):
            for channel in range(padded.shape[3]):
                padded[where][..., channel] += by_place[i, j, channel]
        return
    unrolled = xp.matmul(g.reshape(-1, filters), weights.T).reshape(batch, rows, columns, *windows.size, -1)
    for i, j, where in windows.taps(rows, columns):
        padded[where] += unrolled[:, :, :, i, j]


@conv2d.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for x, kernel, how in _CASES:
        yield (rng.normal(size=x), rng.normal(size=kernel)), how
    yield (rng.integers(0, 9, (1, 3, 3, 1)), rng.integers(0, 9, (2, 2, 1, 1))), {}


@conv2d_backprop_input.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for x, kernel, how in _CASES:
        y = conv2d(Spec(x), Spec(kernel), **how)
        yield (rng.normal(size=y.sizes), rng.normal(size=kernel)), {"input_size": x[1:3], **how}


@conv2d_backprop_filter.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for x, kernel, how in _CASES:
        y = conv2d(Spec(x), Spec(kernel), **how)
        yield (rng.normal(size=x), rng.normal(size=y.sizes)), {"kernel_size": kernel[:2], **how}


_CASES: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((2, 5, 4, 3), (3, 2, 3, 2), {}),
    ((2, 5, 6, 4), (3, 3, 4, 2), {"padding": "same"}),
    ((1, 7, 6, 1), (3, 3, 1, 2), {"strides": 2, "padding": "same"}),
    ((2, 6, 7, 2), (2, 3, 2, 1), {"strides": (2, 3)}),
    ((1, 6, 6, 2), (2, 2, 2, 2), {"dilation_rate": 2}),
    ((1, 6, 5, 1), (3, 2, 1, 1), {"dilation_rate": (1, 2), "padding": "same"}),
    ((2, 3, 3, 4), (1, 1, 4, 2), {}),
    ((0, 3, 3, 1), (2, 2, 1, 2), {}),
]
