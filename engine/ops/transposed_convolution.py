"""Transposed convolution: each element of a tensor adds its kernel to the result, `strides` apart.

It is the gradient of a convolution with respect to its tensor, and computed as such: what is cut off at either end is
the padding of that convolution.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, TypeAlias

import numpy as np
from msgspec import Meta

from flowloom.op import Sample, op
from flowloom.ops.convolution import conv_backprop_input, kernel_window
from flowloom.ops.windows import Windows, axis_name, images
from flowloom.params import Count, Padding1D, Padding2D, Padding3D, Pair, Single, Size, Triple, Whole
from flowloom.spec import Dim, SpecError, merge, product

Extra1D: TypeAlias = Whole | Annotated[tuple[Whole, ...], Meta(min_length=1, max_length=1)] | None
Extra2D: TypeAlias = Whole | Annotated[tuple[Whole, ...], Meta(min_length=2, max_length=2)] | None
Extra3D: TypeAlias = Whole | Annotated[tuple[Whole, ...], Meta(min_length=3, max_length=3)] | None
OutputSize1D: TypeAlias = Annotated[tuple[Size, ...], Meta(min_length=1, max_length=1)] | None
OutputSize2D: TypeAlias = Annotated[tuple[Size, ...], Meta(min_length=2, max_length=2)] | None
OutputSize3D: TypeAlias = Annotated[tuple[Size, ...], Meta(min_length=3, max_length=3)] | None


@op(family="linalg", composite=True)
def conv1d_transpose(
    x: Any,
    kernel: Any,
    *,
    strides: Single = 1,
    padding: Padding1D = "valid",
    output_padding: Extra1D = None,
    output_size: OutputSize1D = None,
    dilation_rate: Single = 1,
    groups: Count = 1,
) -> Any:
    """Transposed convolution of sequences: the reverse of `conv1d` in shape, not in value.

    `x` (batch, length, channels), `kernel` (window, filters / groups, channels). Returns (batch, new length, filters)
    in the wider dtype; padding and sizes are as in `conv2d_transpose`. Raises SpecError if the channels do not fit.
    """
    how = {"strides": strides, "padding": padding, "dilation_rate": dilation_rate}
    return _transposed(images(x, "x", 1), kernel, groups, output_padding, output_size, **how)


@op(family="linalg", composite=True)
def conv2d_transpose(
    x: Any,
    kernel: Any,
    *,
    strides: Pair = 1,
    padding: Padding2D = "valid",
    output_padding: Extra2D = None,
    output_size: OutputSize2D = None,
    dilation_rate: Pair = 1,
    groups: Count = 1,
) -> Any:
    """Transposed convolution of images: the reverse of `conv2d` in shape, not in value; as in Keras.

    `x` (batch, height, width, channels), `kernel` (height, width, filters / groups, channels). Returns (batch, new
    height, new width, filters) in the wider dtype. With "same" padding a size becomes size * stride, with "valid"
    size * stride + max(window - stride, 0). Widths cut off so much at either end of the whole, (size - 1) * stride +
    window. `output_padding` then adds so much behind ("same" with it cuts off window // 2 at either end, as in Keras);
    `output_size` says the size outright. Raises SpecError if the channels do not fit, or if nothing is left.
    """
    how = {"strides": strides, "padding": padding, "dilation_rate": dilation_rate}
    return _transposed(images(x, "x", 2), kernel, groups, output_padding, output_size, **how)


@op(family="linalg", composite=True)
def conv3d_transpose(
    x: Any,
    kernel: Any,
    *,
    strides: Triple = 1,
    padding: Padding3D = "valid",
    output_padding: Extra3D = None,
    output_size: OutputSize3D = None,
    dilation_rate: Triple = 1,
    groups: Count = 1,
) -> Any:
    """Transposed convolution of volumes: the reverse of `conv3d` in shape, not in value.

    `x` (batch, depth, height, width, channels), `kernel` (depth, height, width, filters / groups, channels). Returns
    (batch, new depth, new height, new width, filters) in the wider dtype; padding and sizes are as in
    `conv2d_transpose`. Raises SpecError if the channels do not fit.
    """
    how = {"strides": strides, "padding": padding, "dilation_rate": dilation_rate}
    return _transposed(images(x, "x", 3), kernel, groups, output_padding, output_size, **how)


def _transposed(x: Any, kernel: Any, groups: int, output_padding: Any, output_size: Any, **how: Any) -> Any:
    rank = x.ndim - 2
    window = kernel_window(kernel, x.ndim, groups, ("filters", "channels"))
    merge(x.shape[-1], kernel.shape[-1], f"x has {x.shape[-1]} channels, the kernel takes {kernel.shape[-1]}")
    windows = Windows.of(rank, window, how["strides"], how["padding"], how["dilation_rate"])
    extra = output_padding if isinstance(output_padding, tuple) else (output_padding,) * rank
    wanted = (None,) * rank if output_size is None else output_size
    sizes, cut = [], []
    for axis, n in enumerate(x.shape[1:-1]):
        margin = _cut(windows, axis, n, extra[axis], wanted[axis])
        cut.append(margin)
        sizes.append(_grown(windows, axis, n, sum(margin)) if wanted[axis] is None else wanted[axis])
    how |= {"padding": tuple(cut)}
    return conv_backprop_input(x, kernel, input_size=tuple(sizes), groups=groups, **how)


def _cut(windows: Windows, axis: int, n: Dim, extra: int | None, wanted: Dim) -> tuple[int, int]:
    """What is cut off (before, after) of the whole along an axis of `n` elements; less than 0 is added."""
    extent, stride, padding = windows.extent[axis], windows.strides[axis], windows.padding
    if wanted is not None:
        if not isinstance(n, int) or not isinstance(wanted, int):
            return 0, max(extent - 1, 0)  # the sizes are not known yet: any padding will do
        total = (n - 1) * stride + extent - wanted
    elif not isinstance(padding, str):
        total = sum(padding[axis]) - (extra or 0)
    elif padding == "valid":
        total = min(extent - stride, 0) if extra is None else -extra
    else:
        total = extent - stride if extra is None else 2 * (extent // 2) - extra
    if not isinstance(padding, str):
        before = padding[axis][0]
    elif padding == "valid":
        before = 0
    else:
        before = max(total, 0) // 2 if padding == "same" else max(total, 0) - max(total, 0) // 2
    return before, total - before


def _grown(windows: Windows, axis: int, n: Dim, cut: int) -> Dim:
    """The size of the result along an axis of `n` elements."""
    extent, stride = windows.extent[axis], windows.strides[axis]
    if isinstance(n, int):
        size = (n - 1) * stride + extent - cut
        if size < 1 <= n:
            what = axis_name(axis, len(windows.size))
            raise SpecError(f"the padding cuts off all of the {what}", dimension=f"{what}: {size} < 1")
        return max(size, 0)
    return product((stride, n)) if cut == extent - stride else None


_Case: TypeAlias = tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]

_CASES: dict[int, list[_Case]] = {
    1: [
        ((2, 4, 3), (3, 2, 3), {}),
        ((2, 3, 2), (2, 2, 2), {"strides": 3}),
        ((2, 3, 4), (3, 1, 4), {"strides": 2, "padding": "same", "groups": 2, "output_padding": 1}),
        ((1, 4, 1), (3, 1, 1), {"padding": ((1, 2),), "dilation_rate": 2}),
    ],
    2: [
        ((2, 3, 4, 3), (3, 2, 2, 3), {}),
        ((2, 3, 2, 2), (3, 3, 4, 2), {"strides": 2, "padding": "same"}),
        ((2, 3, 2, 2), (3, 2, 1, 2), {"strides": (2, 3), "padding": "same_lower"}),
        ((1, 3, 3, 4), (3, 3, 2, 4), {"padding": ((1, 0), (0, 1)), "strides": 2, "output_padding": 1, "groups": 2}),
        ((1, 3, 3, 2), (3, 3, 1, 2), {"strides": (3, 2), "output_size": (10, 8)}),
        ((1, 3, 2, 3), (2, 2, 1, 3), {"dilation_rate": 2, "groups": 3}),
    ],
    3: [
        ((2, 2, 3, 2, 2), (2, 2, 2, 1, 2), {"padding": "same", "strides": 2}),
        ((1, 2, 2, 3, 2), (2, 1, 3, 1, 2), {"padding": ((0, 1), (0, 0), (1, 1)), "output_padding": (0, 1, 0)}),
    ],
}


def _samples(rank: int) -> Any:
    def samples(rng: np.random.Generator) -> Iterator[Sample]:
        for x, kernel, how in _CASES[rank]:
            yield (rng.normal(size=x), rng.normal(size=kernel)), how
        yield (rng.integers(0, 9, (1, *(2,) * rank, 1)), rng.integers(0, 9, (*(2,) * rank, 1, 1))), {}

    return samples


conv1d_transpose.samples(_samples(1))
conv2d_transpose.samples(_samples(2))
conv3d_transpose.samples(_samples(3))
