"""Determinants. The gradients are those of Giles, "Collected matrix derivative results for forward and reverse mode
algorithmic differentiation", 2008.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.inference import floating
from flowloom.ops.matrices import delivered, precise, squares, swapped, well_posed
from flowloom.ops.shape import expand_dims
from flowloom.ops.solving import inv
from flowloom.spec import Spec


@op(family="linalg")
def det(a: Spec) -> Spec:
    """The determinant of each square matrix (..., n, n): (...). A float dtype stays; integers give float32.

    Its gradient needs matrices that are not singular. Raises SpecError if `a` is not square.
    """
    return squares(a).with_shape(a.shape[:-2])


@det.kernel
def _(xp: Any, a: Any, *, out: Any = None) -> Any:
    return delivered(xp, xp.linalg.det(*precise(a)), det.infer(Spec.of(a)), out)


@det.vjp
def _(g: Any, y: Any, a: Any) -> Any:
    return (expand_dims(g * y, axis=(-2, -1)) * swapped(inv(a)),)


@op(family="linalg", outputs=("sign", "logabsdet"))
def slogdet(a: Spec) -> tuple[Spec, Spec]:
    """The sign of the determinant of each square matrix (..., n, n), and the logarithm of its magnitude: both (...).

    Does not overflow, as the determinant of a large matrix does; a singular matrix has the sign 0 and -inf. A float
    dtype stays; integers give float32. The gradient needs matrices that are not singular. Raises SpecError if `a` is
    not square.
    """
    made = squares(a).with_shape(a.shape[:-2])
    return made, made


@slogdet.kernel
def _(xp: Any, a: Any) -> Any:
    dtype = floating(Spec.of(a)).dtype
    return tuple(xp.asarray(made, dtype=dtype) for made in xp.linalg.slogdet(*precise(a)))


@slogdet.vjp
def _(g: Any, y: Any, a: Any) -> Any:
    return (None if g[1] is None else expand_dims(g[1], axis=(-2, -1)) * swapped(inv(a)),)


def _squares(rng: np.random.Generator) -> Iterator[Sample]:
    for shape in [(3, 3), (2, 3, 3), (2, 1, 1), (0, 2, 2)]:
        yield (well_posed(rng, *shape),), {}
    yield (np.array([[2, 1], [1, 3]]),), {}


det.samples(_squares)
slogdet.samples(_squares)
