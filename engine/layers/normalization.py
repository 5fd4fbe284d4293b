"""Batch normalisation (Ioffe & Szegedy 2015) and layer normalisation (Ba et al. 2016). Keras' names and defaults."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from flowloom.compiler.expr import Expr
from flowloom.graph.kinds import NodeContext
from flowloom.layers.layer import layer
from flowloom.ops import mean, sqrt, square
from flowloom.params import Fraction
from flowloom.spec import SpecError

Positive = Annotated[float, Meta(gt=0)]


@layer()
def batch_normalization(
    node: NodeContext,
    x: Any,
    *,
    momentum: Fraction = 0.99,
    epsilon: Positive = 1e-3,
    center: bool = True,
    scale: bool = True,
    trainable: bool = True,
) -> Expr:
    """Bring each channel of `x` (..., channels) to mean 0 and variance 1, then scale and shift it by learned amounts.

    While learning it uses the batch's statistics and keeps moving averages of them, which it uses otherwise.
    Returns the shape of `x`. Variables: gamma, beta, moving_mean, moving_variance, each (channels,).
    """
    _check(x)
    channels = (x.shape[-1],)
    moving_mean: Any = node.variable("moving_mean", channels, "zeros", trainable=False)
    moving_variance: Any = node.variable("moving_variance", channels, "ones", trainable=False)
    if node.training and trainable:
        centre, spread = _moments(x, tuple(range(x.spec.ndim - 1)), keepdims=False)
        node.update("moving_mean", moving_mean * momentum + centre * (1 - momentum))
        node.update("moving_variance", moving_variance * momentum + spread * (1 - momentum))
    else:
        centre, spread = moving_mean, moving_variance
    return _scaled(node, (x - centre) / sqrt(spread + epsilon), center, scale)


@layer()
def layer_normalization(
    node: NodeContext,
    x: Any,
    *,
    epsilon: Positive = 1e-3,
    center: bool = True,
    scale: bool = True,
    trainable: bool = True,
) -> Expr:
    """Bring each row of `x` (..., features) to mean 0 and variance 1, then scale and shift by learned amounts.

    Returns the shape of `x`. Variables: gamma and beta, each (features,).
    """
    _check(x)
    centre, spread = _moments(x, (x.spec.ndim - 1,), keepdims=True)
    return _scaled(node, (x - centre) / sqrt(spread + epsilon), center, scale)


def _moments(x: Any, axes: tuple[int, ...], *, keepdims: bool) -> tuple[Any, Any]:
    """Mean and (biased) variance over `axes`."""
    centred = x - mean(x, axis=axes, keepdims=True)
    return mean(x, axis=axes, keepdims=keepdims), mean(square(centred), axis=axes, keepdims=keepdims)


def _scaled(node: NodeContext, y: Any, center: bool, scale: bool) -> Expr:
    last = (y.shape[-1],)
    if scale:
        y = y * node.variable("gamma", last, "ones")
    if center:
        y = y + node.variable("beta", last, "zeros")
    result: Expr = y
    return result


def _check(x: Any) -> None:
    if x.spec.ndim < 2 or x.dtype.kind != "f":
        raise SpecError(f"it takes floats of 2 dimensions or more; got {x.spec}")
