"""Losses for numbers: how far a prediction is from its target. Keras' names and formulas."""

from __future__ import annotations

import math
from typing import Any

from flowloom.compiler.expr import Expr
from flowloom.graph.kinds import NodeContext
from flowloom.losses.reduction import EPSILON, Reduction, loss, matched, positive, reduce, reduce_elements
from flowloom.ops import abs as absolute
from flowloom.ops import clip, log, maximum, softplus, sqrt, square, sum, where
from flowloom.params import Positive


@loss
def mean_squared_error(
    node: NodeContext,
    prediction: Any,
    target: Any,
    sample_weight: Any = None,
    *,
    reduction: Reduction = "sum_over_batch_size",
) -> Expr:
    """The mean of `(prediction - target)` squared, both of one shape (batch, ...). Returns a scalar."""
    prediction, target = matched(prediction, target)
    result: Expr = reduce_elements(square(prediction - target), sample_weight, reduction)
    return result


@loss
def mean_absolute_error(
    node: NodeContext,
    prediction: Any,
    target: Any,
    sample_weight: Any = None,
    *,
    reduction: Reduction = "sum_over_batch_size",
) -> Expr:
    """The mean distance between `prediction` and `target`, both of one shape (batch, ...). Returns a scalar."""
    prediction, target = matched(prediction, target)
    result: Expr = reduce_elements(absolute(prediction - target), sample_weight, reduction)
    return result


@loss
def mean_absolute_percentage_error(
    node: NodeContext,
    prediction: Any,
    target: Any,
    sample_weight: Any = None,
    *,
    reduction: Reduction = "sum_over_batch_size",
) -> Expr:
    """The mean distance in percent of the target, both of one shape (batch, ...). Returns a scalar.

    A target nearer to 0 than a ten-millionth counts as that.
    """
    prediction, target = matched(prediction, target)
    result: Expr = reduce_elements(
        absolute(prediction - target) / positive(absolute(target)) * 100.0, sample_weight, reduction
    )
    return result


@loss
def mean_squared_logarithmic_error(
    node: NodeContext,
    prediction: Any,
    target: Any,
    sample_weight: Any = None,
    *,
    reduction: Reduction = "sum_over_batch_size",
) -> Expr:
    """The mean square of `log(1 + prediction) - log(1 + target)`, both of one shape (batch, ...). Returns a scalar.

    It compares ratios rather than differences; what is below 0 counts as 0.
    """
    prediction, target = matched(prediction, target)
    ratio = log(positive(prediction) + 1.0) - log(positive(target) + 1.0)
    result: Expr = reduce_elements(square(ratio), sample_weight, reduction)
    return result


@loss
def huber(
    node: NodeContext,
    prediction: Any,
    target: Any,
    sample_weight: Any = None,
    *,
    delta: Positive = 1.0,
    reduction: Reduction = "sum_over_batch_size",
) -> Expr:
    """Half the squared distance up to `delta`, and from there on a straight line (Huber 1964): outliers count less.

    `prediction` and `target` have one shape (batch, ...). Returns a scalar.
    """
    prediction, target = matched(prediction, target)
    distance = absolute(prediction - target)
    losses = where(distance <= delta, square(distance) * 0.5, distance * delta - 0.5 * delta * delta)
    result: Expr = reduce_elements(losses, sample_weight, reduction)
    return result


@loss
def log_cosh(
    node: NodeContext,
    prediction: Any,
    target: Any,
    sample_weight: Any = None,
    *,
    reduction: Reduction = "sum_over_batch_size",
) -> Expr:
    """The mean of `log(cosh(prediction - target))`: half the square of a small error, the size of a large one.

    `prediction` and `target` have one shape (batch, ...). Returns a scalar.
    """
    prediction, target = matched(prediction, target)
    error = prediction - target
    # log((e^x + e^-x) / 2) = x + log(1 + e^-2x) - log 2, which does not overflow
    result: Expr = reduce_elements(error + softplus(error * -2.0) - math.log(2), sample_weight, reduction)
    return result


@loss
def poisson(
    node: NodeContext,
    prediction: Any,
    target: Any,
    sample_weight: Any = None,
    *,
    reduction: Reduction = "sum_over_batch_size",
) -> Expr:
    """The mean of `prediction - target * log(prediction)`: how likely counts are with the predicted means.

    Without the part that does not depend on the prediction. `prediction` (positive) and `target` have one shape
    (batch, ...). Returns a scalar.
    """
    prediction, target = matched(prediction, target)
    result: Expr = reduce_elements(
        prediction - target * log(maximum(prediction, 0.0) + EPSILON), sample_weight, reduction
    )
    return result


@loss
def kl_divergence(
    node: NodeContext,
    prediction: Any,
    target: Any,
    sample_weight: Any = None,
    *,
    reduction: Reduction = "sum_over_batch_size",
) -> Expr:
    """The sum of `target * log(target / prediction)` over the last axis, averaged (Kullback & Leibler 1951).

    Both are probabilities of one shape (batch, ..., classes). Returns a scalar.
    """
    prediction, target = matched(prediction, target)
    likely = clip(target, low=EPSILON, high=1.0)
    losses = sum(likely * log(likely / clip(prediction, low=EPSILON, high=1.0)), axis=-1)
    result: Expr = reduce(losses, sample_weight, reduction)
    return result


@loss
def cosine_similarity(
    node: NodeContext,
    prediction: Any,
    target: Any,
    sample_weight: Any = None,
    *,
    axis: int = -1,
    reduction: Reduction = "sum_over_batch_size",
) -> Expr:
    """Minus the cosine of the angle between `prediction` and `target` along `axis`, averaged: -1 where they agree.

    Both have one shape (batch, ..., features). Returns a scalar.
    """
    prediction, target = matched(prediction, target)
    result: Expr = reduce(-cosine(prediction, target, axis), sample_weight, reduction)
    return result


def cosine(a: Any, b: Any, axis: int) -> Any:
    """The cosine of the angle between `a` and `b` along `axis`; 0 if one of them is 0."""
    return sum(_unit(a, axis) * _unit(b, axis), axis=axis)


def _unit(x: Any, axis: int) -> Any:
    return x / sqrt(maximum(sum(square(x), axis=axis, keepdims=True), 1e-12))
