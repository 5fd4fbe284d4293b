"""Convolution over images (NHWC)."""

from __future__ import annotations

from flowloom.compiler.expr import Expr
from flowloom.graph.kinds import NodeContext
from flowloom.initializers import Initializer
from flowloom.layers.activations import Activation, activate
from flowloom.layers.layer import layer
from flowloom.ops import conv2d as convolve
from flowloom.params import Count, Padding, Pair
from flowloom.spec import SpecError


@layer()
def conv2d(
    node: NodeContext,
    x: Expr,
    *,
    filters: Count = 32,
    kernel_size: Pair = 3,
    strides: Pair = 1,
    padding: Padding = "valid",
    activation: Activation = "linear",
    use_bias: bool = True,
    kernel_initializer: Initializer = "glorot_uniform",
    bias_initializer: Initializer = "zeros",
    trainable: bool = True,
) -> Expr:
    """Slide `filters` learned windows over an image: `activation(conv(x, kernel) + bias)`.

    `x` is (batch, height, width, channels); returns (batch, new height, new width, filters). "same" padding keeps
    height and width at stride 1, "valid" takes only whole windows. Variables: kernel (height, width, channels,
    filters), bias (filters,).
    """
    if x.spec.ndim != 4:
        raise SpecError(f"conv2d reads images: (batch, height, width, channels); got {x.spec}")
    window = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
    kernel = node.variable("kernel", (*window, x.shape[3], filters), kernel_initializer)
    y: Expr = convolve(x, kernel, strides=strides, padding=padding)
    if use_bias:
        y = y + node.variable("bias", (filters,), bias_initializer)  # type: ignore[operator]
    return activate(y, activation)
