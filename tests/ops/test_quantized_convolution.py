"""Convolution of quantized tensors gives what ONNX's reference gives, to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from flowloom import ops
from flowloom.spec import Spec, SpecError
from tests.ops.by_onnx import by_onnx, channels_second, kernel_first

RNG = np.random.default_rng(2)
X = RNG.integers(0, 256, (2, 6, 5, 4), dtype=np.uint8)
KERNEL = RNG.integers(-128, 128, (3, 2, 4, 6), dtype=np.int8)
HOW: dict[str, Any] = {"padding": ((1, 1), (0, 1)), "strides": (2, 1)}
THEIRS = {"pads": [1, 0, 1, 1], "strides": [2, 1]}


def test_whole_numbers_less_their_zero_points() -> None:
    zero = np.array(120, np.uint8)

    made = ops.conv_integer(X, KERNEL.astype(np.int16), zero, **HOW)
    np.testing.assert_array_equal(
        made, by_onnx("ConvInteger", channels_second(X), kernel_first(KERNEL), zero, **THEIRS)
    )
    assert made.dtype == np.int32


def test_a_quantized_result_with_a_scale_for_each_filter() -> None:
    of_x = np.array(0.02, np.float32), np.array(120, np.uint8)
    of_kernel = RNG.uniform(0.01, 0.02, 6).astype(np.float32), np.zeros(6, np.int8)
    of_y = np.array(1.5, np.float32), np.array(100, np.uint8)
    bias = RNG.integers(-999, 999, 6, dtype=np.int32)

    made = ops.qlinear_conv(X, *of_x, KERNEL, *of_kernel, *of_y, bias, **HOW)

    wide = ops.conv2d(X - 120.0, KERNEL.astype(float), **HOW) + bias
    exact = wide * (of_x[0].astype(float) * of_kernel[0]) / of_y[0].astype(float)
    np.testing.assert_array_equal(made, np.clip(np.rint(exact) + 100, 0, 255).astype(np.uint8))


def test_the_bits_that_32_do_not_hold_are_lost_as_in_int32() -> None:
    x = np.full((1, 1, 1, 70_000), 255, np.uint8)
    kernel = np.full((1, 1, 70_000, 1), -128, np.int8)

    assert ops.conv_integer(x, kernel).item() == np.int64(-255 * 128 * 70_000).astype(np.int32)


def test_floats_are_refused() -> None:
    with pytest.raises(SpecError, match="x must be integers; got float32"):
        ops.conv_integer(Spec((1, 4, 4, 1)), Spec((1, 1, 1, 1), "int8"))
