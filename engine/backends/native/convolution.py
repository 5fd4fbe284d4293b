"""Convolutions: products of register tiles, whose windows are read where they lie.

A tile is eight windows by one vector of filters; its eight sums stay in registers while a loop runs over their terms,
the channels under each tap. Where windows begin and how far from there their elements lie is in tables, made
beforehand: one kernel serves all ranks, strides, dilations, paddings and groups. What is padded, or does not lie
channel by channel, is first copied: one image at a time, which stays in the cache.

The gradient with respect to the tensor is a convolution too: of the gradient with the kernel turned round, once for
each phase of the strides, with those taps that meet it.

Few filters would leave most of a vector empty: then the vectors are of channels, whose sum is taken at the end. Where
each channel has a filter of its own, vectors of filters meet vectors of channels. Windows of 3 x 3 and 5 x 5 are for
`winograd`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from flowloom.backends.native import convolution_sources as sources
from flowloom.backends.native import winograd
from flowloom.backends.native.geometry import (
    TYPES,
    Axis,
    Numbers,
    Phase,
    aligned,
    arguments,
    axes_of,
    backward,
    forward,
    lying,
    named,
    spread,
    table,
)
from flowloom.backends.native.instructions import Argument, Call, Place, Scratch, dense, lowering, parameters
from flowloom.backends.native.machine import BY_HAND
from flowloom.backends.native.vectors import lanes
from flowloom.compiler.expr import Expr
from flowloom.ops.windows import Windows

ROWS = 8  # windows of a tile
FEW = 8  # filters, at most, for which vectors are of channels
SUMS = 12  # of a tile with few filters: these and their factors fit the registers
CHUNK = 32  # tiles that pass over the filters together: what they read stays in the second-level cache
SLAB = 512  # windows whose vectors of filters stay in the first-level cache
NEAR = 2  # vectors of filters, at most, that are read where they lie: of more, too few would stay in the cache
ROWS_TO_FILTER = (8, 9, 7, 5, 6)  # of a tile of the kernel's gradient, best first


@lowering("conv")
def _(e: Expr, operands: Sequence[Place], result: Place) -> Call | None:
    x, kernel = operands
    problem = _problem(e, x, kernel, x.shape, kernel.shape)
    if problem is None:
        return None
    axes, groups, channels, filters = problem
    if winograd.applies(axes, groups, channels, filters, x):
        return winograd.forward(x, kernel, result, axes)
    *steps, channel, filter_ = spread(kernel.strides, 2)
    weights = _Weights(steps, channel, filter_, filters * filter_)
    reads = [_Read(a.size, -a.before, a.reach) for a in axes]
    return _Product(forward(axes), x, kernel, result, reads, groups, channels, filters, weights).call()


@lowering("conv_backprop_input")
def _(e: Expr, operands: Sequence[Place], result: Place) -> Call | None:
    g, kernel = operands[:2]
    problem = _problem(e, g, kernel, result.shape, kernel.shape)
    if problem is None:
        return None
    axes, groups, channels, filters = problem
    if winograd.applies(axes, groups, channels, filters, g):
        return winograd.to_input(g, kernel, result, axes)
    *steps, channel, filter_ = spread(kernel.strides, 2)
    weights = _Weights(steps, filter_, channel, filters * filter_)
    reads = [_Read(a.count, a.before // a.stride - a.most, (a.size - 1 + a.lag) // a.stride + 1 + a.most) for a in axes]
    return _Product(backward(axes), g, kernel, result, reads, groups, filters, channels, weights).call()


@lowering("conv_backprop_filter")
def _(e: Expr, operands: Sequence[Place], result: Place) -> Call | None:
    x, g = operands
    problem = _problem(e, x, g, x.shape, result.shape)
    if problem is None:
        return None
    axes, groups, channels, filters = problem
    if winograd.applies(axes, groups, channels, filters, x):
        return winograd.to_filter(x, g, result, axes)
    return _to_filter(x, g, result, axes, groups, channels, filters)


def _problem(
    e: Expr, a: Place, b: Place, tensor: Sequence[int], kernel: Sequence[int]
) -> tuple[list[Axis], int, int, int] | None:
    """The axes, and how many groups, channels and filters a group there are.

    None if the operands `a` and `b` are not of one float dtype, if one is empty, or if there are more than three axes.
    """
    how = parameters(e)
    windows = Windows.of(len(tensor) - 2, tuple(kernel[:-2]), how["strides"], how["padding"], how["dilation_rate"])
    axes, groups = axes_of(tensor[1:-1], windows), how["groups"]
    if axes is None or a.dtype != b.dtype or a.dtype.name not in TYPES or not (a.size and b.size and e.spec.size):
        return None
    return axes, groups, kernel[-2], kernel[-1] // groups


# ---------------------------------------------------------------- reading a tensor


@dataclass(frozen=True, slots=True)
class _Read:
    """What windows read along one axis of `size` elements: `reach` of them, from the `first` on."""

    size: int
    first: int
    reach: int


def _reading(x: Place, reads: Sequence[_Read], slack: int) -> tuple[dict[str, int], list[int]]:
    """What a kernel is told of `x`, and the strides between what it reads: of `x`, or of a copy of each image.

    With `slack` vectors reach that far beyond the last element: only of a copy.
    """
    batch, *steps, step = spread(x.strides, 1, 1)
    total, reach = x.shape[-1], [r.reach for r in reads]
    copied = slack > 0 or step != 1 or any(r.first < 0 or r.first + r.reach > r.size for r in reads)
    numbers = {
        **named("x", steps, n=batch, c=step),
        **named("z", [r.size for r in reads]),
        **named("o", [r.first for r in reads]),
        **named("e", reach),
        "total": total,
        "copied": int(copied),
        "image_words": aligned(prod(reach) * total + slack) if copied else 0,
    }
    return numbers, [reach[1] * reach[2] * total, reach[2] * total, total] if copied else steps


def _form(x: Place, numbers: dict[str, int], *, channelwise: bool, **more: object) -> dict[str, object]:
    """What the sources leave open."""
    t, width = TYPES[x.dtype.name], lanes(x.dtype)
    under = "first" if channelwise else "panel // panels * channels"
    return {"t": t, "lanes": width, "vector": f"{t}x{width}", "numbers": arguments(numbers), "under": under, **more}


def _call(
    parts: Sequence[str],
    form: dict[str, object],
    tile: str,
    arrays: Sequence[Place],
    numbers: dict[str, int],
    indices: Numbers,
    work: float,
) -> Call:
    """The call of a kernel made of `parts`, filled in, and of the template of a tile. It writes the last array."""
    *before, entry = (part.format(**form) for part in parts)
    scratch = Scratch(numbers["words"] * arrays[0].dtype.itemsize)
    args: tuple[Argument, ...] = (*arrays, table(indices), scratch, *numbers.values())
    return Call(BY_HAND + "\n".join((*before, tile, entry)), args, (arrays[-1].base,), work=work)


# ---------------------------------------------------------------- results from windows


@dataclass(frozen=True, slots=True)
class _Weights:
    """The strides of a kernel: of its taps, of what is summed over, of what is not, and of groups of that."""

    steps: list[int]
    channel: int
    filter: int
    group: int


@dataclass(frozen=True, slots=True)
class _Product:
    """The convolution of `x` with `w`, or its transpose: from groups of `channels` to groups of `filters`."""

    phases: list[Phase]
    x: Place
    w: Place
    y: Place
    reads: list[_Read]
    groups: int
    channels: int
    filters: int
    weights: _Weights

    def call(self) -> Call:
        """The call, with vectors of filters or of channels."""
        width = lanes(self.x.dtype)
        if self.groups > 1 and self.channels == self.filters == 1:
            weights = replace(self.weights, channel=0, filter=self.weights.group, group=0)
            return replace(self, groups=1, filters=self.groups, weights=weights)._wide(width, channelwise=True)
        if self.filters <= min(FEW, width // 2) and self.channels % width == 0:
            return self._few(width)
        return self._wide(width, channelwise=False)

    def _wide(self, width: int, *, channelwise: bool) -> Call:
        tile = sources.multiply(TYPES[self.x.dtype.name], width, ROWS, channelwise=channelwise)
        slack = width if channelwise and self.filters % width else 0
        shape = {"wide": width, "rows": ROWS, "size": width}
        return self._finish(sources.PACK_FILTERS, tile, shape, 1, slack, channelwise=channelwise)

    def _few(self, width: int) -> Call:
        rows = max(SUMS // self.filters, 1)
        tile = sources.multiply_channels(TYPES[self.x.dtype.name], width, rows, self.filters)
        shape = {"wide": self.filters, "rows": rows, "size": self.filters * width}
        return self._finish(sources.PACK_CHANNELS, tile, shape, width, 0, channelwise=False)

    def _finish(
        self, pack: str, tile: str, shape: dict[str, int], piece: int, slack: int, *, channelwise: bool
    ) -> Call:
        """The call, with tiles of `rows` windows by `wide` filters. A term, of `piece` channels, has `size` weights."""
        x, w, y, weights = self.x, self.w, self.y, self.weights
        reading, steps = _reading(x, self.reads, slack)
        pieces = np.arange(0, self.channels, piece)
        written = spread(dense(y.shape), 1, 1)[1:-1]
        tables = [
            (
                lying(p.taps, weights.steps, pieces * weights.channel),
                lying(p.shifts, steps, pieces),
                lying(p.starts, steps),
                lying(p.results, written),
            )
            for p in self.phases
        ]
        panels, windows = -(-self.filters // shape["wide"]), y.size // y.shape[-1]
        indices, chunks = _in_chunks(tables, min(CHUNK, -(-windows // (16 * shape["rows"]))) * shape["rows"])
        terms = sum(len(origins) for origins, *_ in tables)
        numbers = {
            **reading,
            "wc": weights.channel,
            "wf": weights.filter,
            "wg": weights.group,
            "yn": prod(y.shape[1:]),
            "batch": x.shape[0],
            "groups": self.groups,
            "channels": self.channels,
            "filters": self.filters,
            "panels": panels,
            "phases": len(tables),
            "chunks": chunks,
            "by_filters": int(w.size > x.size and self.groups * panels > 1),
            "words": reading["image_words"] + aligned(terms * shape["size"] * self.groups * panels),
        }
        form = _form(x, numbers, channelwise=channelwise, **shape)
        met = sum(len(origins) * len(places) for origins, _, places, _ in tables)
        work = 2.0 * x.shape[0] * met * piece * self.filters * self.groups
        return _call((sources.PADDING, pack, sources.ENTRY), form, tile, (x, w, y), numbers, indices, work)


def _in_chunks(tables: Sequence[tuple[Numbers, ...]], chunk: int) -> tuple[Numbers, int]:
    """The tables of all phases one after the other, behind what tells of them, and of chunks of so many windows."""
    parts = [(k, i, min(i + chunk, len(t[2]))) for k, t in enumerate(tables) for i in range(0, len(t[2]), chunk)]
    first = 6 * len(tables) + 3 * len(parts)
    heads = []
    for arrays in tables:
        heads += [len(arrays[0]), len(arrays[2])]
        for array in arrays:
            heads.append(first)
            first += len(array)
    flat = [np.array(heads), np.array(parts, np.int64).reshape(-1), *(array for arrays in tables for array in arrays)]
    return np.concatenate(flat), len(parts)


# ---------------------------------------------------------------- the kernel's gradient


def _to_filter(x: Place, g: Place, w: Place, axes: list[Axis], groups: int, channels: int, filters: int) -> Call:
    t, width = TYPES[x.dtype.name], lanes(x.dtype)
    few = filters <= min(FEW, width // 2) and channels % width == 0
    channelwise = groups > 1 and channels == filters == 1
    if channelwise:
        groups, filters = 1, groups
    reading, steps = _reading(
        x, [_Read(a.size, -a.before, a.reach) for a in axes], width if channelwise and filters % width else 0
    )
    g_batch, *g_steps, g_step = spread(g.strides, 1, 1)
    (phase,) = forward(axes)
    offsets = lying(phase.shifts, steps, np.arange(0, channels, width if few else 1))
    places, results = lying(phase.starts, steps), lying(phase.results, g_steps)
    panels = -(-filters // width)
    rows = min(ROWS_TO_FILTER, key=lambda r: _effort(r, len(offsets), panels * groups))
    sums = len(offsets) * filters * groups if few else -(-len(offsets) // rows) * rows * panels * groups
    numbers = {
        **reading,
        "gn": g_batch,
        "gc": g_step,
        "batch": x.shape[0],
        "groups": groups,
        "channels": channels,
        "filters": filters,
        "panels": panels,
        "count": len(places),
        "terms": len(offsets),
        "gathered": int(g_step != 1 or filters % width != 0 or groups * filters > NEAR * width),
        "words": reading["image_words"] + aligned((SLAB + sums) * width),
    }
    form = _form(x, numbers, channelwise=channelwise, rows=rows, slab=SLAB)
    indices = np.concatenate((places, results, np.arange(SLAB) * width, offsets))
    work = 2.0 * x.shape[0] * len(places) * w.size
    parts: tuple[str, ...]
    if few:
        parts, tile = (sources.PADDING, sources.CHANNEL_FILTER_ENTRY), sources.accumulate_channels(t, width, filters)
    else:
        parts = (sources.PADDING, sources.PACK_FILTERS, sources.FILTER_ENTRY)
        tile = sources.accumulate(t, width, rows, channelwise=channelwise)
    return _call(parts, form, tile, (x, g, w), numbers, indices, work)


def _effort(rows: int, terms: int, panels: int) -> float:
    """What sums in tiles of `rows` cost, by one thread and then by the slower of two: each row, and each tile."""
    tiles = -(-terms // rows) * panels
    return (tiles + 2 * -(-tiles // 2)) * (rows + 1.5)
