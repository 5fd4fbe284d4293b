"""Normalisation: over a batch (Ioffe & Szegedy 2015), features (Ba et al. 2016), groups (Wu & He 2018), and by size.

Keras' names and defaults.
"""

from __future__ import annotations

from typing import Any

from flowloom import ops
from flowloom.compiler.expr import Expr
from flowloom.constraints import Constraint
from flowloom.graph.kinds import NodeContext
from flowloom.initializers import Initializer
from flowloom.layers.core import Made
from flowloom.layers.layer import layer
from flowloom.layers.shapes import floats, known
from flowloom.ops import mean, square
from flowloom.ops.composing import at_least_single
from flowloom.ops.inference import normalize_axes
from flowloom.ops.normalization import Groups, along
from flowloom.params import Axis, Fraction, Positive
from flowloom.regularizers import Regularizer
from flowloom.spec import normalize_axis


@layer()
def batch_normalization(
    node: NodeContext,
    x: Any,
    *,
    axis: int = -1,
    momentum: Fraction = 0.99,
    epsilon: Positive = 1e-3,
    center: bool = True,
    scale: bool = True,
    beta_initializer: Initializer = "zeros",
    gamma_initializer: Initializer = "ones",
    moving_mean_initializer: Initializer = "zeros",
    moving_variance_initializer: Initializer = "ones",
    beta_regularizer: Regularizer | None = None,
    gamma_regularizer: Regularizer | None = None,
    beta_constraint: Constraint | None = None,
    gamma_constraint: Constraint | None = None,
    trainable: bool = True,
) -> Expr:
    """Bring each channel of `x` to mean 0 and variance 1, then scale and shift it by learned amounts.

    The channels are along `axis`, the last one: `x` (..., channels). While learning it uses the batch's statistics and
    keeps moving averages of them, which it uses otherwise. Returns the shape of `x`. Variables: gamma, beta,
    moving_mean, moving_variance, each (channels,).
    """
    floats(x, 2)
    gamma = (gamma_initializer, gamma_regularizer, gamma_constraint) if scale else None
    beta = (beta_initializer, beta_regularizer, beta_constraint) if center else None
    moving = moving_mean_initializer, moving_variance_initializer
    return batch_normalized(node, x, axis, momentum, epsilon, gamma, beta, moving, learning=trainable)


@layer()
def layer_normalization(
    node: NodeContext,
    x: Any,
    *,
    axis: Axis = -1,
    epsilon: Positive = 1e-3,
    center: bool = True,
    scale: bool = True,
    beta_initializer: Initializer = "zeros",
    gamma_initializer: Initializer = "ones",
    beta_regularizer: Regularizer | None = None,
    gamma_regularizer: Regularizer | None = None,
    beta_constraint: Constraint | None = None,
    gamma_constraint: Constraint | None = None,
    trainable: bool = True,
) -> Expr:
    """Bring each row of `x` to mean 0 and variance 1 along `axis`, then scale and shift it by learned amounts.

    `axis` is the last one, or several: (1, 2, 3) takes whole images together. Returns the shape of `x` (..., features).
    Variables: gamma and beta, each in the sizes of the axes.
    """
    floats(x, 2)
    gamma = (gamma_initializer, gamma_regularizer, gamma_constraint) if scale else None
    beta = (beta_initializer, beta_regularizer, beta_constraint) if center else None
    return layer_normalized(node, x, normalize_axes(axis, x.ndim), epsilon, gamma, beta)


@layer()
def group_normalization(
    node: NodeContext,
    x: Any,
    *,
    groups: Groups = 32,
    axis: int = -1,
    epsilon: Positive = 1e-3,
    center: bool = True,
    scale: bool = True,
    beta_initializer: Initializer = "zeros",
    gamma_initializer: Initializer = "ones",
    beta_regularizer: Regularizer | None = None,
    gamma_regularizer: Regularizer | None = None,
    beta_constraint: Constraint | None = None,
    gamma_constraint: Constraint | None = None,
    trainable: bool = True,
) -> Expr:
    """Bring each group of channels of each example to mean 0 and variance 1, then scale and shift each channel.

    `x` is (batch, ..., channels), the channels along `axis`, in `groups` of neighbours. -1 makes each channel a group
    of its own (instance normalisation, Ulyanov et al. 2016), 1 all of them. Returns the shape of `x`. Variables: gamma
    and beta, each (channels,). Raises SpecError unless the groups divide the channels.
    """
    floats(x, 2)
    gamma = (gamma_initializer, gamma_regularizer, gamma_constraint) if scale else None
    beta = (beta_initializer, beta_regularizer, beta_constraint) if center else None
    weights = _weights(node, x, (normalize_axis(axis, x.ndim),), gamma, beta)
    y: Expr = ops.group_normalization(x, *weights, groups=groups, axis=axis, epsilon=epsilon)
    return y


@layer()
def rms_normalization(
    node: NodeContext,
    x: Any,
    *,
    axis: Axis = -1,
    epsilon: Positive = 1e-6,
    scale_initializer: Initializer = "ones",
    scale_regularizer: Regularizer | None = None,
    scale_constraint: Constraint | None = None,
    trainable: bool = True,
) -> Expr:
    """Divide each row of `x` by its root mean square along `axis`, then scale it by learned amounts.

    Returns the shape of `x` (..., features). Variable: scale, in the sizes of the axes (Zhang & Sennrich 2019).
    """
    floats(x, 2)
    sizes = _sizes(x, normalize_axes(axis, x.ndim))
    scale = node.variable("scale", sizes, scale_initializer, scale_regularizer, scale_constraint)
    y: Expr = ops.rms_normalization(x, scale, axis=axis, epsilon=epsilon)
    return y


@layer()
def unit_normalization(node: NodeContext, x: Any, *, axis: Axis = -1) -> Expr:
    """Divide each row of `x` by its Euclidean length along `axis`; zeros stay. Returns the shape of `x`."""
    floats(x)
    y: Expr = ops.normalize(x, axis=axis)
    return y


# ---------------------------------------------------------------- for other layers


def batch_normalized(
    node: NodeContext,
    x: Any,
    axis: int = -1,
    momentum: float = 0.99,
    epsilon: float = 1e-3,
    gamma: Made | None = ("ones", None, None),
    beta: Made | None = ("zeros", None, None),
    moving: tuple[Initializer, Initializer] = ("zeros", "ones"),
    *,
    learning: bool = True,
    prefix: str = "",
) -> Expr:
    """`x` with mean 0 and variance 1 in each channel, scaled and shifted by the variables gamma and beta."""
    at = normalize_axis(axis, x.ndim)
    channels = _sizes(x, (at,))
    moving_mean: Any = node.variable(f"{prefix}moving_mean", channels, moving[0], trainable=False)
    moving_variance: Any = node.variable(f"{prefix}moving_variance", channels, moving[1], trainable=False)
    centre, spread = moving_mean, moving_variance
    if node.training and learning:
        others, fine = tuple(i for i in range(x.ndim) if i != at), at_least_single(x)
        centre = mean(fine, axis=others)
        spread = mean(square(fine - along(fine, centre, (at,))), axis=others)
        for role, before, now in (("mean", moving_mean, centre), ("variance", moving_variance, spread)):
            node.update(f"{prefix}moving_{role}", before * momentum + now * (1 - momentum))
    scale, offset = _weights(node, x, (at,), gamma, beta, prefix)
    y: Expr = ops.batch_normalization(x, centre, spread, offset, scale, axis=at, epsilon=epsilon)
    return y


def layer_normalized(
    node: NodeContext,
    x: Any,
    axes: tuple[int, ...],
    epsilon: float,
    gamma: Made | None = ("ones", None, None),
    beta: Made | None = ("zeros", None, None),
    prefix: str = "",
) -> Expr:
    """`x` with mean 0 and variance 1 along `axes`, scaled and shifted by the variables gamma and beta."""
    weights = _weights(node, x, axes, gamma, beta, prefix)
    y: Expr = ops.layer_normalization(x, *weights, axis=axes, epsilon=epsilon)
    return y


def _weights(
    node: NodeContext, x: Any, axes: tuple[int, ...], gamma: Made | None, beta: Made | None, prefix: str = ""
) -> list[Any]:
    """The variables gamma and beta, in the sizes of `axes`; None for one that there is not."""
    sizes = _sizes(x, axes)
    made = {"gamma": gamma, "beta": beta}
    return [None if how is None else node.variable(f"{prefix}{role}", sizes, *how) for role, how in made.items()]


def _sizes(x: Any, axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(known(x.shape[a], f"the size of axis {a}") for a in axes)
