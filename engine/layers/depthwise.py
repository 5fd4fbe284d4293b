"""Convolution of each channel by itself, alone or with a mixing of channels after it. Keras' names and defaults."""

from __future__ import annotations

from typing import Any

from flowloom import ops
from flowloom.compiler.expr import Expr
from flowloom.constraints import Constraint
from flowloom.graph.kinds import NodeContext
from flowloom.initializers import Initializer
from flowloom.layers.activations import Activation, activate
from flowloom.layers.convolution import biased, channels_of, window_of
from flowloom.layers.core import Made
from flowloom.layers.layer import layer
from flowloom.params import Count, Padding1D, Padding2D, Pair, Single
from flowloom.regularizers import Regularizer

DEPTHWISE = {1: ops.depthwise_conv1d, 2: ops.depthwise_conv2d}


@layer()
def depthwise_conv1d(
    node: NodeContext,
    x: Expr,
    *,
    kernel_size: Single = 3,
    strides: Single = 1,
    padding: Padding1D = "valid",
    depth_multiplier: Count = 1,
    dilation_rate: Single = 1,
    activation: Activation = "linear",
    use_bias: bool = True,
    depthwise_initializer: Initializer = "glorot_uniform",
    bias_initializer: Initializer = "zeros",
    depthwise_regularizer: Regularizer | None = None,
    bias_regularizer: Regularizer | None = None,
    depthwise_constraint: Constraint | None = None,
    bias_constraint: Constraint | None = None,
    trainable: bool = True,
) -> Expr:
    """Slide `depth_multiplier` learned windows along each channel of a sequence by itself, then the activation.

    `x` is (batch, length, channels); returns (batch, windows, channels * depth_multiplier). Variables: kernel (window,
    channels, depth_multiplier), bias (channels * depth_multiplier,).
    """
    kernel = depthwise_initializer, depthwise_regularizer, depthwise_constraint
    bias = (bias_initializer, bias_regularizer, bias_constraint) if use_bias else None
    how: dict[str, Any] = {"strides": strides, "padding": padding, "dilation_rate": dilation_rate}
    return activate(biased(node, _deep(node, x, 1, kernel_size, depth_multiplier, kernel, **how), bias), activation)


@layer()
def depthwise_conv2d(
    node: NodeContext,
    x: Expr,
    *,
    kernel_size: Pair = 3,
    strides: Pair = 1,
    padding: Padding2D = "valid",
    depth_multiplier: Count = 1,
    dilation_rate: Pair = 1,
    activation: Activation = "linear",
    use_bias: bool = True,
    depthwise_initializer: Initializer = "glorot_uniform",
    bias_initializer: Initializer = "zeros",
    depthwise_regularizer: Regularizer | None = None,
    bias_regularizer: Regularizer | None = None,
    depthwise_constraint: Constraint | None = None,
    bias_constraint: Constraint | None = None,
    trainable: bool = True,
) -> Expr:
    """Slide `depth_multiplier` learned windows over each channel of an image by itself, then the activation.

    `x` is (batch, height, width, channels); returns (batch, new height, new width, channels * depth_multiplier).
    Variables: kernel (height, width, channels, depth_multiplier), bias (channels * depth_multiplier,).
    """
    kernel = depthwise_initializer, depthwise_regularizer, depthwise_constraint
    bias = (bias_initializer, bias_regularizer, bias_constraint) if use_bias else None
    how: dict[str, Any] = {"strides": strides, "padding": padding, "dilation_rate": dilation_rate}
    return activate(biased(node, _deep(node, x, 2, kernel_size, depth_multiplier, kernel, **how), bias), activation)


@layer()
def separable_conv1d(
    node: NodeContext,
    x: Expr,
    *,
    filters: Count = 32,
    kernel_size: Single = 3,
    strides: Single = 1,
    padding: Padding1D = "valid",
    dilation_rate: Single = 1,
    depth_multiplier: Count = 1,
    activation: Activation = "linear",
    use_bias: bool = True,
    depthwise_initializer: Initializer = "glorot_uniform",
    pointwise_initializer: Initializer = "glorot_uniform",
    bias_initializer: Initializer = "zeros",
    depthwise_regularizer: Regularizer | None = None,
    pointwise_regularizer: Regularizer | None = None,
    bias_regularizer: Regularizer | None = None,
    depthwise_constraint: Constraint | None = None,
    pointwise_constraint: Constraint | None = None,
    bias_constraint: Constraint | None = None,
    trainable: bool = True,
) -> Expr:
    """A convolution of each channel by itself, then a mixing of the channels at each step: far fewer weights.

    `x` is (batch, length, channels); returns (batch, windows, filters), with `activation`. Variables: depthwise_kernel
    (window, channels, depth_multiplier), pointwise_kernel (1, channels * depth_multiplier, filters), bias (filters,)
    (Chollet 2017).
    """
    depthwise = depthwise_initializer, depthwise_regularizer, depthwise_constraint
    pointwise = pointwise_initializer, pointwise_regularizer, pointwise_constraint
    bias = (bias_initializer, bias_regularizer, bias_constraint) if use_bias else None
    how: dict[str, Any] = {"strides": strides, "padding": padding, "dilation_rate": dilation_rate}
    deep = _deep(node, x, 1, kernel_size, depth_multiplier, depthwise, "depthwise_", **how)
    mixed = ops.conv1d(deep, node.variable("pointwise_kernel", (1, deep.shape[-1], filters), *pointwise))
    return activate(biased(node, mixed, bias), activation)


@layer()
def separable_conv2d(
    node: NodeContext,
    x: Expr,
    *,
    filters: Count = 32,
    kernel_size: Pair = 3,
    strides: Pair = 1,
    padding: Padding2D = "valid",
    dilation_rate: Pair = 1,
    depth_multiplier: Count = 1,
    activation: Activation = "linear",
    use_bias: bool = True,
    depthwise_initializer: Initializer = "glorot_uniform",
    pointwise_initializer: Initializer = "glorot_uniform",
    bias_initializer: Initializer = "zeros",
    depthwise_regularizer: Regularizer | None = None,
    pointwise_regularizer: Regularizer | None = None,
    bias_regularizer: Regularizer | None = None,
    depthwise_constraint: Constraint | None = None,
    pointwise_constraint: Constraint | None = None,
    bias_constraint: Constraint | None = None,
    trainable: bool = True,
) -> Expr:
    """A convolution of each channel by itself, then a mixing of the channels at each pixel: far fewer weights.

    `x` is (batch, height, width, channels); returns (batch, new height, new width, filters), with `activation`.
    Variables: depthwise_kernel (height, width, channels, depth_multiplier), pointwise_kernel (1, 1, channels *
    depth_multiplier, filters), bias (filters,) (Chollet 2017).
    """
    depthwise = depthwise_initializer, depthwise_regularizer, depthwise_constraint
    pointwise = pointwise_initializer, pointwise_regularizer, pointwise_constraint
    bias = (bias_initializer, bias_regularizer, bias_constraint) if use_bias else None
    how: dict[str, Any] = {"strides": strides, "padding": padding, "dilation_rate": dilation_rate}
    deep = _deep(node, x, 2, kernel_size, depth_multiplier, depthwise, "depthwise_", **how)
    mixed = ops.conv2d(deep, node.variable("pointwise_kernel", (1, 1, deep.shape[-1], filters), *pointwise))
    return activate(biased(node, mixed, bias), activation)


def _deep(
    node: NodeContext,
    x: Any,
    rank: int,
    kernel_size: int | tuple[int, ...],
    multiplier: int,
    kernel: Made,
    prefix: str = "",
    **how: Any,
) -> Any:
    """Each channel of `x` by itself, with a variable kernel."""
    shape = (*window_of(kernel_size, rank), channels_of(x, rank), multiplier)
    return DEPTHWISE[rank](x, node.variable(f"{prefix}kernel", shape, *kernel), **how)
