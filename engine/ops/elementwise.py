"""Elementwise arithmetic: one output element from the matching elements of the inputs, which broadcast as in NumPy."""

from __future__ import annotations

import math
from typing import Any

import ml_dtypes
import numpy as np

from flowloom.op import op
from flowloom.ops.comparison import equal, greater, less
from flowloom.ops.inference import floating, numeric
from flowloom.ops.kernels import float_ufunc, put, ufunc
from flowloom.ops.narrow import E8M0, FLOAT8, RoundMode, to_e8m0, to_float8
from flowloom.ops.sampling import away_from_zero, binary, unary
from flowloom.params import DType
from flowloom.spec import Spec, SpecError, broadcast, is_bool, is_float, is_integer, is_narrow, promote, wide_dtype


def arithmetic(a: Spec, b: Spec) -> Spec:
    """The result of arithmetic on `a` and `b`. Raises SpecError if they do not broadcast or are both bool."""
    if is_bool(a.dtype) and is_bool(b.dtype):
        raise SpecError(
            "both are bool; cast one to a number, or use logical_and and logical_or", dimension="dtype bool"
        )
    return broadcast(a, b)


@op(family="elementwise")
def add(a: Spec, b: Spec) -> Spec:
    """Sum of `a` and `b`, elementwise with broadcasting, in the wider dtype. Raises SpecError if both are bool."""
    return arithmetic(a, b)


add.kernel(ufunc("add")).vjp(lambda g, y, a, b: (g, g)).scalar("{a} + {b}").samples(binary())


@op(family="elementwise")
def subtract(a: Spec, b: Spec) -> Spec:
    """`a` minus `b`, elementwise with broadcasting, in the wider dtype. Raises SpecError if both are bool."""
    return arithmetic(a, b)


subtract.kernel(ufunc("subtract")).vjp(lambda g, y, a, b: (g, -g)).scalar("{a} - {b}").samples(binary())


@op(family="elementwise")
def multiply(a: Spec, b: Spec) -> Spec:
    """Product of `a` and `b`, elementwise with broadcasting, in the wider dtype. Raises SpecError if both are bool."""
    return arithmetic(a, b)


multiply.kernel(ufunc("multiply")).vjp(lambda g, y, a, b: (g * b, g * a)).scalar("{a} * {b}").samples(binary())


@op(family="elementwise")
def divide(a: Spec, b: Spec) -> Spec:
    """`a` over `b`, elementwise with broadcasting, in the wider dtype; integers give float32.

    A division by zero gives an infinity or NaN. Raises SpecError if both are bool.
    """
    return floating(arithmetic(a, b))


@divide.vjp
def _(g: Any, y: Any, a: Any, b: Any) -> Any:
    ga = g / b
    return ga, -ga * y


divide.kernel(float_ufunc("divide")).scalar("{a} / {b}").samples(binary())


@op(family="elementwise")
def power(a: Spec, b: Spec) -> Spec:
    """`a` to the power of `b`, elementwise with broadcasting, in the wider dtype.

    A negative float to a broken power gives NaN. Raises SpecError if both are bool, and ValueError, when it runs,
    if an integer is raised to a negative integer.
    """
    return arithmetic(a, b)


@power.vjp
def _(g: Any, y: Any, a: Any, b: Any) -> Any:
    # At b = 0 the slope is 0 for every a, but b * a**(b - 1) is 0 * inf at a = 0; likewise y * log(a) is 0 at a = 0.
    one_less = where(equal(b, 0), 1, b - 1)
    return g * b * a**one_less, g * y * log(where(equal(a, 0), 1, a))


power.kernel(ufunc("power")).scalar("pow({a}, {b})").samples(binary())


@op(family="elementwise")
def maximum(a: Spec, b: Spec) -> Spec:
    """The larger of `a` and `b`, elementwise with broadcasting, in the wider dtype; NaN where either is NaN.

    Where they are equal, each takes half of the gradient.
    """
    return broadcast(a, b)


@maximum.vjp
def _(g: Any, y: Any, a: Any, b: Any) -> Any:
    ga = where(equal(a, b), 0.5 * g, where(greater(a, b), g, 0.0))
    return ga, g - ga


maximum.kernel(ufunc("maximum")).scalar("where({a} != {a}, {a}, where({a} >= {b}, {a}, {b}))").samples(binary())


@op(family="elementwise")
def minimum(a: Spec, b: Spec) -> Spec:
    """The smaller of `a` and `b`, elementwise with broadcasting, in the wider dtype; NaN where either is NaN.

    Where they are equal, each takes half of the gradient.
    """
    return broadcast(a, b)


@minimum.vjp
def _(g: Any, y: Any, a: Any, b: Any) -> Any:
    ga = where(equal(a, b), 0.5 * g, where(less(a, b), g, 0.0))
    return ga, g - ga


minimum.kernel(ufunc("minimum")).scalar("where({a} != {a}, {a}, where({a} <= {b}, {a}, {b}))").samples(binary())


@op(family="elementwise")
def negative(x: Spec) -> Spec:
    """`x` with its sign changed. Raises SpecError for bool."""
    return numeric(x)


negative.kernel(ufunc("negative")).vjp(lambda g, y, x: (-g,)).scalar("-{x}").samples(unary())


@op(family="elementwise", differentiable=False)
def sign(x: Spec) -> Spec:
    """-1, 0 or 1, in the dtype of `x`; NaN for NaN. Raises SpecError for bool."""
    return numeric(x)


sign.kernel(ufunc("sign")).scalar("where({x} > 0, 1.0, where({x} < 0, -1.0, {x}))").samples(unary())


@op(family="elementwise")
def abs_(x: Spec) -> Spec:
    """Magnitude of every element of `x`. The gradient at 0 is 0. Raises SpecError for bool."""
    return numeric(x)


abs_.kernel(ufunc("absolute")).vjp(lambda g, y, x: (g * sign(x),)).scalar("abs({x})").samples(unary())


@op(family="elementwise")
def exp(x: Spec) -> Spec:
    """e to the power of every element of `x`. A float dtype stays; integers give float32."""
    return floating(x)


exp.kernel(float_ufunc("exp")).vjp(lambda g, y, x: (g * y,)).scalar("exp({x})").samples(unary(-2.0))


@op(family="elementwise")
def log(x: Spec) -> Spec:
    """Natural logarithm: -inf at 0, NaN below. A float dtype stays; integers give float32."""
    return floating(x)


log.kernel(float_ufunc("log")).vjp(lambda g, y, x: (g / x,)).scalar("log({x})").samples(unary(0.3))


@op(family="elementwise")
def sqrt(x: Spec) -> Spec:
    """Square root; NaN below 0. The gradient at 0 is infinite. A float dtype stays; integers give float32."""
    return floating(x)


sqrt.kernel(float_ufunc("sqrt")).vjp(lambda g, y, x: (0.5 * g / y,)).scalar("sqrt({x})").samples(unary(0.3))


@op(family="elementwise")
def square(x: Spec) -> Spec:
    """Every element of `x` times itself. Raises SpecError for bool."""
    return numeric(x)


square.kernel(ufunc("square")).vjp(lambda g, y, x: (2.0 * g * x,)).scalar("{x} * {x}").samples(unary())


@op(family="elementwise")
def clip(x: Spec, *, low: float = 0.0, high: float = 1.0) -> Spec:
    """Limit every element of `x` to the interval [low, high]. Returns the shape and dtype of `x`.

    An infinite bound is none. Raises SpecError if low exceeds high, if `x` is bool, or if `x` is integer and a bound is
    neither whole nor infinite, or its dtype holds nothing of the interval.
    """
    numeric(x)
    if not low <= high:
        raise SpecError(f"low must not exceed high; got low={low}, high={high}", dimension="low > high")
    if is_integer(x.dtype):
        for name, bound in (("low", low), ("high", high)):
            if not (math.isinf(bound) or float(bound).is_integer()):
                raise SpecError(f"the bounds of integers must be whole; got {name}={bound}", dimension=name)
        info = ml_dtypes.iinfo(x.dtype)  # type: ignore[no-untyped-call]
        if low > info.max or high < info.min:
            raise SpecError(f"{x.dtype} holds no number from {low} to {high}", dimension=f"dtype {x.dtype}")
    return x


@clip.kernel
def _(xp: Any, x: Any, *, low: float, high: float, out: Any = None) -> Any:
    return xp.clip(x, *_bounds(x.dtype, low, high), out=out)


def _bounds(dtype: Any, low: float, high: float) -> tuple[Any, Any]:
    """`low` and `high` in `dtype`; what it cannot hold is no bound."""
    if is_float(dtype):
        largest = float(np.finfo(dtype).max)
        low, high = (b if abs(b) <= largest else math.copysign(math.inf, b) for b in (low, high))
    else:
        info = np.iinfo(dtype)
        low, high = int(max(low, info.min)), int(min(high, info.max))
    return dtype.type(low), dtype.type(high)


@clip.vjp
def _(g: Any, y: Any, x: Any, *, low: float, high: float) -> Any:
    return (g * inside(x, low=low, high=high),)


clip.scalar("where({x} < {low}, {low}, where({x} > {high}, {high}, {x}))")


@clip.samples
def _(rng: np.random.Generator) -> Any:
    yield (away_from_zero(rng, 3, 4),), {"low": -0.1, "high": 0.15}
    yield (np.array(0.3),), {}
    yield (rng.uniform(0.1, 0.9, (0, 2)),), {"high": float("inf")}
    yield (rng.integers(-9, 9, (3, 4)),), {"low": -2, "high": float("inf")}
    yield (rng.integers(0, 9, (3, 4), dtype=np.uint8),), {"low": -300, "high": 5}


@op(family="elementwise", differentiable=False, internal=True)
def inside(x: Spec, *, low: float, high: float) -> Spec:
    """1 where low <= x <= high, else 0, in the dtype of `x`: what `clip` lets through of a gradient."""
    return numeric(x)


@inside.kernel
def _(xp: Any, x: Any, *, low: float, high: float, out: Any = None) -> Any:
    within = (x >= low) & (x <= high)
    return put(within, out, x.dtype)


inside.scalar("where({x} >= {low}, where({x} <= {high}, 1.0, 0.0), 0.0)")


@inside.samples
def _(rng: np.random.Generator) -> Any:
    yield (away_from_zero(rng, 3, 4),), {"low": -0.1, "high": 0.8}
    yield (np.array(0.5),), {"low": 0.0, "high": 1.0}


@op(family="elementwise", narrow=True)
def cast(x: Spec, *, dtype: DType, saturate: bool = True, round_mode: RoundMode = "up") -> Spec:
    """`x` in another dtype. A float loses what is behind the point on its way to an integer; bool is "not 0".

    A number that an integer dtype cannot hold keeps its lower bits if it is an integer, and is undefined if it is a
    float. Beyond the range of a float8 dtype it becomes the largest number with `saturate`, else an infinity or NaN.
    `round_mode` is for float8_e8m0fnu, which holds only powers of two: the next one "up" or "down", or the "nearest".
    The gradient passes between floats, and ends at any other dtype.
    Source: ONNX, operator Cast; Micikevicius et al., "FP8 Formats for Deep Learning", 2022.
    """
    return x.with_dtype(dtype)


@cast.kernel
def _(xp: Any, x: Any, *, dtype: str, saturate: bool, round_mode: RoundMode, out: Any = None) -> Any:
    if dtype == E8M0 and x.dtype.name != E8M0:
        x = to_e8m0(xp, x, saturate, round_mode)
    elif dtype in FLOAT8 and saturate:
        x = to_float8(xp, x, dtype)
    elif is_narrow(x.dtype):
        x = x.astype(wide_dtype(x.dtype))  # not every narrow dtype is cast to every other
    if out is None:
        return x.astype(dtype)
    xp.copyto(out, x, casting="unsafe")
    return out


@cast.vjp
def _(g: Any, y: Any, x: Any, *, dtype: str, saturate: bool, round_mode: RoundMode) -> Any:
    return (cast(g, dtype=x.dtype.name) if is_float(x.dtype) and is_float(y.dtype) else None,)


cast.scalar("{x}")


@cast.samples
def _(rng: np.random.Generator) -> Any:
    yield (away_from_zero(rng, 3, 4),), {"dtype": "float64"}
    yield (away_from_zero(rng, 3, 4),), {"dtype": "int32"}
    yield (rng.integers(0, 2, (3, 4)),), {"dtype": "bool"}
    yield (rng.integers(0, 9, (3,)) > 4,), {"dtype": "float32"}


@op(family="elementwise")
def where(condition: Spec, a: Spec, b: Spec) -> Spec:
    """`a` where `condition` holds, else `b`; all three broadcast. The dtype is the wider of `a` and `b`.

    Raises SpecError if `condition` is not bool.
    """
    if not is_bool(condition.dtype):
        raise SpecError(
            f"the condition must be bool; got {condition.dtype}. Compare it with something",
            dimension=f"dtype {condition.dtype}",
        )
    return broadcast(condition, a, b, dtype=promote(a.dtype, b.dtype))


@where.kernel
def _(xp: Any, condition: Any, a: Any, b: Any, *, out: Any = None) -> Any:
    if out is None:
        dtype = promote(a.dtype, b.dtype)
        return xp.where(condition, a.astype(dtype, copy=False), b.astype(dtype, copy=False))
    xp.copyto(out, b)
    xp.copyto(out, a, where=condition)
    return out


@where.vjp
def _(g: Any, y: Any, condition: Any, a: Any, b: Any) -> Any:
    return None, where(condition, g, 0.0), where(condition, 0.0, g)


where.scalar("where({condition}, {a}, {b})")


@where.samples
def _(rng: np.random.Generator) -> Any:
    yield (rng.normal(size=(3, 4)) > 0, rng.normal(size=(3, 4)), rng.normal(size=(4,))), {}
    yield (rng.normal(size=(3, 1)) > 0, rng.normal(size=()), rng.normal(size=(1, 4))), {}
    yield (rng.normal(size=(3,)) > 0, rng.normal(size=(3,)), rng.integers(0, 9, (3,))), {}
    yield (np.array(True), rng.integers(0, 9, (3,)), rng.integers(0, 9, (3,))), {}
