"""Convolution of quantized tensors, with the rules of ONNX's ConvInteger and QLinearConv."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.convolution import conv
from flowloom.ops.elementwise import cast
from flowloom.ops.inference import floats, integer
from flowloom.ops.quantization import quantize
from flowloom.params import AnyPadding, Count, Each


@op(family="linalg", composite=True, internal=True)
def conv_integer(
    x: Any,
    kernel: Any,
    x_zero_point: Any = None,
    kernel_zero_point: Any = None,
    *,
    strides: Each = 1,
    padding: AnyPadding = "valid",
    dilation_rate: Each = 1,
    groups: Count = 1,
) -> Any:
    """Convolution of integers less their zero points, exact, in int32; the padding is 0, which is `x_zero_point`.

    `x` (batch, *sizes, channels), `kernel` (*window, channels / groups, filters). `x_zero_point` is a scalar,
    `kernel_zero_point` a scalar or a vector, one for each filter. Returns (batch, *windows, filters). Raises SpecError
    unless all are integers whose convolution exists.
    """
    given = {"x": x, "kernel": kernel, "x_zero_point": x_zero_point, "kernel_zero_point": kernel_zero_point}
    for name, v in given.items():
        if v is not None:
            integer(v, name)
    how: dict[str, Any] = {"strides": strides, "padding": padding, "dilation_rate": dilation_rate, "groups": groups}
    return conv(_centred(x, x_zero_point), _centred(kernel, kernel_zero_point), **how)


@op(family="linalg", composite=True, internal=True)
def qlinear_conv(
    x: Any,
    x_scale: Any,
    x_zero_point: Any,
    kernel: Any,
    kernel_scale: Any,
    kernel_zero_point: Any,
    y_scale: Any,
    y_zero_point: Any,
    bias: Any = None,
    *,
    strides: Each = 1,
    padding: AnyPadding = "valid",
    dilation_rate: Each = 1,
    groups: Count = 1,
) -> Any:
    """Convolution of a quantized tensor with a quantized kernel, quantized again.

    `x` (batch, *sizes, channels), `kernel` (*window, channels / groups, filters). Scales and zero points are scalars;
    those of the kernel may be vectors, one for each filter. `bias` (filters), of integers, is in units of x_scale
    kernel_scale. Returns (batch, *windows, filters) in the dtype of `y_zero_point`. Raises SpecError as `conv_integer`.
    """
    for name, scale in (("x_scale", x_scale), ("kernel_scale", kernel_scale), ("y_scale", y_scale)):
        floats(scale, name)
    how: dict[str, Any] = {"strides": strides, "padding": padding, "dilation_rate": dilation_rate, "groups": groups}
    total = conv_integer(x, kernel, x_zero_point, kernel_zero_point, **how)
    total = total if bias is None else total + bias
    # In float64: float32 does not hold all of int32, and half a unit decides what is rounded up.
    factor = cast(x_scale, dtype="float64") * cast(kernel_scale, dtype="float64")
    return quantize(cast(total, dtype="float64") * factor, cast(y_scale, dtype="float64"), y_zero_point)


def _centred(x: Any, zero_point: Any) -> Any:
    wide = cast(x, dtype="int32")
    return wide if zero_point is None else wide - cast(zero_point, dtype="int32")


@conv_integer.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    x, kernel = rng.integers(0, 256, (2, 4, 5, 2), dtype=np.uint8), rng.integers(-128, 128, (2, 3, 2, 4), dtype=np.int8)
    yield (x, kernel), {}
    yield (x, kernel, np.array(7, np.uint8), rng.integers(-9, 9, 4, dtype=np.int8)), {"padding": "same", "strides": 2}
    yield (x[:, 0], kernel[0, :, :1], np.array(7, np.uint8)), {"groups": 2, "padding": ((2, 0),), "dilation_rate": 2}


@qlinear_conv.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    x, kernel = rng.integers(0, 256, (2, 4, 5, 2), dtype=np.uint8), rng.integers(-128, 128, (2, 3, 2, 4), dtype=np.int8)
    of_x, of_y = (np.array(0.02), np.array(128, np.uint8)), (np.array(0.5), np.array(3, np.int8))
    yield (x, *of_x, kernel, np.array(0.03), np.array(0, np.int8), *of_y), {}
    each = rng.uniform(0.01, 0.04, 4), rng.integers(-9, 9, 4, dtype=np.int8)
    yield (x, *of_x, kernel, *each, *of_y, rng.integers(-99, 99, 4, dtype=np.int32)), {"padding": "same"}
