"""Numbers of few bits for numbers: x is about (q - zero_point) scale, with q a small integer or a float of 8 bits.

A scale, and with it a zero point, is one for all (a scalar), one for each place along an axis (a vector), or one for
each block of `block_size` along that axis (as many dimensions as `x`). The rules are those of ONNX's QuantizeLinear.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

import ml_dtypes
import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.comparison import greater
from flowloom.ops.composing import at_least_single, span
from flowloom.ops.elementwise import cast, clip, maximum, minimum, where
from flowloom.ops.inference import floats, numeric
from flowloom.ops.kernels import rounding_ufunc
from flowloom.ops.reduction import max_, min_
from flowloom.ops.repeating import repeat
from flowloom.ops.rounding import round_
from flowloom.ops.shape import expand_dims
from flowloom.params import Whole
from flowloom.spec import DEFAULT_DTYPE, Spec, SpecError, is_integer, merge_shapes, normalize_axis, promote

Quantized: TypeAlias = Literal[
    "uint8",
    "int8",
    "uint16",
    "int16",
    "uint4",
    "int4",
    "uint2",
    "int2",
    "float8_e4m3fn",
    "float8_e4m3fnuz",
    "float8_e5m2",
    "float8_e5m2fnuz",
    "float4_e2m1fn",
]


Restored: TypeAlias = Literal["float32", "float64", "float16", "bfloat16"]


@op(family="elementwise", composite=True)
def quantize(
    x: Any,
    scale: Any,
    zero_point: Any = None,
    *,
    axis: int = -1,
    block_size: Whole = 0,
    dtype: Quantized | None = None,
    saturate: bool = True,
) -> Any:
    """x / scale, rounded half to even, plus `zero_point`, limited to what the dtype holds (ONNX QuantizeLinear).

    `scale` and `zero_point` are scalars, vectors along `axis`, or with a `block_size` one for each block along it.
    Returns the shape of `x` in `dtype`, where it is not given that of `zero_point`, else uint8. A float of 8 bits is
    not rounded to whole numbers; without `saturate` it overflows to infinity or NaN. No gradient passes; see
    `fake_quantize`. Raises SpecError if the scales do not fit `x` or the dtypes contradict each other.
    """
    name = quantized_dtype(zero_point, dtype)
    floats(scale, "scale")
    y = x / _spread(scale, x, axis, block_size)
    return stored(y, None if zero_point is None else _spread(zero_point, x, axis, block_size), name, saturate)


@op(family="elementwise", composite=True)
def dequantize(
    x: Any,
    scale: Any,
    zero_point: Any = None,
    *,
    axis: int = -1,
    block_size: Whole = 0,
    dtype: Restored | None = None,
) -> Any:
    """(x - zero_point) scale: the numbers that quantized ones stand for (ONNX DequantizeLinear).

    `scale` and `zero_point` as in `quantize`. Returns the shape of `x` in `dtype`, that of `scale` where it is not
    given. Raises SpecError if the scales do not fit `x`.
    """
    floats(scale, "scale")
    wide = promote(DEFAULT_DTYPE, scale.dtype).name
    y = cast(x, dtype=wide)
    if zero_point is not None:
        y = y - cast(_spread(zero_point, x, axis, block_size), dtype=wide)
    return cast(y * cast(_spread(scale, x, axis, block_size), dtype=wide), dtype=dtype or scale.dtype.name)


@op(family="elementwise", composite=True, internal=True, outputs=("y", "scale", "zero_point"))
def dynamic_quantize(x: Any) -> Any:
    """`x` in uint8 by its own range, which is widened to hold 0; and the scale and zero point (DynamicQuantizeLinear).

    Of zeros alone the scale is 1 / 255. Raises SpecError unless `x` is of floats.
    """
    low, high = minimum(min_(floats(x, "x")), 0.0), maximum(max_(x), 0.0)
    width = high - low
    scale = where(greater(width, 0), width, 1.0) / 255.0
    zero_point = cast(round_(clip(-low / scale, low=0.0, high=255.0)), dtype="uint8")
    return quantize(x, scale, zero_point), scale, zero_point


@op(family="elementwise", composite=True)
def fake_quantize(
    x: Any, scale: Any, zero_point: Any = None, *, low: int = -128, high: int = 127, axis: int = -1
) -> Any:
    """What quantizing `x` to the integers from `low` to `high` and back leaves of it, to train with its error.

    `scale` is a scalar or a vector along `axis`, as is `zero_point`. The gradient takes rounding for no change (a
    straight-through estimate): all of it passes to `x` inside the range, none outside; that of `scale` is the one of
    learned step sizes. Sources: Jacob et al., arXiv 1712.05877; Esser et al., arXiv 1902.08153. Raises SpecError if
    `low` is not below `high`, or if the scales do not fit `x`.
    """
    if not low < high:
        raise SpecError(f"low must be below high; got low={low}, high={high}", dimension="low >= high")
    floats(scale, "scale")
    step = _spread(scale, x, axis, 0)
    y = round_through(x / step)
    if zero_point is None:
        return clip(y, low=float(low), high=float(high)) * step
    zero = cast(_spread(zero_point, x, axis, 0), dtype=y.dtype.name)
    return (clip(y + zero, low=float(low), high=float(high)) - zero) * step


@op(family="elementwise", internal=True)
def round_through(x: Spec) -> Spec:
    """The whole number nearest to each element of `x`, the even one of two; its gradient is that of `x` itself.

    Keeps the dtype. Source: Bengio, Léonard and Courville, "Estimating or Propagating Gradients Through Stochastic
    Neurons", 2013, arXiv 1308.3432.
    """
    return numeric(x)


round_through.kernel(rounding_ufunc("rint")).vjp(lambda g, y, x: (g,)).scalar("rint({x})")


# ---------------------------------------------------------------- parts
def quantized_dtype(zero_point: Any, dtype: str | None) -> str:
    """The dtype to quantize to. Raises SpecError if it is none, or not that of the zero point."""
    if zero_point is None:
        return dtype or "uint8"
    found = str(zero_point.dtype.name)
    if dtype not in (None, found):
        raise SpecError(f"the zero point is {found}, and dtype {dtype}; they must be the same")
    return found


def stored(y: Any, zero_point: Any, dtype: str, saturate: bool) -> Any:
    """`y` rounded to `dtype`, with the zero point added."""
    kind = np.dtype(dtype)
    if is_integer(kind):
        y = round_(y)
    y = at_least_single(y)  # a narrow float has gaps where integers of 8 or 16 bits have none
    if zero_point is not None:
        y = y + cast(zero_point, dtype=y.dtype.name)
    if is_integer(kind):
        limits = ml_dtypes.iinfo(kind)  # type: ignore[no-untyped-call]
        return cast(clip(y, low=float(limits.min), high=float(limits.max)), dtype=dtype)
    return cast(y, dtype=dtype, saturate=saturate)


def _spread(value: Any, x: Any, axis: int, block_size: int) -> Any:
    """A scale or zero point in a shape that broadcasts to `x`. Raises SpecError if it has none."""
    if not value.ndim:
        return value
    axis = normalize_axis(axis, x.ndim)
    if not block_size:
        given = value.shape if value.shape != (1,) else x.shape[axis : axis + 1]
        rule = f"axis {axis} has size {x.shape[axis]}; a scale must be a scalar or as long as that; got {value.shape}"
        merge_shapes(given, x.shape[axis : axis + 1], rule)
        return expand_dims(value, axis=tuple(range(1, x.ndim - axis))) if axis < x.ndim - 1 else value
    if value.ndim != x.ndim:
        raise SpecError(
            f"scales of blocks have as many dimensions as x, {x.ndim}; got {value.ndim}",
            dimension=f"{value.ndim} != {x.ndim} dimensions",
        )
    spread = repeat(value, repeats=block_size, axis=axis)
    return span(spread, None, x.shape[axis], axis) if isinstance(x.shape[axis], int) else spread


# ---------------------------------------------------------------- samples
@quantize.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    x = rng.normal(size=(2, 6, 3)) * 40
    yield (x, np.array(0.5)), {}
    yield (x, np.array(0.5), np.array(3, np.int8)), {}
    yield (x, rng.uniform(0.3, 2, 6), rng.integers(0, 9, 6, dtype=np.uint16)), {"axis": 1}
    yield (x, rng.uniform(0.3, 2, (2, 2, 3))), {"axis": 1, "block_size": 4, "dtype": "int4"}
    yield (x, np.array(0.5)), {"dtype": "float8_e4m3fn"}
    yield (np.zeros((0, 3)), np.array(0.5)), {}


@dequantize.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    x = rng.integers(-128, 128, (2, 6, 3), dtype=np.int8)
    yield (x, np.array(0.5)), {}
    yield (x, np.array(0.5), np.array(3, np.int8)), {"dtype": "float64"}
    yield (x, rng.uniform(0.3, 2, 6), rng.integers(0, 9, 6, dtype=np.int8)), {"axis": 1}
    yield (x, rng.uniform(0.3, 2, (2, 2, 3))), {"axis": 1, "block_size": 4}


@dynamic_quantize.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 4)),), {}
    yield (rng.uniform(1, 2, (5,)),), {}


@fake_quantize.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    x = rng.normal(size=(2, 6, 3)) * 40
    yield (x, np.array(0.5)), {}
    yield (x, np.array(0.5), np.array(3)), {"low": 0, "high": 15}
    yield (x, rng.uniform(0.3, 2, 6), rng.integers(0, 9, 6)), {"axis": 1}


@round_through.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.uniform(-3, 3, (3, 4)),), {}
    yield (np.array([-2.5, -0.5, 0.5, 1.5]),), {}
