"""Shapes, bounds and counts as tensors: for values that are known only when it runs.

Each op does what its namesake with parameters does. The number of dimensions of a result follows from the length of the
operand that gives its shape, which must be known; the sizes are None. Prefer the namesake where values are known.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.broadcasting import summed_to
from flowloom.ops.creation import steps_between
from flowloom.ops.indexing import Outside, hot, light
from flowloom.ops.inference import integer, numeric, same_dims
from flowloom.ops.kernels import put
from flowloom.ops.shape import reshaped_to
from flowloom.params import DType
from flowloom.spec import Spec, SpecError, merge, product, promote


def length_of(x: Any, what: str) -> int:
    """How many integers the vector `x`, called `what`, holds. Raises SpecError unless it is one of a known length."""
    same_dims(integer(x, what), 1, what)
    if not isinstance(x.shape[0], int):
        raise SpecError(f"the length of {what} must be known; got {x}", dimension=f"length of {what}")
    return x.shape[0]


def _scalar(x: Spec, what: str) -> Spec:
    """`x`. Raises SpecError unless it is an integer scalar."""
    return same_dims(integer(x, what), 0, what)


@op(family="shape", differentiable=False)
def shape_of(x: Spec, *, start: int = 0, stop: int | None = None) -> Spec:
    """The sizes of `x` from axis `start` up to but without `stop`, counted as in a Python slice: an int64 vector."""
    return Spec((len(x.shape[start:stop]),), "int64")


@shape_of.kernel
def _(xp: Any, x: Any, *, start: int, stop: int | None, out: Any = None) -> Any:
    sizes = xp.asarray(x.shape[start:stop], dtype="int64")
    return put(sizes, out)


@shape_of.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 4, 2)),), {}
    yield (rng.normal(size=(3, 4, 2)),), {"start": -2, "stop": 9}
    yield (rng.integers(0, 9, ()),), {}


@op(family="shape", view=True, internal=True)
def reshape_to(x: Spec, shape: Spec, *, zero_keeps: bool = False) -> Spec:
    """The elements of `x`, in C order, in the shape that `shape` holds, in which one size may be -1: the rest.

    With `zero_keeps` a 0 stands for the size that `x` has at that axis, as in ONNX's Reshape. Raises SpecError unless
    `shape` is an integer vector of known length, and ValueError, when it runs, if the sizes do not match.
    """
    count = length_of(shape, "shape")
    return x.with_shape((product(x.shape),) if count == 1 else (None,) * count)


@reshape_to.kernel
def _(xp: Any, x: Any, shape: Any, *, zero_keeps: bool) -> Any:
    sizes = shape.tolist()
    if zero_keeps:
        sizes = [x.shape[i] if n == 0 else n for i, n in enumerate(sizes)]
    return xp.reshape(x, sizes)


reshape_to.vjp(lambda g, y, x, shape, *, zero_keeps: (reshaped_to(g, x), None))


@reshape_to.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 4)), np.array([2, -1])), {}
    yield (rng.normal(size=(3, 2, 4)), np.array([0, 8])), {"zero_keeps": True}
    yield (rng.normal(size=(3, 4)), np.array([-1])), {}
    yield (rng.integers(0, 9, (1, 1)), np.zeros(0, np.int64)), {}


@op(family="shape", view=True, internal=True)
def expand_dims_at(x: Spec, axes: Spec) -> Spec:
    """`x` with a new axis of size 1 at each place in the vector `axes`, counted in the result.

    Raises SpecError unless `axes` is an integer vector of known length, and ValueError, when it runs, if an axis is
    outside.
    """
    return x.with_shape((1 if x.ndim == 0 else None,) * (x.ndim + length_of(axes, "axes")))


@expand_dims_at.kernel
def _(xp: Any, x: Any, axes: Any) -> Any:
    return xp.expand_dims(x, tuple(axes.tolist()))


expand_dims_at.vjp(lambda g, y, x, axes: (reshaped_to(g, x), None))


@expand_dims_at.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 4)), np.array([0, -1])), {}
    yield (rng.normal(size=()), np.array([0])), {}
    yield (rng.integers(0, 9, (0, 3)), np.zeros(0, np.int64)), {}


@op(family="shape", view=True, internal=True)
def squeeze_at(x: Spec, axes: Spec) -> Spec:
    """`x` without the axes in the vector `axes`, which must be of size 1.

    Raises SpecError unless `axes` is an integer vector of known length, and ValueError, when it runs, if an axis is
    outside or of another size.
    """
    count = length_of(axes, "axes")
    if count > x.ndim:
        raise SpecError(f"x has {x.ndim} dimensions; {count} cannot be removed", dimension=f"{count} > {x.ndim}")
    return x.with_shape(x.shape if count == 0 else (None,) * (x.ndim - count))


@squeeze_at.kernel
def _(xp: Any, x: Any, axes: Any) -> Any:
    return xp.squeeze(x, tuple(axes.tolist()))


squeeze_at.vjp(lambda g, y, x, axes: (reshaped_to(g, x), None))


@squeeze_at.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(1, 3, 1)), np.array([0, -1])), {}
    yield (rng.normal(size=(3, 1)), np.array([1], np.int32)), {}
    yield (rng.integers(0, 9, (1,)), np.array([0])), {}


@op(family="shape", view=True, internal=True)
def moveaxis_at(x: Spec, source: Spec, destination: Spec) -> Spec:
    """`x` with the axes in the vector `source` moved to the places in `destination`; the others keep their order.

    Raises SpecError unless both are integer vectors of the same known length, and ValueError, when it runs, if an axis
    is outside of `x` or named twice.
    """
    count = length_of(source, "source")
    merge(count, length_of(destination, "destination"), f"{source} axes cannot move to {destination} places")
    return x if count == 0 or x.ndim < 2 else x.with_shape((None,) * x.ndim)


@moveaxis_at.kernel
def _(xp: Any, x: Any, source: Any, destination: Any) -> Any:
    return xp.moveaxis(x, source.tolist(), destination.tolist())


moveaxis_at.vjp(lambda g, y, x, source, destination: (moveaxis_at(g, destination, source), None, None))


@moveaxis_at.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(2, 3, 4)), np.array([0]), np.array([-1])), {}
    yield (rng.normal(size=(2, 3, 4)), np.array([-3, 1]), np.array([-2, -1])), {}
    yield (rng.integers(0, 9, (3, 0)), np.zeros(0, np.int64), np.zeros(0, np.int64)), {}
    yield (rng.normal(size=(3,)), np.array([0]), np.array([-1])), {}


@op(family="shape", view=True, internal=True)
def broadcast_to_shape(x: Spec, shape: Spec) -> Spec:
    """Repeat `x`, without copying, to the shape that its own and the one that `shape` holds broadcast to together.

    A size of 1 in `shape` keeps that of `x`, as in ONNX's Expand. Raises SpecError unless `shape` is an integer vector
    of known length, and ValueError, when it runs, if the two do not broadcast.
    """
    count = length_of(shape, "shape")
    own = [d if isinstance(d, int) and d != 1 else None for d in x.shape]
    return x.with_shape((*(None,) * (count - x.ndim), *own))


@broadcast_to_shape.kernel
def _(xp: Any, x: Any, shape: Any) -> Any:
    return xp.broadcast_to(x, np.broadcast_shapes(x.shape, tuple(shape.tolist())))


broadcast_to_shape.vjp(lambda g, y, x, shape: (summed_to(g, x), None))


@broadcast_to_shape.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 1)), np.array([2, 1, 4])), {}
    yield (rng.normal(size=(3, 4)), np.array([4])), {}
    yield (rng.normal(size=()), np.array([2, 3])), {}
    yield (rng.integers(0, 9, (1, 3)), np.array([0, 3])), {}


@op(family="data", composite=True, internal=True)
def full_of(shape: Any, value: Any) -> Any:
    """The scalar `value` in the shape that the vector `shape` holds. ONNX's ConstantOfShape.

    Raises SpecError unless `shape` is an integer vector of known length and `value` a scalar.
    """
    return broadcast_to_shape(same_dims(value, 0, "value"), shape)


@full_of.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (np.array([2, 3]), np.array(0.5)), {}
    yield (np.zeros(0, np.int64), np.array(3)), {}


@op(family="data", differentiable=False, internal=True)
def arange_of(start: Spec, stop: Spec, step: Spec) -> Spec:
    """start, start + step, start + 2 step, ... up to but without `stop`, in the widest dtype of the three scalars.

    Raises SpecError unless they are scalars, not bool, and ValueError, when it runs, if the step is 0. ONNX's Range.
    """
    for name, x in (("start", start), ("stop", stop), ("step", step)):
        same_dims(numeric(x), 0, name)
    return Spec((None,), promote(start.dtype, stop.dtype, step.dtype))


@arange_of.kernel
def _(xp: Any, start: Any, stop: Any, step: Any) -> Any:
    if step == 0:
        raise ValueError("the step cannot be 0")
    dtype = promote(start.dtype, stop.dtype, step.dtype)
    count = steps_between(start.item(), stop.item(), step.item())
    return (xp.arange(count) * step.item() + start.item()).astype(dtype)


@arange_of.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (np.array(1), np.array(7), np.array(2)), {}
    yield (np.array(1.0), np.array(-0.5), np.array(-0.25)), {}
    yield (np.array(3), np.array(3), np.array(1)), {}


@op(family="shape", differentiable=False, internal=True)
def one_hot_by(
    indices: Spec,
    depth: Spec,
    *,
    axis: int = -1,
    on: float = 1.0,
    off: float = 0.0,
    outside: Outside = "error",
    dtype: DType = "float32",
) -> Spec:
    """`one_hot` with the depth as a tensor: an integer scalar. ONNX's OneHot is the one with `outside="off"`.

    Raises SpecError if `indices` are not integers, `depth` is no integer scalar, or the axis is outside the result.
    """
    _scalar(depth, "depth")
    return hot(indices, None, axis, dtype)


@one_hot_by.kernel
def _(xp: Any, indices: Any, depth: Any, **how: Any) -> Any:
    return light(xp, indices, int(depth), **how)


@one_hot_by.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.integers(0, 5, (4,)), np.array(5)), {}
    yield (np.array([[5], [-4], [1]]), np.array(3)), {"axis": 0, "on": 2.0, "outside": "off", "dtype": "int32"}
