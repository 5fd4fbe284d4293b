"""Losses for embeddings: what belongs together should be near."""

from __future__ import annotations

from typing import Any

from flowloom.compiler.expr import Expr
from flowloom.graph.kinds import NodeContext
from flowloom.losses.reduction import Reduction, loss, matched, reduce
from flowloom.ops import maximum, sqrt, square, sum
from flowloom.params import NotNegative


@loss
def triplet_margin(
    node: NodeContext,
    anchor: Any,
    positive: Any,
    negative: Any,
    sample_weight: Any = None,
    *,
    margin: NotNegative = 1.0,
    reduction: Reduction = "sum_over_batch_size",
) -> Expr:
    """The mean of `max(distance(anchor, positive) - distance(anchor, negative) + margin, 0)` (Schroff et al. 2015).

    All three have one shape (batch, ..., features); the distance is the Euclidean one. Returns a scalar.
    """
    _, positive = matched(anchor, positive)
    _, negative = matched(anchor, negative)
    losses = maximum(_distance(anchor, positive) - _distance(anchor, negative) + margin, 0.0)
    result: Expr = reduce(losses, sample_weight, reduction)
    return result


def _distance(a: Any, b: Any) -> Any:
    return sqrt(maximum(sum(square(a - b), axis=-1), 1e-12))
