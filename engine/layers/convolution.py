"""Convolution of sequences, images and volumes (batch, *sizes, channels). Keras' names and defaults."""

from __future__ import annotations

from typing import Any, Literal

from flowloom.compiler.expr import Expr
from flowloom.constraints import Constraint
from flowloom.graph.kinds import NodeContext
from flowloom.initializers import Initializer
from flowloom.layers.activations import Activation, activate
from flowloom.layers.core import Made
from flowloom.layers.layer import layer
from flowloom.layers.shapes import dimensions, known
from flowloom.ops import conv1d as convolve1d
from flowloom.ops import conv2d as convolve2d
from flowloom.ops import conv3d as convolve3d
from flowloom.params import Count, Padding1D, Padding2D, Padding3D, Pair, Single, Triple
from flowloom.regularizers import Regularizer
from flowloom.spec import SpecError

CONVOLVE = {1: convolve1d, 2: convolve2d, 3: convolve3d}
READS = {
    1: "sequences: (batch, length, channels)",
    2: "images: (batch, height, width, channels)",
    3: "volumes: (batch, depth, height, width, channels)",
}


@layer()
def conv1d(
    node: NodeContext,
    x: Expr,
    *,
    filters: Count = 32,
    kernel_size: Single = 3,
    strides: Single = 1,
    padding: Padding1D | Literal["causal"] = "valid",
    dilation_rate: Single = 1,
    groups: Count = 1,
    activation: Activation = "linear",
    use_bias: bool = True,
    kernel_initializer: Initializer = "glorot_uniform",
    bias_initializer: Initializer = "zeros",
    kernel_regularizer: Regularizer | None = None,
    bias_regularizer: Regularizer | None = None,
    kernel_constraint: Constraint | None = None,
    bias_constraint: Constraint | None = None,
    trainable: bool = True,
) -> Expr:
    """Slide `filters` learned windows along a sequence: `activation(conv(x, kernel) + bias)`.

    `x` is (batch, length, channels); returns (batch, windows, filters). "same" padding keeps the length at stride 1,
    "causal" too, with all of it in front, so that no step sees a later one; "valid" takes only whole windows. Each of
    the `groups` of channels has filters of its own. Variables: kernel (window, channels / groups, filters), bias
    (filters,).
    """
    kernel = kernel_initializer, kernel_regularizer, kernel_constraint
    bias = (bias_initializer, bias_regularizer, bias_constraint) if use_bias else None
    how: dict[str, Any] = {"strides": strides, "padding": padding, "dilation_rate": dilation_rate, "groups": groups}
    return activate(convolved(node, x, 1, filters, kernel_size, kernel, bias, **how), activation)


@layer()
def conv2d(
    node: NodeContext,
    x: Expr,
    *,
    filters: Count = 32,
    kernel_size: Pair = 3,
    strides: Pair = 1,
    padding: Padding2D = "valid",
    dilation_rate: Pair = 1,
    groups: Count = 1,
    activation: Activation = "linear",
    use_bias: bool = True,
    kernel_initializer: Initializer = "glorot_uniform",
    bias_initializer: Initializer = "zeros",
    kernel_regularizer: Regularizer | None = None,
    bias_regularizer: Regularizer | None = None,
    kernel_constraint: Constraint | None = None,
    bias_constraint: Constraint | None = None,
    trainable: bool = True,
) -> Expr:
    """Slide `filters` learned windows over an image: `activation(conv(x, kernel) + bias)`.

    `x` is (batch, height, width, channels); returns (batch, new height, new width, filters). "same" padding keeps
    height and width at stride 1, "valid" takes only whole windows; widths are ((top, bottom), (left, right)). Each of
    the `groups` of channels has filters of its own. Variables: kernel (height, width, channels / groups, filters), bias
    (filters,).
    """
    kernel = kernel_initializer, kernel_regularizer, kernel_constraint
    bias = (bias_initializer, bias_regularizer, bias_constraint) if use_bias else None
    how: dict[str, Any] = {"strides": strides, "padding": padding, "dilation_rate": dilation_rate, "groups": groups}
    return activate(convolved(node, x, 2, filters, kernel_size, kernel, bias, **how), activation)


@layer()
def conv3d(
    node: NodeContext,
    x: Expr,
    *,
    filters: Count = 32,
    kernel_size: Triple = 3,
    strides: Triple = 1,
    padding: Padding3D = "valid",
    dilation_rate: Triple = 1,
    groups: Count = 1,
    activation: Activation = "linear",
    use_bias: bool = True,
    kernel_initializer: Initializer = "glorot_uniform",
    bias_initializer: Initializer = "zeros",
    kernel_regularizer: Regularizer | None = None,
    bias_regularizer: Regularizer | None = None,
    kernel_constraint: Constraint | None = None,
    bias_constraint: Constraint | None = None,
    trainable: bool = True,
) -> Expr:
    """Slide `filters` learned windows through a volume: `activation(conv(x, kernel) + bias)`.

    `x` is (batch, depth, height, width, channels); returns (batch, layers, rows, columns, filters). The rest is as in
    `conv2d`. Variables: kernel (depth, height, width, channels / groups, filters), bias (filters,).
    """
    kernel = kernel_initializer, kernel_regularizer, kernel_constraint
    bias = (bias_initializer, bias_regularizer, bias_constraint) if use_bias else None
    how: dict[str, Any] = {"strides": strides, "padding": padding, "dilation_rate": dilation_rate, "groups": groups}
    return activate(convolved(node, x, 3, filters, kernel_size, kernel, bias, **how), activation)


# ---------------------------------------------------------------- for other layers


def convolved(
    node: NodeContext,
    x: Any,
    rank: int,
    filters: int,
    kernel_size: int | tuple[int, ...],
    kernel: Made = ("glorot_uniform", None, None),
    bias: Made | None = ("zeros", None, None),
    *,
    prefix: str = "",
    groups: int = 1,
    **how: Any,
) -> Any:
    """The convolution of `x` over `rank` axes, with variables kernel and bias."""
    channels = channels_of(x, rank)
    if channels % groups or filters % groups:
        raise SpecError(
            f"groups must divide channels and filters; got groups={groups}, {channels} channels, {filters} filters",
            dimension=f"groups {groups}",
        )
    shape = (*window_of(kernel_size, rank), channels // groups, filters)
    y = CONVOLVE[rank](x, node.variable(f"{prefix}kernel", shape, *kernel), groups=groups, **how)
    return biased(node, y, bias, prefix)


def channels_of(x: Any, rank: int) -> int:
    """How many channels there are. Raises SpecError unless `x` has `rank` axes between batch and channels."""
    dimensions(x, rank + 2, READS[rank], rank + 2)
    return known(x.shape[-1], "the number of channels")


def window_of(size: int | tuple[int, ...], rank: int) -> tuple[int, ...]:
    """The size of a window along each of `rank` axes."""
    return (size,) * rank if isinstance(size, int) else size


def biased(node: NodeContext, y: Any, bias: Made | None, prefix: str = "") -> Any:
    """`y` plus the variable bias (channels,)."""
    return y if bias is None else y + node.variable(f"{prefix}bias", (y.shape[-1],), *bias)
