"""Blocks of dense layers: a multilayer perceptron, and one with a path around it."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from msgspec import Meta

from flowloom.compiler.expr import Expr
from flowloom.constraints import Constraint
from flowloom.graph.kinds import NodeContext
from flowloom.initializers import Initializer
from flowloom.layers.activations import Activation, activate
from flowloom.layers.core import Made, linear
from flowloom.layers.layer import layer
from flowloom.layers.normalizing import layer_normalized
from flowloom.layers.regularization import dropped
from flowloom.layers.shapes import dimensions, floats, known
from flowloom.params import Count, Fraction, Positive
from flowloom.regularizers import Regularizer

Widths: TypeAlias = Annotated[tuple[Count, ...], Meta(min_length=1)]


@layer()
def mlp(
    node: NodeContext,
    x: Any,
    *,
    units: Widths = (64, 32),
    activation: Activation = "relu",
    last_activation: Activation = "linear",
    dropout: Fraction = 0.0,
    kernel_initializer: Initializer = "glorot_uniform",
    bias_initializer: Initializer = "zeros",
    kernel_regularizer: Regularizer | None = None,
    bias_regularizer: Regularizer | None = None,
    kernel_constraint: Constraint | None = None,
    bias_constraint: Constraint | None = None,
    trainable: bool = True,
) -> Expr:
    """Dense layers one after the other, of the widths `units`: a multilayer perceptron.

    `activation` and `dropout` follow each but the last, `last_activation` the last. `x` is (..., features); returns
    (..., last of units). Variables: 0_kernel, 0_bias, 1_kernel, and so on.
    """
    dimensions(x, 2, "rows of features")
    kernel: Made = kernel_initializer, kernel_regularizer, kernel_constraint
    bias: Made = bias_initializer, bias_regularizer, bias_constraint
    for i, width in enumerate(units):
        x = linear(node, x, width, kernel, bias, f"{i}_")
        if i < len(units) - 1:
            x = dropped(node, activate(x, activation), dropout, use=i)
    return activate(x, last_activation)


@layer()
def residual_dense_block(
    node: NodeContext,
    x: Any,
    *,
    units: Count | None = None,
    activation: Activation = "relu",
    dropout: Fraction = 0.0,
    normalize_first: bool = True,
    layer_norm_epsilon: Positive = 1e-5,
    kernel_initializer: Initializer = "glorot_uniform",
    bias_initializer: Initializer = "zeros",
    kernel_regularizer: Regularizer | None = None,
    bias_regularizer: Regularizer | None = None,
    kernel_constraint: Constraint | None = None,
    bias_constraint: Constraint | None = None,
    trainable: bool = True,
) -> Expr:
    """`x` plus what two dense layers make of it, so that deep stacks learn (He et al. 2015; Gorishniy et al. 2021).

    The first has `units` (None: as many as there are features) and the activation, the second as many as `x` has
    features. Layer normalisation stands before them with `normalize_first`; dropout follows each. `x` is (...,
    features); returns its shape. Variables: gamma and beta (features,), hidden_kernel (features, units), hidden_bias,
    output_kernel (units, features), output_bias.
    """
    floats(x, 2)
    features = known(x.shape[-1], "the number of features")
    kernel: Made = kernel_initializer, kernel_regularizer, kernel_constraint
    bias: Made = bias_initializer, bias_regularizer, bias_constraint
    read = layer_normalized(node, x, (x.ndim - 1,), layer_norm_epsilon) if normalize_first else x
    wide = activate(linear(node, read, units or features, kernel, bias, "hidden_"), activation)
    wide = dropped(node, wide, dropout)
    y: Expr = x + dropped(node, linear(node, wide, features, kernel, bias, "output_"), dropout, use=1)
    return y
