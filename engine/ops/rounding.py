"""Rounding to whole numbers, which stay floats. Constant between the steps, so no gradient passes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.inference import numeric
from flowloom.ops.kernels import rounding_ufunc
from flowloom.spec import Spec


def _samples(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.uniform(-3, 3, (3, 4)),), {}
    yield (np.array([-2.5, -1.5, -0.5, -0.2, 0.5, 1.5, 2.5]),), {}
    yield (np.array(1.7),), {}
    yield (rng.normal(size=(0, 3)),), {}
    yield (rng.integers(-9, 9, (3,)),), {}


@op(family="elementwise", differentiable=False)
def floor(x: Spec) -> Spec:
    """The largest whole number not above each element of `x`, in the dtype of `x`. Raises SpecError for bool."""
    return numeric(x)


floor.kernel(rounding_ufunc("floor")).scalar("floor({x})").samples(_samples)


@op(family="elementwise", differentiable=False)
def ceil(x: Spec) -> Spec:
    """The smallest whole number not below each element of `x`, in the dtype of `x`. Raises SpecError for bool."""
    return numeric(x)


ceil.kernel(rounding_ufunc("ceil")).scalar("ceil({x})").samples(_samples)


@op(family="elementwise", differentiable=False)
def trunc(x: Spec) -> Spec:
    """Every element of `x` without what is behind the point, in the dtype of `x`. Raises SpecError for bool."""
    return numeric(x)


trunc.kernel(rounding_ufunc("trunc")).scalar("trunc({x})").samples(_samples)


@op(family="elementwise", differentiable=False)
def round_(x: Spec) -> Spec:
    """The whole number nearest to each element of `x`, the even one of two, in the dtype of `x`.

    Raises SpecError for bool.
    """
    return numeric(x)


round_.kernel(rounding_ufunc("rint")).scalar("rint({x})").samples(_samples)
