"""Activations by name, as layers take them."""

from __future__ import annotations

from typing import Literal, TypeAlias

from flowloom.compiler.expr import Expr
from flowloom.graph.kinds import NodeContext
from flowloom.layers.layer import layer
from flowloom.op import get_op

Activation: TypeAlias = Literal[
    "linear", "relu", "leaky_relu", "elu", "gelu", "silu", "sigmoid", "tanh", "softplus", "softmax"
]


def activate(x: Expr, activation: Activation) -> Expr:
    """`x` through the activation of that name."""
    if activation == "linear":
        return x
    y: Expr = get_op(activation)(x)
    return y


@layer()
def activation(node: NodeContext, x: Expr, *, activation: Activation = "relu") -> Expr:
    """Apply an activation to every element of `x` (softmax: along the last axis). Returns the shape of `x`."""
    return activate(x, activation)
