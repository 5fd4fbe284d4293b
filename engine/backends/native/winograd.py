"""Convolutions of images with windows of 3 x 3 or 5 x 5 by Winograd's transforms: a quarter or a third of the products.

Tiles of 6 x 6 elements are transformed, a chunk at a time, so that all stays in the second-level cache: there the 36
numbers of each tile are multiplied with those of the kernel, each of the 36 by itself a product of matrices. The
gradients are the same products in other roles: with g that of the results, the tensor's is B ((G w G') * (A g A')) B',
added up where tiles overlap, and the kernel's G' (sum over tiles of (B' x B) * (A g A')) G.

A NaN or an infinity spreads to the results of its tile, at most four places away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from flowloom.backends.native import convolution_sources
from flowloom.backends.native import winograd_sources as sources
from flowloom.backends.native.geometry import TYPES, Axis, Numbers, aligned, arguments, table
from flowloom.backends.native.instructions import Call, Place, Scratch
from flowloom.backends.native.machine import BY_HAND
from flowloom.backends.native.vectors import lanes

ROWS = 8  # tiles, or channels, whose sums are in registers at a time
CHUNK_BYTES = 384 << 10  # of transformed tiles: with the kernel's they fit a second-level cache
KERNEL_BYTES = 16 << 20  # of a transformed kernel: larger ones do not stay in any cache
LEAST_WINDOWS = 512  # in all images: for fewer it does not pay to transform the kernel
FEW_IMAGES = 8  # which the threads do not share


def applies(axes: Sequence[Axis], groups: int, channels: int, filters: int, place: Place) -> bool:
    """Whether a convolution is one of these: of float32, with channels and filters that fill whole vectors."""
    deep, high, wide = axes
    width, window = lanes(place.dtype), high.window
    fits = (
        place.dtype.name == "float32"
        and groups == 1
        and channels % width == filters % width == 0
        and deep == Axis()
        and window == wide.window
        and window in (3, 5)
        and high.stride == high.dilation == wide.stride == wide.dilation == 1
    )
    if not fits or 4 * sources.PLANES * channels * filters > KERNEL_BYTES:
        return False
    tiles, windows = _Tiles.of(axes), high.count * wide.count
    return place.shape[0] * windows >= LEAST_WINDOWS and 3 * sources.PLANES * tiles.count < 2 * windows * window**2


@dataclass(frozen=True, slots=True)
class _Tiles:
    """The tiles of an image: rows and columns of them, with `results` rows and columns of results each."""

    high: Axis
    wide: Axis
    results: int
    rows: int
    columns: int

    @classmethod
    def of(cls, axes: Sequence[Axis]) -> _Tiles:
        _, high, wide = axes
        results = sources.POINTS + 1 - high.window
        return cls(high, wide, results, -(-high.count // results), -(-wide.count // results))

    @property
    def count(self) -> int:
        """How many there are."""
        return self.rows * self.columns

    @property
    def reach(self) -> tuple[int, int]:
        """How many rows and columns of elements they reach over."""
        rest = self.high.window - 1
        return self.rows * self.results + rest, self.columns * self.results + rest

    @property
    def filled(self) -> tuple[int, int]:
        """How many rows and columns of results they have room for."""
        return self.rows * self.results, self.columns * self.results

    def table(self, elements: Sequence[int], results: Sequence[int]) -> Numbers:
        """For each tile: where its elements and its results lie, with these strides, and how many results are left."""
        h, w = np.divmod(np.arange(self.count), self.columns)
        h, w = h * self.results, w * self.results
        lying = (h * steps[0] + w * steps[1] for steps in (elements, results))
        return np.stack([*lying, self.high.count - h, self.wide.count - w], 1).reshape(-1)

    def chunk(self, channels: int, filters: int) -> int:
        """How many of them are transformed together."""
        fit = CHUNK_BYTES // (4 * sources.PLANES * (channels + filters)) // ROWS * ROWS
        return min(max(fit, ROWS), -(-self.count // ROWS) * ROWS)


def forward(x: Place, kernel: Place, y: Place, axes: Sequence[Axis]) -> Call:
    """The call that convolves `x` with the kernel."""
    tiles, channels, filters = _Tiles.of(axes), x.shape[-1], y.shape[-1]
    numbers, steps = _elements(x, tiles)
    written = tiles.wide.count * filters, filters
    chunk = tiles.chunk(channels, filters)
    numbers |= _weights(kernel) | {
        "yn": prod(y.shape[1:]),
        "yh": written[0],
        "chunks": -(-tiles.count // chunk),
        "by_filters": int(kernel.size > x.size and filters > lanes(x.dtype)),
    }
    t, width = TYPES[x.dtype.name], lanes(x.dtype)
    parts = (
        sources.spread(t, width),
        sources.turn(t, width, tiles.high.window),
        sources.multiply(t, width, ROWS),
        sources.collect(t, width, tiles.results),
    )
    return _call(sources.ENTRY, parts, (x, kernel, y), tiles, tiles.table(steps, written), numbers, channels, filters)


def to_input(g: Place, kernel: Place, x: Place, axes: Sequence[Axis]) -> Call:
    """The call that gives the gradient `x` of the tensor."""
    tiles, channels, filters = _Tiles.of(axes), x.shape[-1], g.shape[-1]
    elements, _ = _elements(x, tiles)
    numbers, steps = _gradients(g, tiles)
    few = kernel.size > x.size or x.shape[0] < FEW_IMAGES
    numbers |= elements | _weights(kernel) | {"by_channels": int(few and channels > lanes(x.dtype))}
    numbers["image_words"] = prod(tiles.reach) * channels
    t, width = TYPES[x.dtype.name], lanes(x.dtype)
    parts = (
        sources.evaluate(t, width, tiles.results),
        sources.turn(t, width, tiles.high.window),
        sources.multiply(t, width, ROWS),
        sources.scatter(t, width),
        sources.CROP,
    )
    indices = tiles.table((tiles.reach[1], 1), steps)
    return _call(sources.INPUT_ENTRY, parts, (g, kernel, x), tiles, indices, numbers, channels, filters)


def to_filter(x: Place, g: Place, w: Place, axes: Sequence[Axis]) -> Call:
    """The call that gives the gradient `w` of the kernel."""
    tiles, channels, filters = _Tiles.of(axes), x.shape[-1], g.shape[-1]
    numbers, steps = _elements(x, tiles)
    gradients, g_steps = _gradients(g, tiles)
    numbers |= gradients | {"by_filters": int(filters > channels)}
    t, width = TYPES[x.dtype.name], lanes(x.dtype)
    parts = (
        sources.spread(t, width),
        sources.evaluate(t, width, tiles.results),
        sources.accumulate(t, width, min(ROWS, width)),
        sources.restore(t, width, tiles.high.window),
    )
    return _call(sources.FILTER_ENTRY, parts, (x, g, w), tiles, tiles.table(steps, g_steps), numbers, channels, filters)


def _call(
    entry: str,
    parts: Sequence[str],
    arrays: Sequence[Place],
    tiles: _Tiles,
    indices: Numbers,
    numbers: dict[str, int],
    channels: int,
    filters: int,
) -> Call:
    """The call of the kernel with that entry, made of these templates; the last of the arrays is written."""
    first, last = arrays[0], arrays[-1]
    t, width, chunk = TYPES[first.dtype.name], lanes(first.dtype), tiles.chunk(channels, filters)
    planes = channels * filters + chunk * (channels + filters) + 3 * width
    numbers = numbers | {
        "channels": channels,
        "filters": filters,
        "batch": first.shape[0],
        "count": tiles.count,
        "chunk": chunk,
        "words": aligned(numbers["image_words"] + numbers.get("g_words", 0) + sources.PLANES * planes),
    }
    form = {
        "t": t,
        "vector": f"{t}x{width}",
        "lanes": width,
        "rows": min(ROWS, width) if entry is sources.FILTER_ENTRY else ROWS,
        "planes": sources.PLANES,
        "window": tiles.high.window,
        "numbers": arguments(numbers),
    }
    source = BY_HAND + "\n".join((convolution_sources.PADDING.format(**form), *parts, entry.format(**form)))
    scratch = Scratch(numbers["words"] * first.dtype.itemsize)
    work = 2.0 * first.shape[0] * tiles.count * sources.PLANES * channels * filters
    return Call(source, (*arrays, table(indices), scratch, *numbers.values()), (last.base,), work=work)


def _weights(kernel: Place) -> dict[str, int]:
    return {f"w{axis}": step for axis, step in zip("hwcf", kernel.strides[-4:], strict=True)}


def _elements(x: Place, tiles: _Tiles) -> tuple[dict[str, int], tuple[int, int]]:
    """What a kernel is told of `x`; and how far apart rows and columns lie: of `x`, or of a copy of each image."""
    batch, *_, high, wide, step = x.strides
    reach, channels, axes = tiles.reach, x.shape[-1], (tiles.high, tiles.wide)
    inside = all(a.before <= 0 and e - a.before <= a.size for a, e in zip(axes, reach, strict=True))
    copied = not inside or step != 1
    read = (reach[1] * channels, channels) if copied else (high, wide)
    numbers = {"xn": batch, "xh": high, "xw": wide, "xc": step, "sh": read[0], "sw": read[1], "copied": int(copied)}
    for name, a, extent in zip("hw", axes, reach, strict=True):
        numbers |= {f"z{name}": a.size, f"o{name}": -a.before, f"e{name}": extent}
    return numbers | {"image_words": aligned(prod(reach) * channels) if copied else 0}, read


def _gradients(g: Place, tiles: _Tiles) -> tuple[dict[str, int], tuple[int, int]]:
    """What a kernel is told of `g`; and how far apart rows and columns lie: of `g`, or of a copy that fills tiles."""
    batch, *_, high, wide, step = g.strides
    count, filters = (tiles.high.count, tiles.wide.count), g.shape[-1]
    copied = tiles.filled != count or step != 1
    read = (tiles.filled[1] * filters, filters) if copied else (high, wide)
    numbers = {"gn": batch, "gh": high, "gw": wide, "gc": step, "rh": read[0], "rw": read[1]}
    numbers |= {"nh": count[0], "nw": count[1], "fh": tiles.filled[0], "fw": tiles.filled[1]}
    words = aligned(prod(tiles.filled) * filters) if copied else 0
    return numbers | {"g_copied": int(copied), "g_words": words}, read
