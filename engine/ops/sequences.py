"""Sequences of different lengths in one tensor: which steps are there, and writing from a step of their own on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.comparison import less
from flowloom.ops.creation import zeros_like
from flowloom.ops.dynamic import arange_of
from flowloom.ops.elementwise import cast
from flowloom.ops.indexing import in_range
from flowloom.ops.inference import integer, same_dims
from flowloom.ops.reduction import max_
from flowloom.ops.shape import expand_dims
from flowloom.params import DType, Whole
from flowloom.spec import Spec, SpecError, merge, normalize_axis, promote


@op(family="shape", composite=True, differentiable=False)
def sequence_mask(lengths: Any, *, max_length: Whole | None = None, dtype: DType = "bool") -> Any:
    """Whether each of `max_length` steps is within a length, along a new last axis: mask[i, t] = t < lengths[i].

    Without `max_length` there are as many steps as the largest length says, which is not known before it runs.
    Raises SpecError if `lengths` are not integers.
    """
    integer(lengths, "lengths")
    steps = arange_of(0, cast(max_(lengths), dtype="int64"), 1) if max_length is None else np.arange(max_length)
    mask = less(steps, expand_dims(cast(lengths, dtype="int64"), axis=-1))
    return mask if dtype == "bool" else cast(mask, dtype=dtype)


@sequence_mask.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (np.array([1, 3, 0]),), {"max_length": 3}
    yield (np.array([[2, 4]], np.int32),), {"dtype": "float32"}
    yield (np.array(2),), {"max_length": 5, "dtype": "int32"}


@op(family="shape")
def update_slice(x: Spec, updates: Spec, starts: Spec, *, axis: int = -2, wrap: bool = False) -> Spec:
    """`x` with `updates` written over it along `axis`, in each element b of the batch from `starts[b]` on.

    The batch is axis 0; `updates` have the sizes of `x` but for `axis`, where they may be smaller; `starts` (batch,)
    are integers. With `wrap` what goes beyond the end goes on at the beginning, as in a ring buffer. The dtype is the
    wider one. ONNX's TensorScatter. Raises SpecError if shapes do not match or `axis` is 0, and IndexError, when it
    runs, if a place is outside.
    """
    _check_update(x, updates, starts, axis)
    return x.with_dtype(promote(x.dtype, updates.dtype))


def _check_update(x: Spec, updates: Spec, starts: Spec, axis: int) -> None:
    axis = normalize_axis(axis, x.ndim)
    if axis == 0:
        raise SpecError("axis 0 is the batch; write along another one", dimension="axis 0")
    merge(same_dims(integer(starts, "starts"), 1, "starts").shape[0], x.shape[0])
    for a, (d, n) in enumerate(zip(x.shape, same_dims(updates, x.ndim, "updates").shape, strict=True)):
        if a != axis:
            merge(d, n)
        elif isinstance(d, int) and isinstance(n, int) and n > d:
            raise SpecError(f"{n} updates do not fit into {d} places along axis {a}", dimension=f"axis {a}: {n} > {d}")


def _steps(xp: Any, starts: Any, count: int, size: int, wrap: bool) -> tuple[Any, Any]:
    """Which element of the batch and which place along the axis each update is for, as NumPy indexes with them."""
    steps = starts.astype("int64", copy=False)[:, None] + xp.arange(count)
    places = steps % size if wrap and size else in_range(xp, steps, size, "place")
    return xp.arange(len(starts))[:, None], places


@update_slice.kernel
def _(xp: Any, x: Any, updates: Any, starts: Any, *, axis: int, wrap: bool, out: Any = None) -> Any:
    if out is None:
        out = xp.empty(x.shape, promote(x.dtype, updates.dtype))
    out[...] = x
    steps = _steps(xp, starts, updates.shape[axis], x.shape[axis], wrap)
    xp.moveaxis(out, axis, 1)[steps] = xp.moveaxis(updates, axis, 1)
    return out


@update_slice.vjp
def _(g: Any, y: Any, x: Any, updates: Any, starts: Any, *, axis: int, wrap: bool) -> Any:
    kept = update_slice(g, zeros_like(updates), starts, axis=axis, wrap=wrap)
    return kept, read_slice(g, updates, starts, axis=axis, wrap=wrap), None


@update_slice.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 4, 2)), rng.normal(size=(3, 2, 2)), np.array([0, 2, 1])), {}
    yield (rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 3, 3)), np.array([3, 2])), {"axis": 2, "wrap": True}
    yield (rng.integers(0, 9, (2, 3)), rng.integers(0, 9, (2, 0)), np.array([0, 1])), {"axis": 1}


@op(family="shape", internal=True)
def read_slice(x: Spec, like: Spec, starts: Spec, *, axis: int, wrap: bool) -> Spec:
    """What lies in `x` where `update_slice` would write a tensor of the shape of `like`, whose values are not read."""
    _check_update(x, like, starts, axis)
    return x.with_shape(like.shape)


@read_slice.kernel
def _(xp: Any, x: Any, like: Any, starts: Any, *, axis: int, wrap: bool, out: Any = None) -> Any:
    steps = _steps(xp, starts, like.shape[axis], x.shape[axis], wrap)
    found = xp.moveaxis(xp.moveaxis(x, axis, 1)[steps], 1, axis)
    if out is None:
        return xp.ascontiguousarray(found)
    out[...] = found
    return out


@read_slice.vjp
def _(g: Any, y: Any, x: Any, like: Any, starts: Any, *, axis: int, wrap: bool) -> Any:
    return update_slice(zeros_like(x), g, starts, axis=axis, wrap=wrap), None, None


@read_slice.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 4, 2)), rng.integers(0, 9, (3, 2, 2)), np.array([0, 2, 1])), {"axis": 1, "wrap": False}
    yield (rng.normal(size=(2, 3)), rng.integers(0, 9, (2, 2)), np.array([2, 0])), {"axis": 1, "wrap": True}
