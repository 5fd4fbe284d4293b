"""Patches of sequences, images and volumes: every window as a row (im2col), and rows added back up (col2im)."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.inference import numeric
from flowloom.ops.windows import Windows, images
from flowloom.params import AnyPadding, Each, Shape, WindowSize
from flowloom.spec import Spec, SpecError, merge_shapes, product, quotient, shape_text


@op(family="shape")
def extract_patches(
    x: Spec, *, size: WindowSize, strides: Each | None = None, dilation_rate: Each = 1, padding: AnyPadding = "valid"
) -> Spec:
    """Every window of `x` as a row; `strides` None is `size`, so that patches lie side by side.

    `x` (batch, *sizes, channels), with as many sizes as `size` has. Returns (batch, *windows, elements of a window), in
    the order (*size, channels) and in the dtype of `x`; padding is 0. Raises SpecError if a window does not fit.
    """
    windows = _windows(size, strides, padding, dilation_rate)
    batch, *sizes, channels = images(numeric(x), "x", len(size)).shape
    return x.with_shape((batch, *windows.count(sizes), product((*size, channels))))


@extract_patches.kernel
def _(
    xp: Any,
    x: Any,
    *,
    size: WindowSize,
    strides: Each | None,
    dilation_rate: Each,
    padding: AnyPadding,
    out: Any = None,
) -> Any:
    windows = _windows(size, strides, padding, dilation_rate)
    count = windows.count(x.shape[1:-1])
    seen = windows.view(xp, windows.pad(xp, x), count)
    if out is None:
        out = xp.empty((x.shape[0], *count, prod(size) * x.shape[-1]), x.dtype)
    out.reshape(seen.shape)[...] = seen
    return out


@extract_patches.vjp
def _(g: Any, y: Any, x: Any, **how: Any) -> Any:
    return (fold_patches(g, output_size=x.shape[1:-1], **how),)


@op(family="shape")
def fold_patches(
    patches: Spec,
    *,
    output_size: Shape,
    size: WindowSize,
    strides: Each | None = None,
    dilation_rate: Each = 1,
    padding: AnyPadding = "valid",
) -> Spec:
    """Zeros, with each row of `patches` added where its window lies: the reverse of `extract_patches`, its gradient.

    `patches` (batch, *windows, elements of a window) in the order (*size, channels). Returns (batch, *output_size,
    channels) in the dtype of `patches`. Raises SpecError if these are not the patches of such a tensor.
    """
    windows = _windows(size, strides, padding, dilation_rate)
    batch, *found, row = images(numeric(patches), "patches", len(size)).shape
    if len(output_size) != len(size):
        raise SpecError(f"output_size and size need one number for each axis; got {output_size} and {size}")
    count = windows.count(output_size)
    merge_shapes(found, count, f"patches has {shape_text(found)} windows, such a tensor {shape_text(count)}")
    return patches.with_shape((batch, *output_size, quotient(row, prod(size))))


@fold_patches.kernel
def _(
    xp: Any,
    patches: Any,
    *,
    output_size: tuple[int, ...],
    size: WindowSize,
    strides: Each | None,
    dilation_rate: Each,
    padding: AnyPadding,
    out: Any = None,
) -> Any:
    windows = _windows(size, strides, padding, dilation_rate)
    channels, count = patches.shape[-1] // prod(size), patches.shape[1:-1]
    if out is None:
        out = xp.empty((patches.shape[0], *output_size, channels), patches.dtype)
    canvas = windows.canvas(xp, out)
    rows = patches.reshape(*patches.shape[:-1], prod(size), channels)
    for i, (_, where) in enumerate(windows.taps(count)):
        canvas[where] += rows[..., i, :]
    return windows.crop(canvas, out)


@fold_patches.vjp
def _(g: Any, y: Any, patches: Any, *, output_size: Shape, **how: Any) -> Any:
    return (extract_patches(g, **how),)


def _windows(size: WindowSize, strides: Each | None, padding: AnyPadding, dilation_rate: Each) -> Windows:
    return Windows.of(len(size), size, size if strides is None else strides, padding, dilation_rate)


_CASES: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    ((2, 4, 6, 3), {"size": (2, 3)}),
    ((2, 5, 4, 2), {"size": (3, 2), "strides": 1, "padding": "same"}),
    ((1, 6, 5, 1), {"size": (2, 2), "strides": (2, 1), "dilation_rate": (1, 2), "padding": ((1, 0), (0, 1))}),
    ((2, 7, 2), {"size": (3,), "strides": 2}),
    ((1, 3, 4, 3, 2), {"size": (2, 2, 2), "strides": 1}),
]


@extract_patches.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for shape, how in _CASES:
        yield (rng.normal(size=shape),), how
    yield (rng.integers(0, 9, (0, 4, 4, 1)),), {"size": (2, 2)}


@fold_patches.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for shape, how in _CASES:
        rows = extract_patches(Spec(shape), **how).sizes
        yield (rng.normal(size=rows),), {"output_size": shape[1:-1], **how}
    yield (rng.integers(0, 9, (1, 2, 2, 4)),), {"output_size": (4, 4), "size": (2, 2)}
