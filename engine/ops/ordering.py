"""Which is the largest, and in what order: positions, sorted elements, the best few."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.along import add_along_axis, take_along_axis
from flowloom.ops.broadcasting import sized
from flowloom.ops.inference import not_empty, reduced
from flowloom.ops.kernels import put
from flowloom.ops.sampling import distinct
from flowloom.params import Whole
from flowloom.spec import Spec, SpecError, is_float, normalize_axis


@op(family="reduction", differentiable=False)
def argmax(x: Spec, *, axis: int | None = None, keepdims: bool = False, select_last: bool = False) -> Spec:
    """Position along `axis` of the largest element of `x`: int64. None: in the flattened `x`.

    Of equals it is the first, or the last with `select_last`; NaN counts as larger than all.
    Raises SpecError if the axis is outside `x` or has size 0.
    """
    return reduced(not_empty(x, axis), axis, keepdims).with_dtype("int64")


@op(family="reduction", differentiable=False)
def argmin(x: Spec, *, axis: int | None = None, keepdims: bool = False, select_last: bool = False) -> Spec:
    """Position along `axis` of the smallest element of `x`: int64. None: in the flattened `x`.

    Of equals it is the first, or the last with `select_last`; NaN counts as smaller than all.
    Raises SpecError if the axis is outside `x` or has size 0.
    """
    return reduced(not_empty(x, axis), axis, keepdims).with_dtype("int64")


def _position(name: str) -> Callable[..., Any]:
    """The kernel `xp.<name>`; the last of equals is the first from the other end."""

    def kernel(xp: Any, x: Any, *, axis: int | None, keepdims: bool, select_last: bool, out: Any = None) -> Any:
        if not select_last:
            return getattr(xp, name)(x, axis=axis, keepdims=keepdims, out=out)
        found = getattr(xp, name)(xp.flip(x, axis), axis=axis, keepdims=keepdims, out=out)
        return xp.subtract((x.size if axis is None else x.shape[axis]) - 1, found, out=out)

    return kernel


def _positions(rng: np.random.Generator) -> Iterator[Sample]:
    yield (distinct(rng, 3, 4),), {}
    yield (distinct(rng, 3, 4),), {"axis": -1}
    yield (distinct(rng, 3, 4),), {"axis": 0, "keepdims": True}
    yield (rng.integers(0, 3, (3, 8)),), {"axis": 1}
    yield (rng.integers(0, 3, (3, 8)),), {"axis": 1, "select_last": True}
    yield (rng.integers(0, 3, (3, 8)),), {"select_last": True, "keepdims": True}
    yield (distinct(rng, 0, 4),), {"axis": 1}


argmax.kernel(_position("argmax")).samples(_positions)
argmin.kernel(_position("argmin")).samples(_positions)


@op(family="shape")
def sort(x: Spec, *, axis: int = -1, descending: bool = False) -> Spec:
    """The elements of `x` in rising order along `axis`, or falling with `descending`; NaN counts as larger than all.

    Raises SpecError if the axis is outside `x`.
    """
    normalize_axis(axis, x.ndim)
    return x


@sort.kernel
def _(xp: Any, x: Any, *, axis: int, descending: bool, out: Any = None) -> Any:
    made = xp.sort(x, axis=axis)
    made = xp.flip(made, axis) if descending else made
    return put(made, out)


@sort.vjp
def _(g: Any, y: Any, x: Any, *, axis: int, descending: bool) -> Any:
    order = argsort(x, axis=axis, descending=descending)
    return (take_along_axis(g, argsort(order, axis=axis), axis=axis),)


@op(family="shape", differentiable=False)
def argsort(x: Spec, *, axis: int = -1, descending: bool = False) -> Spec:
    """Positions of the elements of `x` in the order that `sort` puts them in along `axis`: int64.

    Equal elements stay in the order in which they are. Raises SpecError if the axis is outside `x`.
    """
    normalize_axis(axis, x.ndim)
    return x.with_dtype("int64")


@argsort.kernel
def _(xp: Any, x: Any, *, axis: int, descending: bool, out: Any = None) -> Any:
    made = _order(xp, x, axis, descending)
    return put(made, out)


def _order(xp: Any, x: Any, axis: int, descending: bool) -> Any:
    """Where the elements of `x` in order come from. Falling order is rising order from the end, with `x` reversed, so
    that equal elements stay in order; negating `x` would wrap around for unsigned integers."""
    if not descending:
        return xp.argsort(x, axis=axis, kind="stable")
    return x.shape[axis] - 1 - xp.flip(xp.argsort(xp.flip(x, axis), axis=axis, kind="stable"), axis)


def _ordered(rng: np.random.Generator) -> Iterator[Sample]:
    yield (distinct(rng, 3, 4),), {}
    yield (distinct(rng, 4, 3, 2),), {"axis": 0}
    yield (distinct(rng, 2, 5),), {"descending": True}
    yield (rng.integers(0, 3, (8, 2)),), {"axis": 0, "descending": True}
    yield (distinct(rng, 0, 4),), {"axis": 0}


sort.samples(_ordered)
argsort.samples(_ordered)


@op(family="shape", outputs=("values", "indices"))
def top_k(x: Spec, *, k: Whole, axis: int = -1, largest: bool = True, sorted: bool = True) -> tuple[Spec, Spec]:
    """The `k` largest elements of `x` along `axis`, or the smallest, and their positions there (int64).

    The best comes first, of equals the one at the lower position; without `sorted` they stay in the order in which
    they are in `x`. NaN counts as larger than all. Raises SpecError if the axis is outside `x` or has less than `k`
    elements.
    """
    axis = normalize_axis(axis, x.ndim)
    size = x.shape[axis]
    if isinstance(size, int) and k > size:
        raise SpecError(
            f"there are {size} elements along axis {axis}; got k={k}", dimension=f"axis {axis}: {k} > {size}"
        )
    best = x.with_shape((*x.shape[:axis], k, *x.shape[axis + 1 :]))
    return best, best.with_dtype("int64")


@top_k.kernel
def _(xp: Any, x: Any, *, k: int, axis: int, largest: bool, sorted: bool) -> Any:
    rows = xp.moveaxis(x, axis, -1)
    positions = _best(xp, rows, k, largest)
    if sorted:
        order = _order(xp, xp.take_along_axis(rows, positions, axis=-1), -1, largest)
        positions = xp.take_along_axis(positions, order, axis=-1)
    positions = xp.ascontiguousarray(xp.moveaxis(positions, -1, axis))
    return xp.take_along_axis(x, positions, axis=axis), positions


def _best(xp: Any, rows: Any, k: int, largest: bool) -> Any:
    """Where the `k` best of each row are, in rising order.

    Few of many are those beyond the k-th value, which is found without sorting, and the first of those equal to it: for
    5 of 10,000 that is 5 times as fast. NaN, which equals nothing, takes the way by sorting.
    """
    n = rows.shape[-1]
    if not 0 < 4 * k <= n or (is_float(rows.dtype) and xp.isnan(rows).any()):
        return xp.sort(_order(xp, rows, -1, largest)[..., :k], axis=-1)
    last = n - k if largest else k - 1
    worst = xp.partition(rows, last, axis=-1)[..., last : last + 1]
    better, ties = rows > worst if largest else rows < worst, rows == worst
    missing = k - xp.sum(better, axis=-1, keepdims=True)
    chosen = better | (ties & (xp.cumsum(ties, axis=-1) <= missing))
    return xp.nonzero(chosen)[-1].reshape(*rows.shape[:-1], k)


@top_k.vjp
def _(g: Any, y: Any, x: Any, *, k: int, axis: int, largest: bool, sorted: bool) -> Any:
    return (None if g[0] is None else add_along_axis(g[0], y[1], *sized(x), axis=axis, shape=x.shape),)


@top_k.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (distinct(rng, 3, 5),), {"k": 2}
    yield (distinct(rng, 4, 3, 2),), {"k": 3, "axis": 0, "largest": False}
    yield (distinct(rng, 2, 6),), {"k": 4, "sorted": False}
    yield (rng.integers(0, 3, (2, 8), dtype=np.uint8),), {"k": 8}
    yield (rng.integers(0, 3, (4, 8)),), {"k": 1, "largest": False}
    yield (distinct(rng, 0, 4),), {"k": 1}
    yield (distinct(rng, 3, 4),), {"k": 0}
