"""Axes that change places where a tensor says which; and bits read as another dtype."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.inference import integer, same_dims
from flowloom.params import DType
from flowloom.spec import Spec, SpecError


@op(family="shape", view=True, internal=True)
def moveaxis_at(x: Spec, source: Spec, destination: Spec) -> Spec:
    """`x` with the axes in the vector `source` moved to the places in `destination`; the others keep their order.

    Raises SpecError unless both are integer vectors of the same known length, and ValueError, when it runs, if an axis
    is outside of `x` or named twice.
    """
    for name, axes in (("source", source), ("destination", destination)):
        same_dims(integer(axes, name), 1, name)
    if source.shape != destination.shape or not isinstance(source.shape[0], int):
        raise SpecError(
            f"source and destination must have the same known length; got {source} and {destination}",
            dimension=f"{source.shape[0]} != {destination.shape[0]}",
        )
    return x if source.shape[0] == 0 or x.ndim < 2 else x.with_shape((None,) * x.ndim)


@moveaxis_at.kernel
def _(xp: Any, x: Any, source: Any, destination: Any) -> Any:
    return xp.moveaxis(x, source.tolist(), destination.tolist())


moveaxis_at.vjp(lambda g, y, x, source, destination: (moveaxis_at(g, destination, source), None, None))


@moveaxis_at.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(2, 3, 4)), np.array([0]), np.array([-1])), {}
    yield (rng.normal(size=(2, 3, 4)), np.array([-3, 1]), np.array([-2, -1])), {}
    yield (rng.integers(0, 9, (3, 0)), np.zeros(0, np.int64), np.zeros(0, np.int64)), {}
    yield (rng.normal(size=(3,)), np.array([0]), np.array([-1])), {}


@op(family="shape", view=True, differentiable=False, internal=True)
def bitcast(x: Spec, *, dtype: DType) -> Spec:
    """The bits of each element of `x`, read as one of `dtype`, which must have as many. ONNX's BitCast.

    Raises SpecError for a dtype of another width.
    """
    if _bits(x.dtype) != _bits(np.dtype(dtype)):
        raise SpecError(f"{x.dtype} has {_bits(x.dtype)} bits and {dtype} has {_bits(np.dtype(dtype))}")
    return x.with_dtype(dtype)


def _bits(dtype: np.dtype[Any]) -> int:
    """How many bits of an element count: those of 4 and of 2 bits take a byte each in memory."""
    small = {"int4": 4, "uint4": 4, "float4_e2m1fn": 4, "int2": 2, "uint2": 2}
    return small.get(dtype.name, 8 * dtype.itemsize)


@bitcast.kernel
def _(xp: Any, x: Any, *, dtype: str) -> Any:
    target = np.dtype(dtype)
    if _bits(target) == 8 * target.itemsize:
        return x.view(target)
    bits = x.view("uint8") & ((1 << _bits(target)) - 1)
    if target.name.startswith("int"):  # ml_dtypes keeps the sign in the upper bits of the byte
        bits = xp.where(bits >> (_bits(target) - 1), bits | (0xFF << _bits(target) & 0xFF), bits).astype("uint8")
    return bits.view(target)


@bitcast.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.integers(-9, 9, (3, 4)),), {"dtype": "uint64"}
    yield (rng.integers(0, 2**31, (5,), "int32"),), {"dtype": "float32"}
    yield (np.array(7, np.uint8),), {"dtype": "int8"}
    yield (rng.integers(0, 9, (0, 2)),), {"dtype": "float64"}
