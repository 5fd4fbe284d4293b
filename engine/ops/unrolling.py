"""The numbers of a convolution and of its two gradients: a matrix product each, with the windows unrolled (im2col).

Windows are unrolled in slabs: parts of the batch, or bands of one tensor where that is large. Of several groups each is
a product of its own. Where each channel is a group, `channelwise` is faster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import Any, TypeAlias

import numpy as np

from flowloom.ops import channelwise
from flowloom.ops.windows import Windows
from flowloom.spec import is_integer, promote

Numbers: TypeAlias = Callable[..., Any]
Band: TypeAlias = tuple[int, int]

# Columns of a slab: small enough to stay in a CPU's last-level cache between unrolling and multiplying.
_SLAB_BYTES = 4 << 20
# With so few channels in a group, runs of memory along a window are so short that it is up to 3 times as fast to copy
# runs along a row of windows; and, on the way back, to add such runs.
_FEW = 4
_FEW_BACK = 15


def accumulator(*dtypes: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype in which products of these are summed: integers of less than 32 bits in int32."""
    dtype = promote(*dtypes)
    return np.dtype("int32") if is_integer(dtype) and dtype.itemsize < 4 else dtype


def compute(
    xp: Any, numbers: Numbers, windows: Windows, a: Any, b: Any, groups: int, out: Any, shape: Any, terms: int
) -> Any:
    """`numbers(xp, windows, a, b, groups, out)` in a dtype that is fast; an element is the sum of `terms` products."""
    dtype = accumulator(a.dtype, b.dtype)
    work = _fast(dtype, a, b, terms)
    a, b = a.astype(work, copy=False), b.astype(work, copy=False)
    if out is None:
        out = xp.empty(shape, dtype)
    if work == dtype:
        return numbers(xp, windows, a, b, groups, out)
    out[...] = numbers(xp, windows, a, b, groups, xp.empty(shape, work))
    return out


def _fast(dtype: np.dtype[Any], a: Any, b: Any, terms: int) -> np.dtype[Any]:
    """A dtype that BLAS multiplies, where the result is the same: float64 holds all integers up to 2**53."""
    if dtype == np.float16:
        return np.dtype("float32")
    if not is_integer(dtype):
        return dtype
    exact = _magnitude(a) * _magnitude(b) * terms <= min(np.iinfo(dtype).max, 2**53)
    return np.dtype("float64") if exact else dtype


def _magnitude(a: Any) -> int:
    return max(int(a.max()), -int(a.min())) if a.size else 0


# ---------------------------------------------------------------- the three products


def convolve(xp: Any, windows: Windows, x: Any, kernel: Any, groups: int, out: Any) -> Any:
    """The convolution of `x` (batch, *sizes, channels) with `kernel` (*size, channels / groups, filters), in `out`."""
    if channelwise.applies(x, groups):
        return channelwise.convolve(xp, windows, x, kernel, out)
    weights = _by_group(kernel, groups)
    for part, bands in _slabs(windows, out, x.shape[-1]):
        padded = windows.pad(xp, x[part])
        for band in bands:
            rows = out[part][:, slice(*band)]
            unrolled = _unrolled(xp, windows, _under(windows, padded, band), rows.shape[1:-1], groups)
            xp.matmul(unrolled, weights, out=_by_group(rows, groups))
    return out


def convolve_back(xp: Any, windows: Windows, g: Any, kernel: Any, groups: int, out: Any) -> Any:
    """What `g` (batch, *count, filters) contributes to each element of the tensor that was convolved, in `out`."""
    if channelwise.applies(out, groups):
        return channelwise.convolve_back(xp, windows, g, kernel, out)
    canvas = windows.canvas(xp, out, turned=out.shape[-1] <= _FEW_BACK * groups)
    weights = _by_group(kernel, groups)
    for part, bands in _slabs(windows, g, out.shape[-1]):
        for band in bands:
            _rolled_add(xp, windows, _under(windows, canvas[part], band), g[part][:, slice(*band)], weights)
    return windows.crop(canvas, out)


def correlate(xp: Any, windows: Windows, x: Any, g: Any, groups: int, out: Any) -> Any:
    """What `x` and `g` contribute to each element of the kernel, in `out` (*size, channels / groups, filters)."""
    if channelwise.applies(x, groups):
        return channelwise.correlate(xp, windows, x, g, out)
    out.fill(0)
    weights = _by_group(out, groups)
    first = True
    for part, bands in _slabs(windows, g, x.shape[-1]):
        padded = windows.pad(xp, x[part])
        for band in bands:
            rows = g[part][:, slice(*band)]
            unrolled = _unrolled(xp, windows, _under(windows, padded, band), rows.shape[1:-1], groups)
            product = (unrolled.swapaxes(1, 2), _by_group(rows, groups))
            if first:
                xp.matmul(*product, out=weights)
            else:
                weights += xp.matmul(*product)
            first = False
    return out


# ---------------------------------------------------------------- slabs


def _slabs(windows: Windows, y: Any, channels: int) -> Iterator[tuple[slice, list[Band]]]:
    """Parts of the batch, each with bands along the first axis of windows, whose columns together fit a slab.

    `y` is (batch, *count, filters). There is one band, the whole axis, unless the part is a single tensor.
    """
    batch, rows = y.shape[:2]
    each = prod(y.shape[2:-1] + windows.size) * channels * y.itemsize  # bytes of one row of windows
    fit = max(_SLAB_BYTES // max(each, 1), 1)
    if fit < rows:
        bands = [(i, min(i + fit, rows)) for i in range(0, rows, fit)]
        yield from ((slice(i, i + 1), bands) for i in range(batch))
        return
    count = fit // max(rows, 1)
    yield from ((slice(i, i + count), [(0, rows)]) for i in range(0, batch, count))


def _under(windows: Windows, padded: Any, band: Band) -> Any:
    """The `padded` tensor from where the windows of a band begin."""
    return padded[:, band[0] * windows.strides[0] :]


def _by_group(y: Any, groups: int) -> Any:
    """`y` (..., filters) as a view (groups, ..., filters / groups), with one axis for all that come before."""
    return y.reshape(prod(y.shape[:-1]), groups, y.shape[-1] // groups).transpose(1, 0, 2)


def _unrolled(xp: Any, windows: Windows, padded: Any, count: tuple[int, ...], groups: int) -> Any:
    """`count` windows as rows: (groups, batch * count, size * channels / groups)."""
    seen = windows.view(xp, padded, count)
    channels = seen.shape[-1] // groups
    seen = seen.reshape(*seen.shape[:-1], groups, channels)
    rows, columns = range(1 + len(count)), (*range(1 + len(count), seen.ndim - 2), seen.ndim - 1)
    height, width = len(padded) * prod(count), prod(windows.size) * channels
    if channels <= _FEW:
        turned = xp.ascontiguousarray(seen.transpose(seen.ndim - 2, *columns, *rows))
        return turned.reshape(groups, width, height).swapaxes(1, 2)
    return xp.ascontiguousarray(seen.transpose(seen.ndim - 2, *rows, *columns)).reshape(groups, height, width)


def _rolled_add(xp: Any, windows: Windows, padded: Any, g: Any, weights: Any) -> None:
    """Add to the `padded` tensor what each of its windows contributed: the reverse of `_unrolled`."""
    count, groups, rank = g.shape[1:-1], len(weights), len(windows.size)
    channels = padded.shape[-1] // groups
    filters = _by_group(g, groups)
    if channels <= _FEW_BACK:
        made = xp.matmul(weights, filters.swapaxes(1, 2)).reshape(groups, *windows.size, channels, len(g), *count)
        made = made.transpose(*range(1, 1 + rank), *range(2 + rank, 3 + 2 * rank), 0, 1 + rank)
    else:
        made = xp.matmul(filters, weights.swapaxes(1, 2)).reshape(groups, len(g), *count, *windows.size, channels)
        made = made.transpose(*range(2 + rank, 2 + 2 * rank), *range(1, 2 + rank), 0, 2 + 2 * rank)
    grouped = padded.reshape(*padded.shape[:-1], groups, channels)
    for place, where in windows.taps(count):
        grouped[where] += made[place]
