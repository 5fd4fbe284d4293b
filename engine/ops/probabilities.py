"""Softmax and the losses on it, computed from differences to the maximum so that no exponential overflows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.elementwise import exp
from flowloom.ops.indexing import in_range, one_hot
from flowloom.ops.inference import floating, integer, not_empty
from flowloom.ops.kernels import as_float
from flowloom.ops.reduction import sum_
from flowloom.ops.shape import expand_dims
from flowloom.spec import Spec, SpecError, merge, normalize_axis


@op(family="layer")
def softmax(x: Spec, *, axis: int = -1) -> Spec:
    """exp(x) over its sum along `axis`: positive, summing to 1. A float dtype stays; integers give float32.

    Raises SpecError if the axis is outside `x` or of size 0.
    """
    normalize_axis(axis, x.ndim)
    return not_empty(floating(x), axis)


@softmax.kernel
def _(xp: Any, x: Any, *, axis: int, out: Any = None) -> Any:
    x = as_float(x)
    out = xp.subtract(x, xp.max(x, axis=axis, keepdims=True), out=out)
    out = xp.exp(out, out=out)
    return xp.divide(out, xp.sum(out, axis=axis, keepdims=True), out=out)


@softmax.vjp
def _(g: Any, y: Any, x: Any, *, axis: int) -> Any:
    weighted = g * y
    return (weighted - y * sum_(weighted, axis=axis, keepdims=True),)


@op(family="layer")
def log_softmax(x: Spec, *, axis: int = -1) -> Spec:
    """Logarithm of the softmax along `axis`, without its rounding. A float dtype stays; integers give float32.

    Raises SpecError if the axis is outside `x` or of size 0.
    """
    normalize_axis(axis, x.ndim)
    return not_empty(floating(x), axis)


@log_softmax.kernel
def _(xp: Any, x: Any, *, axis: int, out: Any = None) -> Any:
    x = as_float(x)
    out = xp.subtract(x, xp.max(x, axis=axis, keepdims=True), out=out)
    return xp.subtract(out, xp.log(xp.sum(xp.exp(out), axis=axis, keepdims=True)), out=out)


@log_softmax.vjp
def _(g: Any, y: Any, x: Any, *, axis: int) -> Any:
    return (g - exp(y) * sum_(g, axis=axis, keepdims=True),)


def _rows(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 4)),), {}
    yield (rng.normal(size=(2, 3, 4)),), {"axis": 1}
    yield (rng.normal(size=(0, 4)),), {}
    yield (rng.integers(0, 9, (2, 3)),), {}


softmax.samples(_rows)
log_softmax.samples(_rows)


@op(family="loss", internal=True)
def sparse_softmax_cross_entropy(logits: Spec, labels: Spec) -> Spec:
    """Cross-entropy of softmax(logits) against integer labels: one loss for each label, shaped like `labels`.

    `logits` (..., classes) float, `labels` (...) integer. A float dtype stays; integers give float32. Raises SpecError
    if the shapes do not match or `labels` are not integers, and IndexError, when it runs, if a label is not in
    0..classes - 1.
    """
    integer(labels, "labels")
    if logits.ndim != labels.ndim + 1:
        raise SpecError(
            f"logits must have one dimension more than labels, the classes; got {logits.ndim} and {labels.ndim}",
            dimension=f"rank {logits.ndim} != {labels.ndim} + 1",
        )
    shape = []
    for axis, (a, b) in enumerate(zip(logits.shape, labels.shape, strict=False)):
        try:
            shape.append(merge(a, b))
        except SpecError:
            raise SpecError(
                f"axis {axis} is {a} in logits and {b} in labels", dimension=f"axis {axis}: {a} != {b}"
            ) from None
    return not_empty(floating(logits), -1).with_shape(shape)


@sparse_softmax_cross_entropy.kernel
def _(xp: Any, logits: Any, labels: Any, *, out: Any = None) -> Any:
    logits = as_float(logits)
    labels = in_range(xp, labels, logits.shape[-1], "label")
    shifted = logits - xp.max(logits, axis=-1, keepdims=True)
    chosen = xp.take_along_axis(shifted, labels[..., None], axis=-1)[..., 0]
    total = xp.sum(xp.exp(shifted, out=shifted), axis=-1, out=out)
    return xp.subtract(xp.log(total, out=out), chosen, out=out)


@sparse_softmax_cross_entropy.vjp
def _(g: Any, y: Any, logits: Any, labels: Any) -> Any:
    if logits.shape[-1] is None:
        raise SpecError("the gradient of sparse_softmax_cross_entropy needs the number of classes; it is unknown")
    hot = one_hot(labels, depth=logits.shape[-1], dtype=y.dtype.name)
    return expand_dims(g, axis=-1) * (softmax(logits) - hot), None


@sparse_softmax_cross_entropy.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(5, 3)), rng.integers(0, 3, (5,))), {}
    yield (rng.normal(size=(2, 4, 3)), rng.integers(0, 3, (2, 4), dtype=np.int32)), {}
    yield (rng.normal(size=(3,)), np.array(1)), {}
    yield (rng.normal(size=(0, 3)), rng.integers(0, 3, (0,))), {}
