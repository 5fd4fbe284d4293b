"""Activations of the rectifier kind: pieces of straight lines and exponentials, joined at one or two points."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowloom.op import op
from flowloom.ops.comparison import greater, less
from flowloom.ops.elementwise import clip, maximum, minimum, where
from flowloom.ops.exponentials import expm1
from flowloom.ops.inference import floating, numeric
from flowloom.ops.kernels import as_float, room
from flowloom.ops.sampling import away_from_zero, unary
from flowloom.params import NotNegative, Positive
from flowloom.spec import Spec

# Klambauer et al., "Self-Normalizing Neural Networks", 2017, section 2: the fixed point has mean 0 and variance 1.
_SELU_ALPHA = 1.6732632423543772848
_SELU_SCALE = 1.0507009873554804934


@op(family="elementwise")
def relu(x: Spec) -> Spec:
    """Rectified linear unit: `x` where it is positive, else 0. The gradient at 0 is 0. Raises SpecError for bool."""
    return numeric(x)


@relu.kernel
def _(xp: Any, x: Any, *, out: Any = None) -> Any:
    return xp.maximum(x, 0, out=out)


relu.vjp(lambda g, y, x: (where(greater(y, 0), g, 0.0),)).scalar("where({x} < 0, 0.0, {x})").samples(unary())


@op(family="elementwise", composite=True)
def relu6(x: Any) -> Any:
    """Rectified linear unit that ends at 6: `x` limited to 0..6. Raises SpecError for bool.

    Source: Krizhevsky, "Convolutional Deep Belief Networks on CIFAR-10", 2010.
    """
    return clip(x, low=0.0, high=6.0)


relu6.samples(unary())


@op(family="elementwise")
def leaky_relu(x: Spec, *, negative_slope: float = 0.2) -> Spec:
    """`x` where it is positive, else `negative_slope * x`. A float dtype stays; integers give float32."""
    return floating(x)


@leaky_relu.kernel
def _(xp: Any, x: Any, *, negative_slope: float, out: Any = None) -> Any:
    x = as_float(x)
    out = xp.multiply(x, negative_slope, out=room(xp, x, out))
    xp.copyto(out, x, where=x > 0)
    return out


@leaky_relu.vjp
def _(g: Any, y: Any, x: Any, *, negative_slope: float) -> Any:
    return (where(greater(x, 0), g, negative_slope * g),)


leaky_relu.scalar("where({x} > 0, {x}, {negative_slope} * {x})").samples(unary(negative_slope=-0.5))


@op(family="elementwise", composite=True)
def prelu(x: Any, slope: Any) -> Any:
    """`x` where it is not negative, else `slope * x`: a rectifier that learns its slope. In the wider dtype.

    `slope` broadcasts against `x`: one slope for each channel is of shape (channels,). Source: He et al., "Delving Deep
    into Rectifiers", 2015.
    """
    return where(less(x, 0), slope * x, x)


@prelu.samples
def _(rng: np.random.Generator) -> Any:
    yield (away_from_zero(rng, 2, 3, 4), rng.uniform(0.1, 0.5, (4,))), {}
    yield (away_from_zero(rng, 3), rng.uniform(0.1, 0.5, ())), {}
    yield (rng.normal(size=(0, 4)), rng.uniform(0.1, 0.5, (4,))), {}
    yield (rng.integers(-4, 4, (3, 2)), rng.integers(1, 4, (2,))), {}


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
    out = xp.minimum(x, 0, out=room(xp, x, out))
    xp.multiply(xp.expm1(out, out=out), alpha, out=out)
    xp.copyto(out, x, where=x > 0)
    return out


@elu.vjp
def _(g: Any, y: Any, x: Any, *, alpha: float) -> Any:
    return (where(greater(x, 0), g, g * (y + alpha)),)


elu.scalar("where({x} > 0, {x}, {alpha} * expm1({x}))").samples(unary(alpha=0.7))


@op(family="elementwise", composite=True)
def selu(x: Any) -> Any:
    """Scaled exponential linear unit, which keeps mean 0 and variance 1 from layer to layer: 1.0507 * elu(x, 1.6733).

    A float dtype stays; integers give float32. Source: Klambauer et al., "Self-Normalizing Neural Networks", 2017.
    """
    return _SELU_SCALE * elu(x, alpha=_SELU_ALPHA)


selu.samples(unary())


@op(family="elementwise", composite=True)
def celu(x: Any, *, alpha: Positive = 1.0) -> Any:
    """Continuously differentiable ELU: `x` where it is positive, else `alpha * (exp(x / alpha) - 1)`.

    A float dtype stays; integers give float32. Source: Barron, "Continuously Differentiable Exponential Linear Units",
    2017.
    """
    return maximum(x, 0) + alpha * expm1(minimum(x, 0) / alpha)


celu.samples(unary(alpha=0.7))


@op(family="elementwise", composite=True)
def threshold(x: Any, *, threshold: float = 1.0, default_value: float = 0.0) -> Any:
    """`x` where it is above `threshold`, else `default_value`. A float dtype stays; integers give float32.

    With the default value 0 this is the thresholded rectified linear unit.
    """
    return where(x <= threshold, default_value, x)


threshold.samples(unary(threshold=0.3, default_value=-2.0))


@op(family="elementwise", composite=True, internal=True)
def shrink(x: Any, *, lambd: NotNegative = 0.5, bias: float = 0.0) -> Any:
    """0 where `x` is within -lambd..lambd, else `x` brought nearer to 0 by `bias`.

    A float dtype stays; integers give float32.
    """
    nearer = where(x > lambd, x - bias, x + bias)
    return where(abs(x) <= lambd, 0.0, nearer)


shrink.samples(unary(lambd=0.9, bias=0.3))


@op(family="elementwise", composite=True)
def hard_shrink(x: Any, *, threshold: NotNegative = 0.5) -> Any:
    """`x` where its magnitude is above `threshold`, else 0. A float dtype stays; integers give float32."""
    return shrink(x, lambd=threshold)


hard_shrink.samples(unary(threshold=1.0))


@op(family="elementwise", composite=True)
def soft_shrink(x: Any, *, threshold: NotNegative = 0.5) -> Any:
    """`x` nearer to 0 by `threshold`, and 0 where its magnitude is not above that.

    A float dtype stays; integers give float32.
    """
    return shrink(x, lambd=threshold, bias=threshold)


soft_shrink.samples(unary(threshold=1.0))


@op(family="elementwise", composite=True)
def hard_tanh(x: Any) -> Any:
    """`x` limited to -1..1: straight lines in place of tanh. Raises SpecError for bool."""
    return clip(x, low=-1.0, high=1.0)


hard_tanh.samples(unary())


@op(family="elementwise", composite=True)
def hard_sigmoid(x: Any, *, alpha: float = 1 / 6, beta: float = 0.5) -> Any:
    """`alpha * x + beta`, limited to 0..1: straight lines in place of a sigmoid. As relu6(x + 3) / 6, if not told more.

    The defaults are those of Keras; ONNX's `alpha` is 0.2. A float dtype stays; integers give float32. Source: Howard
    et al., "Searching for MobileNetV3", 2019, section 5.2.
    """
    return clip(alpha * x + beta, low=0.0, high=1.0)


hard_sigmoid.samples(unary(alpha=0.2))


@op(family="elementwise", composite=True)
def hard_silu(x: Any) -> Any:
    """`x` times its `hard_sigmoid`, also called hard swish. A float dtype stays; integers give float32.

    Source: Howard et al., "Searching for MobileNetV3", 2019, section 5.2.
    """
    return x * hard_sigmoid(x)


hard_silu.samples(unary())
