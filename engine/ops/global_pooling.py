"""Pooling over all axes between batch and channels: one number for each channel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.inference import numeric
from flowloom.ops.norms import norm
from flowloom.ops.reduction import max_, mean
from flowloom.ops.sampling import distinct
from flowloom.ops.windows import images
from flowloom.params import Positive


@op(family="layer", composite=True)
def global_avg_pool(x: Any, *, keepdims: bool = False) -> Any:
    """The mean of each channel of `x` (batch, *sizes, channels): (batch, channels), or all axes with `keepdims`.

    A float dtype stays; integers give float32. Raises SpecError unless there is an axis between batch and channels.
    """
    return mean(numeric(images(x, "x")), axis=_between(x), keepdims=keepdims)


@op(family="layer", composite=True)
def global_max_pool(x: Any, *, keepdims: bool = False) -> Any:
    """The largest element of each channel of `x` (batch, *sizes, channels): (batch, channels), or all axes with
    `keepdims`; in the dtype of `x`.

    Equal ones share the gradient. Raises SpecError unless there is an axis, not of size 0, between batch and channels.
    """
    return max_(numeric(images(x, "x")), axis=_between(x), keepdims=keepdims)


@op(family="layer", composite=True)
def global_lp_pool(x: Any, *, p: Positive = 2.0, keepdims: bool = False) -> Any:
    """The norm of each channel of `x` (batch, *sizes, channels), sum(abs(x)**p)**(1/p): (batch, channels), or all axes
    with `keepdims`.

    A float dtype stays; integers give float32. Raises SpecError unless there is an axis between batch and channels.
    """
    return norm(images(x, "x"), ord=p, axis=_between(x), keepdims=keepdims)


def _between(x: Any) -> tuple[int, ...]:
    return tuple(range(1, x.ndim - 1))


def _samples(rng: np.random.Generator) -> Iterator[Sample]:
    yield (distinct(rng, 2, 3, 4, 2),), {}
    yield (distinct(rng, 2, 5, 3),), {"keepdims": True}
    yield (distinct(rng, 1, 2, 2, 3, 2),), {}
    yield (rng.integers(1, 9, (2, 3, 3, 1)),), {}


global_avg_pool.samples(_samples)
global_max_pool.samples(_samples)
global_lp_pool.samples(_samples)
