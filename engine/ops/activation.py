"""Smooth activations: elementwise functions between the layers of a network.

Each is right for arguments of any size: where an intermediate overflows to infinity, the result is still the limit.
"""

from __future__ import annotations

import math
from typing import Any

from flowloom.op import op
from flowloom.ops.elementwise import exp, where
from flowloom.ops.error_function import erf, erf_of
from flowloom.ops.exponentials import hypot
from flowloom.ops.inference import floating
from flowloom.ops.kernels import as_float, float_ufunc, room
from flowloom.ops.sampling import unary
from flowloom.params import Positive
from flowloom.spec import Spec

# 0.5 * x * (1 + tanh(s * (x + c * x**3))): Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016, section 2.
_GELU_SCALE = math.sqrt(2 / math.pi)
_GELU_CUBE = 0.044715
_GELU_WIDTH = math.sqrt(0.5)  # 0.5 * x * (1 + erf(w * x)), exactly
_NORMAL_PEAK = 1 / math.sqrt(2 * math.pi)  # of the normal density


@op(family="elementwise")
def sigmoid(x: Spec) -> Spec:
    """Logistic function 1 / (1 + exp(-x)), between 0 and 1. A float dtype stays; integers give float32."""
    return floating(x)


@sigmoid.kernel
def _(xp: Any, x: Any, *, out: Any = None) -> Any:
    x = as_float(x)
    out = xp.negative(x, out=room(xp, x, out))
    out = xp.add(xp.exp(out, out=out), 1, out=out)
    return xp.reciprocal(out, out=out)


sigmoid.vjp(lambda g, y, x: (g * y * (1.0 - y),)).scalar("1 / (1 + exp(-{x}))").samples(unary())


@op(family="elementwise")
def tanh(x: Spec) -> Spec:
    """Hyperbolic tangent, between -1 and 1. A float dtype stays; integers give float32."""
    return floating(x)


tanh.kernel(float_ufunc("tanh")).vjp(lambda g, y, x: (g * (1.0 - y * y),)).scalar("tanh({x})").samples(unary())


@op(family="elementwise", composite=True)
def log_sigmoid(x: Any) -> Any:
    """Logarithm of the sigmoid, never infinite where `x` is not. A float dtype stays; integers give float32."""
    return -softplus(-x)


log_sigmoid.samples(unary())


@op(family="elementwise")
def softplus(x: Spec, *, beta: Positive = 1.0) -> Spec:
    """log(1 + exp(beta * x)) / beta, a smooth rectifier. A float dtype stays; integers give float32."""
    return floating(x)


@softplus.kernel
def _(xp: Any, x: Any, *, beta: float, out: Any = None) -> Any:
    # log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)), whose exponential never overflows. NumPy's logaddexp is 8 times
    # as slow.
    x = as_float(x)
    out = xp.abs(x, out=room(xp, x, out))
    out = xp.log1p(xp.exp(xp.multiply(out, -beta, out=out), out=out), out=out)
    if beta != 1:
        out = xp.divide(out, beta, out=out)
    return xp.add(out, xp.maximum(x, 0), out=out)


softplus.vjp(lambda g, y, x, *, beta: (g * sigmoid(_times(beta, x)),))
softplus.scalar("where({x} < 0, 0.0, {x}) + log1p(exp(-abs({beta} * {x}))) / {beta}").samples(unary(beta=1.5))


@op(family="elementwise", composite=True)
def softsign(x: Any) -> Any:
    """`x` over 1 + its magnitude, between -1 and 1. A float dtype stays; integers give float32.

    Source: Glorot and Bengio, "Understanding the Difficulty of Training Deep Feedforward Neural Networks", 2010.
    """
    return x / (1.0 + abs(x))


softsign.samples(unary())


@op(family="elementwise", composite=True)
def squareplus(x: Any, *, b: Positive = 4.0) -> Any:
    """(x + sqrt(x**2 + b)) / 2, a smooth rectifier without exponentials; `b` says how wide its bend is.

    A float dtype stays; integers give float32. Source: Barron, "Squareplus", 2021.
    """
    # Below 0 the sum would cancel: it is b over the difference, as their product is b.
    size = where(x < 0, -x, x)
    larger = size + hypot(x, math.sqrt(b))
    return where(x < 0, 0.5 * b / larger, 0.5 * larger)


squareplus.samples(unary(b=1.5))


@op(family="elementwise")
def gelu(x: Spec, *, approximate: bool = True) -> Spec:
    """Gaussian error linear unit: `x` times the probability that a normal variable is below it.

    `approximate`: by tanh, to 5e-4, which is several times as fast; else by the error function. A float dtype stays;
    integers give float32. Source: Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016.
    """
    return floating(x)


@gelu.kernel
def _(xp: Any, x: Any, *, approximate: bool, out: Any = None) -> Any:
    x = as_float(x)
    out = room(xp, x, out)
    if approximate:
        xp.multiply(x, x, out=out)
        out = xp.multiply(xp.add(xp.multiply(out, _GELU_CUBE, out=out), 1, out=out), x, out=out)
        out = xp.tanh(xp.multiply(out, _GELU_SCALE, out=out), out=out)
    else:
        out = erf_of(xp, x * _GELU_WIDTH, out)
    out = xp.multiply(xp.add(out, 1, out=out), x, out=out)
    return xp.multiply(out, 0.5, out=out)


@gelu.vjp
def _(g: Any, y: Any, x: Any, *, approximate: bool) -> Any:
    squared = x * x
    if not approximate:
        return (g * (0.5 * (1.0 + erf(_GELU_WIDTH * x)) + _NORMAL_PEAK * x * exp(-0.5 * squared)),)
    t = tanh(_GELU_SCALE * x * (1.0 + _GELU_CUBE * squared))
    slope = _GELU_SCALE * (1.0 + 3.0 * _GELU_CUBE * squared)
    return (0.5 * g * (1.0 + t + x * (1.0 - t * t) * slope),)


gelu.scalar(
    f"0.5 * {{x}} * (1 + where({{approximate}}, tanh({_GELU_SCALE!r} * ({{x}} * (1 + {_GELU_CUBE} * {{x}} * {{x}}))), "
    f"erf({_GELU_WIDTH!r} * {{x}})))"
).samples(unary(approximate=False))


@op(family="elementwise")
def silu(x: Spec, *, alpha: float = 1.0) -> Spec:
    """`x` times sigmoid(alpha * x), also called swish. A float dtype stays; integers give float32.

    Source: Ramachandran et al., "Searching for Activation Functions", 2017.
    """
    return floating(x)


@silu.kernel
def _(xp: Any, x: Any, *, alpha: float, out: Any = None) -> Any:
    x = as_float(x)
    out = xp.multiply(x, -alpha, out=room(xp, x, out))
    out = xp.add(xp.exp(out, out=out), 1, out=out)
    return xp.divide(x, out, out=out)


@silu.vjp
def _(g: Any, y: Any, x: Any, *, alpha: float) -> Any:
    inner = _times(alpha, x)
    s = sigmoid(inner)
    return (g * s * (1.0 + inner * (1.0 - s)),)


silu.scalar("{x} / (1 + exp(-{alpha} * {x}))").samples(unary(alpha=1.7))


@op(family="elementwise", composite=True)
def mish(x: Any) -> Any:
    """`x` times tanh(softplus(x)), a smooth rectifier. A float dtype stays; integers give float32.

    Source: Misra, "Mish: A Self Regularized Non-Monotonic Activation Function", 2019.
    """
    return x * tanh(softplus(x))


mish.samples(unary())


def _times(factor: float, x: Any) -> Any:
    """`factor * x`, which for 1 is `x`."""
    return x if factor == 1 else factor * x
