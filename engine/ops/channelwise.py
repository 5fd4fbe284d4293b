"""The numbers of a convolution in which each channel is a group of its own, and of its two gradients.

There is no product of matrices in it: for each place in the window, all channels are multiplied by their weights there,
in parts small enough to stay in a cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

from flowloom.ops.windows import Windows

# Of a part there are three arrays at a time; together they fit a CPU's second-level cache.
_PART_BYTES = 1 << 18


def applies(x: Any, groups: int) -> bool:
    """Whether each of several channels of `x` is a group."""
    return groups > 1 and bool(x.shape[-1] == groups)


def convolve(xp: Any, windows: Windows, x: Any, kernel: Any, out: Any) -> Any:
    """The convolution of `x` (batch, *sizes, channels) with `kernel` (*size, 1, filters), in `out`."""
    out.fill(0)
    for part in _parts(out):
        padded, product = windows.pad(xp, x[part]), _blank(xp, out[part], x)
        for total, weights in zip(_layers(out[part], x), _layers(kernel, x), strict=True):
            for place, where in windows.taps(out.shape[1:-1]):
                total += xp.multiply(padded[where], _along(xp, weights[place], product), out=product)
    return out


def convolve_back(xp: Any, windows: Windows, g: Any, kernel: Any, out: Any) -> Any:
    """What `g` (batch, *count, filters) contributes to each element of the tensor that was convolved, in `out`."""
    canvas = windows.canvas(xp, out)
    for part in _parts(g):
        padded, product = canvas[part], _blank(xp, g[part], out)
        for given, weights in zip(_layers(g[part], out), _layers(kernel, out), strict=True):
            for place, where in windows.taps(g.shape[1:-1]):
                padded[where] += xp.multiply(given, _along(xp, weights[place], product), out=product)
    return windows.crop(canvas, out)


def correlate(xp: Any, windows: Windows, x: Any, g: Any, out: Any) -> Any:
    """What `x` and `g` contribute to each element of the kernel, in `out` (*size, 1, filters)."""
    out.fill(0)
    for part in _parts(g):
        padded, product = windows.pad(xp, x[part]), _blank(xp, g[part], x)
        rows = product.reshape(prod(product.shape[:-2]), prod(product.shape[-2:]))
        for weights, given in zip(_layers(out, x), _layers(g[part], x), strict=True):
            for place, where in windows.taps(g.shape[1:-1]):
                xp.multiply(padded[where], given, out=product)
                # Long rows first: to sum all at once over rows as short as the channels takes twice the time.
                weights[place] += rows.sum(0).reshape(product.shape[-2:]).sum(0)
    return out


def _layers(y: Any, x: Any) -> list[Any]:
    """`y` (..., filters) as views (..., channels), one for each filter that a channel of `x` has."""
    channels = x.shape[-1]
    by_channel = y.reshape(*y.shape[:-1], channels, y.shape[-1] // channels)
    return [by_channel[..., i] for i in range(by_channel.shape[-1])]


def _blank(xp: Any, y: Any, x: Any) -> Any:
    return xp.empty((*y.shape[:-1], x.shape[-1]), y.dtype)


def _along(xp: Any, weights: Any, product: Any) -> Any:
    """`weights` (1, channels) repeated along the last axis of windows: NumPy then multiplies in longer runs."""
    return xp.ascontiguousarray(xp.broadcast_to(weights, product.shape[-2:]))


def _parts(y: Any) -> Iterator[slice]:
    count = max(_PART_BYTES * len(y) // max(y.nbytes, 1), 1)
    yield from (slice(i, i + count) for i in range(0, len(y), count))
