"""What metrics are made of: totals over the samples, which go on from batch to batch where a dataset is measured."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from flowloom.graph.kinds import NodeContext
from flowloom.layers.layer import Layer, layer
from flowloom.losses.reduction import aligned, matched, quotient
from flowloom.ops import argmax, broadcast_to, cast, checked_labels, mean, one_hot, reshape, size, sum
from flowloom.ops.composing import in_dtype
from flowloom.spec import SpecError, is_integer, merge_shapes

SHARED = """`sample_weight` (batch, ...) says how much each sample counts. Over a dataset the result is that of all its
samples, however they come in batches."""


def metric(function: Callable[..., Any]) -> Layer:
    """Declare a metric, a layer whose help ends with what holds for all metrics."""
    function.__doc__ = f"{inspect.getdoc(function)}\n\n{SHARED}"
    return layer("metrics", "metric")(function)


def exact(x: Any) -> Any:
    """`x` in float64, in which totals of millions of samples keep their last digit."""
    return in_dtype(x, np.dtype("float64"))


def running_mean(node: NodeContext, values: Any, sample_weight: Any) -> Any:
    """The mean of `values` (batch, ...) over all samples, each times its weight: a float64 scalar."""
    if sample_weight is None:
        count = exact(size(values))
        total = exact(mean(values)) * count
    else:
        weight = aligned(sample_weight, values)
        total, count = exact(sum(values * weight)), exact(sum(broadcast_to(weight, shape=values.shape)))
    return quotient(node.total("sum", total), node.total("count", count))


def binary(
    prediction: Any, label: Any, sample_weight: Any, threshold: float, from_logits: bool
) -> tuple[Any, Any, Any]:
    """Whether each sample is taken for positive, whether it is, and its weight (or None): float32 (n,) each.

    `threshold` is a probability; logits are compared with the logit of it. Raises SpecError if the shapes differ.
    """
    prediction, label = matched(prediction, label)
    cut = threshold
    if from_logits:
        cut = math.log(threshold / (1 - threshold)) if 0 < threshold < 1 else math.copysign(math.inf, threshold - 0.5)
    return flat(prediction > cut), flat(label > 0.5), flat_weight(sample_weight, prediction)


def one_of_many(logits: Any, label: Any, sample_weight: Any) -> tuple[Any, Any, Any]:
    """The class chosen for each sample and the right one, one-hot (n, classes), and its weight (n, 1), or None.

    Raises SpecError unless `label` has one integer for each row of `logits`, and the number of classes is known.
    """
    check_labels(logits, label)
    depth = logits.shape[-1]
    if depth is None:
        raise SpecError(f"the number of classes must be known; got {logits.spec}")
    labels = checked_labels(label, classes=depth)
    chosen, right = (one_hot(reshape(x, shape=(-1,)), depth=depth) for x in (argmax(logits, axis=-1), labels))
    weight = flat_weight(sample_weight, in_dtype(label, logits.dtype))
    return chosen, right, None if weight is None else reshape(weight, shape=(-1, 1))


def flat(x: Any) -> Any:
    """The elements of `x` in a row, in float32."""
    return cast(reshape(x, shape=(-1,)), dtype="float32")


def flat_weight(sample_weight: Any, samples: Any) -> Any:
    """A weight for each of `samples`, in a row: float32 (n,); None where there are none."""
    if sample_weight is None:
        return None
    return flat(broadcast_to(aligned(sample_weight, samples), shape=samples.shape))


def check_labels(logits: Any, label: Any) -> None:
    """Raise SpecError unless `label` has one integer for each row of `logits`."""
    if logits.ndim != label.ndim + 1 or not is_integer(label.dtype):
        raise SpecError(f"logits must be (batch, classes), labels (batch,) integers; got {logits.spec}, {label.spec}")
    merge_shapes(logits.shape[:-1], label.shape)


def result(value: Any, beside: Any) -> Any:
    """A metric in the dtype that people see: float64 if what it measures is float64, else float32."""
    return value if beside.dtype.name == "float64" else cast(value, dtype="float32")
