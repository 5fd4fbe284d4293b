"""Losses: one number to make small, the mean over the batch."""

from __future__ import annotations

from typing import Any

from flowloom.compiler.expr import Expr
from flowloom.graph.kinds import NodeContext
from flowloom.layers.layer import layer
from flowloom.ops import abs as absolute
from flowloom.ops import cast, mean, reshape, softplus, sparse_softmax_cross_entropy, square
from flowloom.spec import SpecError, merge

__all__ = ["mean_absolute_error", "mean_squared_error", "sigmoid_cross_entropy", "softmax_cross_entropy"]


@layer("losses", "loss")
def softmax_cross_entropy(node: NodeContext, logits: Expr, label: Expr) -> Expr:
    """Cross-entropy between `softmax(logits)` and the right classes, averaged. For choosing one of several classes.

    `logits` is (batch, classes), floats before any softmax; `label` is (batch,), integers from 0 to classes - 1.
    Returns a scalar. A label out of range stops the run and is named.
    """
    loss: Expr = mean(sparse_softmax_cross_entropy(logits, label))
    return loss


@layer("losses", "loss")
def sigmoid_cross_entropy(node: NodeContext, logits: Any, label: Any) -> Expr:
    """Cross-entropy between `sigmoid(logits)` and labels of 0 or 1, averaged. For yes-or-no questions.

    `logits` is (batch,) or (batch, 1), floats before any sigmoid; `label` has as many elements. Returns a scalar.
    """
    logits, label = matched(logits, label)
    # -y log s(x) - (1-y) log(1-s(x)) = softplus(x) - x y, which does not overflow
    loss: Expr = mean(softplus(logits) - logits * label)
    return loss


@layer("losses", "loss")
def mean_squared_error(node: NodeContext, prediction: Any, target: Any) -> Expr:
    """The mean of `(prediction - target)` squared, both of one shape (batch, ...). Returns a scalar."""
    prediction, target = matched(prediction, target)
    loss: Expr = mean(square(prediction - target))
    return loss


@layer("losses", "loss")
def mean_absolute_error(node: NodeContext, prediction: Any, target: Any) -> Expr:
    """The mean distance between `prediction` and `target`, both of one shape (batch, ...). Returns a scalar."""
    prediction, target = matched(prediction, target)
    loss: Expr = mean(absolute(prediction - target))
    return loss


def matched(prediction: Any, target: Any) -> tuple[Any, Any]:
    """Both in the shape and dtype of `prediction`; a last dimension of 1 that only one of them has does not count.

    Raises SpecError if the shapes differ otherwise: broadcasting a target is nearly always a mistake.
    """
    if prediction.dtype.kind != "f":
        raise SpecError(f"the first input must be floats; got {prediction.spec}")
    longer, shorter = sorted((prediction, target), key=lambda x: -x.spec.ndim)
    if longer.spec.ndim == shorter.spec.ndim + 1 and longer.shape[-1] == 1:
        prediction, target = (reshape(x, shape=x.shape[:-1]) if x is longer else x for x in (prediction, target))
    try:
        for a, b in zip(prediction.shape, target.shape, strict=True):
            merge(a, b)
    except ValueError:
        raise SpecError(
            f"both must have the same shape; got {prediction.spec} and {target.spec}",
            dimension=f"{prediction.spec} != {target.spec}",
        ) from None
    return prediction, target if target.dtype == prediction.dtype else cast(target, dtype=prediction.dtype.name)
