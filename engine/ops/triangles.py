"""Triangles of matrices, and matrices from diagonals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.comparison import equal
from flowloom.ops.creation import eye_like
from flowloom.ops.diagonals import diagonal, embed_diagonal, triangle
from flowloom.ops.elementwise import where
from flowloom.ops.inference import integer, same_dims
from flowloom.ops.padding import pad
from flowloom.ops.shape import expand_dims
from flowloom.spec import Spec, SpecError


@op(family="linalg", composite=True)
def tril(x: Any, *, k: int = 0) -> Any:
    """The matrices in the last two axes of `x` with zeros above diagonal `k`: the lower triangles.

    Diagonal 0 begins in the corner, `k` above 0 lies above it, below 0 below. Raises SpecError if `x` has less than
    two dimensions.
    """
    return triangle(x, lower=True, offset=k)


@op(family="linalg", composite=True)
def triu(x: Any, *, k: int = 0) -> Any:
    """The matrices in the last two axes of `x` with zeros below diagonal `k`: the upper triangles.

    Diagonal 0 begins in the corner, `k` above 0 lies above it, below 0 below. Raises SpecError if `x` has less than
    two dimensions.
    """
    return triangle(x, lower=False, offset=k)


def _matrices(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 4)),), {}
    yield (rng.normal(size=(2, 4, 3)),), {"k": -1}
    yield (rng.normal(size=(3, 3)),), {"k": 2}
    yield (rng.integers(0, 9, (3, 0)),), {}


tril.samples(_matrices)
triu.samples(_matrices)


@op(family="linalg", internal=True)
def triangle_by(x: Spec, k: Spec, *, upper: bool = True) -> Spec:
    """`triu` of `x`, or `tril` without `upper`, with the diagonal `k` as a tensor: an integer scalar. ONNX's Trilu.

    Raises SpecError if `x` has less than two dimensions, or if `k` is no integer scalar.
    """
    same_dims(integer(k, "k"), 0, "k")
    triangle.infer(x, lower=not upper, offset=0)
    return x


@triangle_by.kernel
def _(xp: Any, x: Any, k: Any, *, upper: bool, out: Any = None) -> Any:
    return triangle.compute(xp, x, lower=not upper, offset=int(k), **({} if out is None else {"out": out}))


triangle_by.vjp(lambda g, y, x, k, *, upper: (triangle_by(g, k, upper=upper), None))


@triangle_by.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 4)), np.array(1)), {}
    yield (rng.normal(size=(2, 4, 3)), np.array(-1)), {"upper": False}


@op(family="linalg", composite=True)
def diag(x: Any, *, k: int = 0) -> Any:
    """Of a vector, the square matrix with it on diagonal `k` and zeros elsewhere; of a matrix, its diagonal `k`.

    For matrices in a larger tensor there is `diagonal`. Raises SpecError unless `x` is a vector or a matrix.
    """
    if x.ndim == 2:
        return diagonal(x, offset=k)
    if x.ndim != 1:
        raise SpecError(f"x must be a vector or a matrix; got {x.ndim} dimensions", dimension=f"{x.ndim} dimensions")
    if isinstance(x.shape[0], int):
        side = x.shape[0] + abs(k)
        return embed_diagonal(x, rows=side, columns=side, offset=k, axis1=0, axis2=1)
    row, column = expand_dims(x, axis=0), expand_dims(x, axis=1)
    matrix = where(eye_like(equal(row, column), dtype="bool"), row, 0)
    return pad(matrix, pad_width=((max(0, -k), max(0, k)), (max(0, k), max(0, -k)))) if k else matrix


@diag.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3,)),), {}
    yield (rng.normal(size=(3,)),), {"k": -2}
    yield (rng.normal(size=(3, 4)),), {"k": 1}
    yield (rng.integers(0, 9, (0,)),), {}
