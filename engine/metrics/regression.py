"""Metrics of predicted numbers. Over a dataset they are those of all its samples, not means over batches."""

from __future__ import annotations

from typing import Any, Literal

from flowloom.compiler.expr import Expr
from flowloom.graph.kinds import NodeContext
from flowloom.losses.reduction import aligned, matched, quotient
from flowloom.losses.regression import cosine
from flowloom.metrics.totals import exact, metric, result, running_mean
from flowloom.ops import abs as absolute
from flowloom.ops import broadcast_to, maximum, sqrt, square, sum
from flowloom.ops import mean as average


@metric
def mean(node: NodeContext, values: Any, sample_weight: Any = None) -> Expr:
    """The mean of any floats (batch, ...). Returns a scalar."""
    value: Expr = result(running_mean(node, values, sample_weight), values)
    return value


@metric
def mean_absolute_error(node: NodeContext, prediction: Any, target: Any, sample_weight: Any = None) -> Expr:
    """The mean distance between `prediction` and `target`, both of one shape (batch, ...). Returns a scalar."""
    prediction, target = matched(prediction, target)
    value: Expr = result(running_mean(node, absolute(prediction - target), sample_weight), prediction)
    return value


@metric
def mean_squared_error(node: NodeContext, prediction: Any, target: Any, sample_weight: Any = None) -> Expr:
    """The mean of `(prediction - target)` squared, both of one shape (batch, ...). Returns a scalar."""
    prediction, target = matched(prediction, target)
    value: Expr = result(running_mean(node, square(prediction - target), sample_weight), prediction)
    return value


@metric
def root_mean_squared_error(node: NodeContext, prediction: Any, target: Any, sample_weight: Any = None) -> Expr:
    """The root of the mean squared error: in the unit of the target. Both are (batch, ...). Returns a scalar."""
    prediction, target = matched(prediction, target)
    value: Expr = result(sqrt(running_mean(node, square(prediction - target), sample_weight)), prediction)
    return value


@metric
def cosine_similarity(
    node: NodeContext, prediction: Any, target: Any, sample_weight: Any = None, *, axis: int = -1
) -> Expr:
    """The cosine of the angle between `prediction` and `target` along `axis`, averaged; both (batch, ..., features).

    Returns a scalar from -1 to 1.
    """
    prediction, target = matched(prediction, target)
    value: Expr = result(running_mean(node, cosine(prediction, target, axis), sample_weight), prediction)
    return value


@metric
def r2_score(
    node: NodeContext,
    prediction: Any,
    target: Any,
    sample_weight: Any = None,
    *,
    class_aggregation: Literal["uniform_average", "variance_weighted_average"] = "uniform_average",
) -> Expr:
    """The share of the target's variance that the prediction explains: 1 - squared errors / squared deviations.

    Both are (batch,) or (batch, ..., outputs); outputs are averaged evenly or by their variance. 0 where the target
    does not vary. Returns a scalar of at most 1.
    """
    prediction, target = matched(prediction, target)
    y, error = exact(target), exact(prediction) - exact(target)
    weight = exact(broadcast_to(_ones_or(sample_weight, y), shape=y.shape))
    rows = tuple(range(y.ndim - 1)) if y.ndim > 1 else (0,)
    count, total, squares, errors = (
        node.total(role, sum(x, axis=rows))
        for role, x in (
            ("count", weight),
            ("sum", y * weight),
            ("squares", square(y) * weight),
            ("errors", square(error) * weight),
        )
    )
    # the squared deviations from the mean: sum of y^2 - (sum of y)^2 / n
    spread = maximum(squares - quotient(square(total), count), 0.0)
    if class_aggregation == "variance_weighted_average":
        score = 1.0 - quotient(sum(errors), sum(spread))
    else:
        score = average(1.0 - quotient(errors, spread))
    value: Expr = result(score, prediction)
    return value


def _ones_or(sample_weight: Any, y: Any) -> Any:
    return y * 0.0 + 1.0 if sample_weight is None else aligned(sample_weight, y)
