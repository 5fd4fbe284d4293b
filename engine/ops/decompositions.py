"""Matrices as products of simpler ones: QR, eigenvalues and singular values. Matrices are the last two axes.

Signs of vectors are LAPACK's choice. Gradients of vectors are infinite where two values are nearly equal; exactly equal
ones do not turn into each other here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.comparison import equal
from flowloom.ops.composing import span
from flowloom.ops.diagonals import halved_triangle, triangle
from flowloom.ops.elementwise import where
from flowloom.ops.joining import concatenate
from flowloom.ops.matrices import matrices, precise, squares, swapped
from flowloom.ops.shape import expand_dims
from flowloom.ops.solving import triangular_solve
from flowloom.spec import Dim, Spec


def _smaller(m: Dim, n: Dim) -> Dim:
    if isinstance(m, int) and isinstance(n, int):
        return min(m, n)
    return m if m == n else None


def _narrowed(xp: Any, made: Any, like: Any) -> tuple[Any, ...]:
    """The arrays that LAPACK made, in the dtype that the result of `like` has."""
    return tuple(xp.asarray(x, dtype=matrices(Spec.of(like)).dtype) for x in made)


def _gaps(values: Any) -> Any:
    """1 / (value[j] - value[i]) at (i, j), and 0 where they are equal."""
    difference = expand_dims(values, axis=-2) - expand_dims(values, axis=-1)
    same = equal(difference, 0)
    return where(same, 0.0, 1.0 / where(same, 1.0, difference))


@op(family="linalg", outputs=("q", "r"))
def qr(a: Spec) -> tuple[Spec, Spec]:
    """`a` (..., m, n) as `q @ r`: orthonormal columns `q` (..., m, k), an upper triangle `r` (..., k, n).

    k is the smaller of m and n. A float dtype stays; integers give float32. The gradient needs the first k columns of
    `a` to be independent. Raises SpecError for less than 2 dimensions. Source of the gradient: Liao et al.,
    "Differentiable Programming Tensor Networks", 2019, section III.
    """
    a = matrices(a)
    *batch, m, n = a.shape
    k = _smaller(m, n)
    return a.with_shape((*batch, m, k)), a.with_shape((*batch, k, n))


@qr.kernel
def _(xp: Any, a: Any) -> Any:
    return _narrowed(xp, xp.linalg.qr(*precise(a)), a)


@qr.vjp
def _(g: Any, y: Any, a: Any) -> Any:
    (gq, gr), (q, r) = g, y
    gq, gr = q * 0.0 if gq is None else gq, r * 0.0 if gr is None else gr
    m, n = a.shape[-2:]
    if not (isinstance(m, int) and isinstance(n, int) and m < n):
        return (_from_square(gq, gr, q, r),)
    # Wide: a = [x | z] and r = [u | v], with q and u from x alone, and v = q.T z.
    u, gu, gv, z = span(r, None, m), span(gr, None, m), span(gr, m, None), span(a, m, None)
    return (concatenate(_from_square(gq + z @ swapped(gv), gu, q, u), q @ gv, axis=-1),)


def _from_square(gq: Any, gr: Any, q: Any, r: Any) -> Any:
    """The gradient where `r` is square: (gq + q sym(M)) r**-T with M = r gr.T - gq.T q, of which sym mirrors the lower
    triangle."""
    m = r @ swapped(gr) - swapped(gq) @ q
    mirrored = triangle(m, lower=True) + swapped(triangle(m, lower=True, offset=-1))
    return swapped(triangular_solve(r, swapped(gq + q @ mirrored), lower=False))


@qr.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for shape in [(3, 3), (4, 2), (2, 5, 3), (2, 2, 4)]:
        yield (rng.normal(size=shape),), {}
    yield (np.array([[2, 1], [1, 3]]),), {}


@op(family="linalg", outputs=("values", "vectors"))
def eigh(a: Spec) -> tuple[Spec, Spec]:
    """Eigenvalues (..., n) of each symmetric matrix (..., n, n), rising, and its eigenvectors as columns (..., n, n).

    Only the lower triangle of `a` is looked at, and has the gradient. A float dtype stays; integers give float32.
    Raises SpecError if `a` is not square. Source of the gradient: Giles, "Collected matrix derivative results for
    forward and reverse mode algorithmic differentiation", 2008, section 3.1.
    """
    a = squares(a)
    return a.with_shape(a.shape[:-1]), a


@eigh.kernel
def _(xp: Any, a: Any) -> Any:
    return _narrowed(xp, xp.linalg.eigh(*precise(a)), a)


@eigh.vjp
def _(g: Any, y: Any, a: Any) -> Any:
    (gw, gv), (w, v) = g, y
    s = 0.0
    if gw is not None:
        s = s + (v * expand_dims(gw, axis=-2)) @ swapped(v)
    if gv is not None:
        s = s + v @ (_gaps(w) * (swapped(v) @ gv)) @ swapped(v)
    return (halved_triangle(s + swapped(s)),)


@eigh.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for shape in [(3, 3), (2, 4, 4), (2, 1, 1)]:
        x = rng.normal(size=shape)
        yield (x + np.swapaxes(x, -1, -2) + np.diag(np.arange(shape[-1]) * 2.0),), {}
    yield (np.array([[2, 1], [1, 3]]),), {}


@op(family="linalg", outputs=("u", "s", "vh"))
def svd(a: Spec) -> tuple[Spec, Spec, Spec]:
    """`a` (..., m, n) as `(u * s) @ vh`: orthonormal columns `u` (..., m, k), orthonormal rows `vh` (..., k, n).

    The singular values `s` (..., k) fall; k is the smaller of m and n. A float dtype stays; integers give float32. The
    gradient of `u` and `vh` needs singular values above 0. Raises SpecError for less than 2 dimensions. Source of the
    gradient: Townsend, "Differentiating the Singular Value Decomposition", 2016.
    """
    a = matrices(a)
    *batch, m, n = a.shape
    k = _smaller(m, n)
    return a.with_shape((*batch, m, k)), a.with_shape((*batch, k)), a.with_shape((*batch, k, n))


@svd.kernel
def _(xp: Any, a: Any) -> Any:
    return _narrowed(xp, xp.linalg.svd(*precise(a), full_matrices=False), a)


@svd.vjp
def _(g: Any, y: Any, a: Any) -> Any:
    (gu, gs, gvh), (u, s, vh) = g, y
    made = []
    if gs is not None:
        made.append((u * expand_dims(gs, axis=-2)) @ vh)
    if gu is not None:
        made.append(_from_vectors(gu, u, s) @ vh)
    if gvh is not None:
        made.append(u @ swapped(_from_vectors(swapped(gvh), swapped(vh), s)))
    return (sum(made[1:], made[0]),)


def _from_vectors(g: Any, u: Any, s: Any) -> Any:
    """What the vectors on one side give: u (F o (u.T g - g.T u)) s + (1 - u u.T) g / s, with F of the squares of s."""
    inner = swapped(u) @ g
    row = expand_dims(s, axis=-2)
    turning = _gaps(s * s) * (inner - swapped(inner)) * row
    return u @ turning + (g - u @ inner) / row


@svd.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for shape in [(3, 3), (4, 2), (2, 3, 5)]:
        yield (rng.normal(size=shape),), {}
    yield (np.array([[2, 1], [1, 3]]),), {}
