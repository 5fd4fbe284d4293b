"""Cross-entropies: how far predicted probabilities are from labels. Computed from logits, so that nothing overflows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.activation import softplus
from flowloom.ops.along import add_along_axis
from flowloom.ops.broadcasting import sized
from flowloom.ops.comparison import equal, logical_and, not_equal
from flowloom.ops.elementwise import cast, where
from flowloom.ops.indexing import in_range, one_hot, take
from flowloom.ops.inference import floating, floats, integer, not_empty
from flowloom.ops.kernels import as_float, put
from flowloom.ops.probabilities import log_softmax, softmax
from flowloom.ops.reduction import mean, sum_
from flowloom.ops.shape import expand_dims
from flowloom.spec import Dim, Spec, SpecError, merge, merge_shapes, shape_text


def _labelled(scores: Any, labels: Any, name: str) -> list[Dim]:
    """The shape of `labels`. Raises SpecError unless they are integers, one for each row of the `scores`."""
    integer(labels, "labels")
    if scores.ndim != labels.ndim + 1:
        raise SpecError(
            f"{name} must have one dimension more than labels, the classes; got {scores.ndim} and {labels.ndim}",
            dimension=f"rank {scores.ndim} != {labels.ndim} + 1",
        )
    pairs = enumerate(zip(scores.shape, labels.shape, strict=False))
    return [merge(a, b, f"axis {axis} is {a} in {name} and {b} in labels") for axis, (a, b) in pairs]


@op(family="loss", internal=True)
def sparse_softmax_cross_entropy(logits: Spec, labels: Spec, *, ignore_index: int | None = None) -> Spec:
    """Cross-entropy of softmax(logits) against integer labels: one loss for each label, shaped like `labels`.

    `logits` (..., classes) float, `labels` (...) integer. Where the label is `ignore_index`, the loss is 0. A float
    dtype stays; integers give float32. Raises SpecError if the shapes do not match or `labels` are not integers, and
    IndexError, when it runs, if another label is not in 0..classes - 1.
    """
    return not_empty(floating(logits), -1).with_shape(_labelled(logits, labels, "logits"))


@sparse_softmax_cross_entropy.kernel
def _(xp: Any, logits: Any, labels: Any, *, ignore_index: int | None, out: Any = None) -> Any:
    logits = as_float(logits)
    counts = True if ignore_index is None else labels != ignore_index
    labels = labels if counts is True else xp.where(counts, labels, 0)
    labels = in_range(xp, labels, logits.shape[-1], "label")
    shifted = logits - xp.max(logits, axis=-1, keepdims=True)
    chosen = xp.take_along_axis(shifted, labels[..., None], axis=-1)[..., 0]
    total = xp.sum(xp.exp(shifted, out=shifted), axis=-1, out=out)
    loss = xp.subtract(xp.log(total, out=out), chosen, out=out)
    if counts is True:
        return loss
    loss = xp.where(counts, loss, loss.dtype.type(0))
    return put(loss, out)


@sparse_softmax_cross_entropy.vjp
def _(g: Any, y: Any, logits: Any, labels: Any, *, ignore_index: int | None) -> Any:
    if logits.shape[-1] is None:
        raise SpecError("the gradient of sparse_softmax_cross_entropy needs the number of classes; it is unknown")
    if ignore_index is not None:
        labels = cast(labels, dtype="int64")
        counts = not_equal(labels, ignore_index)
        g, labels = where(counts, g, 0.0), where(counts, labels, 0)
    hot = one_hot(labels, depth=logits.shape[-1], dtype=y.dtype.name)
    return expand_dims(g, axis=-1) * (softmax(logits) - hot), None


@sparse_softmax_cross_entropy.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(5, 3)), rng.integers(0, 3, (5,))), {}
    yield (rng.normal(size=(2, 4, 3)), rng.integers(0, 3, (2, 4), dtype=np.int32)), {}
    yield (rng.normal(size=(3,)), np.array(1)), {}
    yield (rng.normal(size=(0, 3)), rng.integers(0, 3, (0,))), {}
    yield (rng.normal(size=(5, 3)), np.array([0, -1, 2, -1, 1])), {"ignore_index": -1}
    yield (rng.normal(size=(2, 2, 3)), np.array([[0, 2], [1, 1]])), {"ignore_index": 1}


@op(family="loss", internal=True)
def at_labels(scores: Spec, labels: Spec) -> Spec:
    """The number at its label in each row of `scores` (..., classes): in the shape of `labels` and dtype of `scores`.

    Raises SpecError if the shapes do not match or `labels` are not integers, and IndexError, when it runs, if a label
    is not in 0..classes - 1.
    """
    return scores.with_shape(_labelled(scores, labels, "scores"))


@at_labels.kernel
def _(xp: Any, scores: Any, labels: Any, *, out: Any = None) -> Any:
    labels = in_range(xp, labels, scores.shape[-1], "label")
    made = xp.take_along_axis(scores, labels[..., None], axis=-1)[..., 0]
    return put(made, out)


@at_labels.vjp
def _(g: Any, y: Any, scores: Any, labels: Any) -> Any:
    column, places = expand_dims(g, axis=-1), expand_dims(labels, axis=-1)
    return add_along_axis(column, places, *sized(scores), axis=-1, shape=scores.shape), None


@at_labels.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(5, 3)), rng.integers(0, 3, (5,))), {}
    yield (rng.normal(size=(2, 4, 3)), rng.integers(0, 3, (2, 4), dtype=np.int32)), {}
    yield (rng.integers(0, 9, (3,)), np.array(1)), {}
    yield (rng.normal(size=(0, 3)), rng.integers(0, 3, (0,))), {}


@op(family="loss", composite=True)
def negative_log_likelihood(
    log_probabilities: Any,
    labels: Any,
    weights: Any = None,
    *,
    ignore_index: int | None = None,
    reduction: Literal["mean", "sum", "none"] = "mean",
) -> Any:
    """The log-probability of each label with its sign changed, times the weight of that class.

    `log_probabilities` (..., classes) float, as `log_softmax` gives them; `labels` (...) integer; `weights` (classes),
    1 if left open. Where the label is `ignore_index`, loss and weight are 0. Returns all losses (...), their sum, or
    their mean: the sum over that of the weights, NaN if there is none. Raises SpecError if the shapes do not match or
    `labels` are not integers, and IndexError, when it runs, if another label is not in 0..classes - 1.
    """
    _labelled(log_probabilities, labels, "log_probabilities")
    floats(log_probabilities, "log_probabilities")
    if weights is not None and weights.ndim != 1:
        raise SpecError(f"weights need one dimension, the classes; got {weights.ndim}", dimension="weights")
    labels, counts = cast(labels, dtype="int64"), None
    if ignore_index is not None:
        counts = not_equal(labels, ignore_index)
        labels = where(counts, labels, 0)
    loss = -at_labels(log_probabilities, labels)
    share = None if weights is None else take(weights, labels)
    if counts is not None:
        share = cast(counts, dtype=loss.dtype.name) if share is None else where(counts, share, 0.0)
        loss = where(counts, loss, 0.0)
    loss = loss if share is None else loss * share
    if reduction == "mean":
        return mean(loss) if share is None else sum_(loss) / sum_(share)
    return loss if reduction == "none" else sum_(loss)


@negative_log_likelihood.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    rows, labels = rng.normal(size=(5, 3)), np.array([0, -1, 2, 1, 1])
    yield (rows, abs(labels)), {}
    yield (rng.normal(size=(2, 4, 3)), rng.integers(0, 3, (2, 4), dtype=np.int32)), {"reduction": "none"}
    yield (rows, labels), {"ignore_index": -1}
    yield (rows, labels, rng.uniform(0.2, 2.0, (3,))), {"ignore_index": -1}
    yield (rows, abs(labels), rng.uniform(0.2, 2.0, (3,))), {"reduction": "sum"}
    yield (rng.normal(size=(2, 2, 3)), np.array([[0, 2], [1, 1]]), np.ones(3)), {"ignore_index": 1, "reduction": "none"}


@op(family="loss", composite=True, internal=True)
def softmax_cross_entropy(logits: Any, labels: Any, *, axis: int = -1) -> Any:
    """Cross-entropy of softmax(logits) against probabilities: one loss for each vector along `axis`.

    `logits` and `labels` have the same shape, which loses `axis`; each vector of `labels` should sum to 1. A label of 0
    counts for nothing even where the logit is -inf. A float dtype stays; integers give float32. Raises SpecError if the
    shapes differ, or if the axis is outside of them or of size 0.
    """
    _same_shape(logits, labels)
    scores = log_softmax(logits, axis=axis)
    counts = where(logical_and(equal(labels, 0), equal(scores, -np.inf)), 0.0, scores)
    return -sum_(labels * counts, axis=axis)


def _same_shape(logits: Any, labels: Any) -> None:
    """Raise SpecError unless the shapes are one: broadcasting labels is nearly always a mistake."""
    shapes = f"{shape_text(logits.shape)} and {shape_text(labels.shape)}"
    merge_shapes(logits.shape, labels.shape, f"logits and labels must have the same shape; got {shapes}")


@softmax_cross_entropy.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for shape, params in [((5, 3), {}), ((2, 3, 4), {"axis": 1}), ((3,), {}), ((0, 3), {})]:
        yield (rng.normal(size=shape), rng.uniform(size=shape)), params
    yield (rng.normal(size=(2, 3)), np.array([[0, 1, 0], [1, 0, 0]])), {}


@op(family="loss", composite=True, internal=True)
def sigmoid_cross_entropy(logits: Any, labels: Any) -> Any:
    """Cross-entropy of sigmoid(logits) against probabilities of "yes": one loss for each element.

    `logits` and `labels` have the same shape. A float dtype stays; integers give float32. Raises SpecError if the
    shapes differ.
    """
    _same_shape(logits, labels)
    # -log(sigmoid(x)) is softplus(-x), and -log(1 - sigmoid(x)) is softplus(x).
    return labels * softplus(-logits) + (1 - labels) * softplus(logits)


@sigmoid_cross_entropy.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 4)), rng.uniform(size=(3, 4))), {}
    yield (rng.normal(size=()), np.array(1.0)), {}
    yield (rng.normal(size=(2, 3)), rng.integers(0, 2, (2, 3))), {}
    yield (rng.normal(size=(0, 3)), rng.uniform(size=(0, 3))), {}
