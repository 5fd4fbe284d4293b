"""The Cholesky factor. Its gradient is that of Murray, "Differentiation of the Cholesky decomposition", 2016."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.diagonals import halved_triangle, triangle
from flowloom.ops.matrices import delivered, precise, refusal, squares, swapped
from flowloom.ops.solving import triangular_solve
from flowloom.spec import Spec


@op(family="linalg")
def cholesky(a: Spec) -> Spec:
    """The lower triangular L with `L @ L.T = a`, of each symmetric, positive definite matrix (..., n, n).

    Only the lower triangle of `a` is looked at, and has the gradient. A float dtype stays; integers give float32.
    Raises SpecError if `a` is not square, and LinAlgError, when it runs, if a matrix is not positive definite.
    """
    return squares(a)


@cholesky.kernel
def _(xp: Any, a: Any, *, out: Any = None) -> Any:
    (matrix,) = precise(a)
    try:
        made = xp.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        raise refusal("the matrix is not positive definite", xp.linalg.cholesky, matrix) from None
    return delivered(xp, made, squares(Spec.of(a)), out)


@cholesky.vjp
def _(g: Any, y: Any, a: Any) -> Any:
    # S = L**-T phi(L.T g) L**-1, where phi takes the lower triangle and halves the diagonal; a gets phi(S + S.T).
    inner = halved_triangle(swapped(y) @ triangle(g, lower=True))
    once = triangular_solve(y, inner, transpose=True)
    s = swapped(triangular_solve(y, swapped(once), transpose=True))
    return (halved_triangle(s + swapped(s)),)


@cholesky.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for shape in [(3, 3), (2, 4, 4), (2, 1, 1), (0, 2, 2)]:
        x = rng.normal(size=shape)
        yield (x @ np.swapaxes(x, -1, -2) + np.eye(shape[-1]),), {}
    yield (np.array([[2, 1], [1, 3]]),), {}
