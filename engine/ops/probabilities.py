"""Softmax and its logarithm, computed from differences to the maximum so that no exponential overflows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.elementwise import exp
from flowloom.ops.inference import floating, not_empty
from flowloom.ops.kernels import as_float
from flowloom.ops.reduction import sum_
from flowloom.spec import Spec, normalize_axis


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
