"""Normalisation: over a batch (Ioffe & Szegedy 2015), features (Ba et al. 2016), groups (Wu & He 2018), and by size.

Keras' names and defaults.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from msgspec import Meta

from flowloom.compiler.expr import Expr
from flowloom.constraints import Constraint
from flowloom.graph.kinds import NodeContext
from flowloom.initializers import Initializer
from flowloom.layers.core import Made
from flowloom.layers.layer import layer
from flowloom.layers.shapes import floats, known
from flowloom.ops import mean, normalize, reshape, sqrt, square
from flowloom.ops.inference import normalize_axes
from flowloom.params import Fraction
from flowloom.regularizers import Regularizer
from flowloom.spec import SpecError, normalize_axis

Positive: TypeAlias = Annotated[float, Meta(gt=0)]
Groups: TypeAlias = Annotated[int, Meta(ge=-1)]
Axis: TypeAlias = int | tuple[int, ...]


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
    axes = (normalize_axis(axis, x.ndim),)
    (channels,) = _sizes(x, axes)
    count = channels if groups == -1 else groups
    if axes[0] == 0 or count < 1 or channels % count:
        raise SpecError(
            f"groups must divide the channels, which are not the first axis; got groups={groups} and {channels} "
            f"channels along axis {axes[0]}",
            dimension=f"{channels} / {groups}",
        )
    at = axes[0]
    grouped = reshape(x, shape=(*x.shape[:at], count, channels // count, *x.shape[at + 1 :]))
    centre, spread = _moments(grouped, tuple(i for i in range(1, grouped.ndim) if i != at))
    y = reshape((grouped - centre) / sqrt(spread + epsilon), shape=x.shape)
    gamma = (gamma_initializer, gamma_regularizer, gamma_constraint) if scale else None
    beta = (beta_initializer, beta_regularizer, beta_constraint) if center else None
    return _scaled(node, y, axes, gamma, beta)


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
    axes = normalize_axes(axis, x.ndim)
    scale = node.variable("scale", _sizes(x, axes), scale_initializer, scale_regularizer, scale_constraint)
    y: Expr = x / sqrt(mean(square(x), axis=axes, keepdims=True) + epsilon) * _along(x, scale, axes)
    return y


@layer()
def unit_normalization(node: NodeContext, x: Any, *, axis: Axis = -1) -> Expr:
    """Divide each row of `x` by its Euclidean length along `axis`; zeros stay. Returns the shape of `x`."""
    floats(x)
    y: Expr = normalize(x, axis=axis)
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
    axes = (normalize_axis(axis, x.ndim),)
    channels = _sizes(x, axes)
    moving_mean: Any = node.variable(f"{prefix}moving_mean", channels, moving[0], trainable=False)
    moving_variance: Any = node.variable(f"{prefix}moving_variance", channels, moving[1], trainable=False)
    centre, spread = _along(x, moving_mean, axes), _along(x, moving_variance, axes)
    if node.training and learning:
        centre, spread = _moments(x, tuple(i for i in range(x.ndim) if i not in axes))
        for role, before, now in (("mean", moving_mean, centre), ("variance", moving_variance, spread)):
            node.update(f"{prefix}moving_{role}", before * momentum + reshape(now, shape=channels) * (1 - momentum))
    return _scaled(node, (x - centre) / sqrt(spread + epsilon), axes, gamma, beta, prefix)


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
    centre, spread = _moments(x, axes)
    return _scaled(node, (x - centre) / sqrt(spread + epsilon), axes, gamma, beta, prefix)


def _moments(x: Any, axes: tuple[int, ...]) -> tuple[Any, Any]:
    """Mean and (biased) variance over `axes`, which are kept."""
    centre = mean(x, axis=axes, keepdims=True)
    return centre, mean(square(x - centre), axis=axes, keepdims=True)


def _scaled(
    node: NodeContext, y: Any, axes: tuple[int, ...], gamma: Made | None, beta: Made | None, prefix: str = ""
) -> Expr:
    """`y`, times a variable and plus another one, which lie along `axes`."""
    sizes = _sizes(y, axes)
    if gamma is not None:
        y = y * _along(y, node.variable(f"{prefix}gamma", sizes, *gamma), axes)
    if beta is not None:
        y = y + _along(y, node.variable(f"{prefix}beta", sizes, *beta), axes)
    result: Expr = y
    return result


def _sizes(x: Any, axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(known(x.shape[a], f"the size of axis {a}") for a in axes)


def _along(x: Any, values: Any, axes: tuple[int, ...]) -> Any:
    """`values`, in the sizes of `axes`, so that they broadcast against `x`."""
    if axes == tuple(range(x.ndim - len(axes), x.ndim)):
        return values
    return reshape(values, shape=tuple(x.shape[i] if i in axes else 1 for i in range(x.ndim)))
