"""Metrics: numbers to watch, averaged over the batch."""

from __future__ import annotations

from typing import Any

from flowloom.compiler.expr import Expr
from flowloom.graph.kinds import NodeContext
from flowloom.layers.layer import layer
from flowloom.losses import matched
from flowloom.ops import abs as absolute
from flowloom.ops import argmax, cast, equal, mean
from flowloom.spec import SpecError, merge

__all__ = ["accuracy", "binary_accuracy", "mean_absolute_error"]


@layer("metrics", "metric")
def accuracy(node: NodeContext, logits: Expr, label: Expr) -> Expr:
    """The share of rows whose largest logit is at the label. `logits` (batch, classes), `label` (batch,) integers.

    Returns a scalar from 0 to 1.
    """
    if logits.spec.ndim != label.spec.ndim + 1 or label.dtype.kind not in "iu":
        raise SpecError(f"logits must be (batch, classes), labels (batch,) integers; got {logits.spec}, {label.spec}")
    for a, b in zip(logits.shape, label.shape, strict=False):
        merge(a, b)
    share: Expr = mean(cast(equal(argmax(logits, axis=-1), cast(label, dtype="int64")), dtype="float32"))
    return share


@layer("metrics", "metric")
def binary_accuracy(node: NodeContext, logits: Any, label: Any) -> Expr:
    """The share of rows whose logit is above 0 just where the label is 1. `logits` (batch,) or (batch, 1), floats.

    Returns a scalar from 0 to 1.
    """
    logits, label = matched(logits, label)
    share: Expr = mean(cast(equal(logits > 0.0, label > 0.5), dtype="float32"))
    return share


@layer("metrics", "metric")
def mean_absolute_error(node: NodeContext, prediction: Any, target: Any) -> Expr:
    """The mean distance between `prediction` and `target`, both of one shape (batch, ...). Returns a scalar."""
    prediction, target = matched(prediction, target)
    distance: Expr = mean(absolute(prediction - target))
    return distance
