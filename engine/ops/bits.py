"""Operations on the bits of integers, in two's complement, and bits read as another dtype. None has a gradient."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.inference import integer
from flowloom.ops.kernels import ufunc
from flowloom.params import DType
from flowloom.spec import Spec, SpecError, bits_of, broadcast, is_bool, is_integer

_LOGICAL = "logical_and, logical_or, logical_xor and logical_not"


def bits(*specs: Spec) -> Spec:
    """The integer result of combining `specs`. Raises SpecError if one is not integer, or no integer holds both."""
    for s in specs:
        if is_bool(s.dtype):
            raise SpecError(f"the elements must be integers; got bool. Use {_LOGICAL}", dimension="dtype bool")
        integer(s, "the elements")
    result = broadcast(*specs)
    if not is_integer(result.dtype):
        both = " and ".join(str(s.dtype) for s in specs)
        raise SpecError(f"no integer holds both {both}; cast one to the other", dimension=f"dtypes {both}")
    return result


def _pairs(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.integers(-99, 99, (3, 4)), rng.integers(-99, 99, (4,))), {}
    yield (rng.integers(0, 99, (2, 1), dtype=np.uint8), rng.integers(-99, 99, (3,), dtype=np.int32)), {}
    yield (np.array(12), rng.integers(0, 99, (0, 2))), {}


def _shifts(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.integers(-99, 99, (3, 4)), rng.integers(0, 9, (4,))), {}
    yield (np.array([[-5], [5]]), np.array([-70, -1, 0, 1, 63, 64, 70])), {}
    yield (rng.integers(0, 255, (2, 1), dtype=np.uint8), np.array([0, 1, 7, 8, 200], np.uint8)), {}
    yield (np.array(12), rng.integers(0, 9, (0, 2))), {}


@op(family="elementwise", differentiable=False)
def bitwise_and(a: Spec, b: Spec) -> Spec:
    """The bits that both have, in the wider dtype. Raises SpecError unless `a` and `b` are integer."""
    return bits(a, b)


bitwise_and.kernel(ufunc("bitwise_and")).scalar("{a} & {b}").samples(_pairs)


@op(family="elementwise", differentiable=False)
def bitwise_or(a: Spec, b: Spec) -> Spec:
    """The bits that at least one has, in the wider dtype. Raises SpecError unless `a` and `b` are integer."""
    return bits(a, b)


bitwise_or.kernel(ufunc("bitwise_or")).scalar("{a} | {b}").samples(_pairs)


@op(family="elementwise", differentiable=False)
def bitwise_xor(a: Spec, b: Spec) -> Spec:
    """The bits that just one has, in the wider dtype. Raises SpecError unless `a` and `b` are integer."""
    return bits(a, b)


bitwise_xor.kernel(ufunc("bitwise_xor")).scalar("{a} ^ {b}").samples(_pairs)


@op(family="elementwise", differentiable=False)
def bitwise_not(x: Spec) -> Spec:
    """All bits flipped: -x - 1 for a signed dtype. Raises SpecError unless `x` is integer."""
    return bits(x)


bitwise_not.kernel(ufunc("invert")).scalar("~{x}")


@bitwise_not.samples
def _(rng: np.random.Generator) -> Any:
    yield (rng.integers(-99, 99, (3, 4)),), {}
    yield (rng.integers(0, 99, (2, 3), dtype=np.uint8),), {}
    yield (np.array(5),), {}


@op(family="elementwise", differentiable=False)
def left_shift(a: Spec, b: Spec) -> Spec:
    """`a` with its bits moved `b` places up, in the wider dtype; bits that leave it are lost.

    0 where `b` is negative or not below the number of bits. Raises SpecError unless `a` and `b` are integer.
    """
    return bits(a, b)


left_shift.kernel(ufunc("left_shift")).scalar("{a} << {b}").samples(_shifts)


@op(family="elementwise", differentiable=False)
def right_shift(a: Spec, b: Spec) -> Spec:
    """`a` with its bits moved `b` places down, in the wider dtype; copies of the sign move in.

    Only the sign is left, 0 or -1, where `b` is negative or not below the number of bits. Raises SpecError unless `a`
    and `b` are integer.
    """
    return bits(a, b)


right_shift.kernel(ufunc("right_shift")).scalar("{a} >> {b}").samples(_shifts)


@op(family="shape", view=True, differentiable=False, internal=True)
def bitcast(x: Spec, *, dtype: DType) -> Spec:
    """The bits of each element of `x`, read as one of `dtype`, which must have as many. ONNX's BitCast.

    Raises SpecError for a dtype of another width.
    """
    if bits_of(x.dtype) != bits_of(np.dtype(dtype)):
        raise SpecError(f"{x.dtype} has {bits_of(x.dtype)} bits and {dtype} has {bits_of(np.dtype(dtype))}")
    return x.with_dtype(dtype)


@bitcast.kernel
def _(xp: Any, x: Any, *, dtype: str) -> Any:
    target = np.dtype(dtype)
    if bits_of(target) == 8 * target.itemsize:
        return x.view(target)
    code = x.view("uint8") & ((1 << bits_of(target)) - 1)
    if target.name.startswith("int"):  # ml_dtypes keeps the sign in the upper bits of the byte
        code = xp.where(code >> (bits_of(target) - 1), code | (0xFF << bits_of(target) & 0xFF), code).astype("uint8")
    return code.view(target)


@bitcast.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.integers(-9, 9, (3, 4)),), {"dtype": "uint64"}
    yield (rng.integers(0, 2**31, (5,), "int32"),), {"dtype": "float32"}
    yield (np.array(7, np.uint8),), {"dtype": "int8"}
    yield (rng.integers(0, 9, (0, 2)),), {"dtype": "float64"}
