"""Diagonals and triangles of matrices, and the trace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.broadcasting import sized
from flowloom.ops.inference import normalize_axes
from flowloom.ops.kernels import blank
from flowloom.ops.reduction import sum_
from flowloom.params import Size
from flowloom.spec import Dim, Spec, SpecError, merge, normalize_axis


@op(family="linalg", view=True)
def diagonal(x: Spec, *, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Spec:
    """The diagonal of each matrix that `x` holds in `axis1` (rows) and `axis2` (columns), as a new last axis.

    `offset` counts the diagonal from the main one, to the right if positive. Raises SpecError if the axes are equal or
    outside `x`.
    """
    rows, columns = _matrix_axes(x.ndim, axis1, axis2)
    others = (d for i, d in enumerate(x.shape) if i not in (rows, columns))
    return x.with_shape((*others, _length(x.shape[rows], x.shape[columns], offset)))


def _matrix_axes(ndim: int, axis1: int, axis2: int) -> tuple[int, int]:
    normalize_axes((axis1, axis2), ndim)
    return normalize_axis(axis1, ndim), normalize_axis(axis2, ndim)


def _length(rows: Dim, columns: Dim, offset: int) -> Dim:
    """How many elements the diagonal of a matrix has."""
    if isinstance(rows, int) and isinstance(columns, int):
        return max(min(rows + min(offset, 0), columns - max(offset, 0)), 0)
    return rows if rows == columns and offset == 0 else None


@diagonal.kernel
def _(xp: Any, x: Any, *, offset: int, axis1: int, axis2: int) -> Any:
    return xp.diagonal(x, offset, axis1, axis2)


@diagonal.vjp
def _(g: Any, y: Any, x: Any, *, offset: int, axis1: int, axis2: int) -> Any:
    rows, columns = _matrix_axes(x.ndim, axis1, axis2)
    sizes = {"rows": x.shape[rows], "columns": x.shape[columns]}
    return (embed_diagonal(g, *sized(x), **sizes, offset=offset, axis1=rows, axis2=columns),)


@diagonal.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 3)),), {}
    yield (rng.normal(size=(2, 3, 4)),), {"offset": 1, "axis1": -2, "axis2": -1}
    yield (rng.normal(size=(4, 2, 3)),), {"offset": -2, "axis1": 0, "axis2": 2}
    yield (rng.normal(size=(2, 3)),), {"axis1": 1, "axis2": 0}
    yield (rng.integers(0, 9, (2, 3)),), {"offset": 5}


@op(family="linalg", internal=True)
def embed_diagonal(x: Spec, *like: Spec, rows: Size, columns: Size, offset: int, axis1: int, axis2: int) -> Spec:
    """Zeros with two axes more, `rows` in `axis1` and `columns` in `axis2` for the last one of `x`, which is their
    diagonal: the reverse of `diagonal`. Where a size is not known before it runs, the shape is that of `like`.

    Raises SpecError if the sizes do not fit or the axes are outside the result.
    """
    merge(x.shape[normalize_axis(-1, x.ndim)], _length(rows, columns, offset))
    row, column = _matrix_axes(x.ndim + 1, axis1, axis2)
    others = iter(x.shape[:-1])
    sizes = {row: rows, column: columns}
    return x.with_shape(sizes[i] if i in sizes else next(others) for i in range(x.ndim + 1))


@embed_diagonal.kernel
def _(xp: Any, x: Any, *like: Any, offset: int, axis1: int, axis2: int, out: Any = None, **sizes: Any) -> Any:
    spec = embed_diagonal.infer(Spec.of(x), **sizes, offset=offset, axis1=axis1, axis2=axis2)
    assert isinstance(spec, Spec)
    out = blank(xp, out, like[0].shape if like else spec.sizes, x.dtype)
    places = xp.arange(x.shape[-1])
    xp.moveaxis(out, (axis1, axis2), (-2, -1))[..., places + max(-offset, 0), places + max(offset, 0)] = x
    return out


@embed_diagonal.vjp
def _(g: Any, y: Any, x: Any, *like: Any, rows: Size, columns: Size, offset: int, axis1: int, axis2: int) -> Any:
    return diagonal(g, offset=offset, axis1=axis1, axis2=axis2), *(None for _ in like)


@embed_diagonal.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3,)),), {"rows": 3, "columns": 3, "offset": 0, "axis1": 0, "axis2": 1}
    yield (rng.normal(size=(5, 2)),), {"rows": 4, "columns": 3, "offset": -2, "axis1": 0, "axis2": 2}
    yield (rng.integers(0, 9, (2, 0)),), {"rows": 1, "columns": 2, "offset": 3, "axis1": 1, "axis2": 2}


@op(family="linalg", composite=True)
def trace(x: Any, *, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Sum of the `diagonal` of each matrix that `x` holds in `axis1` and `axis2`.

    Floats keep their dtype; bool and small integers are summed in 64 bits. Raises SpecError if the axes are equal or
    outside `x`.
    """
    return sum_(diagonal(x, offset=offset, axis1=axis1, axis2=axis2), axis=-1)


@trace.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 3)),), {}
    yield (rng.normal(size=(2, 3, 4)),), {"offset": 1, "axis1": -2, "axis2": -1}
    yield (rng.integers(0, 9, (2, 3), dtype=np.int32),), {}


@op(family="linalg", internal=True)
def triangle(x: Spec, *, lower: bool, offset: int = 0) -> Spec:
    """The matrices (..., m, n) in `x` with zeros outside of their triangle: on and below the diagonal with `lower`,
    else on and above it. `offset` counts that diagonal from the main one, to the right if positive.
    """
    if x.ndim < 2:
        raise SpecError(f"a matrix has 2 dimensions or more; got {x.ndim}", dimension=f"{x.ndim} dimensions")
    return x


@triangle.kernel
def _(xp: Any, x: Any, *, lower: bool, offset: int, out: Any = None) -> Any:
    out = blank(xp, out, x.shape, x.dtype)
    inside = xp.tri(*x.shape[-2:], offset if lower else offset - 1, dtype=bool)
    xp.copyto(out, x, where=inside if lower else ~inside)
    return out


@triangle.vjp
def _(g: Any, y: Any, x: Any, *, lower: bool, offset: int) -> Any:
    return (triangle(g, lower=lower, offset=offset),)


@triangle.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 4)),), {"lower": True}
    yield (rng.normal(size=(2, 4, 3)),), {"lower": False}
    yield (rng.normal(size=(2, 4, 3)),), {"lower": True, "offset": -1}
    yield (rng.integers(0, 9, (3, 3)),), {"lower": False, "offset": 1}


def halved_triangle(x: Any) -> Any:
    """The lower triangle of `x` with half its diagonal: what a symmetric gradient is to one who reads that triangle."""
    return 0.5 * (triangle(x, lower=True) + triangle(x, lower=True, offset=-1))
