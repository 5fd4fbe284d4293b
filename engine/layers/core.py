"""Dense, embedding and flatten: the layers that most models are made of. Keras' names and meanings."""

from __future__ import annotations

from flowloom.compiler.expr import Expr
from flowloom.graph.kinds import NodeContext
from flowloom.initializers import Initializer
from flowloom.layers.activations import Activation, activate
from flowloom.layers.layer import layer
from flowloom.ops import matmul, reshape, take
from flowloom.params import Count
from flowloom.spec import SpecError, product


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
    trainable: bool = True,
) -> Expr:
    """`activation(x @ kernel + bias)`: every output reads every input.

    `x` is (..., features); returns (..., units). Variables: kernel (features, units), bias (units,).
    """
    if x.spec.ndim < 2:
        raise SpecError(f"dense reads rows of features: 2 dimensions or more; got {x.spec}")
    y: Expr = matmul(x, node.variable("kernel", (x.shape[-1], units), kernel_initializer))
    if use_bias:
        y = y + node.variable("bias", (units,), bias_initializer)  # type: ignore[operator]
    return activate(y, activation)


@layer()
def embedding(
    node: NodeContext,
    indices: Expr,
    *,
    input_dim: Count = 1000,
    output_dim: Count = 16,
    embeddings_initializer: Initializer = "random_uniform",
    trainable: bool = True,
) -> Expr:
    """The learned vector of each index. `indices` (...) are integers from 0 to `input_dim` - 1.

    Returns (..., output_dim). Variable: embeddings (input_dim, output_dim). An index out of range stops the run and is
    named.
    """
    if indices.dtype.kind not in "iu":
        raise SpecError(f"embedding reads integers; got {indices.spec}")
    rows: Expr = take(node.variable("embeddings", (input_dim, output_dim), embeddings_initializer), indices, axis=0)
    return rows


@layer()
def flatten(node: NodeContext, x: Expr) -> Expr:
    """Join all dimensions of `x` but the first: (batch, a, b, ...) becomes (batch, a*b*...)."""
    if x.spec.ndim < 1:
        raise SpecError("flatten needs a first dimension to keep; got a scalar")
    flat: Expr = reshape(x, shape=(x.shape[0], product(x.shape[1:])))
    return flat
