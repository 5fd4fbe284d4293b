"""What all losses share: which inputs fit each other, and how the losses of single samples become one number."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from flowloom.layers.layer import Layer, layer
from flowloom.ops import broadcast_to, expand_dims, maximum, mean, reshape, squeeze, sum, where
from flowloom.ops.composing import in_dtype
from flowloom.spec import SpecError, is_float, merge, merge_shapes

Reduction: TypeAlias = Literal["sum_over_batch_size", "sum", "mean_with_sample_weight", "none"]
EPSILON = 1e-7  # keeps logarithms and divisors from 0, as in Keras
SHARED = """`sample_weight` (batch, ...) multiplies the losses of the samples. `reduction` takes the sum of those
over the number of samples ("sum_over_batch_size") or over the sum of the weights
("mean_with_sample_weight"), the plain "sum", or with "none" returns them one by one."""


def loss(function: Callable[..., Any]) -> Layer:
    """Declare a loss, a layer whose help ends with what holds for all losses."""
    function.__doc__ = f"{inspect.getdoc(function)}\n\n{SHARED}"
    return layer("losses", "loss")(function)


def reduce(losses: Any, sample_weight: Any, reduction: Reduction, counts: Any = None) -> Any:
    """One number from `losses` (batch, ...), each times its weight: their mean, or what `reduction` says.

    "sum_over_batch_size" divides the weighted sum by the number of losses, "mean_with_sample_weight" by the sum of the
    weights. `sample_weight` has the first dimensions of `losses`. `counts` is 1 where a loss counts and 0 where it
    does not, not even as one of the batch. Raises SpecError if the weights do not fit.
    """
    weight = None if sample_weight is None else aligned(sample_weight, losses)
    if counts is not None:
        weight = counts if weight is None else weight * counts
    weighted = losses if weight is None else losses * weight
    if reduction == "none":
        return weighted
    if reduction == "sum":
        return sum(weighted)
    divisor = weight if reduction == "mean_with_sample_weight" else counts
    if divisor is None:
        return mean(weighted)
    return quotient(sum(weighted), sum(broadcast_to(divisor, shape=losses.shape)))


def reduce_elements(losses: Any, sample_weight: Any, reduction: Reduction) -> Any:
    """One number from elementwise `losses` (batch, ..., features), of which each row's are averaged first."""
    plain = sample_weight is None and reduction == "sum_over_batch_size"  # the mean of means is the mean of all
    return reduce(losses if plain or losses.ndim < 2 else mean(losses, axis=-1), sample_weight, reduction)


def aligned(weight: Any, losses: Any) -> Any:
    """`weight` in the dtype of `losses`, with axes of size 1 for the last dimensions of `losses` that it lacks.

    Raises SpecError unless its dimensions are the first of `losses`.
    """
    given = weight
    if weight.ndim == losses.ndim + 1 and weight.shape[-1] == 1:
        weight = squeeze(weight, axis=-1)
    try:
        for a, b in zip(weight.shape, losses.shape[: weight.ndim], strict=True):
            if a != 1:
                merge(a, b)
    except ValueError:
        raise SpecError(
            f"sample_weight must have the first dimensions of the losses, {losses.spec}; it is {given.spec}",
            dimension=f"{given.spec} != {losses.spec}",
        ) from None
    if weight.ndim < losses.ndim:
        weight = expand_dims(weight, axis=tuple(range(weight.ndim, losses.ndim)))
    return in_dtype(weight, losses.dtype)


def quotient(a: Any, b: Any) -> Any:
    """`a / b`, and 0 where `b` is 0."""
    there = b > 0.0
    return where(there, a / where(there, b, 1.0), 0.0)


def floats(x: Any) -> Any:
    """`x`. Raises SpecError unless it is made of floats."""
    if not is_float(x.dtype):
        raise SpecError(f"the first input must be floats; got {x.spec}", dimension=f"dtype {x.dtype}")
    return x


def positive(x: Any) -> Any:
    """`x`, nowhere below a ten-millionth."""
    return maximum(x, EPSILON)


def matched(prediction: Any, target: Any) -> tuple[Any, Any]:
    """Both in the shape and dtype of `prediction`; a last dimension of 1 that only one of them has does not count.

    Raises SpecError if the shapes differ otherwise: broadcasting a target is nearly always a mistake.
    """
    floats(prediction)
    longer, shorter = sorted((prediction, target), key=lambda x: -x.ndim)
    if longer.ndim == shorter.ndim + 1 and longer.shape[-1] == 1:
        prediction, target = (reshape(x, shape=x.shape[:-1]) if x is longer else x for x in (prediction, target))
    rule = f"both must have the same shape; got {prediction.spec} and {target.spec}"
    merge_shapes(prediction.shape, target.shape, rule)
    return prediction, in_dtype(target, prediction.dtype)
