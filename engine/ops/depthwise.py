"""Depthwise convolution: each channel has filters of its own. A convolution in as many groups as there are channels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.convolution import conv, kernel_window
from flowloom.ops.shape import reshape
from flowloom.ops.windows import images
from flowloom.params import Padding1D, Padding2D, Pair, Single
from flowloom.spec import SpecError, product


@op(family="linalg", composite=True)
def depthwise_conv1d(
    x: Any, kernel: Any, *, strides: Single = 1, padding: Padding1D = "valid", dilation_rate: Single = 1
) -> Any:
    """Convolution of each channel of sequences with filters of its own, as many for each (`depth_multiplier` of Keras).

    `x` (batch, length, channels), `kernel` (window, channels, multiplier). Returns (batch, windows, channels *
    multiplier), the results of a channel beside one another. Raises SpecError if the channels differ, or if a window
    does not fit.
    """
    how = {"strides": strides, "padding": padding, "dilation_rate": dilation_rate}
    return _depthwise(images(x, "x", 1), kernel, **how)


@op(family="linalg", composite=True)
def depthwise_conv2d(
    x: Any, kernel: Any, *, strides: Pair = 1, padding: Padding2D = "valid", dilation_rate: Pair = 1
) -> Any:
    """Convolution of each channel of images with filters of its own, as many for each (`depth_multiplier` of Keras).

    `x` (batch, height, width, channels), `kernel` (height, width, channels, multiplier). Returns (batch, rows, columns,
    channels * multiplier), the results of a channel beside one another. Raises SpecError if the channels differ, or if
    a window does not fit.
    """
    how = {"strides": strides, "padding": padding, "dilation_rate": dilation_rate}
    return _depthwise(images(x, "x", 2), kernel, **how)


def _depthwise(x: Any, kernel: Any, **how: Any) -> Any:
    window = kernel_window(kernel, x.ndim, 1, ("channels", "multiplier"))
    channels, multiplier = kernel.shape[-2:]
    if not isinstance(channels, int) or channels < 1:
        raise SpecError(f"the channels of the kernel must be known, and at least 1; got {channels}")
    by_group = reshape(kernel, shape=(*window, 1, product((channels, multiplier))))
    return conv(x, by_group, groups=channels, **how)


def _samples(rank: int) -> Any:
    def samples(rng: np.random.Generator) -> Iterator[Sample]:
        for channels, multiplier, how in [
            (3, 1, {}),
            (2, 3, {"padding": "same", "strides": 2}),
            (1, 2, {"padding": ((1, 0),) * rank, "dilation_rate": 2}),
        ]:
            x, kernel = rng.normal(size=(2, *range(4, 4 + rank), channels)), (*(3, 2)[:rank], channels, multiplier)
            yield (x, rng.normal(size=kernel)), how
        yield (rng.integers(0, 9, (1, *(3,) * rank, 2)), rng.integers(0, 9, (*(2,) * rank, 2, 1))), {}

    return samples


depthwise_conv1d.samples(_samples(1))
depthwise_conv2d.samples(_samples(2))
