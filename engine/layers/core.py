"""Dense, the layer that most models are made of, and what other layers make of it. Keras' names and meanings."""

from __future__ import annotations

from typing import Any, TypeAlias

from flowloom.compiler.expr import Expr
from flowloom.constraints import Constraint
from flowloom.graph.kinds import NodeContext
from flowloom.initializers import Initializer
from flowloom.layers.activations import Activation, activate
from flowloom.layers.layer import layer
from flowloom.ops import matmul
from flowloom.params import Count
from flowloom.regularizers import Regularizer
from flowloom.spec import SpecError

# How a variable begins and is kept in bounds.
Made: TypeAlias = tuple[Initializer, Regularizer | None, Constraint | None]


@layer()
def dense(
    node: NodeContext,
    x: Expr,
    *,
    units: Count = 32,
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
    """`activation(x @ kernel + bias)`: every output reads every input.

    `x` is (..., features); returns (..., units). Variables: kernel (features, units), bias (units,).
    """
    if x.spec.ndim < 2:
        raise SpecError(f"dense reads rows of features: 2 dimensions or more; got {x.spec}")
    kernel = kernel_initializer, kernel_regularizer, kernel_constraint
    bias = (bias_initializer, bias_regularizer, bias_constraint) if use_bias else None
    return activate(linear(node, x, units, kernel, bias), activation)


def linear(
    node: NodeContext, x: Any, units: int, kernel: Made, bias: Made | None = ("zeros", None, None), prefix: str = ""
) -> Any:
    """`x @ kernel + bias` for `x` (..., features), with variables of those names behind the prefix."""
    y = matmul(x, node.variable(f"{prefix}kernel", (x.shape[-1], units), *kernel))
    return y if bias is None else y + node.variable(f"{prefix}bias", (units,), *bias)
