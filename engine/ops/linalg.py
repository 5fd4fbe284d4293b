"""Linear algebra: the matrix product."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.shape import expand_dims, reshape, squeeze, transpose
from flowloom.spec import Spec, SpecError, broadcast, merge, promote


@op(family="linalg")
def matmul(a: Spec, b: Spec) -> Spec:
    """Matrix product of `a` (..., m, k) and `b` (..., k, n). Returns (..., m, n) in the wider dtype.

    The leading dimensions broadcast. A vector `a` (k) counts as a row and a vector `b` (k) as a column; the result
    lacks that axis. Raises SpecError if the inner sizes differ, for a scalar, and for bool.
    """
    if not a.ndim or not b.ndim:
        raise SpecError("a scalar has no matrix product; use multiply", dimension="0 dimensions")
    dtype = promote(a.dtype, b.dtype)
    if dtype.kind == "b":
        raise SpecError("both are bool; cast one to a number", dimension="dtype bool")
    inner = (a.shape[-1], b.shape[-2] if b.ndim > 1 else b.shape[0])
    try:
        merge(*inner)
    except SpecError:
        raise SpecError(
            f"inner sizes differ, {inner[0]} and {inner[1]}", dimension=f"inner: {inner[0]} != {inner[1]}"
        ) from None
    batch = broadcast(a.with_shape(a.shape[:-2]), b.with_shape(b.shape[:-2])).shape
    return Spec((*batch, *a.shape[-2:-1], *(b.shape[-1:] if b.ndim > 1 else ())), dtype)


@matmul.kernel
def _(xp: Any, a: Any, b: Any, *, out: Any = None) -> Any:
    dtype = None if a.dtype == b.dtype else promote(a.dtype, b.dtype)
    if a.ndim > 2 and b.ndim == 2 and a.flags.c_contiguous and out is not None:
        xp.matmul(a.reshape(-1, a.shape[-1]), b, out=out.reshape(-1, b.shape[-1]), dtype=dtype)  # one large product
        return out
    return xp.matmul(a, b, out=out, dtype=dtype)


@matmul.vjp
def _(g: Any, y: Any, a: Any, b: Any) -> Any:
    if a.spec.ndim == 1 and b.spec.ndim == 1:
        return g * b, g * a
    if a.spec.ndim == 1:
        row = expand_dims(g, axis=-2)
        return squeeze(row @ _swapped(b), axis=-2), expand_dims(a, axis=1) @ row
    if b.spec.ndim == 1:
        column = expand_dims(g, axis=-1)
        return column @ expand_dims(b, axis=0), squeeze(_swapped(a) @ column, axis=-1)
    if a.spec.ndim > 2 and b.spec.ndim == 2:  # every row of `a` meets the same `b`: one large product
        rows = reshape(a, shape=(-1, a.shape[-1]))
        return g @ _swapped(b), _swapped(rows) @ reshape(g, shape=(-1, b.shape[-1]))
    return g @ _swapped(b), _swapped(a) @ g


def _swapped(x: Any) -> Any:
    """`x` with its last two axes swapped."""
    n = x.spec.ndim
    return transpose(x, axes=(*range(n - 2), n - 1, n - 2))


@matmul.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for a, b in [
        ((3, 4), (4, 2)),
        ((5, 3, 4), (5, 4, 2)),
        ((5, 3, 4), (4, 2)),
        ((3, 4), (5, 4, 2)),
        ((2, 1, 3, 4), (5, 4, 2)),
        ((4,), (4,)),
        ((4,), (4, 2)),
        ((4,), (5, 4, 2)),
        ((3, 4), (4,)),
        ((5, 3, 4), (4,)),
        ((0, 4), (4, 2)),
        ((3, 0), (0, 2)),
    ]:
        yield (rng.normal(size=a), rng.normal(size=b)), {}
    yield (rng.integers(0, 9, (3, 4)), rng.integers(0, 9, (4, 2))), {}
    yield (rng.integers(0, 9, (3, 4)), rng.normal(size=(4, 2))), {}
