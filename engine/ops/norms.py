"""How long a vector is, and vectors of length 1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.comparison import equal
from flowloom.ops.composing import as_floats
from flowloom.ops.elementwise import abs_, sign, sqrt, square, where
from flowloom.ops.inference import numeric
from flowloom.ops.reduction import kept, max_, shared_by_equals, sum_
from flowloom.ops.sampling import away_from_zero
from flowloom.params import Axes
from flowloom.spec import SpecError


@op(family="reduction", composite=True)
def norm(x: Any, *, ord: float = 2.0, axis: Axes = None, keepdims: bool = False) -> Any:
    """Length of the vectors that `x` holds along `axis` (None: all of `x` as one): sum(abs(x)**ord)**(1/ord).

    `ord` 2 is the Euclidean length, 1 the sum of magnitudes, infinity the largest magnitude. A float dtype stays;
    integers give float32. The gradient at a vector of zeros is 0. Raises SpecError if `ord` is not positive, for bool,
    or if an axis is outside `x` or given twice.
    """
    if not ord > 0:
        raise SpecError(f"ord must be above 0; got {ord}", dimension=f"ord {ord}")
    x = as_floats(numeric(x))
    how: dict[str, Any] = {"axis": axis, "keepdims": keepdims}
    if ord == 2:
        return sqrt(sum_(square(x), **how))
    if ord == np.inf:
        return max_(abs_(x), **how)
    return sum_(abs_(x), **how) if ord == 1 else sum_(abs_(x) ** ord, **how) ** (1 / ord)


@norm.vjp
def _(g: Any, y: Any, x: Any, *, ord: float, axis: Axes, keepdims: bool) -> Any:
    if ord == 1:
        return (kept(g, x, axis, keepdims) * sign(x),)
    if ord == np.inf:
        (made,) = shared_by_equals(g, y, abs_(x), axis=axis, keepdims=keepdims)
        return (made * sign(x),)
    # The slope is sign(x) * (abs(x) / y)**(ord - 1), whatever the length of the vector.
    g, y = (kept(v, x, axis, keepdims) for v in (g, where(equal(y, 0), 1.0, y)))
    return (g * x / y if ord == 2 else g * sign(x) * (abs_(x) / y) ** (ord - 1),)


@norm.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (away_from_zero(rng, 3, 4),), {}
    yield (away_from_zero(rng, 2, 3, 4),), {"ord": 1.0, "axis": 1, "keepdims": True}
    yield (away_from_zero(rng, 2, 3, 4),), {"ord": float("inf"), "axis": -1}
    yield (away_from_zero(rng, 2, 3, 4),), {"ord": 3.0, "axis": (0, 2)}
    yield (away_from_zero(rng, 0, 3),), {"axis": 1}
    yield (rng.integers(-9, 9, (3, 4)),), {"ord": 1.0, "axis": 0}


@op(family="layer", composite=True)
def normalize(x: Any, *, ord: float = 2.0, axis: Axes = -1) -> Any:
    """`x` divided by its `norm` along `axis` (None: all of `x` as one vector); a vector of zeros stays one.

    A float dtype stays; integers give float32. Raises SpecError as `norm` does.
    """
    length = norm(x, ord=ord, axis=axis, keepdims=True)
    return x / where(equal(length, 0), 1.0, length)


@normalize.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (away_from_zero(rng, 3, 4),), {}
    yield (away_from_zero(rng, 2, 3, 4),), {"ord": 1.0, "axis": 1}
    yield (away_from_zero(rng, 2, 3, 4),), {"ord": float("inf"), "axis": (0, 1)}
    yield (rng.integers(-9, 9, (3, 4)),), {"axis": None}
