"""Normalisation. ONNX has the channels on axis 1; it is done on whichever axis they are."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowloom import ops
from flowloom.formats.onnx.layout import through
from flowloom.formats.onnx.node import Node
from flowloom.formats.onnx.table import onnx_op
from flowloom.formats.onnx.values import Value
from flowloom.op import Op

EPSILON = 1e-5


@onnx_op("BatchNormalization")
def _batch_normalization(
    node: Node, x: Value, scale: Value, offset: Value, mean: Value, variance: Value
) -> Value | tuple[Value, ...]:
    if not node.attr("spatial", 1) and x.ndim > 2:
        raise node.refuse("statistics of each element (spatial=0) are not taken; flowloom has those of channels")
    if x.ndim == 1:
        column = ops.expand_dims(x, axis=-1)
        return ops.squeeze(_normalized(node, column, scale, offset, mean, variance), axis=-1)
    if not node.attr("training_mode", 0):
        return _normalized(node, x, scale, offset, mean.frozen(), variance.frozen())
    axes = tuple(a for a in range(x.ndim) if a != 1)
    fine = x if x.dtype.itemsize >= mean.dtype.itemsize else ops.cast(x, dtype=mean.dtype.name)
    now = ops.mean(fine, axis=axes), ops.var(fine, axis=axes)
    keep = node.attr("momentum", 0.9)
    running = (before.frozen() * keep + seen * (1 - keep) for before, seen in zip((mean, variance), now, strict=True))
    return _normalized(node, x, scale, offset, *now), *running


def _normalized(node: Node, x: Value, scale: Value, offset: Value, mean: Value, variance: Value) -> Value:
    return through(
        x,
        lambda v, order: ops.batch_normalization(
            v, mean, variance, offset, scale, **_axis(v, order[1]), epsilon=node.attr("epsilon", EPSILON)
        ),
    )


def _axis(x: Value, axis: int) -> dict[str, Any]:
    """The parameter `axis`, if it is not the last one."""
    return {} if axis == x.ndim - 1 else {"axis": axis}


@onnx_op("InstanceNormalization")
def _instance_normalization(node: Node, x: Value, scale: Value, offset: Value) -> Value:
    return _grouped(node, x, scale, offset, -1)


@onnx_op("GroupNormalization")
def _group_normalization(node: Node, x: Value, scale: Value, offset: Value) -> Value:
    groups = node.needs("num_groups")
    if node.version < 21:  # one scale for each group
        if not isinstance(x.shape[1], int):
            raise node.refuse(f"the number of channels must be known; got {x.spec}")
        scale, offset = (ops.repeat(v, repeats=x.shape[1] // groups, axis=0) for v in (scale, offset))
    return _grouped(node, x, scale, offset, groups)


def _grouped(node: Node, x: Value, scale: Value, offset: Value, groups: int) -> Value:
    gamma, beta = _unless(scale, 1), _unless(offset, 0)
    return through(
        x,
        lambda v, order: ops.group_normalization(
            v, gamma, beta, groups=groups, **_axis(v, order[1]), epsilon=node.attr("epsilon", EPSILON)
        ),
    )


def _unless(weight: Value, neutral: int) -> Value | None:
    """`weight`; None where it is a constant that changes nothing, as exporters give it."""
    return None if weight.known and np.all(weight.array == neutral) else weight


@onnx_op("LayerNormalization")
def _layer_normalization(
    node: Node, x: Value, scale: Value, offset: Value | None = None
) -> Value | tuple[Value, Value, Value]:
    axes, epsilon = _last(node, x), node.attr("epsilon", EPSILON)
    y = _along(ops.layer_normalization, x, axes, [scale, offset], epsilon)
    if not node.wants(1) and not node.wants(2):
        return y
    fine = x if x.dtype.itemsize >= 4 else ops.cast(x, dtype="float32")
    mean = ops.mean(fine, axis=axes, keepdims=True)
    return y, mean, ops.rsqrt(ops.var(fine, axis=axes, keepdims=True) + epsilon)


@onnx_op("RMSNormalization")
def _rms_normalization(node: Node, x: Value, scale: Value) -> Value:
    return _along(ops.rms_normalization, x, _last(node, x), [scale], node.attr("epsilon", EPSILON))


def _last(node: Node, x: Value) -> tuple[int, ...]:
    """The axes from the one that the node names on."""
    return tuple(range(node.attr("axis", -1) % x.ndim, x.ndim))


def _along(op: Op, x: Value, axes: tuple[int, ...], weights: list[Value | None], epsilon: float) -> Value:
    """`op` along `axes`, with weights that broadcast to the sizes of these."""
    sizes = [x.shape[a] for a in axes]
    whole = [None if w is None else w if list(w.shape) == sizes else _spread(w, sizes) for w in weights]
    how: dict[str, Any] = {"axis": axes} if len(axes) > 1 else {}
    y: Value = op(x, *whole, **how, epsilon=epsilon)
    return y


def _spread(weight: Value, sizes: list[Any]) -> Value:
    return ops.broadcast_to(weight, shape=tuple(sizes))


@onnx_op("LpNormalization")
def _lp_normalization(node: Node, x: Value) -> Value:
    axis, order = node.attr("axis", -1) % x.ndim, float(node.attr("p", 2))
    return through(x, lambda v, moved: ops.normalize(v, ord=order, **_axis(v, moved[axis])))


@onnx_op("LRN")
def _local_response_normalization(node: Node, x: Value) -> Value:
    how = {
        "size": node.needs("size"),
        **{k: node.attr(k, d) for k, d in (("alpha", 1e-4), ("beta", 0.75), ("bias", 1.0))},
    }
    return through(x, lambda v, order: ops.local_response_normalization(v, **how, **_axis(v, order[1])))
