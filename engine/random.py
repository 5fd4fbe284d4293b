"""Sources of random numbers as nodes: other numbers at every step, the same ones in every run of the same seed.

The shape is that of the tensor `like`, if one is connected, and else `shape`, in which the names of an input's
dimensions ("batch") may stand. No gradient flows through a draw: the noise of a variational autoencoder is drawn here
and then scaled and shifted (Kingma & Welling 2014).
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from msgspec import Meta

from flowloom import ops
from flowloom.compiler.expr import CONSTANT, Expr
from flowloom.graph.kinds import NodeContext
from flowloom.layers.layer import layer
from flowloom.ops.random import Float, Integer
from flowloom.params import Count, DType, NotNegative, Positive, Shape, Share, Size
from flowloom.spec import SpecError, is_integer

__all__ = [
    "bernoulli",
    "categorical",
    "exponential",
    "gamma",
    "gumbel",
    "integers",
    "laplace",
    "normal",
    "permutation",
    "poisson",
    "shuffle",
    "truncated_normal",
    "uniform",
]

Below: TypeAlias = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]


@layer("random", "random")
def uniform(
    node: NodeContext,
    like: Any = None,
    *,
    shape: Shape = (),
    low: float = 0.0,
    high: float = 1.0,
    dtype: Float = "float32",
) -> Expr:
    """Numbers spread evenly over [low, high). Returns the shape of `like`, or `shape`."""
    drawn: Expr = ops.random_uniform(node.key(), shape=_shape(node, like, shape), low=low, high=high, dtype=dtype)
    return drawn


@layer("random", "random")
def normal(
    node: NodeContext,
    like: Any = None,
    *,
    shape: Shape = (),
    mean: float = 0.0,
    stddev: NotNegative = 1.0,
    dtype: Float = "float32",
) -> Expr:
    """Normally distributed numbers. Returns the shape of `like`, or `shape`."""
    drawn: Expr = ops.random_normal(node.key(), shape=_shape(node, like, shape), mean=mean, stddev=stddev, dtype=dtype)
    return drawn


@layer("random", "random")
def truncated_normal(
    node: NodeContext,
    like: Any = None,
    *,
    shape: Shape = (),
    mean: float = 0.0,
    stddev: NotNegative = 1.0,
    dtype: Float = "float32",
) -> Expr:
    """Normally distributed numbers, none further from `mean` than twice `stddev`.

    Returns the shape of `like`, or `shape`.
    """
    size = _shape(node, like, shape)
    drawn: Expr = ops.random_truncated_normal(node.key(), shape=size, mean=mean, stddev=stddev, dtype=dtype)
    return drawn


@layer("random", "random")
def exponential(
    node: NodeContext, like: Any = None, *, shape: Shape = (), scale: NotNegative = 1.0, dtype: Float = "float32"
) -> Expr:
    """Exponentially distributed numbers of mean `scale`. Returns the shape of `like`, or `shape`."""
    drawn: Expr = ops.random_exponential(node.key(), shape=_shape(node, like, shape), scale=scale, dtype=dtype)
    return drawn


@layer("random", "random")
def laplace(
    node: NodeContext,
    like: Any = None,
    *,
    shape: Shape = (),
    loc: float = 0.0,
    scale: NotNegative = 1.0,
    dtype: Float = "float32",
) -> Expr:
    """Numbers about `loc`, at exponentially distributed distances. Returns the shape of `like`, or `shape`."""
    drawn: Expr = ops.random_laplace(node.key(), shape=_shape(node, like, shape), loc=loc, scale=scale, dtype=dtype)
    return drawn


@layer("random", "random")
def gumbel(
    node: NodeContext,
    like: Any = None,
    *,
    shape: Shape = (),
    loc: float = 0.0,
    scale: NotNegative = 1.0,
    dtype: Float = "float32",
) -> Expr:
    """Numbers of the Gumbel distribution: added to logits, the largest is a draw from their softmax.

    Returns the shape of `like`, or `shape`.
    """
    drawn: Expr = ops.random_gumbel(node.key(), shape=_shape(node, like, shape), loc=loc, scale=scale, dtype=dtype)
    return drawn


@layer("random", "random")
def gamma(
    node: NodeContext,
    like: Any = None,
    *,
    shape: Shape = (),
    alpha: Positive = 1.0,
    beta: Positive = 1.0,
    dtype: Float = "float32",
) -> Expr:
    """Numbers of the gamma distribution of shape `alpha` and rate `beta`. Returns the shape of `like`, or `shape`."""
    drawn: Expr = ops.random_gamma(node.key(), shape=_shape(node, like, shape), alpha=alpha, beta=beta, dtype=dtype)
    return drawn


@layer("random", "random")
def bernoulli(
    node: NodeContext, like: Any = None, *, shape: Shape = (), p: Share = 0.5, dtype: DType = "float32"
) -> Expr:
    """1 with probability `p`, else 0. Returns the shape of `like`, or `shape`."""
    drawn: Expr = ops.random_bernoulli(node.key(), shape=_shape(node, like, shape), p=p, dtype=dtype)
    return drawn


@layer("random", "random")
def integers(
    node: NodeContext, like: Any = None, *, shape: Shape = (), low: Below = 0, high: Below = 2, dtype: Integer = "int64"
) -> Expr:
    """Whole numbers from `low` to `high` - 1, each as likely as the others. Returns the shape of `like`, or `shape`."""
    drawn: Expr = ops.random_integers(node.key(), shape=_shape(node, like, shape), low=low, high=high, dtype=dtype)
    return drawn


@layer("random", "random")
def poisson(node: NodeContext, lam: Any) -> Expr:
    """For each element of `lam` a number of the Poisson distribution of that mean. Returns the shape of `lam`.

    A mean that is negative, not finite or above 10**15 stops the run and is named.
    """
    drawn: Expr = ops.random_poisson(node.key(), lam)
    return drawn


@layer("random", "random")
def categorical(node: NodeContext, logits: Any, *, num_samples: Count | None = None) -> Expr:
    """Classes drawn with the probabilities `softmax(logits)`; of each row one, or `num_samples` independent ones.

    `logits` is (batch, ..., classes); returns int64, (batch, ...) or (batch, ..., num_samples).
    """
    drawn: Expr = ops.random_categorical(node.key(), logits, num_samples=num_samples)
    return drawn


@layer("random", "random")
def permutation(node: NodeContext, *, size: Size = 2) -> Expr:
    """The numbers 0 to `size` - 1 in random order. Returns int64, shape (size,)."""
    drawn: Expr = ops.random_permutation(node.key(), size=node.sized((size,))[0])
    return drawn


@layer("random", "random")
def shuffle(node: NodeContext, x: Any, *, axis: int = 0) -> Expr:
    """The slices of `x` along `axis` in random order; gradients find their way back. Returns the shape of `x`."""
    if not -x.ndim <= axis < x.ndim:
        raise SpecError(f"axis {axis} is outside a tensor of {x.ndim} dimensions", dimension=f"axis {axis}")
    order = ops.random_permutation(node.key(), size=x.shape[axis])
    shuffled: Expr = ops.take(x, order, axis=axis)
    return shuffled


def _shape(node: NodeContext, like: Any, shape: Shape) -> tuple[Any, ...]:
    """The sizes to draw. Raises SpecError if they are given as the first operand, which is a tensor to be like."""
    if like is not None and like.op is CONSTANT and like.ndim < 2 and is_integer(like.dtype):
        raise SpecError(f"sizes are given by name: shape={tuple(like.value.reshape(-1).tolist())}", dimension="shape")
    return node.sized(shape) if like is None else like.shape
