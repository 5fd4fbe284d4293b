"""Losses. ONNX has the classes on axis 1, flowloom last."""

from __future__ import annotations

from flowloom import ops
from flowloom.formats.onnx.layout import channels_first, channels_last
from flowloom.formats.onnx.node import Node
from flowloom.formats.onnx.table import onnx_op
from flowloom.formats.onnx.values import Value


@onnx_op("NegativeLogLikelihoodLoss")
def _negative_log_likelihood(
    node: Node, log_probabilities: Value, labels: Value, weights: Value | None = None
) -> Value:
    return _loss(node, channels_last(log_probabilities), labels, weights)


@onnx_op("SoftmaxCrossEntropyLoss")
def _softmax_cross_entropy(
    node: Node, scores: Value, labels: Value, weights: Value | None = None
) -> tuple[Value, Value]:
    log_probabilities = ops.log_softmax(channels_last(scores), axis=-1)
    return _loss(node, log_probabilities, labels, weights), channels_first(log_probabilities)


def _loss(node: Node, log_probabilities: Value, labels: Value, weights: Value | None) -> Value:
    return ops.negative_log_likelihood(
        log_probabilities,
        labels,
        None if weights is None else weights.frozen(),
        ignore_index=node.attr("ignore_index"),
        reduction=node.attr("reduction", "mean"),
    )
