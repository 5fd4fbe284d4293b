"""The same elements in another shape: nothing is computed, and nothing copied where NumPy can avoid it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Any, TypeAlias

import numpy as np
from msgspec import Meta

from flowloom.op import Sample, op
from flowloom.ops.inference import normalize_axes
from flowloom.params import Axes, Axis
from flowloom.spec import Dim, Spec, SpecError, normalize_axis, product, quotient, shape_text

NewShape: TypeAlias = tuple[Annotated[int, Meta(ge=-1)] | str | None, ...]


@op(family="shape", view=True)
def reshape(x: Spec, *, shape: NewShape) -> Spec:
    """The elements of `x`, in C order, in another shape. One dimension may be -1: what the others leave.

    Dimensions may be names: [batch, 8, 8, 16] in shape (-1, 1024) is [batch, 1024]. `x` is copied if its memory is not
    in C order. Raises SpecError if the sizes do not match, or if there are several -1.
    """
    return x.with_shape(_fitted(x.shape, shape))


def _fitted(old: tuple[Dim, ...], new: NewShape) -> NewShape:
    """The shape `new` with a size for -1. Raises SpecError if the elements of `old` do not fit it."""
    if new.count(-1) > 1:
        raise SpecError(f"one dimension may be -1; got {shape_text(new)}", dimension="-1")
    total, known = product(old), product(d for d in new if d != -1)
    if -1 in new:
        try:
            rest = quotient(total, known)
        except SpecError:
            raise _mismatch(total, old, new) from None
        return tuple(rest if d == -1 else d for d in new)
    if total is not None and known is not None and total != known:
        raise _mismatch(total, old, new)
    return new


def _mismatch(total: Dim, old: tuple[Dim, ...], new: NewShape) -> SpecError:
    return SpecError(
        f"the {total} elements of {shape_text(old)} do not fit the shape {shape_text(new)}",
        dimension=f"{total} elements",
    )


@reshape.kernel
def _(xp: Any, x: Any, *, shape: NewShape) -> Any:
    return xp.reshape(x, [-1 if d is None else d for d in shape])


reshape.vjp(lambda g, y, x, *, shape: (reshaped_to(g, x),))


def reshaped_to(g: Any, x: Any) -> Any:
    """`g` in the shape of `x`, which is read from `x` itself only where several sizes are not known before."""
    if None in x.shape and (x.shape.count(None) > 1 or 0 in x.shape):
        return reshape_like(g, x)
    return reshape(g, shape=tuple(-1 if d is None else d for d in x.shape))


@reshape.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 4)),), {"shape": (2, 6)}
    yield (rng.normal(size=(3, 2, 4)),), {"shape": (3, -1)}
    yield (rng.normal(size=()),), {"shape": (1, 1)}
    yield (rng.integers(0, 9, (0, 6)),), {"shape": (-1, 2)}


@op(family="shape", view=True, internal=True)
def reshape_like(x: Spec, like: Spec) -> Spec:
    """The elements of `x`, in C order, in the shape that `like` has when it runs; the values of `like` are not read.

    Raises SpecError if the sizes do not match.
    """
    return x.with_shape(_fitted(x.shape, like.shape))


@reshape_like.kernel
def _(xp: Any, x: Any, like: Any) -> Any:
    return xp.reshape(x, like.shape)


reshape_like.vjp(lambda g, y, x, like: (reshaped_to(g, x), None))


@reshape_like.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 4)), rng.integers(0, 9, (2, 6))), {}
    yield (rng.normal(size=(3, 2, 2)), rng.normal(size=(3, 4))), {}
    yield (rng.normal(size=()), rng.normal(size=(1, 1))), {}
    yield (rng.integers(0, 9, (0, 6)), rng.normal(size=(2, 0))), {}


@op(family="shape", view=True)
def flatten(x: Spec, *, first: int = 0, last: int = -1) -> Spec:
    """`x` with the axes from `first` to `last` as one, in C order; a scalar becomes a vector of one element.

    Raises SpecError if an axis is outside `x`, or if `first` comes after `last`.
    """
    a, b = _span(x.ndim, first, last)
    return x.with_shape((*x.shape[:a], product(x.shape[a:b]), *x.shape[b:]))


def _span(ndim: int, first: int, last: int) -> tuple[int, int]:
    """The axes from `first` to `last` as Python counts a slice."""
    if ndim == 0 and first in (0, -1) and last in (0, -1):
        return 0, 0
    a, b = normalize_axis(first, ndim), normalize_axis(last, ndim)
    if a > b:
        raise SpecError(f"the first axis comes after the last: {a} and {b}", dimension=f"axis {a} > {b}")
    return a, b + 1


@flatten.kernel
def _(xp: Any, x: Any, *, first: int, last: int) -> Any:
    a, b = _span(x.ndim, first, last)
    return xp.reshape(x, (*x.shape[:a], math.prod(x.shape[a:b]), *x.shape[b:]))


flatten.vjp(lambda g, y, x, *, first, last: (reshaped_to(g, x),))


@flatten.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 2, 4)),), {}
    yield (rng.normal(size=(3, 2, 4)),), {"first": 1}
    yield (rng.normal(size=(3, 2, 4)),), {"first": -3, "last": -2}
    yield (rng.normal(size=()),), {}
    yield (rng.integers(0, 9, (2, 0, 3)),), {"last": 1}


@op(family="shape", view=True)
def unflatten(x: Spec, *, axis: int, shape: NewShape) -> Spec:
    """`x` with one axis as several, of the sizes in `shape`: the reverse of `flatten`. One size may be -1: the rest.

    Raises SpecError if the axis is outside `x`, or if the sizes do not match its own.
    """
    axis = normalize_axis(axis, x.ndim)
    if not shape:
        raise SpecError("shape needs one size at least", dimension="no size")
    return x.with_shape((*x.shape[:axis], *_split(x.shape[axis], shape), *x.shape[axis + 1 :]))


def _split(d: Dim, shape: NewShape) -> NewShape:
    """The sizes in `shape` with one for -1: of an axis whose size is a name that may be unknown until it runs."""
    try:
        return _fitted((d,), shape)
    except SpecError:
        if isinstance(d, str) and shape.count(-1) == 1:
            return _fitted((None,), shape)
        raise


@unflatten.kernel
def _(xp: Any, x: Any, *, axis: int, shape: tuple[int, ...]) -> Any:
    axis = normalize_axis(axis, x.ndim)
    rest = -math.prod(shape)
    sizes = (x.shape[axis] // rest if n == -1 else n for n in shape)
    return xp.reshape(x, (*x.shape[:axis], *sizes, *x.shape[axis + 1 :]))


@unflatten.vjp
def _(g: Any, y: Any, x: Any, *, axis: int, shape: NewShape) -> Any:
    axis = normalize_axis(axis, x.ndim)
    return (flatten(g, first=axis, last=axis + len(shape) - 1),)


@unflatten.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 8)),), {"axis": 1, "shape": (2, -1)}
    yield (rng.normal(size=(6, 2)),), {"axis": -2, "shape": (1, 2, 3)}
    yield (rng.integers(0, 9, (0, 4)),), {"axis": 1, "shape": (4,)}


@op(family="shape", view=True)
def transpose(x: Spec, *, axes: tuple[int, ...] | None = None) -> Spec:
    """`x` with its axes in the order `axes`; None reverses them. Raises SpecError unless each axis is named once."""
    if axes is None:
        return x.with_shape(reversed(x.shape))
    if len(axes) != x.ndim or normalize_axes(axes, x.ndim) != tuple(range(x.ndim)):
        raise SpecError(
            f"axes must name each of the {x.ndim} axes once; got {axes}",
            dimension=f"{len(axes)} axes for {x.ndim} dimensions",
        )
    return x.with_shape(x.shape[a] for a in axes)


@transpose.kernel
def _(xp: Any, x: Any, *, axes: tuple[int, ...] | None) -> Any:
    return xp.transpose(x, axes)


@transpose.vjp
def _(g: Any, y: Any, x: Any, *, axes: tuple[int, ...] | None) -> Any:
    if axes is None:
        return (transpose(g),)
    front = [normalize_axis(a, len(axes)) for a in axes]
    return (transpose(g, axes=tuple(front.index(i) for i in range(len(front)))),)


@transpose.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 4)),), {}
    yield (rng.normal(size=(2, 3, 4)),), {"axes": (1, 2, 0)}
    yield (rng.normal(size=(2, 3, 4)),), {"axes": (0, -1, 1)}
    yield (rng.integers(0, 9, (3, 0)),), {}
    yield (rng.normal(size=()),), {}


@op(family="shape", composite=True)
def moveaxis(x: Any, *, source: Axis, destination: Axis) -> Any:
    """`x` with the axes `source` at the places `destination`; the others keep their order.

    Raises SpecError if they are not equally many, or if an axis is outside `x` or given twice.
    """
    origins, targets = _listed(source, x.ndim), _listed(destination, x.ndim)
    if len(origins) != len(targets):
        raise SpecError(
            f"source and destination need the same number of axes; got {len(origins)} and {len(targets)}",
            dimension=f"{len(origins)} != {len(targets)} axes",
        )
    order = [axis for axis in range(x.ndim) if axis not in origins]
    for place, axis in sorted(zip(targets, origins, strict=True)):
        order.insert(place, axis)
    return transpose(x, axes=tuple(order))


def _listed(axes: Axis, ndim: int) -> list[int]:
    """`axes` as numbers from the front, in their order. Raises SpecError for one outside, or given twice."""
    normalize_axes(axes, ndim)
    return [normalize_axis(a, ndim) for a in ((axes,) if isinstance(axes, int) else axes)]


@moveaxis.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(2, 3, 4)),), {"source": 0, "destination": -1}
    yield (rng.normal(size=(2, 3, 4)),), {"source": (2, 0), "destination": (0, 1)}
    yield (rng.integers(0, 9, (3, 0)),), {"source": (), "destination": ()}


@op(family="shape", composite=True)
def swapaxes(x: Any, *, axis1: int, axis2: int) -> Any:
    """`x` with two axes exchanged. Raises SpecError if one is outside `x`."""
    order = list(range(x.ndim))
    a, b = normalize_axis(axis1, x.ndim), normalize_axis(axis2, x.ndim)
    order[a], order[b] = b, a
    return transpose(x, axes=tuple(order))


@swapaxes.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(2, 3, 4)),), {"axis1": 0, "axis2": -1}
    yield (rng.integers(0, 9, (3, 0)),), {"axis1": 1, "axis2": 1}


@op(family="shape", view=True)
def expand_dims(x: Spec, *, axis: int | tuple[int, ...]) -> Spec:
    """`x` with a new axis of size 1 at each place in `axis`, counted in the result. Raises SpecError outside of it."""
    count = 1 if isinstance(axis, int) else len(axis)
    new = normalize_axes(axis, x.ndim + count)
    old = iter(x.shape)
    return x.with_shape(1 if i in new else next(old) for i in range(x.ndim + count))


@expand_dims.kernel
def _(xp: Any, x: Any, *, axis: Any) -> Any:
    return xp.expand_dims(x, axis)


@expand_dims.vjp
def _(g: Any, y: Any, x: Any, *, axis: int | tuple[int, ...]) -> Any:
    return (squeeze(g, axis=axis),)


@expand_dims.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 4)),), {"axis": 1}
    yield (rng.normal(size=(3, 4)),), {"axis": (0, -1)}
    yield (rng.normal(size=()),), {"axis": 0}
    yield (rng.integers(0, 9, (0, 2)),), {"axis": -1}


@op(family="shape", view=True)
def squeeze(x: Spec, *, axis: Axes = None) -> Spec:
    """`x` without the axes in `axis`, which must be of size 1; None removes all that are.

    Raises SpecError if an axis is outside `x`, given twice, or of another size, and for None where a size is only a
    name or unknown: it might be 1.
    """
    if axis is None and not x.is_concrete:
        raise SpecError(
            f"whether another axis of {shape_text(x.shape)} has size 1 is not known. Name the axes to remove",
            dimension=shape_text(x.shape),
        )
    axes = _squeezed(x, axis)
    for a in axes:
        if x.shape[a] != 1 and x.shape[a] is not None:
            raise SpecError(f"axis {a} has size {x.shape[a]}, not 1", dimension=f"axis {a}: {x.shape[a]} != 1")
    return x.with_shape(d for i, d in enumerate(x.shape) if i not in axes)


def _squeezed(x: Any, axis: Axes) -> tuple[int, ...]:
    if axis is None:
        return tuple(i for i, d in enumerate(x.shape) if d == 1)
    return normalize_axes(axis, len(x.shape))


@squeeze.kernel
def _(xp: Any, x: Any, *, axis: Axes) -> Any:
    return xp.squeeze(x, axis)


@squeeze.vjp
def _(g: Any, y: Any, x: Any, *, axis: Axes) -> Any:
    return (expand_dims(g, axis=_squeezed(x, axis)),)


@squeeze.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(1, 3, 1)),), {}
    yield (rng.normal(size=(3, 1)),), {"axis": -1}
    yield (rng.normal(size=(1, 3, 1)),), {"axis": (0, 2)}
    yield (rng.integers(0, 9, (1, 0)),), {"axis": 0}


@op(family="control", view=True, differentiable=False)
def stop_gradient(x: Spec) -> Spec:
    """`x` itself, through which no gradient passes."""
    return x


@stop_gradient.kernel
def _(xp: Any, x: Any) -> Any:
    return x


@stop_gradient.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 4)),), {}
    yield (rng.integers(0, 9, (2,)),), {}
