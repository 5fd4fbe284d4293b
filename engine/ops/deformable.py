"""Deformable convolution: a convolution whose windows reach where a second tensor sends them (Dai et al., "Deformable
Convolutional Networks", arXiv 1703.06211; with a mask Zhu et al., arXiv 1811.11168).
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.comparison import greater_equal, less_equal, logical_and
from flowloom.ops.composing import at_least_single, extent, in_dtype, part
from flowloom.ops.convolution import conv, kernel_window
from flowloom.ops.elementwise import cast, maximum, minimum, where
from flowloom.ops.inference import floats
from flowloom.ops.joining import stack
from flowloom.ops.points import take_points
from flowloom.ops.reduction import sum_
from flowloom.ops.rounding import floor
from flowloom.ops.shape import expand_dims, reshape, squeeze, transpose
from flowloom.ops.windows import Windows, images
from flowloom.params import AnyPadding, Count, Each, Padding2D, Pair, Shape
from flowloom.spec import Spec, merge, merge_shapes, product, promote, quotient, shape_text


@op(family="linalg", composite=True)
def deform_conv2d(
    x: Any,
    kernel: Any,
    offset: Any,
    mask: Any = None,
    *,
    strides: Pair = 1,
    padding: Padding2D = "valid",
    dilation_rate: Pair = 1,
    groups: Count = 1,
    offset_groups: Count = 1,
) -> Any:
    """Convolution of images, the elements of its windows moved by `offset` and weighed by `mask` (ONNX DeformConv).

    `x` (batch, height, width, channels), `kernel` (height, width, channels / groups, filters). For each element of each
    window and for each of the `offset_groups` of channels, `offset` (batch, rows, columns, offset_groups * window * 2)
    says how many rows and columns further to look, and `mask` (batch, rows, columns, offset_groups * window) by how
    much to multiply what is there. Between pixels it is interpolated, beside `x` it is 0. Returns (batch, rows,
    columns, filters) in the widest dtype. Raises SpecError if the shapes do not fit, or if `offset` or `mask` is not of
    floats.
    """
    window = kernel_window(kernel, images(x, "x", 2).ndim, groups)
    taken = product((kernel.shape[2], groups))
    merge(x.shape[3], taken, f"x has {x.shape[3]} channels, the kernel takes {taken}")
    windows = Windows.of(2, window, strides, padding, dilation_rate)
    moved = _by_tap(x, offset, "offset", windows, offset_groups, 2)
    where_to = window_places(
        at_least_single(moved),
        input_size=x.shape[1:3],
        size=window,
        strides=strides,
        padding=padding,
        dilation_rate=dilation_rate,
    )
    seen = _interpolated(x, where_to, offset_groups)
    if mask is not None:
        seen = seen * _by_tap(x, mask, "mask", windows, offset_groups, 1)
    # What the windows see is a tensor with their elements as a third axis, all of which one window takes.
    taps = prod(window)
    volume = reshape(seen, shape=(*seen.shape[:3], taps, x.shape[3]))
    y = squeeze(conv(volume, reshape(kernel, shape=(1, 1, taps, *kernel.shape[2:])), groups=groups), axis=3)
    widest = promote(*(t.dtype for t in (x, kernel, offset, mask) if t is not None))
    return in_dtype(y, widest)  # small floats: their places were float32


def _by_tap(x: Any, given: Any, what: str, windows: Windows, groups: int, each: int) -> Any:
    """`given` (batch, rows, columns, groups * taps * each) as (batch, rows, columns, taps, groups, each)."""
    floats(images(given, what, 2), what)
    taps = prod(windows.size)
    expected = (x.shape[0], *windows.count(x.shape[1:3]), groups * taps * each)
    rule = f"the {what} is {shape_text(given.shape)}; these windows need {shape_text(expected)}"
    merge_shapes(given.shape, expected, rule)
    apart = reshape(given, shape=(*given.shape[:3], groups, taps, each))
    return transpose(apart, axes=(0, 1, 2, 4, 3, 5))


def _interpolated(x: Any, places: Any, groups: int) -> Any:
    """The channels of `x` in `groups`, each at its `places` (batch, ..., groups, 2): (batch, ..., groups, channels)."""
    split = reshape(x, shape=(*x.shape[:3], groups, quotient(x.shape[3], groups)))
    rows, by_row = _neighbours(part(places, 0), extent(x, 1, places.dtype))
    columns, by_column = _neighbours(part(places, 1), extent(x, 2, places.dtype))
    pixels = expand_dims(rows, axis=-1) * extent(x, 2, rows.dtype) + expand_dims(columns, axis=-2)
    found = take_points(split, pixels * groups + np.arange(groups).reshape(-1, 1, 1))
    weights = expand_dims(by_row, axis=-1) * expand_dims(by_column, axis=-2)
    return sum_(found * expand_dims(weights, axis=-1), axis=(-3, -2))


def _neighbours(at: Any, n: Any) -> tuple[Any, Any]:
    """The two indices nearest to `at`, on a new last axis, and their weights; outside of 0..n - 1 the weight is 0."""
    first = floor(at)
    further = at - first
    index = stack(first, first + 1.0, axis=-1)
    inside = logical_and(greater_equal(index, 0), less_equal(index, n - 1))
    weight = where(inside, stack(1.0 - further, further, axis=-1), 0.0)
    return cast(maximum(minimum(index, n - 1), 0), dtype="int64"), weight


@op(family="linalg", internal=True)
def window_places(
    offset: Spec,
    *,
    input_size: Shape,
    size: tuple[Count, ...],
    strides: Each = 1,
    padding: AnyPadding = "valid",
    dilation_rate: Each = 1,
) -> Spec:
    """`offset` (batch, *windows, elements of a window, groups, axes), counted from the place of its element.

    Places are numbers along each axis of a tensor of the sizes `input_size`, 0 for its first element; the padding is
    outside. Keeps shape and dtype.
    """
    return offset


@window_places.kernel
def _(
    xp: Any,
    offset: Any,
    *,
    input_size: tuple[int, ...],
    size: tuple[int, ...],
    strides: Each,
    padding: AnyPadding,
    dilation_rate: Each,
    out: Any = None,
) -> Any:
    windows = Windows.of(len(size), size, strides, padding, dilation_rate)
    out = xp.empty(offset.shape, offset.dtype) if out is None else out
    apart = offset.reshape(*offset.shape[: 1 + len(size)], *size, *offset.shape[-2:])
    into = out.reshape(apart.shape)
    for axis, places in enumerate(windows.places(xp, input_size, offset.shape[1 : 1 + len(size)])):
        shape = [1] * (1 + 2 * len(size))
        shape[1 + axis], shape[1 + len(size) + axis] = places.shape
        xp.add(apart[..., axis], places.reshape(*shape, 1).astype(offset.dtype), out=into[..., axis])
    return out


window_places.vjp(lambda g, y, offset, **how: (g,))


@window_places.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    how = {"input_size": (5, 4), "size": (2, 3), "padding": "same"}
    yield (rng.normal(size=(2, 5, 4, 6, 2, 2)),), how
    yield (rng.normal(size=(2, 3, 2, 6, 1, 2)),), {**how, "strides": 2, "dilation_rate": (1, 2)}


@deform_conv2d.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    # Between pixels by 0.1 or more: where a place crosses one, the slope changes.
    def between(*shape: int) -> Any:
        return rng.integers(-2, 2, shape) + rng.uniform(0.1, 0.9, shape)

    x, kernel = rng.normal(size=(2, 5, 4, 3)), rng.normal(size=(3, 2, 3, 2))
    yield (x, kernel, between(2, 3, 3, 12)), {}
    x, kernel = rng.normal(size=(2, 4, 4, 4)), rng.normal(size=(2, 2, 2, 4))
    how = {"padding": ((1, 0), (0, 1)), "strides": (2, 1), "groups": 2, "offset_groups": 2}
    yield (x, kernel, between(2, 2, 4, 16), rng.uniform(0.1, 1, (2, 2, 4, 8))), how
    yield (x[:1], kernel, between(1, 2, 2, 8)), {"padding": "same", "strides": 2, "dilation_rate": 2, "groups": 2}
