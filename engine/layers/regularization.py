"""Layers that act only while the model learns: dropout (Srivastava et al. 2014) and noise. Keras' names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

from flowloom.compiler.expr import Expr
from flowloom.graph.kinds import NodeContext
from flowloom.layers.layer import layer
from flowloom.layers.shapes import dimensions, floats
from flowloom.ops import cast, fold_in, random_normal, random_uniform, where
from flowloom.params import Count, Fraction, NotNegative
from flowloom.spec import Dim, SpecError

# Negative saturation of selu: -1.0507009873554805 * 1.6732632423543772 (Klambauer et al. 2017, section "alpha dropout")
SATURATION = -1.7580993408473766
NoiseShape: TypeAlias = tuple[Count | None, ...]


@layer()
def dropout(node: NodeContext, x: Expr, *, rate: Fraction = 0.5, noise_shape: NoiseShape | None = None) -> Expr:
    """While learning, set a random share `rate` of `x` to zero and scale the rest up to keep the mean.

    `noise_shape` has a size for each dimension: 1 where all elements share one draw, None for that of `x`. Returns the
    shape of `x`; `x` as it is while not learning.
    """
    floats(x)
    y: Expr = dropped(node, x, rate, _noise_shape(x, noise_shape))
    return y


@layer()
def spatial_dropout1d(node: NodeContext, x: Expr, *, rate: Fraction = 0.5) -> Expr:
    """Dropout of whole channels of `x` (batch, time, channels): all steps of one together (Tompson et al. 2015).

    Returns the shape of `x`; `x` as it is while not learning.
    """
    return _spatial(node, x, rate, 1)


@layer()
def spatial_dropout2d(node: NodeContext, x: Expr, *, rate: Fraction = 0.5) -> Expr:
    """Dropout of whole channels of images `x` (batch, height, width, channels) (Tompson et al. 2015).

    Returns the shape of `x`; `x` as it is while not learning.
    """
    return _spatial(node, x, rate, 2)


@layer()
def spatial_dropout3d(node: NodeContext, x: Expr, *, rate: Fraction = 0.5) -> Expr:
    """Dropout of whole channels of volumes `x` (batch, depth, height, width, channels) (Tompson et al. 2015).

    Returns the shape of `x`; `x` as it is while not learning.
    """
    return _spatial(node, x, rate, 3)


@layer()
def alpha_dropout(node: NodeContext, x: Expr, *, rate: Fraction = 0.5, noise_shape: NoiseShape | None = None) -> Expr:
    """Dropout for networks of selu: it keeps mean and variance of what has mean 0 and variance 1.

    While learning, a random share `rate` of `x` becomes what selu gives for very negative numbers, and all is scaled
    and shifted back (Klambauer et al. 2017). `noise_shape` as in `dropout`. Returns the shape of `x`.
    """
    floats(x)
    if not node.training or rate == 0:
        return x
    a = 1 / math.sqrt((1 - rate) * (1 + rate * SATURATION**2))
    thinned = where(kept(node, _noise_shape(x, noise_shape), rate), x, SATURATION)
    y: Expr = thinned * a - a * SATURATION * rate
    return y


@layer()
def gaussian_noise(node: NodeContext, x: Expr, *, stddev: NotNegative = 0.1) -> Expr:
    """While learning, add normal noise of that standard deviation to `x`.

    Returns the shape of `x`; `x` as it is while not learning.
    """
    floats(x)
    if not node.training:
        return x
    y: Expr = x + _noise(node, x, mean=0.0, stddev=stddev)
    return y


@layer()
def gaussian_dropout(node: NodeContext, x: Expr, *, rate: Fraction = 0.5) -> Expr:
    """While learning, multiply `x` by normal noise of mean 1 and variance rate / (1 - rate), that of dropout.

    Returns the shape of `x`; `x` as it is while not learning (Srivastava et al. 2014, section 10).
    """
    floats(x)
    if not node.training or rate == 0:
        return x
    y: Expr = x * _noise(node, x, mean=1.0, stddev=math.sqrt(rate / (1 - rate)))
    return y


# ---------------------------------------------------------------- for other layers


def dropped(node: NodeContext, x: Any, rate: float, shape: Sequence[Dim] | None = None, *, use: int = 0) -> Any:
    """`x` with dropout, drawn in `shape` (None: its own). A node that draws several times numbers its uses."""
    if not node.training or rate == 0:
        return x
    return where(kept(node, x.shape if shape is None else shape, rate, use=use), x * (1 / (1 - rate)), 0.0)


def kept(node: NodeContext, shape: Sequence[Dim], rate: float, *, use: int = 0) -> Any:
    """Which elements of `shape` stay: bool, true in a share 1 - `rate`."""
    return random_uniform(key_for(node, use), shape=tuple(shape)) >= rate


def key_for(node: NodeContext, use: int) -> Any:
    """The node's random key for its use of that number."""
    return fold_in(node.key(), data=use) if use else node.key()


def _spatial(node: NodeContext, x: Any, rate: float, axes: int) -> Expr:
    floats(x)
    dimensions(x, axes + 2, f"a batch of channels over {axes} axes: {axes + 2} dimensions", axes + 2)
    y: Expr = dropped(node, x, rate, (x.shape[0], *(1,) * axes, x.shape[-1]))
    return y


def _noise(node: NodeContext, x: Any, *, mean: float, stddev: float) -> Any:
    return cast(random_normal(node.key(), shape=x.shape, mean=mean, stddev=stddev), dtype=x.dtype.name)


def _noise_shape(x: Any, shape: NoiseShape | None) -> tuple[Dim, ...]:
    if shape is None:
        return tuple(x.shape)
    if len(shape) != x.ndim or any(n not in (1, None, d) for n, d in zip(shape, x.shape, strict=True)):
        raise SpecError(f"noise_shape needs, for each of {x.spec}, 1 or None; got {shape}", dimension=f"{shape}")
    return tuple(d if n is None else n for n, d in zip(shape, x.shape, strict=True))
