"""The area under a curve of a yes-or-no question, over all thresholds."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from flowloom.compiler.expr import Expr
from flowloom.graph.kinds import NodeContext
from flowloom.losses.reduction import matched, quotient
from flowloom.metrics.totals import exact, flat, flat_weight, metric, result
from flowloom.ops import cast, ceil, clip, cumsum, log, reshape, scatter_add, sigmoid, sum, where
from flowloom.ops import slice as part_of


@metric
def auc(
    node: NodeContext,
    prediction: Any,
    label: Any,
    sample_weight: Any = None,
    *,
    curve: Literal["ROC", "PR"] = "ROC",
    num_thresholds: Annotated[int, Meta(ge=2)] = 200,
    from_logits: bool = True,
) -> Expr:
    """The area under the curve of true against false positives ("ROC"), or of precision against recall ("PR").

    Found, as in Keras, at `num_thresholds` probabilities evenly spread over 0 to 1; the ROC curve is straight between
    them, the other one as Davis and Goadrich (2006) interpolate it. `prediction` is (batch, ...) or (batch, 1), logits
    or, without `from_logits`, probabilities; `label` has as many elements, 0 or 1. Returns a scalar from 0 to 1.
    """
    prediction, label = matched(prediction, label)
    probability = exact(reshape(sigmoid(prediction) if from_logits else prediction, shape=(-1,)))
    # a probability is above the first b + 1 thresholds 0, 1/(n-1), 2/(n-1), ... where b is its bin
    steps = num_thresholds - 1
    bins = cast(clip(ceil(probability * float(steps)) - 1.0, low=0.0, high=float(steps - 1)), dtype="int64")
    positive, weight = flat(label > 0.5), flat_weight(sample_weight, prediction)
    above = []
    for role, belongs in (("positive", positive), ("negative", 1.0 - positive)):
        counted = exact(belongs if weight is None else belongs * weight)
        histogram = node.total(role, scatter_add(counted, bins, size=num_thresholds))
        above.append(cumsum(histogram, axis=0, reverse=True))
    value: Expr = result((_roc if curve == "ROC" else _precision_recall)(*above), prediction)
    return value


def _roc(hits: Any, alarms: Any) -> Any:
    """The area under straight lines through (false positives, true positives), as shares of all."""
    (tp, tp_next), (fp, fp_next) = _neighbours(hits), _neighbours(alarms)
    area = sum((fp - fp_next) * (tp + tp_next)) / 2.0
    return quotient(area, _first(hits) * _first(alarms))


def _precision_recall(hits: Any, alarms: Any) -> Any:
    """The area under precision against recall.

    Between two thresholds true and false positives grow together: with p of them taken for positive, tp = a + s p. The
    precision over d tp, (a + s p) / p s dp, integrates to s (change of tp + a log(change of p)).
    """
    (tp, tp_next), (taken, taken_next) = _neighbours(hits), _neighbours(hits + alarms)
    slope = quotient(tp - tp_next, taken - taken_next)
    offset = tp_next - slope * taken_next
    both = where(taken_next > 0.0, quotient(taken, taken_next), 1.0)
    return quotient(sum(slope * (tp - tp_next + offset * log(both))), _first(hits))


def _neighbours(counts: Any) -> tuple[Any, Any]:
    """The counts at all thresholds but the last, and those at the next ones."""
    return part_of(counts, start=(0,), stop=(-1,)), part_of(counts, start=(1,), stop=(None,))


def _first(counts: Any) -> Any:
    """The count at the lowest threshold: all there are."""
    return sum(part_of(counts, start=(0,), stop=(1,)))
