"""Losses for classes. They take logits, the numbers before a softmax or sigmoid, so that nothing overflows.

Probabilities p are logits, too: as `log(p)` for the softmax.
"""

from __future__ import annotations

from typing import Any

from flowloom.compiler.expr import Expr
from flowloom.graph.kinds import NodeContext
from flowloom.losses.reduction import EPSILON, Reduction, floats, loss, matched, reduce, reduce_elements
from flowloom.ops import (
    cast,
    checked_labels,
    log_softmax,
    max,
    maximum,
    mean,
    not_equal,
    one_hot,
    power,
    sigmoid,
    softmax,
    softplus,
    sparse_softmax_cross_entropy,
    square,
    sum,
)
from flowloom.ops import softmax_cross_entropy as dense_softmax_cross_entropy
from flowloom.ops.composing import extent, in_dtype
from flowloom.params import Fraction, NotNegative, Positive, Share
from flowloom.spec import SpecError, is_integer


@loss
def softmax_cross_entropy(
    node: NodeContext,
    logits: Any,
    label: Any,
    sample_weight: Any = None,
    *,
    label_smoothing: Fraction = 0.0,
    ignore_index: int | None = None,
    reduction: Reduction = "sum_over_batch_size",
) -> Expr:
    """Cross-entropy between `softmax(logits)` and the right classes, averaged. For choosing one of several classes.

    `logits` is (batch, ..., classes), floats before any softmax; `label` is (batch, ...), integers from 0 to
    classes - 1, or (batch, ..., classes), probabilities. Returns a scalar. A label out of range stops the run and is
    named; those that are `ignore_index` do not count. `label_smoothing` spreads that share of each label over all
    classes.
    """
    floats(logits)
    if not (is_integer(label.dtype) and label.ndim == logits.ndim - 1) and label.ndim == logits.ndim:
        if ignore_index is not None:
            raise SpecError(f"ignore_index needs integer labels; label is {label.spec}")
        logits, label = matched(logits, label)
        losses, counts = dense_softmax_cross_entropy(logits, label), None
        total = sum(label, axis=-1)
    else:
        losses = sparse_softmax_cross_entropy(logits, label, ignore_index=ignore_index)
        counts = (
            None
            if ignore_index is None
            else in_dtype(not_equal(cast(label, dtype="int64"), ignore_index), losses.dtype)
        )
        total = 1.0 if counts is None else counts
    if label_smoothing:
        even = -mean(log_softmax(logits), axis=-1) * total
        losses = losses * (1 - label_smoothing) + even * label_smoothing
    result: Expr = reduce(losses, sample_weight, reduction, counts)
    return result


@loss
def sigmoid_cross_entropy(
    node: NodeContext,
    logits: Any,
    label: Any,
    sample_weight: Any = None,
    *,
    pos_weight: Positive = 1.0,
    label_smoothing: Fraction = 0.0,
    reduction: Reduction = "sum_over_batch_size",
) -> Expr:
    """Cross-entropy between `sigmoid(logits)` and labels of 0 or 1, averaged. For yes-or-no questions.

    `logits` is (batch, ...) or (batch, 1), floats before any sigmoid; `label` has as many elements. Returns a scalar.
    `pos_weight` is how much more a label of 1 counts; `label_smoothing` moves labels by that share towards one half.
    """
    logits, label = matched(logits, label)
    label = _smoothed(label, label_smoothing)
    if pos_weight == 1:
        # -y log s(x) - (1-y) log(1-s(x)) = softplus(x) - x y, which does not overflow
        losses = softplus(logits) - logits * label
    else:
        # log s(x) = -softplus(-x) and log(1-s(x)) = -x - softplus(-x)
        losses = logits * (1.0 - label) + softplus(-logits) * (1.0 + label * (pos_weight - 1.0))
    result: Expr = reduce_elements(losses, sample_weight, reduction)
    return result


@loss
def binary_focal_crossentropy(
    node: NodeContext,
    logits: Any,
    label: Any,
    sample_weight: Any = None,
    *,
    gamma: NotNegative = 2.0,
    alpha: Share = 0.25,
    apply_class_balancing: bool = False,
    label_smoothing: Fraction = 0.0,
    reduction: Reduction = "sum_over_batch_size",
) -> Expr:
    """Cross-entropy of a sigmoid in which what is right already counts little (Lin et al. 2017): for rare positives.

    `logits` is (batch, ...) or (batch, 1), `label` has as many elements, 0 or 1. Each loss is multiplied by the
    probability of the wrong answer to the power `gamma` and, with `apply_class_balancing`, by `alpha` for a label of 1
    and 1 - `alpha` for 0. Returns a scalar.
    """
    logits, label = matched(logits, label)
    label = _smoothed(label, label_smoothing)
    losses = softplus(logits) - logits * label
    if gamma:
        wrong = label * sigmoid(-logits) + (1.0 - label) * sigmoid(logits)
        losses = losses * power(maximum(wrong, EPSILON), gamma)
    if apply_class_balancing:
        losses = losses * (label * alpha + (1.0 - label) * (1 - alpha))
    result: Expr = reduce_elements(losses, sample_weight, reduction)
    return result


@loss
def categorical_focal_crossentropy(
    node: NodeContext,
    logits: Any,
    label: Any,
    sample_weight: Any = None,
    *,
    gamma: NotNegative = 2.0,
    alpha: Share = 0.25,
    label_smoothing: Fraction = 0.0,
    reduction: Reduction = "sum_over_batch_size",
) -> Expr:
    """Cross-entropy of a softmax in which what is right already counts little (Lin et al. 2017): for rare classes.

    `logits` is (batch, ..., classes); `label` is (batch, ...), integers, or (batch, ..., classes), probabilities. Each
    class's loss is multiplied by `alpha` and by the probability of the other classes to the power `gamma`. Returns a
    scalar.
    """
    label = _dense(floats(logits), label)
    if label_smoothing and logits.ndim and logits.shape[-1] != 0:
        classes = extent(logits, logits.ndim - 1, logits.dtype)
        label = label * (1 - label_smoothing) + label_smoothing / classes
    losses = label * -log_softmax(logits) * alpha
    if gamma:
        losses = losses * power(maximum(1.0 - softmax(logits), EPSILON), gamma)
    result: Expr = reduce(sum(losses, axis=-1), sample_weight, reduction)
    return result


@loss
def hinge(
    node: NodeContext,
    prediction: Any,
    label: Any,
    sample_weight: Any = None,
    *,
    reduction: Reduction = "sum_over_batch_size",
) -> Expr:
    """The mean of `max(1 - label * prediction, 0)`, as in support vector machines. Returns a scalar.

    `prediction` and `label` have one shape (batch, ...); labels are -1 or 1, or 0 or 1.
    """
    prediction, label = matched(prediction, label)
    result: Expr = reduce_elements(maximum(1.0 - prediction * _signs(label), 0.0), sample_weight, reduction)
    return result


@loss
def squared_hinge(
    node: NodeContext,
    prediction: Any,
    label: Any,
    sample_weight: Any = None,
    *,
    reduction: Reduction = "sum_over_batch_size",
) -> Expr:
    """The mean square of `max(1 - label * prediction, 0)`. Returns a scalar.

    `prediction` and `label` have one shape (batch, ...); labels are -1 or 1, or 0 or 1.
    """
    prediction, label = matched(prediction, label)
    result: Expr = reduce_elements(square(maximum(1.0 - prediction * _signs(label), 0.0)), sample_weight, reduction)
    return result


@loss
def categorical_hinge(
    node: NodeContext,
    prediction: Any,
    label: Any,
    sample_weight: Any = None,
    *,
    reduction: Reduction = "sum_over_batch_size",
) -> Expr:
    """How far the best wrong class comes up to the right one: the mean of `max(wrong - right + 1, 0)`.

    A wrong score below 0 counts as 0, as in Keras. `prediction` is (batch, ..., classes), any scores; `label` is
    (batch, ...), integers, or (batch, ..., classes), 1 at the right class. Returns a scalar.
    """
    label = _dense(floats(prediction), label)
    right, wrong = sum(label * prediction, axis=-1), max((1.0 - label) * prediction, axis=-1)
    result: Expr = reduce(maximum(wrong - right + 1.0, 0.0), sample_weight, reduction)
    return result


def _smoothed(label: Any, share: float) -> Any:
    return label * (1 - share) + 0.5 * share if share else label


def _signs(label: Any) -> Any:
    """Labels as -1 and 1, whether they are so already or 0 and 1."""
    return in_dtype(label > 0.0, label.dtype) * 2.0 - 1.0


def _dense(logits: Any, label: Any) -> Any:
    """Labels as probabilities in the shape of `logits`. Raises SpecError if they do not fit."""
    if is_integer(label.dtype) and label.ndim == logits.ndim - 1:
        if logits.shape[-1] is None:
            raise SpecError(f"the number of classes must be known; got {logits.spec}")
        labels = checked_labels(label, classes=logits.shape[-1])
        label = one_hot(labels, depth=logits.shape[-1], dtype=logits.dtype.name)
    return matched(logits, label)[1]
