"""Running totals: each element from all elements up to it along one axis.

Their gradients are running totals the other way, in the form of `linear_recurrence`, which divides by nothing: they are
right at zeros, and can be differentiated again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.comparison import equal
from flowloom.ops.elementwise import cast
from flowloom.ops.inference import accumulator
from flowloom.ops.kernels import blank
from flowloom.ops.reordering import flip
from flowloom.ops.sampling import distinct
from flowloom.ops.shape import reshape, reshaped_to
from flowloom.spec import Spec, SpecError, is_float, merge, normalize_axis, product


def _scanned(x: Spec, axis: int | None) -> Spec:
    """The spec of a running total of `x`: its own, or, for the axis None, that of the flattened `x`."""
    if axis is None:
        return x.with_shape((product(x.shape),))
    normalize_axis(axis, x.ndim)
    return x


def _unflattened(rule: Callable[..., Any]) -> Callable[..., Any]:
    """A gradient rule for the axis None as well, made from one for a numbered axis."""

    def pull(g: Any, y: Any, x: Any, *, axis: int | None, **params: Any) -> Any:
        if axis is not None:
            return (rule(g, y, x, axis=axis, **params),)
        return (reshaped_to(rule(g, y, reshape(x, shape=(-1,)), axis=0, **params), x),)

    return pull


def _along_last(xp: Any, x: Any, axis: int | None, reverse: bool = False) -> Any:
    """A view of `x` with `axis` as the last one, in the direction of the running total."""
    moved = x.reshape(-1) if axis is None else xp.moveaxis(x, axis, -1)
    return moved[..., ::-1] if reverse else moved


def _running(total: str, start: int) -> Callable[..., Any]:
    """The kernel of the running total `xp.<total>`; exclusive ones begin with `start`."""

    def kernel(xp: Any, x: Any, *, axis: int | None, exclusive: bool, reverse: bool, out: Any = None) -> Any:
        dtype = accumulator(x.dtype)
        out = blank(xp, out, _scanned(Spec.of(x), axis).sizes, dtype, start)
        source, target = _along_last(xp, x, axis, reverse), _along_last(xp, out, axis, reverse)
        if exclusive:
            source, target = source[..., :-1], target[..., 1:]
        target[...] = getattr(xp, total)(source, axis=-1, dtype=dtype)
        return out

    return kernel


@op(family="reduction")
def cumsum(x: Spec, *, axis: int | None = None, exclusive: bool = False, reverse: bool = False) -> Spec:
    """Sum of the elements of `x` up to each one along `axis` (None: of the flattened `x`).

    `exclusive` leaves the element itself out, `reverse` sums from the end. Floats keep their dtype; bool and small
    integers are summed in 64 bits. Raises SpecError if the axis is outside `x`.
    """
    return _scanned(x, axis).with_dtype(accumulator(x.dtype))


@cumsum.vjp
@_unflattened
def _(g: Any, y: Any, x: Any, *, axis: int, exclusive: bool, reverse: bool) -> Any:
    return cumsum(g, axis=axis, exclusive=exclusive, reverse=not reverse)


cumsum.kernel(_running("cumsum", 0))


@op(family="reduction")
def cumprod(x: Spec, *, axis: int | None = None, exclusive: bool = False, reverse: bool = False) -> Spec:
    """Product of the elements of `x` up to each one along `axis` (None: of the flattened `x`).

    `exclusive` leaves the element itself out, `reverse` multiplies from the end. Floats keep their dtype; bool and
    small integers use 64 bits. Gradients of every order are right also where elements are 0. Raises SpecError if the
    axis is outside `x`.
    """
    return _scanned(x, axis).with_dtype(accumulator(x.dtype))


@cumprod.vjp
@_unflattened
def _(g: Any, y: Any, x: Any, *, axis: int, exclusive: bool, reverse: bool) -> Any:
    # y[i] = x[i] y[i-1]: what arrives at y[i] in all is t[i] = g[i] + x[i+1] t[i+1], and x[i] gets t[i] y[i-1].
    if reverse:
        g, x = flip(g, axis=axis), flip(x, axis=axis)
    total = linear_recurrence(x, shift(g, by=-1, axis=axis) if exclusive else g, axis=axis, reverse=True)
    made = total * cumprod(x, axis=axis, exclusive=True)
    return flip(made, axis=axis) if reverse else made


cumprod.kernel(_running("cumprod", 1))


def _totals(rng: np.random.Generator) -> Iterator[Sample]:
    yield (distinct(rng, 2, 5),), {"axis": 1}
    yield (distinct(rng, 3, 4, 2),), {"axis": 0, "exclusive": True}
    yield (distinct(rng, 3, 4, 2),), {"axis": -2, "reverse": True}
    yield (distinct(rng, 7) * [1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0],), {"axis": 0, "exclusive": True, "reverse": True}
    yield (distinct(rng, 2, 3),), {}
    yield (distinct(rng),), {}
    yield (distinct(rng, 0, 3),), {"axis": 0, "exclusive": True}
    yield (rng.integers(1, 4, (3, 2), dtype=np.int32),), {"axis": 0}


cumsum.samples(_totals)
cumprod.samples(_totals)


@op(family="reduction")
def cummax(x: Spec, *, axis: int | None = None) -> Spec:
    """Largest of the elements of `x` up to each one along `axis` (None: of the flattened `x`), in the dtype of `x`.

    NaN from the first NaN on. Of equal elements the last takes the gradient. Raises SpecError if the axis is outside
    `x`.
    """
    return _scanned(x, axis)


@op(family="reduction")
def cummin(x: Spec, *, axis: int | None = None) -> Spec:
    """Smallest of the elements of `x` up to each one along `axis` (None: of the flattened `x`), in the dtype of `x`.

    NaN from the first NaN on. Of equal elements the last takes the gradient. Raises SpecError if the axis is outside
    `x`.
    """
    return _scanned(x, axis)


def _doubling(ufunc: str) -> Callable[..., Any]:
    """The kernel of a running extreme: after each round an element has seen twice as many (CuPy has no accumulate)."""

    def kernel(xp: Any, x: Any, *, axis: int | None, out: Any = None) -> Any:
        out = xp.empty(_scanned(Spec.of(x), axis).sizes, x.dtype) if out is None else out
        seen = _along_last(xp, out, axis)
        seen[...] = _along_last(xp, x, axis)
        for step in _doublings(seen.shape[-1]):
            seen[..., step:] = getattr(xp, ufunc)(seen[..., step:], seen[..., :-step])
        return out

    return kernel


def _doublings(size: int) -> Iterator[int]:
    """1, 2, 4, ... below `size`."""
    return (1 << i for i in range(max(size - 1, 0).bit_length()))


@_unflattened
def _to_the_last_extreme(g: Any, y: Any, x: Any, *, axis: int) -> Any:
    # What arrives at y[i] stays at x[i] if that is the extreme, else it goes on to y[i-1].
    here = cast(equal(x, y), dtype=x.dtype.name)
    return here * linear_recurrence(1.0 - here, g, axis=axis, reverse=True)


def _rising(rng: np.random.Generator) -> Iterator[Sample]:
    yield (distinct(rng, 2, 6),), {"axis": 1}
    yield (distinct(rng, 5, 4, 2),), {"axis": 0}
    yield (distinct(rng, 2, 3),), {}
    yield (distinct(rng),), {}
    yield (distinct(rng, 0, 3),), {"axis": 0}
    yield (rng.integers(0, 9, (3, 5)),), {"axis": -1}


cummax.kernel(_doubling("maximum")).vjp(_to_the_last_extreme).samples(_rising)
cummin.kernel(_doubling("minimum")).vjp(_to_the_last_extreme).samples(_rising)


# ---------------------------------------------------------------- what their gradients are made of


@op(family="reduction", internal=True)
def linear_recurrence(factor: Spec, x: Spec, *, axis: int, reverse: bool = False) -> Spec:
    """`y[i] = factor[i] * y[i-1] + x[i]` along `axis`, from `y[0] = x[0]`; both of one shape and float dtype.

    With `reverse`, `y[i] = factor[i+1] * y[i+1] + x[i]`, from the end: the transpose of the former. Raises SpecError if
    the specs differ or the axis is outside of them. Source: Blelloch, "Prefix Sums and Their Applications", 1990,
    section 1.4.1.
    """
    normalize_axis(axis, x.ndim)
    if factor.ndim != x.ndim or factor.dtype != x.dtype or not is_float(x.dtype):
        raise SpecError(f"both must have one shape and float dtype; got {factor} and {x}", dimension=f"{factor} != {x}")
    return x.with_shape(map(merge, factor.shape, x.shape))


@linear_recurrence.kernel
def _(xp: Any, factor: Any, x: Any, *, axis: int, reverse: bool, out: Any = None) -> Any:
    out = xp.empty(x.shape, x.dtype) if out is None else out
    total, link = _along_last(xp, out, axis, reverse), xp.array(_along_last(xp, factor, axis, reverse))
    total[...] = _along_last(xp, x, axis, reverse)
    if reverse:
        link[..., 1:] = link[..., :-1].copy()  # the factor between i and i+1 is that of i+1
    # Each round joins the last `step` terms of an element with those before them: y = link * (earlier y) + y.
    for step in _doublings(x.shape[axis]):
        total[..., step:] = total[..., step:] + link[..., step:] * total[..., :-step]
        link[..., step:] = link[..., step:] * link[..., :-step]
    return out


@linear_recurrence.vjp
def _(g: Any, y: Any, factor: Any, x: Any, *, axis: int, reverse: bool) -> Any:
    gx = linear_recurrence(factor, g, axis=axis, reverse=not reverse)
    before, after = (gx, y) if reverse else (y, gx)
    return shift(before, by=1, axis=axis) * after, gx


@linear_recurrence.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for shape, params in [
        ((2, 5), {"axis": 1}),
        ((5, 2, 3), {"axis": 0, "reverse": True}),
        ((1, 3), {"axis": 0}),
        ((3, 0), {"axis": -1}),
    ]:
        yield (distinct(rng, *shape), distinct(rng, *shape)), params


@op(family="shape", internal=True)
def shift(x: Spec, *, by: int, axis: int) -> Spec:
    """`x` moved `by` places along `axis`, with zeros where nothing comes from; a negative `by` moves to the front.

    Raises SpecError if the axis is outside `x`.
    """
    normalize_axis(axis, x.ndim)
    return x


@shift.kernel
def _(xp: Any, x: Any, *, by: int, axis: int, out: Any = None) -> Any:
    out = blank(xp, out, x.shape, x.dtype)
    source, target = _along_last(xp, x, axis, by < 0), _along_last(xp, out, axis, by < 0)
    by = min(abs(by), x.shape[axis])
    target[..., by:] = source[..., : x.shape[axis] - by]
    return out


shift.vjp(lambda g, y, x, *, by, axis: (shift(g, by=-by, axis=axis),))


@shift.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (distinct(rng, 2, 5),), {"by": 1, "axis": 1}
    yield (distinct(rng, 4, 2),), {"by": -3, "axis": 0}
    yield (distinct(rng, 2, 3),), {"by": 7, "axis": -1}
    yield (rng.integers(0, 9, (0, 3)),), {"by": 1, "axis": 0}
