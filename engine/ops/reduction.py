"""Reductions: one number from all elements along the given axes, or from all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, Samples, op
from flowloom.ops.broadcasting import broadcast_to
from flowloom.ops.comparison import equal
from flowloom.ops.elementwise import cast, exp, where
from flowloom.ops.inference import accumulator, floating, normalize_axes, not_empty, numeric, reduced, reduced_dims
from flowloom.ops.kernels import as_float
from flowloom.ops.sampling import distinct
from flowloom.ops.shape import expand_dims
from flowloom.params import Axes
from flowloom.spec import Spec, product


def _samples(*, integers: bool = True, empty: bool = True) -> Samples:
    def samples(rng: np.random.Generator) -> Iterator[Sample]:
        yield (distinct(rng, 3, 4),), {}
        yield (distinct(rng, 2, 3, 4),), {"axis": 1, "keepdims": True}
        yield (distinct(rng, 2, 3, 4),), {"axis": (0, -1)}
        yield (distinct(rng, 3, 4),), {"axis": -1}
        yield (distinct(rng),), {}
        yield (distinct(rng, 0, 3),), {"axis": 1}
        if empty:
            yield (distinct(rng, 0, 3),), {"axis": 0}
        if integers:
            yield (rng.integers(1, 4, (3, 2), dtype=np.int32),), {"axis": 0}

    return samples


def _kept(reduction: Any, x: Any, axis: Axes, keepdims: bool) -> Any:
    """`reduction`, which a reduction of `x` made, with the reduced axes in place as axes of size 1."""
    axes = normalize_axes(axis, x.spec.ndim)
    return reduction if keepdims or not axes else expand_dims(reduction, axis=axes)


@op(family="reduction")
def sum_(x: Spec, *, axis: Axes = None, keepdims: bool = False) -> Spec:
    """Sum of `x` over `axis` (None: all axes). Floats keep their dtype; bool and small integers are summed in 64 bits.

    Raises SpecError if an axis is outside `x` or given twice.
    """
    return reduced(x, axis, keepdims).with_dtype(accumulator(x.dtype))


@sum_.kernel
def _(xp: Any, x: Any, *, axis: Axes, keepdims: bool, out: Any = None) -> Any:
    return xp.sum(x, axis=axis, keepdims=keepdims, dtype=accumulator(x.dtype), out=out)


@sum_.vjp
def _(g: Any, y: Any, x: Any, *, axis: Axes, keepdims: bool) -> Any:
    return (broadcast_to(_kept(g, x, axis, keepdims), shape=x.shape),)


sum_.samples(_samples())


@op(family="reduction", differentiable=False, internal=True)
def size(x: Spec, *, axis: Axes = None) -> Spec:
    """How many elements `x` has along `axis` (None: in all): an int64 scalar, also while a dimension is only a name."""
    normalize_axes(axis, x.ndim)
    return Spec((), "int64")


@size.kernel
def _(xp: Any, x: Any, *, axis: Axes, out: Any = None) -> Any:
    count = product(reduced_dims(Spec.of(x), axis))
    if out is None:
        return xp.asarray(count, dtype="int64")
    out[...] = count
    return out


@size.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 4)),), {}
    yield (rng.normal(size=(3, 4, 2)),), {"axis": (0, -1)}
    yield (rng.normal(size=(0, 4)),), {"axis": 0}


@op(family="reduction")
def mean(x: Spec, *, axis: Axes = None, keepdims: bool = False) -> Spec:
    """Arithmetic mean of `x` over `axis` (None: all axes). A float dtype stays; integers give float32.

    The mean of no elements is NaN. Raises SpecError if an axis is outside `x` or given twice.
    """
    return reduced(floating(x), axis, keepdims)


@mean.kernel
def _(xp: Any, x: Any, *, axis: Axes, keepdims: bool, out: Any = None) -> Any:
    total = xp.sum(x, axis=axis, keepdims=keepdims, dtype=floating(Spec.of(x)).dtype, out=out)
    count = product(reduced_dims(Spec.of(x), axis))
    return xp.divide(total, total.dtype.type(count), out=out)


@mean.vjp
def _(g: Any, y: Any, x: Any, *, axis: Axes, keepdims: bool) -> Any:
    count = product(reduced_dims(x.spec, axis))
    share = g / count if isinstance(count, int) else g / size(x, axis=axis)
    return (broadcast_to(_kept(share, x, axis, keepdims), shape=x.shape),)


mean.samples(_samples(empty=False))


@op(family="reduction")
def max_(x: Spec, *, axis: Axes = None, keepdims: bool = False) -> Spec:
    """Largest element of `x` over `axis` (None: all axes), in the dtype of `x`. Equal ones share the gradient equally.

    Raises SpecError if an axis is outside `x`, given twice, or has size 0.
    """
    return reduced(not_empty(x, axis), axis, keepdims)


@max_.kernel
def _(xp: Any, x: Any, *, axis: Axes, keepdims: bool, out: Any = None) -> Any:
    return xp.max(x, axis=axis, keepdims=keepdims, out=out)


@op(family="reduction")
def min_(x: Spec, *, axis: Axes = None, keepdims: bool = False) -> Spec:
    """Smallest element of `x` over `axis` (None: all axes), in the dtype of `x`. Equal ones share the gradient equally.

    Raises SpecError if an axis is outside `x`, given twice, or has size 0.
    """
    return reduced(not_empty(x, axis), axis, keepdims)


@min_.kernel
def _(xp: Any, x: Any, *, axis: Axes, keepdims: bool, out: Any = None) -> Any:
    return xp.min(x, axis=axis, keepdims=keepdims, out=out)


def _share(g: Any, y: Any, x: Any, *, axis: Axes, keepdims: bool) -> Any:
    chosen = cast(equal(x, _kept(y, x, axis, keepdims)), dtype=x.dtype.name)
    return (_kept(g, x, axis, keepdims) * chosen / sum_(chosen, axis=axis, keepdims=True),)


max_.vjp(_share).samples(_samples(empty=False))
min_.vjp(_share).samples(_samples(empty=False))


@op(family="reduction")
def prod(x: Spec, *, axis: Axes = None, keepdims: bool = False) -> Spec:
    """Product of `x` over `axis` (None: all axes). Floats keep their dtype; bool and small integers use 64 bits.

    The gradient is right also where elements are 0; the second derivative where none is.
    Raises SpecError if an axis is outside `x` or given twice.
    """
    return reduced(x, axis, keepdims).with_dtype(accumulator(x.dtype))


@prod.kernel
def _(xp: Any, x: Any, *, axis: Axes, keepdims: bool, out: Any = None) -> Any:
    return xp.prod(x, axis=axis, keepdims=keepdims, dtype=accumulator(x.dtype), out=out)


@prod.vjp
def _(g: Any, y: Any, x: Any, *, axis: Axes, keepdims: bool) -> Any:
    # The product of the others is y / x; at a 0 it is the product of the rest, unless there is a second 0.
    zero = equal(x, 0)
    rest = where(zero, 1, x)
    others = prod(rest, axis=axis, keepdims=True) / rest
    zeros = sum_(zero, axis=axis, keepdims=True)
    slope = where(equal(zeros, cast(zero, dtype="int64")), others, 0.0)
    return (_kept(g, x, axis, keepdims) * slope,)


prod.samples(_samples())


@op(family="reduction", differentiable=False)
def argmax(x: Spec, *, axis: int | None = None, keepdims: bool = False) -> Spec:
    """Position along `axis` of the largest element of `x`, the first of equals: int64. None: in the flattened `x`.

    Raises SpecError if the axis is outside `x` or has size 0.
    """
    return reduced(not_empty(x, axis), axis, keepdims).with_dtype("int64")


@argmax.kernel
def _(xp: Any, x: Any, *, axis: int | None, keepdims: bool, out: Any = None) -> Any:
    return xp.argmax(x, axis=axis, keepdims=keepdims, out=out)


@op(family="reduction", differentiable=False)
def argmin(x: Spec, *, axis: int | None = None, keepdims: bool = False) -> Spec:
    """Position along `axis` of the smallest element of `x`, the first of equals: int64. None: in the flattened `x`.

    Raises SpecError if the axis is outside `x` or has size 0.
    """
    return reduced(not_empty(x, axis), axis, keepdims).with_dtype("int64")


@argmin.kernel
def _(xp: Any, x: Any, *, axis: int | None, keepdims: bool, out: Any = None) -> Any:
    return xp.argmin(x, axis=axis, keepdims=keepdims, out=out)


def _positions(rng: np.random.Generator) -> Iterator[Sample]:
    yield (distinct(rng, 3, 4),), {}
    yield (distinct(rng, 3, 4),), {"axis": -1}
    yield (distinct(rng, 3, 4),), {"axis": 0, "keepdims": True}
    yield (rng.integers(0, 3, (3, 8)),), {"axis": 1}
    yield (distinct(rng, 0, 4),), {"axis": 1}


argmax.samples(_positions)
argmin.samples(_positions)


@op(family="reduction")
def logsumexp(x: Spec, *, axis: Axes = None, keepdims: bool = False) -> Spec:
    """log(sum(exp(x))) over `axis` (None: all axes) without overflow. A float dtype stays; integers give float32.

    Raises SpecError if an axis is outside `x`, given twice, or has size 0.
    """
    return reduced(not_empty(floating(numeric(x)), axis), axis, keepdims)


@logsumexp.kernel
def _(xp: Any, x: Any, *, axis: Axes, keepdims: bool, out: Any = None) -> Any:
    x = as_float(x)
    highest = xp.max(x, axis=axis, keepdims=True)
    shift = xp.where(xp.isfinite(highest), highest, x.dtype.type(0))
    total = xp.sum(xp.exp(x - shift), axis=axis, keepdims=keepdims, out=out)
    return xp.add(xp.log(total, out=out), shift.reshape(total.shape), out=out)


@logsumexp.vjp
def _(g: Any, y: Any, x: Any, *, axis: Axes, keepdims: bool) -> Any:
    return (_kept(g, x, axis, keepdims) * exp(x - _kept(y, x, axis, keepdims)),)


logsumexp.samples(_samples(empty=False))
