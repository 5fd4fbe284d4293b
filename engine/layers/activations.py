"""Activations by name, as layers take them, and as layers of their own. Keras' names and defaults."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import ml_dtypes
import numpy as np

from flowloom.compiler.expr import Expr
from flowloom.constraints import Constraint
from flowloom.graph.kinds import NodeContext
from flowloom.initializers import Initializer
from flowloom.layers.layer import layer
from flowloom.layers.shapes import floats, known
from flowloom.op import get_op
from flowloom.ops import minimum, where
from flowloom.regularizers import Regularizer
from flowloom.spec import SpecError, normalize_axis

Activation: TypeAlias = Literal[
    "linear",
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "selu",
    "celu",
    "gelu",
    "silu",
    "mish",
    "sigmoid",
    "log_sigmoid",
    "hard_sigmoid",
    "hard_silu",
    "tanh",
    "hard_tanh",
    "softplus",
    "softsign",
    "squareplus",
    "hard_shrink",
    "soft_shrink",
    "exponential",
    "softmax",
    "log_softmax",
]
OPS = {"exponential": "exp"}  # where the op has another name


def activate(x: Expr, activation: Activation) -> Expr:
    """`x` through the activation of that name."""
    if activation == "linear":
        return x
    y: Expr = get_op(OPS.get(activation, activation))(x)
    return y


@layer()
def activation(node: NodeContext, x: Expr, *, activation: Activation = "relu") -> Expr:
    """Apply an activation to every element of `x` (softmax: along the last axis). Returns the shape of `x`."""
    return activate(x, activation)


@layer()
def relu(
    node: NodeContext,
    x: Any,
    *,
    max_value: float | None = None,
    negative_slope: float = 0.0,
    threshold: float = 0.0,
) -> Expr:
    """Rectified linear unit with a knee elsewhere, a slope below it, and an end.

    `max_value` where `x` exceeds it, `x` from `threshold` on, `negative_slope * (x - threshold)` below. Returns the
    shape of `x`. Raises SpecError if `max_value` is below the threshold.
    """
    floats(x)
    if max_value is not None and max_value < threshold:
        raise SpecError(f"max_value must not be below threshold; got {max_value} and {threshold}")
    if threshold == 0 and max_value is None:
        return activate(x, "relu") if negative_slope == 0 else get_op("leaky_relu")(x, negative_slope=negative_slope)
    y: Expr = where(x >= threshold, x, (x - threshold) * negative_slope)
    return y if max_value is None else minimum(y, max_value)


@layer()
def leaky_relu(node: NodeContext, x: Any, *, negative_slope: float = 0.3) -> Expr:
    """`x` where it is positive, else `negative_slope * x` (Maas et al. 2013). Returns the shape of `x`."""
    floats(x)
    y: Expr = get_op("leaky_relu")(x, negative_slope=negative_slope)
    return y


@layer()
def softmax(node: NodeContext, x: Any, mask: Any = None, *, axis: int = -1) -> Expr:
    """Shares that sum to 1 along `axis`: exp(x) over the sum of exp(x). Returns the shape of `x`.

    `mask` (bool, which broadcasts to `x`) is false where the share must be 0.
    """
    floats(x)
    if mask is not None:
        x = where(mask, x, lowest(x.dtype))
    y: Expr = get_op("softmax")(x, axis=axis)
    return y


def lowest(dtype: np.dtype[Any]) -> float:
    """The smallest number of a float dtype: what stands for minus infinity where that would make NaN."""
    return float(ml_dtypes.finfo(dtype).min)  # type: ignore[no-untyped-call]


@layer()
def prelu(
    node: NodeContext,
    x: Any,
    *,
    alpha_initializer: Initializer = "zeros",
    alpha_regularizer: Regularizer | None = None,
    alpha_constraint: Constraint | None = None,
    shared_axes: tuple[int, ...] = (),
    trainable: bool = True,
) -> Expr:
    """`x` where it is positive, else `alpha * x` with learned slopes (He et al. 2015).

    There is a slope for each element of a row, but one for all along the `shared_axes`: (1, 2) for images gives one for
    each channel. Returns the shape of `x` (batch, ...). Variable: alpha, in the shape of a row with 1 for shared axes.
    """
    floats(x, 2)
    shared = {normalize_axis(a, x.ndim) for a in shared_axes}
    shape = [1 if i in shared else known(d, f"the size of axis {i}") for i, d in enumerate(x.shape) if i]
    alpha = node.variable("alpha", shape, alpha_initializer, alpha_regularizer, alpha_constraint)
    y: Expr = get_op("prelu")(x, alpha)
    return y
