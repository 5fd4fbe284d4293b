"""Products of quantized matrices are those of ONNX's reference."""

from __future__ import annotations

import numpy as np

from flowloom import ops

from .onnx_reference import onnx

INTEGERS = np.random.default_rng(2)
A, B = INTEGERS.integers(0, 256, (2, 5, 8), dtype=np.uint8), INTEGERS.integers(-128, 128, (8, 3), dtype=np.int8)


def test_products_of_integers_are_onnxs() -> None:
    one = np.array(7, np.uint8), np.array(3, np.int8)
    for zero_points in ((None, None), one, (one[0], np.array([1, 2, 3], np.int8))):
        (expected,) = onnx("MatMulInteger", A, B, *zero_points)
        found = ops.matmul_integer(A, B, *zero_points)

        assert found.dtype == np.int32
        np.testing.assert_array_equal(found, expected)


def test_a_zero_point_for_each_row() -> None:
    rows = np.arange(5, dtype=np.uint8)

    expected = (A.astype(int) - rows[:, None].astype(int)) @ B.astype(int)
    np.testing.assert_array_equal(ops.matmul_integer(A, B, rows), expected)


def test_products_of_quantized_numbers_are_onnxs() -> None:
    scales = [np.array(s, "f4") for s in (0.02, 0.03, 0.9)]
    zero_points = np.array(7, np.uint8), np.array(3, np.int8), np.array(114, np.uint8)
    operands = (A, scales[0], zero_points[0], B, scales[1], zero_points[1], scales[2], zero_points[2])

    (expected,) = onnx("QLinearMatMul", *operands, opset=21)
    np.testing.assert_array_equal(ops.qlinear_matmul(*operands), expected)
