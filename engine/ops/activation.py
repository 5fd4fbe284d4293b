"""Activations: elementwise functions between the layers of a network.

Each is right for arguments of any size: where an intermediate overflows to infinity, the result is still the limit.
"""

from __future__ import annotations

import math
from typing import Any

from flowloom.op import op
from flowloom.ops.comparison import greater
from flowloom.ops.elementwise import where
from flowloom.ops.inference import floating, numeric
from flowloom.ops.kernels import as_float, float_ufunc
from flowloom.ops.sampling import unary
from flowloom.spec import Spec

# 0.5 * x * (1 + tanh(s * (x + c * x**3))): Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016, section 2.
_GELU_SCALE = math.sqrt(2 / math.pi)
_GELU_CUBE = 0.044715


@op(family="elementwise")
def relu(x: Spec) -> Spec:
    """Rectified linear unit: `x` where it is positive, else 0. The gradient at 0 is 0. Raises SpecError for bool."""
    return numeric(x)


@relu.kernel
def _(xp: Any, x: Any, *, out: Any = None) -> Any:
    return xp.maximum(x, 0, out=out)


relu.vjp(lambda g, y, x: (where(greater(y, 0), g, 0.0),)).scalar("where({x} < 0, 0.0, {x})").samples(unary())


@op(family="elementwise")
def leaky_relu(x: Spec, *, negative_slope: float = 0.2) -> Spec:
    """`x` where it is positive, else `negative_slope * x`. A float dtype stays; integers give float32."""
    return floating(x)


@leaky_relu.kernel
def _(xp: Any, x: Any, *, negative_slope: float, out: Any = None) -> Any:
    x = as_float(x)
    out = xp.multiply(x, negative_slope, out=_room(xp, x, out))
    xp.copyto(out, x, where=x > 0)
    return out


@leaky_relu.vjp
def _(g: Any, y: Any, x: Any, *, negative_slope: float) -> Any:
    return (where(greater(x, 0), g, negative_slope * g),)


leaky_relu.scalar("where({x} > 0, {x}, {negative_slope} * {x})").samples(unary())


@op(family="elementwise")
def elu(x: Spec, *, alpha: float = 1.0) -> Spec:
    """Exponential linear unit: `x` where it is positive, else `alpha * (exp(x) - 1)`.

    A float dtype stays; integers give float32. Source: Clevert et al., "Fast and Accurate Deep Network Learning by
    Exponential Linear Units", 2016.
    """
    return floating(x)


@elu.kernel
def _(xp: Any, x: Any, *, alpha: float, out: Any = None) -> Any:
    x = as_float(x)
    out = xp.minimum(x, 0, out=_room(xp, x, out))
    xp.multiply(xp.expm1(out, out=out), alpha, out=out)
    xp.copyto(out, x, where=x > 0)
    return out


@elu.vjp
def _(g: Any, y: Any, x: Any, *, alpha: float) -> Any:
    return (where(greater(x, 0), g, g * (y + alpha)),)


elu.scalar("where({x} > 0, {x}, {alpha} * (exp({x}) - 1))").samples(unary())


@op(family="elementwise")
def sigmoid(x: Spec) -> Spec:
    """Logistic function 1 / (1 + exp(-x)), between 0 and 1. A float dtype stays; integers give float32."""
    return floating(x)


@sigmoid.kernel
def _(xp: Any, x: Any, *, out: Any = None) -> Any:
    x = as_float(x)
    out = xp.negative(x, out=_room(xp, x, out))
    out = xp.add(xp.exp(out, out=out), 1, out=out)
    return xp.reciprocal(out, out=out)


sigmoid.vjp(lambda g, y, x: (g * y * (1.0 - y),)).scalar("1 / (1 + exp(-{x}))").samples(unary())


@op(family="elementwise")
def tanh(x: Spec) -> Spec:
    """Hyperbolic tangent, between -1 and 1. A float dtype stays; integers give float32."""
    return floating(x)


tanh.kernel(float_ufunc("tanh")).vjp(lambda g, y, x: (g * (1.0 - y * y),)).scalar("tanh({x})").samples(unary())


@op(family="elementwise")
def softplus(x: Spec) -> Spec:
    """log(1 + exp(x)), a smooth rectifier. A float dtype stays; integers give float32."""
    return floating(x)


@softplus.kernel
def _(xp: Any, x: Any, *, out: Any = None) -> Any:
    # log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)), whose exponential never overflows. NumPy's logaddexp is 8 times
    # as slow.
    x = as_float(x)
    out = xp.abs(x, out=_room(xp, x, out))
    out = xp.log1p(xp.exp(xp.negative(out, out=out), out=out), out=out)
    return xp.add(out, xp.maximum(x, 0), out=out)


softplus.vjp(lambda g, y, x: (g * sigmoid(x),)).scalar("where({x} < 0, 0.0, {x}) + log(1 + exp(-abs({x})))").samples(
    unary()
)


@op(family="elementwise")
def gelu(x: Spec) -> Spec:
    """Gaussian error linear unit in its tanh approximation. A float dtype stays; integers give float32.

    Source: Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016.
    """
    return floating(x)


@gelu.kernel
def _(xp: Any, x: Any, *, out: Any = None) -> Any:
    x = as_float(x)
    out = xp.multiply(x, x, out=_room(xp, x, out))
    out = xp.multiply(xp.add(xp.multiply(out, _GELU_CUBE, out=out), 1, out=out), x, out=out)
    out = xp.tanh(xp.multiply(out, _GELU_SCALE, out=out), out=out)
    out = xp.multiply(xp.add(out, 1, out=out), x, out=out)
    return xp.multiply(out, 0.5, out=out)


@gelu.vjp
def _(g: Any, y: Any, x: Any) -> Any:
    squared = x * x
    t = tanh(_GELU_SCALE * x * (1.0 + _GELU_CUBE * squared))
    slope = _GELU_SCALE * (1.0 + 3.0 * _GELU_CUBE * squared)
    return (0.5 * g * (1.0 + t + x * (1.0 - t * t) * slope),)


gelu.scalar(f"0.5 * {{x}} * (1 + tanh({_GELU_SCALE!r} * ({{x}} * (1 + {_GELU_CUBE} * {{x}} * {{x}}))))").samples(
    unary()
)


@op(family="elementwise")
def silu(x: Spec) -> Spec:
    """`x` times sigmoid(x), also called swish. A float dtype stays; integers give float32."""
    return floating(x)


@silu.kernel
def _(xp: Any, x: Any, *, out: Any = None) -> Any:
    x = as_float(x)
    out = xp.negative(x, out=_room(xp, x, out))
    out = xp.add(xp.exp(out, out=out), 1, out=out)
    return xp.divide(x, out, out=out)


@silu.vjp
def _(g: Any, y: Any, x: Any) -> Any:
    s = sigmoid(x)
    return (g * s * (1.0 + x * (1.0 - s)),)


silu.scalar("{x} / (1 + exp(-{x}))").samples(unary())


def _room(xp: Any, x: Any, out: Any) -> Any:
    """`out`, or a new array like `x` where there is none; an array also for a single number, which ufuncs unwrap."""
    return xp.empty_like(x) if out is None else out
