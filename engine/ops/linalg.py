"""Products of matrices and of tensors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.contraction import contract
from flowloom.ops.elementwise import multiply
from flowloom.ops.inference import normalize_axes
from flowloom.ops.matrices import swapped
from flowloom.ops.shape import expand_dims, reshape, squeeze
from flowloom.spec import Spec, SpecError, broadcast, is_bool, merge, normalize_axis, promote


@op(family="linalg")
def matmul(a: Spec, b: Spec) -> Spec:
    """Matrix product of `a` (..., m, k) and `b` (..., k, n). Returns (..., m, n) in the wider dtype.

    The leading dimensions broadcast. A vector `a` (k) counts as a row and a vector `b` (k) as a column; the result
    lacks that axis. Raises SpecError if the inner sizes differ, for a scalar, and for bool.
    """
    if not a.ndim or not b.ndim:
        raise SpecError("a scalar has no matrix product; use multiply", dimension="0 dimensions")
    dtype = promote(a.dtype, b.dtype)
    if is_bool(dtype):
        raise SpecError("both are bool; cast one to a number", dimension="dtype bool")
    inner = (a.shape[-1], b.shape[-2] if b.ndim > 1 else b.shape[0])
    merge(*inner, f"inner sizes differ, {inner[0]} and {inner[1]}")
    batch = broadcast(a.with_shape(a.shape[:-2]), b.with_shape(b.shape[:-2])).shape
    return Spec((*batch, *a.shape[-2:-1], *(b.shape[-1:] if b.ndim > 1 else ())), dtype)


@matmul.kernel
def _(xp: Any, a: Any, b: Any, *, out: Any = None) -> Any:
    dtype = None if a.dtype == b.dtype else promote(a.dtype, b.dtype)
    if a.ndim > 2 and b.ndim == 2 and a.flags.c_contiguous and a.shape[-1] and out is not None:
        xp.matmul(a.reshape(-1, a.shape[-1]), b, out=out.reshape(-1, b.shape[-1]), dtype=dtype)  # one large product
        return out
    return xp.matmul(a, b, out=out, dtype=dtype)


@matmul.vjp
def _(g: Any, y: Any, a: Any, b: Any) -> Any:
    if a.ndim == 1 and b.ndim == 1:
        return g * b, g * a
    if a.ndim == 1:
        row = expand_dims(g, axis=-2)
        return squeeze(row @ swapped(b), axis=-2), expand_dims(a, axis=1) @ row
    if b.ndim == 1:
        column = expand_dims(g, axis=-1)
        return column @ expand_dims(b, axis=0), squeeze(swapped(a) @ column, axis=-1)
    # Every row of `a` meets the same `b`: one large product, unless its sizes are known only when it runs.
    if a.ndim > 2 and b.ndim == 2 and None not in b.shape:
        rows = reshape(a, shape=(-1, a.shape[-1]))
        return g @ swapped(b), swapped(rows) @ reshape(g, shape=(-1, b.shape[-1]))
    return g @ swapped(b), swapped(a) @ g


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


@op(family="linalg", composite=True)
def tensordot(a: Any, b: Any, *, axes: int | tuple[int | tuple[int, ...], ...] = 2) -> Any:
    """Product of `a` and `b` summed over `axes`: the last so many of `a` with the first of `b`, or those of each named
    in a pair such as `((1, 0), (0, 1))`.

    Returns the axes of `a` that are left, then those of `b`, in the wider dtype. Raises SpecError if the axes do not
    match, and for bool.
    """
    left, right = _summed_axes(a, b, axes)
    for i, j in zip(left, right, strict=True):
        merge(a.shape[i], b.shape[j], f"axis {i} of a has size {a.shape[i]}, axis {j} of b {b.shape[j]}")
    letters = [chr(ord("a") + i) for i in range(a.ndim + b.ndim)]
    of_a, of_b = letters[: a.ndim], letters[a.ndim :]
    kept = [x for i, x in enumerate(of_a) if i not in left] + [x for j, x in enumerate(of_b) if j not in right]
    for i, j in zip(left, right, strict=True):
        of_b[j] = of_a[i]
    return contract(a, b, equation=f"{''.join(of_a)},{''.join(of_b)}->{''.join(kept)}")


def _summed_axes(a: Any, b: Any, axes: Any) -> tuple[list[int], list[int]]:
    """The axes of `a` and of `b` that a tensordot sums over, matched. Raises SpecError."""
    if isinstance(axes, int):
        if not 0 <= axes <= min(a.ndim, b.ndim):
            raise SpecError(
                f"axes must be in 0..{min(a.ndim, b.ndim)}, what both have; got {axes}", dimension=f"axes {axes}"
            )
        return list(range(a.ndim - axes, a.ndim)), list(range(axes))
    pair = [(x,) if isinstance(x, int) else x for x in axes]
    if len(pair) != 2 or len(pair[0]) != len(pair[1]):
        raise SpecError(f"axes must be a number, or as many axes of a as of b; got {axes}", dimension=f"axes {axes}")
    for named, x in zip(pair, (a, b), strict=True):
        normalize_axes(named, x.ndim)
    left, right = ([normalize_axis(i, x.ndim) for i in named] for named, x in zip(pair, (a, b), strict=True))
    return left, right


@tensordot.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(2, 3, 4)), rng.normal(size=(3, 4, 2))), {}
    yield (rng.normal(size=(2, 3)), rng.normal(size=(4, 2))), {"axes": 0}
    yield (rng.normal(size=(2, 3, 4)), rng.normal(size=(4, 2, 5))), {"axes": ((0, -1), (1, 0))}
    yield (rng.normal(size=(2, 3)), rng.normal(size=(4, 3))), {"axes": (1, 1)}
    yield (rng.normal(size=(0, 3)), rng.integers(0, 9, (3,))), {"axes": 1}


@op(family="linalg", composite=True)
def dot(a: Any, b: Any) -> Any:
    """Product of `a` and `b` as NumPy's `dot`: of two vectors their inner product, of matrices the matrix product.

    With more dimensions it is summed over the last axis of `a` and the last but one of `b`; a scalar multiplies.
    Returns the wider dtype. Raises SpecError if those sizes differ, and for bool.
    """
    if not a.ndim or not b.ndim:
        return multiply(a, b)
    if a.ndim <= 2 and b.ndim <= 2:
        return matmul(a, b)
    return tensordot(a, b, axes=(-1, -2 if b.ndim > 1 else -1))


@dot.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for a, b in [((4,), (4,)), ((3, 4), (4, 2)), ((2, 3, 4), (4,)), ((2, 3, 4), (5, 4, 2)), ((), (3,))]:
        yield (rng.normal(size=a), rng.normal(size=b)), {}
    yield (rng.integers(0, 9, (3, 4)), rng.integers(0, 9, (4,))), {}


@op(family="linalg", composite=True)
def outer(a: Any, b: Any) -> Any:
    """Product of each element of `a` with each of `b`, both flattened: (size of a, size of b), in the wider dtype.

    Raises SpecError if both are bool.
    """
    return reshape(a, shape=(-1, 1)) * reshape(b, shape=(1, -1))


@outer.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3,)), rng.normal(size=(4,))), {}
    yield (rng.normal(size=(2, 3)), rng.normal(size=())), {}
    yield (rng.integers(0, 9, (2,)), rng.normal(size=(0,))), {}
