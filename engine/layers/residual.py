"""Blocks of convolutional networks: residual ones (He et al. 2015), and a gate for channels (Hu et al. 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flowloom.compiler.expr import Expr
from flowloom.graph.kinds import NodeContext
from flowloom.initializers import Initializer
from flowloom.layers.activations import Activation, activate
from flowloom.layers.convolution import channels_of, convolved
from flowloom.layers.core import linear
from flowloom.layers.layer import layer
from flowloom.layers.normalizing import batch_normalized
from flowloom.layers.shapes import floats
from flowloom.ops import expand_dims, global_avg_pool
from flowloom.params import Count, Fraction, Positive
from flowloom.regularizers import Regularizer


@layer()
def residual_block(
    node: NodeContext,
    x: Any,
    *,
    filters: Count = 64,
    strides: Count = 1,
    kernel_size: Count = 3,
    activation: Activation = "relu",
    momentum: Fraction = 0.99,
    epsilon: Positive = 1e-3,
    kernel_initializer: Initializer = "he_normal",
    kernel_regularizer: Regularizer | None = None,
    trainable: bool = True,
) -> Expr:
    """The basic block of a ResNet: two convolutions, and a path around them that is added at the end.

    Each convolution is followed by batch normalisation, the first and the sum by the activation. `x` is (batch, height,
    width, channels); returns (batch, ceil(height / strides), ceil(width / strides), filters). Where that is another
    shape, a convolution of single pixels brings the path around to it. Variables: 1_kernel (size, size, channels,
    filters), 2_kernel (size, size, filters, filters), shortcut_kernel (1, 1, channels, filters) where it is needed, and
    gamma, beta, moving_mean and moving_variance (filters,) of each.
    """
    net = _Net(node, momentum, epsilon, kernel_initializer, kernel_regularizer, trainable)
    y = activate(net.convolved(x, "1_", filters, kernel_size, strides), activation)
    y = net.convolved(y, "2_", filters, kernel_size)
    return activate(y + net.around(x, filters, strides), activation)


@layer()
def bottleneck_block(
    node: NodeContext,
    x: Any,
    *,
    filters: Count = 64,
    strides: Count = 1,
    kernel_size: Count = 3,
    expansion: Count = 4,
    activation: Activation = "relu",
    momentum: Fraction = 0.99,
    epsilon: Positive = 1e-3,
    kernel_initializer: Initializer = "he_normal",
    kernel_regularizer: Regularizer | None = None,
    trainable: bool = True,
) -> Expr:
    """The block of a deep ResNet: fewer channels, a convolution, more channels; and a path around them that is added.

    The convolutions have windows of 1, `kernel_size` and 1, and `filters`, `filters` and `expansion` * filters; the
    middle one has the strides. `x` is (batch, height, width, channels); returns (batch, ceil(height / strides),
    ceil(width / strides), expansion * filters). The rest is as in `residual_block`. Variables: 1_kernel, 2_kernel,
    3_kernel, shortcut_kernel where it is needed, and gamma, beta, moving_mean and moving_variance of each.
    """
    net = _Net(node, momentum, epsilon, kernel_initializer, kernel_regularizer, trainable)
    y = activate(net.convolved(x, "1_", filters, 1), activation)
    y = activate(net.convolved(y, "2_", filters, kernel_size, strides), activation)
    y = net.convolved(y, "3_", filters * expansion, 1)
    return activate(y + net.around(x, filters * expansion, strides), activation)


@layer()
def squeeze_excite(
    node: NodeContext,
    x: Any,
    *,
    ratio: Count = 16,
    activation: Activation = "relu",
    gate_activation: Activation = "sigmoid",
    kernel_initializer: Initializer = "glorot_uniform",
    bias_initializer: Initializer = "zeros",
    trainable: bool = True,
) -> Expr:
    """Scale each channel by a gate that sees the means of all channels (Hu et al. 2018).

    `x` is (batch, height, width, channels); returns its shape. The gate is two dense layers, of channels / `ratio` and
    of channels units. Variables: squeeze_kernel, squeeze_bias, excite_kernel, excite_bias.
    """
    floats(x)
    channels = channels_of(x, 2)
    kernel, bias = (kernel_initializer, None, None), (bias_initializer, None, None)
    seen = linear(node, global_avg_pool(x), max(channels // ratio, 1), kernel, bias, "squeeze_")
    gate = activate(linear(node, activate(seen, activation), channels, kernel, bias, "excite_"), gate_activation)
    y: Expr = x * expand_dims(gate, axis=(1, 2))
    return y


@dataclass(frozen=True, slots=True)
class _Net:
    """What the convolutions of a block have in common."""

    node: NodeContext
    momentum: float
    epsilon: float
    kernel_initializer: Initializer
    kernel_regularizer: Regularizer | None
    learning: bool

    def convolved(self, x: Any, prefix: str, filters: int, size: int, strides: int = 1) -> Any:
        """A convolution without a bias, then batch normalisation. Its padding is size // 2 at every side."""
        floats(x)
        kernel = (self.kernel_initializer, self.kernel_regularizer, None)
        margin = ((size // 2, (size - 1) // 2),) * 2
        y = convolved(self.node, x, 2, filters, size, kernel, None, prefix=prefix, strides=strides, padding=margin)
        return batch_normalized(self.node, y, -1, self.momentum, self.epsilon, learning=self.learning, prefix=prefix)

    def around(self, x: Any, filters: int, strides: int) -> Any:
        """`x` in the shape of what it is added to."""
        if channels_of(x, 2) == filters and strides == 1:
            return x
        return self.convolved(x, "shortcut_", filters, 1, strides)
