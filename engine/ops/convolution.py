"""Convolution of sequences, images and volumes (batch, *sizes, channels), and its two gradients.

`conv` and its gradients work over any number of axes; `conv1d`, `conv2d` and `conv3d` are what people call. A
convolution is linear in its tensor and in its kernel, so each of the three has the other two as its gradients.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any, Literal, TypeAlias

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops import unrolling
from flowloom.ops.inference import numeric
from flowloom.ops.windows import Windows, axis_name, images
from flowloom.params import (
    AnyPadding,
    Count,
    Each,
    Padding1D,
    Padding2D,
    Padding3D,
    Pair,
    Shape,
    Single,
    Triple,
    WindowSize,
)
from flowloom.spec import Dim, Spec, SpecError, merge, product, quotient, shape_text


@op(family="linalg", composite=True)
def conv1d(
    x: Any,
    kernel: Any,
    *,
    strides: Single = 1,
    padding: Padding1D | Literal["causal"] = "valid",
    dilation_rate: Single = 1,
    groups: Count = 1,
) -> Any:
    """Convolution of sequences with a bank of filters (a cross-correlation, as in Keras).

    `x` (batch, length, channels), `kernel` (window, channels / groups, filters). Returns (batch, windows, filters) in
    the wider dtype; integers of less than 32 bits are summed in int32. The padding "causal" is all in front, so that no
    result depends on later steps. Raises SpecError if the channels do not fit, or if a window does not.
    """
    images(x, "x", 1)
    return conv(x, kernel, strides=strides, padding=padding, dilation_rate=dilation_rate, groups=groups)


@op(family="linalg", composite=True)
def conv2d(
    x: Any,
    kernel: Any,
    *,
    strides: Pair = 1,
    padding: Padding2D = "valid",
    dilation_rate: Pair = 1,
    groups: Count = 1,
) -> Any:
    """Convolution of images with a bank of filters (a cross-correlation, as in Keras).

    `x` (batch, height, width, channels), `kernel` (height, width, channels / groups, filters). Returns (batch, rows,
    columns, filters) in the wider dtype; integers of less than 32 bits are summed in int32. "same" padding has
    ceil(size / stride) rows and columns; widths are ((top, bottom), (left, right)). Each of the `groups` of channels
    has filters of its own. Raises SpecError if the channels do not fit, or if a window does not.
    """
    images(x, "x", 2)
    return conv(x, kernel, strides=strides, padding=padding, dilation_rate=dilation_rate, groups=groups)


@op(family="linalg", composite=True)
def conv3d(
    x: Any,
    kernel: Any,
    *,
    strides: Triple = 1,
    padding: Padding3D = "valid",
    dilation_rate: Triple = 1,
    groups: Count = 1,
) -> Any:
    """Convolution of volumes with a bank of filters (a cross-correlation, as in Keras).

    `x` (batch, depth, height, width, channels), `kernel` (depth, height, width, channels / groups, filters). Returns
    (batch, layers, rows, columns, filters) in the wider dtype; integers of less than 32 bits are summed in int32.
    Raises SpecError if the channels do not fit, or if a window does not.
    """
    images(x, "x", 3)
    return conv(x, kernel, strides=strides, padding=padding, dilation_rate=dilation_rate, groups=groups)


# ---------------------------------------------------------------- over any number of axes


@op(family="linalg", internal=True)
def conv(
    x: Spec,
    kernel: Spec,
    *,
    strides: Each = 1,
    padding: AnyPadding = "valid",
    dilation_rate: Each = 1,
    groups: Count = 1,
) -> Spec:
    """Convolution of `x` (batch, *sizes, channels) with `kernel` (*window, channels / groups, filters).

    Returns (batch, *windows, filters) in the wider dtype; integers of less than 32 bits are summed in int32. Raises
    SpecError if the channels do not fit, or if a window does not.
    """
    images(numeric(x), "x")
    window, taken = kernel_window(kernel, x.ndim, groups), product((kernel.shape[-2], groups))
    merge(x.shape[-1], taken, f"x has {x.shape[-1]} channels, the kernel takes {taken}")
    count = Windows.of(len(window), window, strides, padding, dilation_rate).count(x.shape[1:-1])
    return Spec((x.shape[0], *count, kernel.shape[-1]), unrolling.accumulator(x.dtype, kernel.dtype))


@conv.kernel
def _(
    xp: Any,
    x: Any,
    kernel: Any,
    *,
    strides: Each,
    padding: AnyPadding,
    dilation_rate: Each,
    groups: int,
    out: Any = None,
) -> Any:
    windows = Windows.of(x.ndim - 2, kernel.shape[:-2], strides, padding, dilation_rate)
    shape = (x.shape[0], *windows.count(x.shape[1:-1]), kernel.shape[-1])
    terms = prod(kernel.shape[:-1])
    return unrolling.compute(xp, unrolling.convolve, windows, x, kernel, groups, out, shape, terms)


@conv.vjp
def _(g: Any, y: Any, x: Any, kernel: Any, **how: Any) -> Any:
    return (
        conv_backprop_input(g, kernel, *unsized(x), input_size=x.shape[1:-1], **how),
        conv_backprop_filter(x, g, kernel_size=kernel.shape[:-2], **how),
    )


@op(family="linalg", internal=True)
def conv_backprop_input(
    g: Spec,
    kernel: Spec,
    *like: Spec,
    input_size: Shape,
    strides: Each = 1,
    padding: AnyPadding = "valid",
    dilation_rate: Each = 1,
    groups: Count = 1,
) -> Spec:
    """Gradient of `conv` with respect to its tensor, of the sizes `input_size`; a transposed convolution.

    `g` (batch, *windows, filters), `kernel` (*window, channels / groups, filters). Returns (batch, *input_size,
    channels) in the dtype of `conv`. A size that is not known before it runs is that of `like`, or without it what `g`
    fills. Raises SpecError if `g` is not what the convolution of such a tensor gives.
    """
    images(numeric(g), "g")
    window, channels = kernel_window(kernel, g.ndim, groups), product((kernel.shape[-2], groups))
    merge(g.shape[-1], kernel.shape[-1], f"g has {g.shape[-1]} channels, the kernel {kernel.shape[-1]} filters")
    _fits(g, Windows.of(len(window), window, strides, padding, dilation_rate), input_size)
    return Spec((g.shape[0], *input_size, channels), unrolling.accumulator(g.dtype, kernel.dtype))


@conv_backprop_input.kernel
def _(
    xp: Any,
    g: Any,
    kernel: Any,
    *like: Any,
    input_size: tuple[int | None, ...],
    strides: Each,
    padding: AnyPadding,
    dilation_rate: Each,
    groups: int,
    out: Any = None,
) -> Any:
    windows = Windows.of(g.ndim - 2, kernel.shape[:-2], strides, padding, dilation_rate)
    sizes = like[0].shape[1:-1] if like else windows.filled(g.shape[1:-1], input_size)
    shape = (g.shape[0], *sizes, kernel.shape[-2] * groups)
    terms = prod(kernel.shape[:-2]) * (kernel.shape[-1] // groups)
    return unrolling.compute(xp, unrolling.convolve_back, windows, g, kernel, groups, out, shape, terms)


@conv_backprop_input.vjp
def _(g: Any, y: Any, g_: Any, kernel: Any, *like: Any, input_size: Shape, **how: Any) -> Any:
    to_kernel = conv_backprop_filter(g, g_, kernel_size=kernel.shape[:-2], **how)
    return conv(g, kernel, **how), to_kernel, *(None for _ in like)


@op(family="linalg", internal=True)
def conv_backprop_filter(
    x: Spec,
    g: Spec,
    *,
    kernel_size: WindowSize,
    strides: Each = 1,
    padding: AnyPadding = "valid",
    dilation_rate: Each = 1,
    groups: Count = 1,
) -> Spec:
    """Gradient of `conv` with respect to its kernel, of the window `kernel_size`.

    `x` (batch, *sizes, channels), `g` (batch, *windows, filters). Returns (*kernel_size, channels / groups, filters) in
    the dtype of `conv`. Raises SpecError if `g` is not what the convolution of `x` gives.
    """
    images(numeric(x), "x")
    images(numeric(g), "g", x.ndim - 2)
    merge(x.shape[0], g.shape[0], f"x has a batch of {x.shape[0]}, g of {g.shape[0]}")
    _fits(g, Windows.of(x.ndim - 2, kernel_size, strides, padding, dilation_rate), x.shape[1:-1])
    quotient(g.shape[-1], groups)
    return Spec((*kernel_size, quotient(x.shape[-1], groups), g.shape[-1]), unrolling.accumulator(x.dtype, g.dtype))


@conv_backprop_filter.kernel
def _(
    xp: Any,
    x: Any,
    g: Any,
    *,
    kernel_size: tuple[int, ...],
    strides: Each,
    padding: AnyPadding,
    dilation_rate: Each,
    groups: int,
    out: Any = None,
) -> Any:
    windows = Windows.of(x.ndim - 2, kernel_size, strides, padding, dilation_rate)
    shape = (*kernel_size, x.shape[-1] // groups, g.shape[-1])
    return unrolling.compute(xp, unrolling.correlate, windows, x, g, groups, out, shape, prod(g.shape[:-1]))


@conv_backprop_filter.vjp
def _(g: Any, y: Any, x: Any, g_: Any, *, kernel_size: WindowSize, **how: Any) -> Any:
    return conv_backprop_input(g_, g, *unsized(x), input_size=x.shape[1:-1], **how), conv(x, g, **how)


# ---------------------------------------------------------------- the rules


def kernel_window(kernel: Any, ndim: int, groups: int, last: tuple[str, str] = ("channels", "filters")) -> WindowSize:
    """The window of a kernel (*window, *last) for tensors of `ndim` dimensions.

    Raises SpecError if it has another number of dimensions, is bool, if its window is not known or empty, or if its
    last axis cannot be divided among `groups`.
    """
    if numeric(kernel).ndim != ndim:
        axes = ", ".join((*(axis_name(i, ndim - 2) for i in range(ndim - 2)), *last))
        raise SpecError(
            f"the kernel, ({axes}), must have {ndim} dimensions; got {kernel.ndim}",
            dimension=f"{kernel.ndim} != {ndim} dimensions",
        )
    if isinstance(count := kernel.shape[-1], int) and count % groups:
        raise SpecError(f"{count} {last[1]} cannot be divided among {groups} groups", dimension=f"{count} / {groups}")
    window = tuple(n for n in kernel.shape[:-2] if isinstance(n, int) and n > 0)
    if len(window) < ndim - 2:
        raise SpecError(f"the window of the kernel must be known, and at least 1; got {shape_text(kernel.shape[:-2])}")
    return window


def unsized(x: Any) -> tuple[Any, ...]:
    """The operand that tells a kernel the sizes of `x` between batch and channels, where they are not known before."""
    return (x,) if None in x.shape[1:-1] else ()


def _fits(g: Spec, windows: Windows, input_size: tuple[Dim, ...]) -> None:
    images(g, "g", len(input_size))
    for i, (a, b) in enumerate(zip(g.shape[1:-1], windows.count(input_size), strict=True)):
        merge(a, b, f"g has {a} windows along the {axis_name(i, len(input_size))}, the convolution {b}")


# ---------------------------------------------------------------- samples

_Case: TypeAlias = tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]

_CASES: dict[int, list[_Case]] = {
    1: [
        ((2, 5, 3), (3, 3, 2), {}),
        ((2, 6, 4), (2, 2, 6), {"groups": 2, "padding": "same", "strides": 2}),
        ((1, 6, 2), (3, 1, 4), {"groups": 2, "padding": "causal", "dilation_rate": 2}),
        ((2, 5, 1), (2, 1, 1), {"padding": ((2, 1),), "strides": 2}),
    ],
    2: [
        ((2, 5, 4, 3), (3, 2, 3, 2), {}),
        ((2, 5, 6, 4), (3, 3, 4, 2), {"padding": "same"}),
        ((1, 7, 6, 1), (3, 3, 1, 2), {"strides": 2, "padding": "same"}),
        ((1, 6, 5, 1), (2, 2, 1, 1), {"strides": (2, 1), "padding": "same_lower"}),
        ((2, 6, 7, 2), (2, 3, 2, 1), {"strides": (2, 3)}),
        ((1, 6, 6, 2), (2, 2, 2, 2), {"dilation_rate": 2}),
        ((1, 6, 5, 1), (3, 2, 1, 1), {"dilation_rate": (1, 2), "padding": "same"}),
        ((1, 4, 4, 2), (3, 2, 2, 1), {"padding": ((2, 0), (-1, 1))}),
        ((2, 3, 3, 4), (1, 1, 4, 2), {}),
        ((2, 4, 3, 10), (2, 2, 5, 4), {"groups": 2}),
        ((2, 4, 3, 3), (2, 2, 1, 6), {"groups": 3, "padding": "same"}),
        ((0, 3, 3, 1), (2, 2, 1, 2), {}),
    ],
    3: [
        ((2, 3, 4, 3, 2), (2, 2, 2, 2, 2), {}),
        ((1, 3, 4, 4, 2), (2, 3, 1, 1, 2), {"padding": "same", "strides": (1, 2, 3), "groups": 2}),
        ((1, 2, 3, 3, 1), (2, 2, 2, 1, 1), {"padding": ((1, 0), (0, 1), (1, 1)), "dilation_rate": (1, 2, 1)}),
    ],
}

_ALL_CASES = [case for cases in _CASES.values() for case in cases]


def _forward(rng: np.random.Generator, *ranks: int) -> Iterator[Sample]:
    for rank in ranks:
        for x, kernel, how in _CASES[rank]:
            yield (rng.normal(size=x), rng.normal(size=kernel)), how
        x, kernel = (1, *(3,) * rank, 1), (*(2,) * rank, 1, 1)
        yield (rng.integers(0, 9, x), rng.integers(0, 9, kernel)), {}
        yield (rng.integers(0, 99, x, np.uint8), rng.integers(-99, 99, kernel, np.int8)), {}


conv1d.samples(lambda rng: _forward(rng, 1))
conv2d.samples(lambda rng: _forward(rng, 2))
conv3d.samples(lambda rng: _forward(rng, 3))
conv.samples(lambda rng: _forward(rng, 1, 2, 3))


@conv_backprop_input.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for x, kernel, how in _ALL_CASES:
        y = conv(Spec(x), Spec(kernel), **how)
        yield (rng.normal(size=y.sizes), rng.normal(size=kernel)), {"input_size": x[1:-1], **how}


@conv_backprop_filter.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for x, kernel, how in _ALL_CASES:
        y = conv(Spec(x), Spec(kernel), **how)
        yield (rng.normal(size=x), rng.normal(size=y.sizes)), {"kernel_size": kernel[:-2], **how}
