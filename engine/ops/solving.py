"""Linear equations and inverses. The gradients are those of Giles, "Collected matrix derivative results for forward and
reverse mode algorithmic differentiation", 2008.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.diagonals import triangle
from flowloom.ops.inference import floating, numeric
from flowloom.ops.matrices import delivered, precise, refusal, squares, swapped, well_posed
from flowloom.ops.shape import expand_dims, squeeze
from flowloom.spec import Spec, SpecError, broadcast, merge, promote


def _equations(a: Spec, b: Spec) -> Spec:
    """The spec of `x` in `a @ x = b`."""
    a, b = squares(a), numeric(b)
    if not b.ndim:
        raise SpecError("the right side must be a vector or matrices; got a scalar", dimension="0 dimensions")
    rows = b.shape[-1] if b.ndim == 1 else b.shape[-2]
    size = merge(a.shape[-1], rows, f"there are {a.shape[-1]} equations and {rows} right sides")
    batch = broadcast(a.with_shape(a.shape[:-2]), b.with_shape(b.shape[:-2])).shape
    return Spec((*batch, size, *(b.shape[-1:] if b.ndim > 1 else ())), promote(a.dtype, floating(b).dtype))


def _to_both_sides(g: Any, x: Any, b: Any, solved: Callable[[Any], Any], transpose: bool = False) -> Any:
    """The gradients for both sides of `a @ x = b` (or `a.T @ x = b`): `solved` solves the transposed equations.

    b gets r = a**-T g, and a gets -r x.T (or -x r.T).
    """
    if vector := b.ndim == 1:
        g, x = expand_dims(g, axis=-1), expand_dims(x, axis=-1)
    right = solved(g)
    left = -(x @ swapped(right)) if transpose else -(right @ swapped(x))
    return left, squeeze(right, axis=-1) if vector else right


@op(family="linalg")
def solve(a: Spec, b: Spec) -> Spec:
    """The `x` with `a @ x = b`, for square `a` (..., n, n), and `b` (..., n, k) or one vector (n).

    Leading dimensions broadcast. Floats keep the wider dtype; integers give float32. Raises SpecError if `a` is not
    square or the sizes differ, and LinAlgError, when it runs, if a matrix is singular.
    """
    return _equations(a, b)


@solve.kernel
def _(xp: Any, a: Any, b: Any, *, out: Any = None) -> Any:
    left, right = precise(a, b)
    try:
        made = xp.linalg.solve(left, right)
    except np.linalg.LinAlgError:
        raise refusal("the matrix is singular", xp.linalg.inv, left) from None
    return delivered(xp, made, _equations(Spec.of(a), Spec.of(b)), out)


@solve.vjp
def _(g: Any, y: Any, a: Any, b: Any) -> Any:
    return _to_both_sides(g, y, b, lambda right: solve(swapped(a), right))


@solve.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for a, b in [
        ((3, 3), (3, 2)),
        ((3, 3), (3,)),
        ((2, 3, 3), (3,)),
        ((2, 3, 3), (2, 3, 2)),
        ((3, 3), (2, 3, 1)),
        ((2, 1, 2, 2), (4, 2, 3)),
        ((0, 2, 2), (2, 3)),
    ]:
        yield (well_posed(rng, *a), rng.normal(size=b)), {}
    yield (np.array([[2, 1], [1, 3]]), np.array([3, 5])), {}


@op(family="linalg")
def triangular_solve(
    a: Spec, b: Spec, *, lower: bool = True, transpose: bool = False, unit_diagonal: bool = False
) -> Spec:
    """The `x` with `t @ x = b`, for the lower triangle `t` of `a` (..., n, n), or the upper one.

    `b` is (..., n, k) or one vector (n). With `transpose` it is `t.T @ x = b`; with `unit_diagonal` the diagonal of `t`
    counts as ones. The rest of `a` is not looked at. Leading dimensions broadcast. Floats keep the wider dtype;
    integers give float32. Raises SpecError if `a` is not square or the sizes differ, and LinAlgError, when it runs, if
    there is a 0 on the diagonal.
    """
    return _equations(a, b)


@triangular_solve.kernel
def _(xp: Any, a: Any, b: Any, *, lower: bool, transpose: bool, unit_diagonal: bool, out: Any = None) -> Any:
    spec = _equations(Spec.of(a), Spec.of(b))
    a, b = precise(a, b)
    if not unit_diagonal and not xp.diagonal(a, axis1=-2, axis2=-1).all():
        raise refusal("there is a 0 on the diagonal", _refuse_zeros, a)
    if transpose:
        a, lower = xp.swapaxes(a, -1, -2), not lower
    x = xp.empty(spec.sizes, a.dtype)
    x[...] = b
    _substitute(a, x[..., None] if b.ndim == 1 else x, lower, unit_diagonal)
    return delivered(xp, x, spec, out)


def _substitute(a: Any, x: Any, lower: bool, unit_diagonal: bool) -> None:
    """Solve for `x`, which holds the right sides, in place: one half, and with it the other, by matrix products."""
    n = a.shape[-1]
    if n <= 1:
        if n and not unit_diagonal:
            x /= a
        return
    first, second = (slice(n // 2), slice(n // 2, n)) if lower else (slice(n // 2, n), slice(n // 2))
    _substitute(a[..., first, first], x[..., first, :], lower, unit_diagonal)
    x[..., second, :] -= a[..., second, first] @ x[..., first, :]
    _substitute(a[..., second, second], x[..., second, :], lower, unit_diagonal)


def _refuse_zeros(a: Any) -> None:
    if not a.diagonal().all():
        raise np.linalg.LinAlgError


@triangular_solve.vjp
def _(g: Any, y: Any, a: Any, b: Any, *, lower: bool, transpose: bool, unit_diagonal: bool) -> Any:
    how: dict[str, Any] = {"lower": lower, "transpose": not transpose, "unit_diagonal": unit_diagonal}
    left, right = _to_both_sides(g, y, b, lambda right: triangular_solve(a, right, **how), transpose)
    inside = (-1 if lower else 1) if unit_diagonal else 0
    return triangle(left, lower=lower, offset=inside), right


@triangular_solve.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for a, b, params in [
        ((3, 3), (3, 2), {}),
        ((4, 4), (4,), {"lower": False}),
        ((2, 3, 3), (3,), {"transpose": True}),
        ((2, 3, 3), (2, 3, 2), {"lower": False, "transpose": True}),
        ((3, 3), (2, 3, 1), {"unit_diagonal": True}),
        ((2, 1, 5, 5), (4, 5, 3), {"lower": False, "unit_diagonal": True}),
        ((0, 0), (0, 2), {}),
    ]:
        yield (well_posed(rng, *a), rng.normal(size=b)), params
    yield (np.array([[2, 7], [1, 4]]), np.array([3, 5])), {}


@op(family="linalg")
def inv(a: Spec) -> Spec:
    """The inverse of each square matrix (..., n, n). A float dtype stays; integers give float32.

    To solve equations, `solve` is faster and more exact. Raises SpecError if `a` is not square, and LinAlgError, when
    it runs, if a matrix is singular.
    """
    return squares(a)


@inv.kernel
def _(xp: Any, a: Any, *, out: Any = None) -> Any:
    (matrix,) = precise(a)
    try:
        made = xp.linalg.inv(matrix)
    except np.linalg.LinAlgError:
        raise refusal("the matrix is singular", xp.linalg.inv, matrix) from None
    return delivered(xp, made, squares(Spec.of(a)), out)


@inv.vjp
def _(g: Any, y: Any, a: Any) -> Any:
    turned = swapped(y)
    return (-(turned @ g @ turned),)


@inv.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for shape in [(3, 3), (2, 3, 3), (2, 1, 1), (0, 2, 2)]:
        yield (well_posed(rng, *shape),), {}
    yield (np.array([[2, 1], [1, 3]]),), {}
