"""Products of quantized matrices, with the rules of ONNX's MatMulInteger and QLinearMatMul."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.elementwise import cast
from flowloom.ops.inference import floats, integer
from flowloom.ops.linalg import matmul
from flowloom.ops.quantization import quantized_dtype, stored
from flowloom.ops.shape import expand_dims
from flowloom.spec import DEFAULT_DTYPE, promote


@op(family="linalg", composite=True, internal=True)
def matmul_integer(a: Any, b: Any, a_zero_point: Any = None, b_zero_point: Any = None) -> Any:
    """Matrix product of integers less their zero points, exact, in int32 (ONNX MatMulInteger).

    `a` (..., m, k), `b` (..., k, n). A zero point is a scalar, or a vector: one for each row of `a`, for each column of
    `b`. Raises SpecError unless all are integers whose product exists.
    """
    for name, x in (("a", a), ("b", b), ("a_zero_point", a_zero_point), ("b_zero_point", b_zero_point)):
        if x is not None:
            integer(x, name)
    # Through int64, what int32 cannot hold keeps its lower bits, as in a product of int32.
    return cast(cast(_product(a, a_zero_point, b, b_zero_point), dtype="int64"), dtype="int32")


@op(family="linalg", composite=True, internal=True)
def qlinear_matmul(
    a: Any,
    a_scale: Any,
    a_zero_point: Any,
    b: Any,
    b_scale: Any,
    b_zero_point: Any,
    y_scale: Any,
    y_zero_point: Any,
) -> Any:
    """Matrix product of two quantized tensors, quantized again (ONNX QLinearMatMul).

    `a` (..., m, k), `b` (..., k, n). Scales and zero points are scalars, or vectors: one for each row of `a` and of the
    result, for each column of `b`. Returns (..., m, n) in the dtype of `y_zero_point`.
    """
    for name, scale in (("a_scale", a_scale), ("b_scale", b_scale), ("y_scale", y_scale)):
        floats(scale, name)
    factor = _for_rows(a_scale) * b_scale / _for_rows(y_scale)
    y = cast(_product(a, a_zero_point, b, b_zero_point), dtype=promote(DEFAULT_DTYPE, factor.dtype).name) * factor
    return stored(y, _for_rows(y_zero_point), quantized_dtype(y_zero_point, None), saturate=True)


def _for_rows(value: Any) -> Any:
    """A vector with a number for each row as a column."""
    return expand_dims(value, axis=-1) if value.ndim == 1 else value


def _product(a: Any, a_zero_point: Any, b: Any, b_zero_point: Any) -> Any:
    """The product of integers in float64, which holds it exactly, and which BLAS multiplies many times as fast."""
    a, b = cast(a, dtype="float64"), cast(b, dtype="float64")
    if a_zero_point is not None:
        a = a - cast(_for_rows(a_zero_point), dtype="float64")
    if b_zero_point is not None:
        b = b - cast(b_zero_point, dtype="float64")
    return matmul(a, b)


@matmul_integer.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    a, b = rng.integers(0, 256, (3, 4), dtype=np.uint8), rng.integers(-128, 128, (4, 2), dtype=np.int8)
    yield (a, b), {}
    yield (a, b, np.array(12, np.uint8), np.array([3, -1], np.int8)), {}
    yield (rng.integers(0, 9, (2, 3, 4), dtype=np.uint8), b, np.array([1, 2, 3], np.uint8)), {}


@qlinear_matmul.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    a, b = rng.integers(0, 256, (2, 3, 4), dtype=np.uint8), rng.integers(-128, 128, (4, 2), dtype=np.int8)
    zero_points = np.array(12, np.uint8), np.array(3, np.int8), np.array(-5, np.int8)
    yield (a, np.array(0.02), zero_points[0], b, np.array(0.03), zero_points[1], np.array(0.4), zero_points[2]), {}
    scales = rng.uniform(0.01, 0.02, 3), rng.uniform(0.01, 0.02, 2)
    yield (a, scales[0], zero_points[0], b, scales[1], zero_points[1], np.array(0.4), zero_points[2]), {}
