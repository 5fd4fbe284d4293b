"""Comparisons and logic: bool out, elementwise with broadcasting, and no gradient."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.inference import boolean
from flowloom.ops.kernels import blank, bool_ufunc
from flowloom.spec import Spec, broadcast

BOOL = np.dtype(bool)


def _pairs(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.integers(0, 3, (3, 4)), rng.integers(0, 3, (4,))), {}
    yield (rng.normal(size=(3, 4)), rng.normal(size=(3, 1))), {}
    yield (np.array([0.5, 1.5, np.nan]), np.array([0.5, 0.5, np.nan])), {}
    yield (np.array(2.5), rng.integers(0, 5, (0, 2))), {}
    yield (rng.normal(size=(3, 4)) > 0, rng.normal(size=(4,)) > 0), {}


def _truths(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 4)) > 0, rng.normal(size=(4,)) > 0), {}
    yield (np.array(True), rng.normal(size=(0, 4)) > 0), {}


def _edges(rng: np.random.Generator) -> Iterator[Sample]:
    yield (np.array([[0.5, np.inf], [-np.inf, np.nan]]),), {}
    yield (rng.integers(0, 9, (3,)),), {}
    yield (np.array(np.nan),), {}


@op(family="elementwise", differentiable=False)
def equal(a: Spec, b: Spec) -> Spec:
    """Whether `a` equals `b`, elementwise with broadcasting: bool. NaN equals nothing."""
    return broadcast(a, b, dtype=BOOL)


equal.kernel(bool_ufunc("equal")).scalar("{a} == {b}").samples(_pairs)


@op(family="elementwise", differentiable=False)
def not_equal(a: Spec, b: Spec) -> Spec:
    """Whether `a` differs from `b`, elementwise with broadcasting: bool."""
    return broadcast(a, b, dtype=BOOL)


not_equal.kernel(bool_ufunc("not_equal")).scalar("{a} != {b}").samples(_pairs)


@op(family="elementwise", differentiable=False)
def less(a: Spec, b: Spec) -> Spec:
    """Whether `a` is below `b`, elementwise with broadcasting: bool."""
    return broadcast(a, b, dtype=BOOL)


less.kernel(bool_ufunc("less")).scalar("{a} < {b}").samples(_pairs)


@op(family="elementwise", differentiable=False)
def less_equal(a: Spec, b: Spec) -> Spec:
    """Whether `a` is at most `b`, elementwise with broadcasting: bool."""
    return broadcast(a, b, dtype=BOOL)


less_equal.kernel(bool_ufunc("less_equal")).scalar("{a} <= {b}").samples(_pairs)


@op(family="elementwise", differentiable=False)
def greater(a: Spec, b: Spec) -> Spec:
    """Whether `a` is above `b`, elementwise with broadcasting: bool."""
    return broadcast(a, b, dtype=BOOL)


greater.kernel(bool_ufunc("greater")).scalar("{a} > {b}").samples(_pairs)


@op(family="elementwise", differentiable=False)
def greater_equal(a: Spec, b: Spec) -> Spec:
    """Whether `a` is at least `b`, elementwise with broadcasting: bool."""
    return broadcast(a, b, dtype=BOOL)


greater_equal.kernel(bool_ufunc("greater_equal")).scalar("{a} >= {b}").samples(_pairs)


@op(family="elementwise", differentiable=False)
def logical_and(a: Spec, b: Spec) -> Spec:
    """Whether both hold, elementwise with broadcasting. Raises SpecError unless `a` and `b` are bool."""
    return boolean(a, b)


logical_and.kernel(bool_ufunc("logical_and")).scalar("where({a}, {b}, {a})").samples(_truths)


@op(family="elementwise", differentiable=False)
def logical_or(a: Spec, b: Spec) -> Spec:
    """Whether at least one holds, elementwise with broadcasting. Raises SpecError unless `a` and `b` are bool."""
    return boolean(a, b)


logical_or.kernel(bool_ufunc("logical_or")).scalar("where({a}, {a}, {b})").samples(_truths)


@op(family="elementwise", differentiable=False)
def logical_xor(a: Spec, b: Spec) -> Spec:
    """Whether just one holds, elementwise with broadcasting. Raises SpecError unless `a` and `b` are bool."""
    return boolean(a, b)


logical_xor.kernel(bool_ufunc("logical_xor")).scalar("{a} != {b}").samples(_truths)


@op(family="elementwise", differentiable=False)
def logical_not(x: Spec) -> Spec:
    """Whether `x` does not hold, elementwise. Raises SpecError unless `x` is bool."""
    return boolean(x)


@logical_not.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 4)) > 0,), {}
    yield (np.array(False),), {}


logical_not.kernel(bool_ufunc("logical_not")).scalar("{x} == 0")


@op(family="elementwise", differentiable=False)
def isfinite(x: Spec) -> Spec:
    """Whether every element of `x` is neither infinite nor NaN: bool, in the shape of `x`."""
    return x.with_dtype(BOOL)


isfinite.kernel(bool_ufunc("isfinite")).scalar("{x} - {x} == 0").samples(_edges)


@op(family="elementwise", differentiable=False)
def isnan(x: Spec) -> Spec:
    """Whether every element of `x` is NaN, not a number: bool, in the shape of `x`."""
    return x.with_dtype(BOOL)


isnan.kernel(bool_ufunc("isnan")).scalar("{x} != {x}").samples(_edges)


@op(family="elementwise", differentiable=False)
def isinf(x: Spec, *, detect_negative: bool = True, detect_positive: bool = True) -> Spec:
    """Whether every element of `x` is infinite, of a sign that is to be detected: bool, in the shape of `x`."""
    return x.with_dtype(BOOL)


@isinf.kernel
def _(xp: Any, x: Any, *, detect_negative: bool, detect_positive: bool, out: Any = None) -> Any:
    if detect_negative and detect_positive:
        return xp.isinf(x, out=out)
    if detect_negative or detect_positive:
        return xp.equal(x, np.inf if detect_positive else -np.inf, out=out)
    return blank(xp, out, x.shape, BOOL)


isinf.scalar("where({x} == inf, {detect_positive}, where({x} == -inf, {detect_negative}, False))")


@isinf.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    x = np.array([[0.5, np.inf], [-np.inf, np.nan]])
    for negative, positive in product((True, False), repeat=2):
        yield (x,), {"detect_negative": negative, "detect_positive": positive}
    yield (rng.integers(0, 9, (3,)),), {"detect_negative": False}
    yield (np.array(np.inf),), {}
