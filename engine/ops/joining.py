"""Several tensors, or copies of one, as one larger tensor."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import Annotated, Any, TypeAlias

import numpy as np
from msgspec import Meta

from flowloom.op import Sample, op
from flowloom.ops.reduction import sum_
from flowloom.ops.shape import reshape, squeeze
from flowloom.ops.slicing import slice_
from flowloom.spec import Dim, Spec, SpecError, merge, normalize_axis, product, promote

Copies: TypeAlias = Annotated[int, Meta(ge=0)]


@op(family="shape")
def concatenate(*xs: Spec, axis: int = 0) -> Spec:
    """`xs` one after the other along `axis`, in the widest dtype; the other sizes must be equal.

    Its gradient needs the sizes along `axis`. Raises SpecError if other sizes differ, or if the axis is outside.
    """
    shape = _merged(xs, skip=normalize_axis(axis, xs[0].ndim))
    along = [x.shape[axis] for x in xs]
    numbers = [d for d in along if isinstance(d, int)]
    if len(numbers) == len(along):
        shape[axis] = sum(numbers)
    else:
        shape[axis] = product((len(along), along[0])) if len(set(along)) == 1 else None
    return Spec(shape, promote(*(x.dtype for x in xs)))


def _merged(xs: tuple[Spec, ...], skip: int | None = None) -> list[Dim]:
    """The shape that all of `xs` have, but for axis `skip`. Raises SpecError if there is none."""
    shape = list(xs[0].shape)
    for i, x in enumerate(xs[1:], start=1):
        if x.ndim != len(shape):
            raise SpecError(
                f"xs.0 has {len(shape)} dimensions, xs.{i} has {x.ndim}",
                dimension=f"{len(shape)} != {x.ndim} dimensions",
            )
        for a, d in enumerate(x.shape):
            if a == skip:
                continue
            try:
                shape[a] = merge(shape[a], d)
            except SpecError:
                raise SpecError(
                    f"xs.0 and xs.{i} differ along axis {a}: {shape[a]} and {d}",
                    dimension=f"axis {a}: {shape[a]} != {d}",
                ) from None
    return shape


@concatenate.kernel
def _(xp: Any, *xs: Any, axis: int, out: Any = None) -> Any:
    if out is None:
        dtype = promote(*(x.dtype for x in xs))
        return xp.concatenate([x.astype(dtype, copy=False) for x in xs], axis=axis)
    return xp.concatenate(xs, axis=axis, out=out)


@concatenate.vjp
def _(g: Any, y: Any, *xs: Any, axis: int) -> Any:
    sizes = [x.shape[axis] for x in xs]
    if not all(isinstance(n, int) for n in sizes):
        raise SpecError(f"the gradient of concatenate needs the sizes along axis {axis}; got {sizes}")
    ends = list(accumulate(sizes))
    return tuple(_span(g, axis, end - n, end) for n, end in zip(sizes, ends, strict=True))


def _span(g: Any, axis: int, start: int, stop: int) -> Any:
    """`g` from `start` to `stop` along `axis`."""
    lead = (None,) * normalize_axis(axis, g.spec.ndim)
    return slice_(g, start=(*lead, start), stop=(*lead, stop))


@concatenate.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(2, 3)), rng.normal(size=(1, 3))), {}
    yield (rng.normal(size=(2, 3)), rng.normal(size=(2, 1)), rng.normal(size=(2, 0))), {"axis": -1}
    yield (rng.normal(size=(3,)),), {}
    yield (rng.integers(0, 9, (2,)), rng.normal(size=(1,))), {}


@op(family="shape")
def stack(*xs: Spec, axis: int = 0) -> Spec:
    """`xs`, which must be of equal shape, side by side along a new axis, in the widest dtype.

    Raises SpecError if their shapes differ, or if the axis is outside the result.
    """
    shape = _merged(xs)
    shape.insert(normalize_axis(axis, len(shape) + 1), len(xs))
    return Spec(shape, promote(*(x.dtype for x in xs)))


@stack.kernel
def _(xp: Any, *xs: Any, axis: int, out: Any = None) -> Any:
    if out is None:
        dtype = promote(*(x.dtype for x in xs))
        return xp.stack([x.astype(dtype, copy=False) for x in xs], axis=axis)
    return xp.stack(xs, axis=axis, out=out)


@stack.vjp
def _(g: Any, y: Any, *xs: Any, axis: int) -> Any:
    return tuple(squeeze(_span(g, axis, i, i + 1), axis=axis) for i in range(len(xs)))


@stack.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(2, 3)), rng.normal(size=(2, 3))), {}
    yield (rng.normal(size=(2, 3)), rng.normal(size=(2, 3)), rng.normal(size=(2, 3))), {"axis": -1}
    yield (rng.normal(size=()), rng.normal(size=())), {}
    yield (rng.integers(0, 9, (0,)), rng.normal(size=(0,))), {}


@op(family="shape")
def tile(x: Spec, *, reps: Copies | tuple[Copies, ...]) -> Spec:
    """`x` repeated `reps` times along each axis; missing axes, or missing counts, stand in front and are 1."""
    reps, shape = _aligned(reps, x.shape)
    return x.with_shape(product(pair) for pair in zip(reps, shape, strict=True))


def _aligned(reps: int | tuple[int, ...], shape: tuple[Dim, ...]) -> tuple[tuple[int, ...], tuple[Dim, ...]]:
    counts = (reps,) if isinstance(reps, int) else reps
    return (1,) * (len(shape) - len(counts)) + counts, (1,) * (len(counts) - len(shape)) + shape


@tile.kernel
def _(xp: Any, x: Any, *, reps: int | tuple[int, ...], out: Any = None) -> Any:
    counts, shape = _aligned(reps, x.shape)
    pairs = [n for pair in zip(counts, shape, strict=True) for n in pair]
    if out is None:
        out = xp.empty([n * d for n, d in zip(counts, shape, strict=True)], x.dtype)  # type: ignore[operator]
    out.reshape(pairs)[...] = x.reshape([n for d in shape for n in (1, d)])
    return out


@tile.vjp
def _(g: Any, y: Any, x: Any, *, reps: int | tuple[int, ...]) -> Any:
    counts, shape = _aligned(reps, x.shape)
    split = reshape(g, shape=tuple(n for pair in zip(counts, shape, strict=True) for n in pair))
    return (sum_(split, axis=tuple(range(0, 2 * len(counts), 2))),)


@tile.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(2, 3)),), {"reps": 2}
    yield (rng.normal(size=(3,)),), {"reps": (2, 1, 2)}
    yield (rng.normal(size=(2, 3)),), {"reps": (0, 2)}
    yield (rng.integers(0, 9, ()),), {"reps": (3,)}
