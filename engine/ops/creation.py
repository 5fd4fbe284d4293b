"""Tensors made from nothing but parameters, or in the shape of another tensor. None of them has a gradient."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.inference import same_dims
from flowloom.ops.kernels import blank, put
from flowloom.params import DType, Shape, Whole
from flowloom.spec import DEFAULT_DTYPE, Spec, SpecError

Number: TypeAlias = int | float


@op(family="data", differentiable=False)
def full_like(x: Spec, *, value: float, dtype: DType | None = None) -> Spec:
    """`value` in the shape of `x`, in `dtype` (None: that of `x`). The values of `x` are not read."""
    return x if dtype is None else x.with_dtype(dtype)


@full_like.kernel
def _(xp: Any, x: Any, *, value: float, dtype: str | None, out: Any = None) -> Any:
    return blank(xp, out, x.shape, x.dtype if dtype is None else np.dtype(dtype), value)


@full_like.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 4)),), {"value": 0.5}
    yield (rng.integers(0, 9, (2,)),), {"value": 3.0}
    yield (rng.normal(size=()),), {"value": 1.0, "dtype": "bool"}
    yield (rng.normal(size=(0, 2)),), {"value": 7.0, "dtype": "int32"}


@op(family="data", differentiable=False, composite=True)
def zeros_like(x: Any, *, dtype: DType | None = None) -> Any:
    """Zeros in the shape of `x`, in `dtype` (None: that of `x`)."""
    return full_like(x, value=0.0, dtype=dtype)


@op(family="data", differentiable=False, composite=True)
def ones_like(x: Any, *, dtype: DType | None = None) -> Any:
    """Ones in the shape of `x`, in `dtype` (None: that of `x`)."""
    return full_like(x, value=1.0, dtype=dtype)


def _likes(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 4)),), {}
    yield (rng.integers(0, 9, (2, 0)),), {"dtype": "float32"}


zeros_like.samples(_likes)
ones_like.samples(_likes)


@op(family="data", differentiable=False, internal=True)
def eye_like(x: Spec, *, k: int = 0, dtype: DType | None = None) -> Spec:
    """Ones on diagonal `k` of a matrix in the shape of `x` (rows, columns), zeros elsewhere; `k` as in `eye`.

    The dtype is that of `x` if none is given. Raises SpecError unless `x` is a matrix.
    """
    same_dims(x, 2, "x")
    return x if dtype is None else x.with_dtype(dtype)


@eye_like.kernel
def _(xp: Any, x: Any, *, k: int, dtype: str | None, out: Any = None) -> Any:
    return _eye(xp, x.shape, k, x.dtype if dtype is None else np.dtype(dtype), out)


@eye_like.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 4)),), {}
    yield (rng.normal(size=(4, 2)),), {"k": -1, "dtype": "int64"}
    yield (rng.integers(0, 9, (0, 3)),), {"k": 1}


@op(family="data", differentiable=False, internal=True)
def numbered(x: Spec) -> Spec:
    """0, 1, 2, ... in C order, in the shape of `x`: int64."""
    return x.with_dtype("int64")


@numbered.kernel
def _(xp: Any, x: Any, *, out: Any = None) -> Any:
    count = xp.arange(x.size, dtype="int64").reshape(x.shape)
    return put(count, out)


@numbered.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 4)),), {}
    yield (rng.normal(size=()),), {}


# ---------------------------------------------------------------- from parameters alone


@op(family="data", differentiable=False)
def full(*, shape: Shape, value: float = 0.0, dtype: DType = "float32") -> Spec:
    """`value` in `shape`. Called in Python it gives an array, which a graph takes as a constant."""
    return Spec(shape, dtype)


@full.kernel
def _(xp: Any, *, shape: tuple[int, ...], value: float, dtype: str, out: Any = None) -> Any:
    return blank(xp, out, shape, np.dtype(dtype), value)


@full.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (), {"shape": (2, 3), "value": 0.5}
    yield (), {"shape": (), "value": 4.0, "dtype": "int8"}


@op(family="data", differentiable=False)
def eye(*, rows: Whole, columns: Whole | None = None, k: int = 0, dtype: DType = "float32") -> Spec:
    """Ones on diagonal `k` of a (rows, columns) matrix, zeros elsewhere; a square one without `columns`.

    Diagonal 0 begins in the corner, `k` above 0 lies above it, below 0 below. Called in Python it gives an array,
    which a graph takes as a constant.
    """
    return Spec((rows, rows if columns is None else columns), dtype)


@eye.kernel
def _(xp: Any, *, rows: int, columns: int | None, k: int, dtype: str, out: Any = None) -> Any:
    return _eye(xp, (rows, rows if columns is None else columns), k, np.dtype(dtype), out)


def _eye(xp: Any, shape: tuple[int, int], k: int, dtype: Any, out: Any) -> Any:
    out = blank(xp, out, shape, dtype)
    rows = xp.arange(max(0, min(shape[0], shape[1] - k) - max(0, -k))) + max(0, -k)
    out[rows, rows + k] = 1
    return out


@eye.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (), {"rows": 3}
    yield (), {"rows": 3, "columns": 5, "k": 1, "dtype": "int32"}
    yield (), {"rows": 4, "columns": 2, "k": -2}
    yield (), {"rows": 2, "columns": 2, "k": 5}


@op(family="data", differentiable=False)
def arange(*, start: Number = 0, stop: Number, step: Number = 1, dtype: DType | None = None) -> Spec:
    """start, start + step, start + 2 step, ... up to but without `stop`. Whole numbers give int64, others float32.

    Called in Python it gives an array, which a graph takes as a constant. Raises SpecError if the step is 0.
    """
    if step == 0:
        raise SpecError("the step cannot be 0", dimension="step 0")
    whole = all(isinstance(n, int) for n in (start, stop, step))
    return Spec((steps_between(start, stop, step),), dtype or ("int64" if whole else DEFAULT_DTYPE))


def steps_between(start: Any, stop: Any, step: Any) -> int:
    """How many numbers there are from `start` up to but without `stop`, `step` apart."""
    return max(0, -int((start - stop) // step))


@arange.kernel
def _(xp: Any, *, start: Number, stop: Number, step: Number, dtype: str | None, out: Any = None) -> Any:
    spec = arange.infer(start=start, stop=stop, step=step, dtype=dtype)
    assert isinstance(spec, Spec)
    return put(xp.arange(spec.size) * step + start, out, spec.dtype)


@arange.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (), {"stop": 5}
    yield (), {"start": 3, "stop": -4, "step": -2, "dtype": "int8"}
    yield (), {"start": 0.5, "stop": 2}
    yield (), {"start": 2, "stop": 1}


@op(family="data", differentiable=False)
def linspace(*, start: float, stop: float, num: Whole = 50, endpoint: bool = True, dtype: DType = "float32") -> Spec:
    """`num` evenly spaced numbers from `start` to `stop`, which is the last of them unless `endpoint` is off.

    Called in Python it gives an array, which a graph takes as a constant.
    """
    return Spec((num,), dtype)


@linspace.kernel
def _(xp: Any, *, start: float, stop: float, num: int, endpoint: bool, dtype: str, out: Any = None) -> Any:
    return put(xp.linspace(start, stop, num, endpoint=endpoint), out, dtype)


@linspace.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (), {"start": -1.0, "stop": 1.0, "num": 5}
    yield (), {"start": 0.0, "stop": 10.0, "num": 5, "endpoint": False, "dtype": "int64"}
    yield (), {"start": 2.0, "stop": 3.0, "num": 1}
    yield (), {"start": 2.0, "stop": 3.0, "num": 0}
