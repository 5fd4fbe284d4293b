"""Transposed convolution, which makes sequences, images and volumes larger. Keras' names and defaults."""

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
from flowloom.ops.transposed_convolution import Extra1D, Extra2D, Extra3D
from flowloom.params import Count, Padding1D, Padding2D, Padding3D, Pair, Single, Triple
from flowloom.regularizers import Regularizer

TRANSPOSE = {1: ops.conv1d_transpose, 2: ops.conv2d_transpose, 3: ops.conv3d_transpose}


@layer()
def conv1d_transpose(
    node: NodeContext,
    x: Expr,
    *,
    filters: Count = 32,
    kernel_size: Single = 3,
    strides: Single = 1,
    padding: Padding1D = "valid",
    output_padding: Extra1D = None,
    dilation_rate: Single = 1,
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
    """The reverse of `conv1d` in shape: every step adds a learned window to a longer sequence, `strides` apart.

    `x` is (batch, length, channels); returns (batch, new length, filters), with `activation`. Padding and sizes are as
    in `conv2d_transpose`. Variables: kernel (window, filters, channels), bias (filters,).
    """
    kernel = kernel_initializer, kernel_regularizer, kernel_constraint
    bias = (bias_initializer, bias_regularizer, bias_constraint) if use_bias else None
    how: dict[str, Any] = {
        "strides": strides,
        "padding": padding,
        "dilation_rate": dilation_rate,
        "output_padding": output_padding,
    }
    return activate(_transposed(node, x, 1, filters, kernel_size, kernel, bias, **how), activation)


@layer()
def conv2d_transpose(
    node: NodeContext,
    x: Expr,
    *,
    filters: Count = 32,
    kernel_size: Pair = 3,
    strides: Pair = 1,
    padding: Padding2D = "valid",
    output_padding: Extra2D = None,
    dilation_rate: Pair = 1,
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
    """The reverse of `conv2d` in shape: every pixel adds a learned window to a larger image, `strides` apart.

    `x` is (batch, height, width, channels); returns (batch, new height, new width, filters), with `activation`. With
    "same" padding a size becomes size * stride, with "valid" size * stride + max(window - stride, 0); `output_padding`
    adds so much behind. Variables: kernel (height, width, filters, channels), bias (filters,).
    """
    kernel = kernel_initializer, kernel_regularizer, kernel_constraint
    bias = (bias_initializer, bias_regularizer, bias_constraint) if use_bias else None
    how: dict[str, Any] = {
        "strides": strides,
        "padding": padding,
        "dilation_rate": dilation_rate,
        "output_padding": output_padding,
    }
    return activate(_transposed(node, x, 2, filters, kernel_size, kernel, bias, **how), activation)


@layer()
def conv3d_transpose(
    node: NodeContext,
    x: Expr,
    *,
    filters: Count = 32,
    kernel_size: Triple = 3,
    strides: Triple = 1,
    padding: Padding3D = "valid",
    output_padding: Extra3D = None,
    dilation_rate: Triple = 1,
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
    """The reverse of `conv3d` in shape: every element adds a learned window to a larger volume, `strides` apart.

    `x` is (batch, depth, height, width, channels); returns (batch, new depth, new height, new width, filters), with
    `activation`. Padding and sizes are as in `conv2d_transpose`. Variables: kernel (depth, height, width, filters,
    channels), bias (filters,).
    """
    kernel = kernel_initializer, kernel_regularizer, kernel_constraint
    bias = (bias_initializer, bias_regularizer, bias_constraint) if use_bias else None
    how: dict[str, Any] = {
        "strides": strides,
        "padding": padding,
        "dilation_rate": dilation_rate,
        "output_padding": output_padding,
    }
    return activate(_transposed(node, x, 3, filters, kernel_size, kernel, bias, **how), activation)


def _transposed(
    node: NodeContext,
    x: Any,
    rank: int,
    filters: int,
    kernel_size: int | tuple[int, ...],
    kernel: Made,
    bias: Made | None,
    **how: Any,
) -> Any:
    shape = (*window_of(kernel_size, rank), filters, channels_of(x, rank))
    return biased(node, TRANSPOSE[rank](x, node.variable("kernel", shape, *kernel), **how), bias)
