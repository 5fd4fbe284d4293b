"""What the ops on matrices have in common: the last two axes are rows and columns, and LAPACK computes.

It computes in float32 and float64; float16 passes through float32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from flowloom.ops.inference import floating, numeric
from flowloom.ops.kernels import put
from flowloom.ops.shape import transpose
from flowloom.spec import DEFAULT_DTYPE, Spec, SpecError, merge, promote


def swapped(x: Any) -> Any:
    """`x` with its last two axes swapped."""
    return transpose(x, axes=(*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def matrices(a: Spec) -> Spec:
    """`a` as floats. Raises SpecError unless it has two dimensions of numbers or more."""
    if a.ndim < 2:
        raise SpecError(f"a matrix has 2 dimensions or more; got {a.ndim}", dimension=f"{a.ndim} dimensions")
    return floating(numeric(a))


def squares(a: Spec) -> Spec:
    """`a` as floats. Raises SpecError unless it is made of square matrices of numbers."""
    rows, columns = matrices(a).shape[-2:]
    merge(rows, columns, f"the matrix must be square; got {rows} rows and {columns} columns")
    return floating(a)


def precise(*xs: Any) -> list[Any]:
    """The arrays in the one dtype that LAPACK computes in: the widest of theirs, or float32 where that is narrower."""
    dtype = promote(*(x.dtype for x in xs))
    return [x.astype(dtype if dtype in ("float32", "float64") else DEFAULT_DTYPE, copy=False) for x in xs]


def delivered(xp: Any, made: Any, spec: Any, out: Any) -> Any:
    """What was made, in the dtype of `spec`, or in `out`."""
    return put(xp.asarray(made, dtype=spec.dtype), out)


def refusal(why: str, probe: Callable[[Any], Any], a: Any) -> np.linalg.LinAlgError:
    """The error that says why LAPACK refused `a`, with the position of the first matrix that `probe` refuses."""
    for position in np.ndindex(a.shape[:-2]):
        try:
            probe(a[position])
        except np.linalg.LinAlgError:
            return np.linalg.LinAlgError(f"{why}, at position {position}" if position else why)
    return np.linalg.LinAlgError(why)


def well_posed(rng: np.random.Generator, *shape: int) -> np.ndarray[Any, Any]:
    """Square matrices far from singular ones."""
    return np.asarray(rng.normal(size=shape) + 3 * np.eye(shape[-1]))
