"""Gradients and optimizers as nodes (ai.onnx.preview.training)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flowloom import ops
from flowloom.build import gradients
from flowloom.formats.onnx.node import Node
from flowloom.formats.onnx.table import TRAINING, onnx_op
from flowloom.formats.onnx.values import Value


@onnx_op("Gradient", domain=TRAINING)
def _gradient(node: Node, *inputs: Value) -> tuple[Value, ...]:
    xs, y = node.needs("xs"), node.value(node.needs("y"))
    for name, x in zip([*xs, *node.attr("zs", [])], inputs, strict=True):
        if node.value(name) is not x:
            raise node.refuse(f"its inputs must be the tensors that xs and zs name; {name!r} is not")
    made = gradients((y if y.ndim == 0 else ops.sum(y)).tensor, [_base(x).tensor for x in inputs[: len(xs)]])
    found = (node.builder.of(g) for g in made)
    pairs = zip(found, inputs, strict=False)
    return tuple(g if x.base is None else ops.transpose(g, axes=x.order) for g, x in pairs)


def _base(x: Value) -> Value:
    """The tensor that others read in place of `x`, which is a transposition of it."""
    return x if x.base is None else x.base


Update = Callable[..., tuple[Value, ...]]


def _each(node: Node, inputs: tuple[Value, ...], slots: int, update: Update) -> tuple[Value, ...]:
    """One update for each of the tensors: the inputs are all tensors, all gradients, then all of each slot."""
    count = len(inputs) // (2 + slots)
    groups = [inputs[i * count : (i + 1) * count] for i in range(2 + slots)]
    made = [update(*group) for group in zip(*groups, strict=True)]
    return tuple(results[i] for i in range(1 + slots) for results in made)


@onnx_op("Adagrad", domain=TRAINING)
def _adagrad(node: Node, rate: Value, count: Value, *inputs: Value) -> tuple[Value, ...]:
    decay, epsilon = node.attr("decay_factor", 0.0), node.attr("epsilon", 1e-6)
    rate = rate / (ops.cast(count, dtype=rate.dtype.name) * decay + 1.0)

    def update(x: Any, g: Any, h: Any) -> tuple[Value, ...]:
        g = g + x * node.attr("norm_coefficient", 0.0)
        h = h + g * g
        return x - rate * g / (ops.sqrt(h) + epsilon), h

    return _each(node, inputs, 1, update)


@onnx_op("Adam", domain=TRAINING)
def _adam(node: Node, rate: Value, count: Value, *inputs: Value) -> tuple[Value, ...]:
    alpha, beta, epsilon = node.attr("alpha", 0.9), node.attr("beta", 0.999), node.attr("epsilon", 1e-6)
    t = ops.cast(count, dtype=rate.dtype.name)
    one = node.known(1.0, rate.dtype)
    adjusted = rate * ops.sqrt(one - ops.power(node.known(beta, rate.dtype), t))
    adjusted = adjusted / (one - ops.power(node.known(alpha, rate.dtype), t))
    rate = ops.where(ops.greater(count, 0), adjusted, rate)

    def update(x: Any, g: Any, v: Any, h: Any) -> tuple[Value, ...]:
        g = g + x * node.attr("norm_coefficient", 0.0)
        v = v * alpha + g * (1 - alpha)
        h = h * beta + g * g * (1 - beta)
        x = x - rate * v / (ops.sqrt(h) + epsilon)
        return x * (1 - node.attr("norm_coefficient_post", 0.0)), v, h

    return _each(node, inputs, 2, update)


@onnx_op("Momentum", domain=TRAINING)
def _momentum(node: Node, rate: Value, count: Value, *inputs: Value) -> tuple[Value, ...]:
    alpha, nesterov = node.needs("alpha"), node.needs("mode") == "nesterov"
    beta = ops.where(ops.greater(count, 0), node.known(node.needs("beta"), rate.dtype), node.known(1.0, rate.dtype))

    def update(x: Any, g: Any, v: Any) -> tuple[Value, ...]:
        g = g + x * node.needs("norm_coefficient")
        v = v * alpha + g * beta
        return x - rate * (g + v * alpha if nesterov else v), v

    return _each(node, inputs, 1, update)
