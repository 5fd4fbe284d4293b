"""Quantization against ONNX's reference evaluator, its gradient against the papers, and mistakes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from flowloom import ops
from flowloom.backends.portable import evaluate
from flowloom.compiler.expr import placeholder
from flowloom.compiler.gradient import gradients
from flowloom.spec import Spec, SpecError

from .onnx_reference import onnx

ZERO_POINTS = [
    np.array(5, np.uint8),
    np.array(-3, np.int8),
    np.array(30000, np.uint16),
    np.array(-7, np.int16),
    np.array(3, ml_dtypes.uint4),
    np.array(-2, ml_dtypes.int4),
    np.array(1, ml_dtypes.uint2),
    np.array(-1, ml_dtypes.int2),
    np.array(0, ml_dtypes.float8_e4m3fn),
    np.array(0, ml_dtypes.float8_e5m2),
    np.array(0, ml_dtypes.float4_e2m1fn),
]


def floats(*shape: int, scale: float = 50.0) -> np.ndarray:
    return (np.random.default_rng(0).normal(size=shape) * scale).astype("f4")


def check(x: np.ndarray, scale: np.ndarray, zero_point: np.ndarray | None, **how: Any) -> None:
    """Quantizing `x`, and restoring what comes of it, is as ONNX's evaluator does it, to the bit."""
    (expected,) = onnx("QuantizeLinear", x, scale, zero_point, **how)
    (restored,) = onnx("DequantizeLinear", expected, scale, zero_point, **how)

    found = ops.quantize(x, scale, zero_point, **how)
    back = ops.dequantize(found, scale, zero_point, **how)

    assert (found.dtype, back.dtype) == (expected.dtype, restored.dtype)
    np.testing.assert_array_equal(found.astype("f4"), expected.astype("f4"))
    np.testing.assert_array_equal(back, restored)


@pytest.mark.parametrize("zero_point", ZERO_POINTS, ids=lambda z: str(z.dtype))
def test_one_scale_for_all(zero_point: np.ndarray) -> None:
    check(floats(3, 7, 4, scale=500), np.array(0.37, "f4"), zero_point)


def test_a_scale_for_each_place_along_an_axis() -> None:
    rng = np.random.default_rng(1)

    check(floats(3, 7, 4), rng.uniform(0.1, 2, 7).astype("f4"), rng.integers(0, 200, 7, dtype=np.uint8), axis=1)
    check(floats(3, 7, 4), rng.uniform(0.1, 2, 4).astype("f4"), None, axis=-1)


@pytest.mark.parametrize("block_size", [3, 4, 7])
def test_a_scale_for_each_block(block_size: int) -> None:
    rng, blocks = np.random.default_rng(1), -(-7 // block_size)
    scale = rng.uniform(0.1, 2, (3, blocks, 4)).astype("f4")

    check(floats(3, 7, 4), scale, rng.integers(-20, 20, scale.shape, dtype=np.int8), axis=1, block_size=block_size)


def test_halves_go_to_the_even_number_and_what_is_too_large_to_the_end() -> None:
    x = np.array([0.5, 1.5, 2.5, -0.5, -1.5, 1e9, -1e9, np.inf])

    np.testing.assert_array_equal(
        ops.quantize(x, 1.0, np.array(0, np.int8)), np.array([0, 2, 2, 0, -2, 127, -128, 127], np.int8)
    )


def test_a_float_of_8_bits_may_overflow() -> None:
    x = np.array([500.0, -1e6], "f4")

    saturated = ops.quantize(x, 1.0, dtype="float8_e4m3fn").astype("f4")
    overflown = ops.quantize(x, 1.0, dtype="float8_e5m2", saturate=False).astype("f4")

    np.testing.assert_array_equal(saturated, [448, -448])
    np.testing.assert_array_equal(overflown, [512, -np.inf])


@pytest.mark.parametrize("shift", [0.0, 300.0, -300.0])
def test_a_tensors_own_range(shift: float) -> None:
    x = floats(5, 6) + np.float32(shift)

    for found, expected in zip(ops.dynamic_quantize(x), onnx("DynamicQuantizeLinear", x, outputs=3), strict=True):
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


def test_of_zeros_nothing_is_left_over() -> None:
    y, scale, zero_point = ops.dynamic_quantize(np.zeros((2, 3), "f4"))

    np.testing.assert_array_equal(ops.dequantize(y, scale, zero_point), np.zeros((2, 3)))


def test_fake_quantization_is_there_and_back() -> None:
    x, scale, zero_point = floats(4, 5), np.array(0.5, "f4"), np.array(4, np.int8)

    there = ops.quantize(x, scale, zero_point)
    np.testing.assert_array_equal(
        ops.fake_quantize(x, scale, zero_point.astype(int)), ops.dequantize(there, scale, zero_point)
    )


def test_its_gradient_is_that_of_learned_step_sizes() -> None:
    # Esser et al., arXiv 1902.08153, equations 3 and 5, for signed numbers of 3 bits: -4 to 3.
    x, scale = placeholder("x", Spec((5,), "float64")), placeholder("scale", Spec((), "float64"))
    values, step = np.array([-3.0, -1.1, 0.2, 0.9, 2.0]), 0.5

    of_x, of_scale = evaluate(
        gradients(ops.sum(ops.fake_quantize(x, scale, low=-4, high=3)), [x, scale]),
        {x: values, scale: np.array(step)},
    )

    ratio = values / step
    np.testing.assert_array_equal(of_x, (ratio > -4) & (ratio < 3))
    expected = np.where(ratio <= -4, -4, np.where(ratio >= 3, 3, np.rint(ratio) - ratio))
    np.testing.assert_allclose(of_scale, expected.sum())


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda x: ops.quantize(x, np.ones(3)), "axis 1 has size 4; a scale must be a scalar or as long as that"),
        (lambda x: ops.quantize(x, np.ones(4), axis=2), "axis 2 is outside a tensor of 2 dimensions"),
        (
            lambda x: ops.quantize(x, np.ones(2), block_size=2),
            "scales of blocks have as many dimensions as x, 2; got 1",
        ),
        (lambda x: ops.quantize(x, np.array(1)), "scale must be floats; got int64"),
        (
            lambda x: ops.quantize(x, 1.0, np.array(1, np.int8), dtype="uint8"),
            "the zero point is int8, and dtype uint8",
        ),
        (lambda x: ops.dynamic_quantize(x.astype(int)), "x must be floats; got int64"),
        (lambda x: ops.matmul_integer(x, x), "a must be integers; got float64"),
        (lambda x: ops.fake_quantize(x, 1.0, low=3, high=3), "low must be below high; got low=3, high=3"),
    ],
)
def test_mistakes_are_named(call: Callable[[np.ndarray], Any], rule: str) -> None:
    with pytest.raises(SpecError, match=re.escape(rule)):
        call(np.zeros((3, 4)))
