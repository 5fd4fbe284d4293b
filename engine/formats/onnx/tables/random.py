"""Random numbers. They are drawn from the seed of the graph; seeds of single nodes, which ONNX has, are not kept."""

from __future__ import annotations

from typing import Any

from flowloom import ops
from flowloom.formats.onnx.layout import through
from flowloom.formats.onnx.node import Node
from flowloom.formats.onnx.table import onnx_op
from flowloom.formats.onnx.values import Value, scalar_of


@onnx_op("RandomNormal", "RandomNormalLike")
def _normal(node: Node, like: Value | None = None) -> Value:
    return _drawn(node, "random.normal", like, mean=node.attr("mean", 0.0), stddev=node.attr("scale", 1.0))


@onnx_op("RandomUniform", "RandomUniformLike")
def _uniform(node: Node, like: Value | None = None) -> Value:
    return _drawn(node, "random.uniform", like, low=node.attr("low", 0.0), high=node.attr("high", 1.0))


def _drawn(node: Node, kind: str, like: Value | None, **how: Any) -> Value:
    """Numbers in the dtype that the node names, else that of `like`; ones of few bits are drawn as float32."""
    dtype = like.dtype.name if like is not None and not node.has("dtype") else node.dtype(node.attr("dtype", 1)).name
    if dtype == "float64":
        how["dtype"] = dtype
    y: Value
    if like is None:
        y = node.builder.add(kind, shape=tuple(node.needs("shape")), **how)
    else:
        y = node.builder.add(kind, like, **how)
    return y if y.dtype.name == dtype else ops.cast(y, dtype=dtype)


@onnx_op("Bernoulli")
def _bernoulli(node: Node, p: Value) -> Value:
    dtype = node.dtype(node.attr("dtype")).name if node.has("dtype") else p.dtype.name
    return ops.cast(_chance(node, p) < p, dtype=dtype)


def _chance(node: Node, like: Value) -> Value:
    """Numbers spread evenly over [0, 1), in the shape of `like`."""
    wide = {"dtype": "float64"} if like.dtype.name == "float64" else {}
    y: Value = node.builder.add("random.uniform", like, **wide)
    return y


@onnx_op("Multinomial")
def _multinomial(node: Node, logits: Value) -> Value:
    drawn: Value = node.builder.add("random.categorical", logits, num_samples=node.attr("sample_size", 1))
    dtype = node.dtype(node.attr("dtype", 6)).name
    return drawn if dtype == "int64" else ops.cast(drawn, dtype=dtype)


@onnx_op("Dropout")
def _dropout(
    node: Node, x: Value, ratio: Value | None = None, training: Value | None = None
) -> Value | tuple[Value, Value]:
    """Dropout that acts while flowloom learns; or always, if the model says so by its input `training_mode`."""
    rate = node.attr("ratio", 0.5) if ratio is None else scalar_of(ratio)
    if training is not None and scalar_of(training) is not False:
        return _always(node, x, ratio if ratio is not None else node.known(0.5, "float32"), training)
    y = x
    if rate and not x.known:
        y = through(x, lambda v, order: node.builder.add("layers.dropout", v, rate=float(rate)))
    return (y, ops.ones_like(x, dtype="bool")) if node.wants(1) else y


def _always(node: Node, x: Value, ratio: Value, training: Value) -> tuple[Value, Value]:
    """What stays of `x` if `training` is true, and where."""
    share = ops.where(training, ops.cast(ratio, dtype="float32"), 0.0)
    stays = _chance(node, x) >= share
    return ops.where(stays, x * ops.cast(1.0 / (1.0 - share), dtype=x.dtype.name), 0.0), stays
