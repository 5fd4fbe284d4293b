"""The same elements in another shape: nothing is computed, and nothing copied where NumPy can avoid it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, TypeAlias

import numpy as np
from msgspec import Meta

from flowloom.op import Sample, op
from flowloom.ops.inference import normalize_axes
from flowloom.params import Axes
from flowloom.spec import Dim, Spec, SpecError, normalize_axis, product, quotient, shape_text

NewShape: TypeAlias = tuple[Annotated[int, Meta(ge=-1)] | str | None, ...]


@op(family="shape", view=True)
def reshape(x: Spec, *, shape: NewShape) -> Spec:
    """The elements of `x`, in C order, in another shape. One dimension may be -1: what the others leave.

    Dimensions may be names: [batch, 8, 8, 16] in shape (-1, 1024) is [batch, 1024]. `x` is copied if its memory is not
    in C order. Raises SpecError if the sizes do not match, or if there are several -1.
    """
    if shape.count(-1) > 1:
        raise SpecError(f"one dimension may be -1; got {shape_text(shape)}", dimension="-1")
    total, known = product(x.shape), product(d for d in shape if d != -1)
    if -1 in shape:
        try:
            rest = quotient(total, known)
        except SpecError:
            raise _mismatch(total, x, shape) from None
        return x.with_shape(rest if d == -1 else d for d in shape)
    if total is not None and known is not None and total != known:
        raise _mismatch(total, x, shape)
    return x.with_shape(shape)


def _mismatch(total: Dim, x: Spec, shape: NewShape) -> SpecError:
    return SpecError(
        f"the {total} elements of {shape_text(x.shape)} do not fit the shape {shape_text(shape)}",
        dimension=f"{total} elements",
    )


@reshape.kernel
def _(xp: Any, x: Any, *, shape: Any) -> Any:
    return xp.reshape(x, shape)


@reshape.vjp
def _(g: Any, y: Any, x: Any, *, shape: NewShape) -> Any:
    one_unknown = x.shape.count(None) == 1
    return (reshape(g, shape=tuple(-1 if d is None and one_unknown else d for d in x.shape)),)


@reshape.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 4)),), {"shape": (2, 6)}
    yield (rng.normal(size=(3, 2, 4)),), {"shape": (3, -1)}
    yield (rng.normal(size=()),), {"shape": (1, 1)}
    yield (rng.integers(0, 9, (0, 6)),), {"shape": (-1, 2)}


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

    Raises SpecError if an axis is outside `x`, given twice, or of another size.
    """
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


squeeze.vjp(lambda g, y, x, *, axis: (expand_dims(g, axis=_squeezed(x, axis)),))


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
