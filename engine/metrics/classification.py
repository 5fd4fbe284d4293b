"""Metrics of classification. Over a dataset they are those of all its samples, not means over batches."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from flowloom.compiler.expr import Expr
from flowloom.graph.kinds import NodeContext
from flowloom.losses.reduction import quotient
from flowloom.metrics.totals import binary, check_labels, exact, metric, one_of_many, result, running_mean
from flowloom.ops import (
    argmax,
    cast,
    checked_labels,
    equal,
    exp,
    matmul,
    one_hot,
    sparse_softmax_cross_entropy,
    sum,
    transpose,
    where,
)
from flowloom.params import Count, Share
from flowloom.spec import SpecError

Average: TypeAlias = Literal["binary", "macro", "micro", "weighted", "none"]


@metric
def accuracy(node: NodeContext, logits: Any, label: Any, sample_weight: Any = None) -> Expr:
    """The share of rows whose largest logit is at the label.

    `logits` is (batch, ..., classes), `label` (batch, ...) integers. Returns a scalar from 0 to 1.
    """
    check_labels(logits, label)
    right = cast(equal(argmax(logits, axis=-1), cast(label, dtype="int64")), dtype="float32")
    return _float32(running_mean(node, right, sample_weight))


@metric
def binary_accuracy(
    node: NodeContext,
    prediction: Any,
    label: Any,
    sample_weight: Any = None,
    *,
    threshold: Share = 0.5,
    from_logits: bool = True,
) -> Expr:
    """The share of samples whose probability is above `threshold` just where the label is 1.

    `prediction` is (batch, ...) or (batch, 1), logits or, without `from_logits`, probabilities; `label` has as many
    elements, 0 or 1. Returns a scalar from 0 to 1.
    """
    taken, positive, weight = binary(prediction, label, sample_weight, threshold, from_logits)
    return _float32(running_mean(node, cast(equal(taken, positive), dtype="float32"), weight))


@metric
def top_k_accuracy(node: NodeContext, logits: Any, label: Any, sample_weight: Any = None, *, k: Count = 5) -> Expr:
    """The share of rows whose label is among the `k` largest logits; fewer than `k` are larger than its own.

    `logits` is (batch, ..., classes), `label` (batch, ...) integers. Returns a scalar from 0 to 1.
    """
    check_labels(logits, label)
    if logits.shape[-1] is None:
        raise SpecError(f"the number of classes must be known; got {logits.spec}")
    classes = logits.shape[-1]
    hot = one_hot(checked_labels(label, classes=classes), depth=classes, dtype="bool")
    own = sum(where(hot, logits, 0.0), axis=-1, keepdims=True)
    larger = sum(cast(logits > own, dtype="float32"), axis=-1)
    return _float32(running_mean(node, cast(larger < float(k), dtype="float32"), sample_weight))


@metric
def precision(
    node: NodeContext,
    prediction: Any,
    label: Any,
    sample_weight: Any = None,
    *,
    average: Average = "binary",
    threshold: Share = 0.5,
    from_logits: bool = True,
) -> Expr:
    """Of what is taken for positive, the share that is; 0 if nothing is taken for it.

    Binary: `prediction` is (batch, ...), logits or, without `from_logits`, probabilities, and is taken above
    `threshold`; `label` is 0 or 1. Otherwise `prediction` is (batch, ..., classes) and `label` (batch, ...) integers,
    and each class has a precision: "macro" is their mean over the classes that occur, "weighted" the mean by how often
    they do, "micro" that of all together. Returns a scalar; with "none" the precisions, shape (classes,).
    """
    hits, taken, there = _hits(node, prediction, label, sample_weight, average, threshold, from_logits)
    return _averaged(hits, taken, taken, there, average)


@metric
def recall(
    node: NodeContext,
    prediction: Any,
    label: Any,
    sample_weight: Any = None,
    *,
    average: Average = "binary",
    threshold: Share = 0.5,
    from_logits: bool = True,
) -> Expr:
    """Of what is positive, the share that is taken for it; 0 if nothing is positive.

    Inputs and averages are those of `precision`. Returns a scalar; with "none" the recalls, shape (classes,).
    """
    hits, taken, there = _hits(node, prediction, label, sample_weight, average, threshold, from_logits)
    return _averaged(hits, there, taken, there, average)


@metric
def f1_score(
    node: NodeContext,
    prediction: Any,
    label: Any,
    sample_weight: Any = None,
    *,
    average: Average = "binary",
    threshold: Share = 0.5,
    from_logits: bool = True,
) -> Expr:
    """The harmonic mean of precision and recall (van Rijsbergen 1979).

    Inputs and averages are those of `precision`. Returns a scalar; with "none" the scores, shape (classes,).
    """
    hits, taken, there = _hits(node, prediction, label, sample_weight, average, threshold, from_logits)
    return _averaged(hits * 2.0, taken + there, taken, there, average)


@metric
def mean_iou(node: NodeContext, logits: Any, label: Any, sample_weight: Any = None) -> Expr:
    """Of what is or is taken for a class, the share that is both (Jaccard 1912), averaged over the classes that occur.

    `logits` is (batch, ..., classes), one row for each pixel, say; `label` (batch, ...) integers. Returns a scalar from
    0 to 1.
    """
    hits, taken, there = _hits(node, logits, label, sample_weight, "macro", 0.5, True)
    return _averaged(hits, taken + there - hits, taken, there, "macro")


@metric
def confusion_matrix(node: NodeContext, logits: Any, label: Any, sample_weight: Any = None) -> Expr:
    """How many samples of each class (rows) are taken for each class (columns).

    `logits` is (batch, ..., classes), `label` (batch, ...) integers. Returns int64, shape (classes, classes); with
    weights their sums, float32.
    """
    chosen, right, weight = one_of_many(logits, label, sample_weight)
    counts = node.total("counts", exact(matmul(transpose(right if weight is None else right * weight), chosen)))
    matrix: Expr = cast(counts, dtype="int64" if weight is None else "float32")
    return matrix


@metric
def perplexity(node: NodeContext, logits: Any, label: Any, sample_weight: Any = None) -> Expr:
    """The exponential of the mean cross-entropy: among how many equally likely classes the model seems to choose.

    `logits` is (batch, ..., classes), `label` (batch, ...) integers. Returns a scalar of at least 1.
    """
    check_labels(logits, label)
    value: Expr = result(exp(running_mean(node, sparse_softmax_cross_entropy(logits, label), sample_weight)), logits)
    return value


def _hits(
    node: NodeContext,
    prediction: Any,
    label: Any,
    sample_weight: Any,
    average: Average,
    threshold: float,
    from_logits: bool,
) -> tuple[Any, Any, Any]:
    """How many samples of a class are taken for it, how many are taken for it, and how many are of it: float64.

    A scalar each for "binary", shape (classes,) otherwise.
    """
    if average == "binary":
        if prediction.ndim == label.ndim + 1 and prediction.shape[-1] not in (1, None):
            raise SpecError(
                f"a binary average takes one number a sample; got {prediction.spec} and {label.spec}. For several "
                'classes set average to "macro", "micro", "weighted" or "none"'
            )
        taken, there, weight = binary(prediction, label, sample_weight, threshold, from_logits)
    else:
        taken, there, weight = one_of_many(prediction, label, sample_weight)
    both = taken * there
    counted = (x if weight is None else x * weight for x in (both, taken, there))
    hits, chosen, right = (exact(sum(x, axis=0)) for x in counted)
    return node.total("hits", hits), node.total("taken", chosen), node.total("there", right)


def _averaged(part: Any, whole: Any, taken: Any, there: Any, average: Average) -> Expr:
    """`part / whole` of each class, averaged."""
    if average == "micro":
        return _float32(quotient(sum(part), sum(whole)))
    scores = quotient(part, whole)
    if average == "macro":
        occurs = exact(taken + there > 0.0)
        return _float32(quotient(sum(scores * occurs), sum(occurs)))
    if average == "weighted":
        return _float32(quotient(sum(scores * there), sum(there)))
    return _float32(scores)


def _float32(value: Any) -> Expr:
    made: Expr = cast(value, dtype="float32")
    return made
