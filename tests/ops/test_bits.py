"""Operations on bits, against Python's own, and shifts as ONNX describes BitShift."""

from __future__ import annotations

import re

import numpy as np
import pytest

from flowloom import ops
from flowloom.spec import Spec, SpecError


def test_they_are_pythons_own() -> None:
    a, b = np.array([-9, 0, 5, 12]), np.array([3, -1, 6, 10])

    assert ops.bitwise_and(a, b).tolist() == [x & y for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    assert ops.bitwise_or(a, b).tolist() == [x | y for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    assert ops.bitwise_xor(a, b).tolist() == [x ^ y for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    assert ops.bitwise_not(a).tolist() == [~x for x in a.tolist()]
    assert ops.bitwise_not(np.array([5], np.uint8)).tolist() == [250]


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64"])
def test_shifts_by_too_much_leave_only_the_sign(dtype: str) -> None:
    # ONNX, BitShift: -1 for a right shift of a negative number, and 0 in every other case.
    a, by = np.array([[5], [-5]], dtype), np.array([1, 64, 100, -1], dtype)

    assert ops.left_shift(a, by).tolist() == [[10, 0, 0, 0], [-10, 0, 0, 0]]
    assert ops.right_shift(a, by).tolist() == [[2, 0, 0, 0], [-3, -1, -1, -1]]


def test_bits_that_leave_the_dtype_are_lost() -> None:
    assert ops.left_shift(np.array([255], np.uint8), 4).tolist() == [240]
    assert ops.left_shift(np.array([64], np.int8), 1).tolist() == [-128]


@pytest.mark.parametrize("dtype", ["int4", "uint4"])
def test_four_bits(dtype: str) -> None:
    a = np.array([1, 3, 6]).astype(dtype)

    y = ops.left_shift(a, np.array([1, 1, 1]).astype(dtype))

    assert y.dtype == np.dtype(dtype)
    assert y.astype(int).tolist() == ([2, 6, -4] if dtype == "int4" else [2, 6, 12])


def test_bits_read_as_another_dtype() -> None:
    assert ops.bitcast(np.array([1.0, -0.0], "float32"), dtype="uint32").tolist() == [0x3F800000, 0x80000000]
    assert ops.bitcast(np.array([0x3C00], np.uint16), dtype="float16").tolist() == [1.0]  # IEEE 754
    assert ops.bitcast(np.array([15, 8, 7]).astype("uint4"), dtype="int4").astype(int).tolist() == [-1, -8, 7]
    with pytest.raises(SpecError, match="float32 has 32 bits and int64 has 64"):
        ops.bitcast(Spec((3,)), dtype="int64")


def test_what_has_no_bits_to_work_on() -> None:
    with pytest.raises(
        SpecError,
        match=re.escape(
            "bitwise_and(a: bool[3], b: bool[3]): the elements must be integers; got bool. "
            "Use logical_and, logical_or, logical_xor and logical_not"
        ),
    ):
        ops.bitwise_and(Spec((3,), "bool"), Spec((3,), "bool"))
    with pytest.raises(
        SpecError, match=re.escape("left_shift(a: float32[3], b: int64[3]): the elements must be integers; got float32")
    ):
        ops.left_shift(Spec((3,)), Spec((3,), "int64"))
    with pytest.raises(SpecError, match="no integer holds both int64 and uint64; cast one to the other"):
        ops.bitwise_or(Spec((3,), "int64"), Spec((3,), "uint64"))
