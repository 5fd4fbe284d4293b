"""Reductions: one number from all elements along the given axes, or from all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, Samples, op
from flowloom.ops.broadcasting import broadcast_as
from flowloom.ops.comparison import equal, not_equal
from flowloom.ops.cumulative import cumprod
from flowloom.ops.elementwise import cast, exp, where
from flowloom.ops.inference import accumulator, boolean, floating, normalize_axes, numeric, reduced, reduced_dims
from flowloom.ops.kernels import as_float, blank, put
from flowloom.ops.sampling import distinct
from flowloom.ops.shape import expand_dims
from flowloom.params import Axes
from flowloom.spec import DEFAULT_DTYPE, Spec, is_bool, is_float, product


def reduction_samples(*, integers: bool = True, empty: bool = True) -> Samples:
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


def kept(reduction: Any, x: Any, axis: Axes, keepdims: bool) -> Any:
    """`reduction`, which a reduction of `x` made, with the reduced axes in place as axes of size 1."""
    axes = normalize_axes(axis, x.ndim)
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
    return (broadcast_as(kept(g, x, axis, keepdims), x),)


sum_.samples(reduction_samples())


@op(family="reduction", differentiable=False, internal=True)
def size(x: Spec, *, axis: Axes = None) -> Spec:
    """How many elements `x` has along `axis` (None: in all): an int64 scalar, also while a dimension is only a name."""
    normalize_axes(axis, x.ndim)
    return Spec((), "int64")


@size.kernel
def _(xp: Any, x: Any, *, axis: Axes, out: Any = None) -> Any:
    count = product(reduced_dims(Spec.of(x), axis))
    return put(xp.asarray(count, dtype="int64"), out)


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
    dtype, count = floating(Spec.of(x)).dtype, product(reduced_dims(Spec.of(x), axis))
    if dtype.itemsize < DEFAULT_DTYPE.itemsize:  # a sum that overflows may have a mean that does not
        made = xp.sum(x, axis=axis, keepdims=keepdims, dtype=DEFAULT_DTYPE) / DEFAULT_DTYPE.type(count)
        return put(made, out, dtype)
    total = xp.sum(x, axis=axis, keepdims=keepdims, dtype=dtype, out=out)
    return xp.divide(total, dtype.type(count), out=out)


@mean.vjp
def _(g: Any, y: Any, x: Any, *, axis: Axes, keepdims: bool) -> Any:
    count = product(reduced_dims(x, axis))
    # float16 holds no count above 65504, but its inverse.
    share = g * (1 / max(count, 1)) if isinstance(count, int) else g / size(x, axis=axis)
    return (broadcast_as(kept(share, x, axis, keepdims), x),)


mean.samples(reduction_samples(empty=False))


@op(family="reduction")
def max_(x: Spec, *, axis: Axes = None, keepdims: bool = False) -> Spec:
    """Largest element of `x` over `axis` (None: all axes), in the dtype of `x`. Equal ones share the gradient equally.

    Of no elements it is -inf, or the lowest number of an integer dtype. NaN where any element is NaN.
    Raises SpecError if an axis is outside `x` or given twice.
    """
    return reduced(x, axis, keepdims)


@max_.kernel
def _(xp: Any, x: Any, *, axis: Axes, keepdims: bool, out: Any = None) -> Any:
    if 0 in reduced_dims(x, axis):
        return blank(xp, out, reduced(Spec.of(x), axis, keepdims).sizes, x.dtype, _end(x.dtype, -1))
    return xp.max(x, axis=axis, keepdims=keepdims, out=out)


@op(family="reduction")
def min_(x: Spec, *, axis: Axes = None, keepdims: bool = False) -> Spec:
    """Smallest element of `x` over `axis` (None: all axes), in the dtype of `x`. Equal ones share the gradient equally.

    Of no elements it is inf, or the highest number of an integer dtype. NaN where any element is NaN.
    Raises SpecError if an axis is outside `x` or given twice.
    """
    return reduced(x, axis, keepdims)


@min_.kernel
def _(xp: Any, x: Any, *, axis: Axes, keepdims: bool, out: Any = None) -> Any:
    if 0 in reduced_dims(x, axis):
        return blank(xp, out, reduced(Spec.of(x), axis, keepdims).sizes, x.dtype, _end(x.dtype, 1))
    return xp.min(x, axis=axis, keepdims=keepdims, out=out)


def _end(dtype: np.dtype[Any], side: int) -> Any:
    """The lowest (`side` -1) or highest (1) value of a dtype."""
    if is_float(dtype) or is_bool(dtype):
        return side * np.inf if is_float(dtype) else side > 0
    return np.iinfo(dtype).max if side > 0 else np.iinfo(dtype).min


def shared_by_equals(g: Any, y: Any, x: Any, *, axis: Axes, keepdims: bool) -> Any:
    """The gradient rule of an extreme `y`: the elements of `x` that are equal to it share `g` equally."""
    chosen = cast(equal(x, kept(y, x, axis, keepdims)), dtype=x.dtype.name)
    return (kept(g, x, axis, keepdims) * chosen / sum_(chosen, axis=axis, keepdims=True),)


max_.vjp(shared_by_equals).samples(reduction_samples(empty=False))
min_.vjp(shared_by_equals).samples(reduction_samples(empty=False))


@op(family="reduction")
def prod(x: Spec, *, axis: Axes = None, keepdims: bool = False) -> Spec:
    """Product of `x` over `axis` (None: all axes). Floats keep their dtype; bool and small integers use 64 bits.

    Gradients of every order are right also where elements are 0.
    Raises SpecError if an axis is outside `x` or given twice.
    """
    return reduced(x, axis, keepdims).with_dtype(accumulator(x.dtype))


@prod.kernel
def _(xp: Any, x: Any, *, axis: Axes, keepdims: bool, out: Any = None) -> Any:
    return xp.prod(x, axis=axis, keepdims=keepdims, dtype=accumulator(x.dtype), out=out)


@prod.vjp
def _(g: Any, y: Any, x: Any, *, axis: Axes, keepdims: bool) -> Any:
    made = kept(g, x, axis, keepdims)
    for a in normalize_axes(axis, x.ndim):
        made = made * cumprod(x, axis=a, exclusive=True) * cumprod(x, axis=a, exclusive=True, reverse=True)
        x = prod(x, axis=a, keepdims=True)
    return (made,)


@prod.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield from reduction_samples()(rng)
    yield (distinct(rng, 3, 4) * [1.0, 0.0, 1.0, 1.0],), {"axis": 1}
    yield (distinct(rng, 2, 3, 2) * [[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]],), {"axis": (0, 1)}


@op(family="reduction", differentiable=False)
def any_(x: Spec, *, axis: Axes = None, keepdims: bool = False) -> Spec:
    """Whether at least one element of `x` holds over `axis` (None: all axes): bool; False where there is none.

    Raises SpecError unless `x` is bool, or if an axis is outside `x` or given twice.
    """
    return reduced(boolean(x), axis, keepdims)


@any_.kernel
def _(xp: Any, x: Any, *, axis: Axes, keepdims: bool, out: Any = None) -> Any:
    return xp.any(x, axis=axis, keepdims=keepdims, out=out)


@op(family="reduction", differentiable=False)
def all_(x: Spec, *, axis: Axes = None, keepdims: bool = False) -> Spec:
    """Whether every element of `x` holds over `axis` (None: all axes): bool; True where there is none.

    Raises SpecError unless `x` is bool, or if an axis is outside `x` or given twice.
    """
    return reduced(boolean(x), axis, keepdims)


@all_.kernel
def _(xp: Any, x: Any, *, axis: Axes, keepdims: bool, out: Any = None) -> Any:
    return xp.all(x, axis=axis, keepdims=keepdims, out=out)


def _truths(rng: np.random.Generator) -> Iterator[Sample]:
    for (x,), params in reduction_samples(integers=False)(rng):
        yield (x > 0,), params


any_.samples(_truths)
all_.samples(_truths)


@op(family="reduction", composite=True, differentiable=False)
def count_nonzero(x: Any, *, axis: Axes = None, keepdims: bool = False) -> Any:
    """How many elements of `x` are not 0, or hold, over `axis` (None: all axes): int64. NaN is not 0.

    Raises SpecError if an axis is outside `x` or given twice.
    """
    return sum_(x if is_bool(x.dtype) else not_equal(x, 0), axis=axis, keepdims=keepdims)


@count_nonzero.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield from _truths(rng)
    yield (rng.integers(0, 3, (3, 4)),), {"axis": 1}
    yield (rng.integers(0, 2, (2, 3, 4)) * rng.normal(size=(2, 3, 4)),), {"axis": (0, 2), "keepdims": True}


@op(family="reduction")
def logsumexp(x: Spec, *, axis: Axes = None, keepdims: bool = False) -> Spec:
    """log(sum(exp(x))) over `axis` (None: all axes) without overflow; -inf of no elements.

    A float dtype stays; integers give float32. Raises SpecError for bool, or if an axis is outside `x` or given twice.
    """
    return reduced(floating(numeric(x)), axis, keepdims)


@logsumexp.kernel
def _(xp: Any, x: Any, *, axis: Axes, keepdims: bool, out: Any = None) -> Any:
    x = as_float(x)
    if 0 in reduced_dims(x, axis):
        return blank(xp, out, reduced(Spec.of(x), axis, keepdims).sizes, x.dtype, -np.inf)
    highest = xp.max(x, axis=axis, keepdims=True)
    shift = xp.where(xp.isfinite(highest), highest, x.dtype.type(0))
    total = xp.sum(xp.exp(x - shift), axis=axis, keepdims=keepdims, out=out)
    return xp.add(xp.log(total, out=out), shift.reshape(total.shape), out=out)


@logsumexp.vjp
def _(g: Any, y: Any, x: Any, *, axis: Axes, keepdims: bool) -> Any:
    shift = where(equal(y, -np.inf), 0.0, y)  # where all elements are -inf, their shares are 0, not NaN
    return (kept(g, x, axis, keepdims) * exp(x - kept(shift, x, axis, keepdims)),)


logsumexp.samples(reduction_samples(empty=False))
