"""Several tensors as one, and one as several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
from msgspec import Meta

from flowloom.op import Sample, op
from flowloom.ops.creation import zeros_like
from flowloom.ops.inference import same_dims
from flowloom.ops.reduction import sum_
from flowloom.params import Count
from flowloom.spec import Dim, Spec, SpecError, merge, normalize_axis, product, promote, quotient

Sizes: TypeAlias = tuple[Annotated[int, Meta(ge=-1)], ...]


@op(family="shape", narrow=True)
def concatenate(*xs: Spec, axis: int = 0) -> Spec:
    """`xs` one after the other along `axis`, in the widest dtype; the other sizes must be equal.

    Raises SpecError if other sizes differ, or if the axis is outside.
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
            if a != skip:
                shape[a] = merge(shape[a], d, f"xs.0 and xs.{i} differ along axis {a}: {shape[a]} and {d}")
    return shape


@concatenate.kernel
def _(xp: Any, *xs: Any, axis: int, out: Any = None) -> Any:
    dtype = promote(*(x.dtype for x in xs))
    same = [x.astype(dtype, copy=False) for x in xs]
    return xp.concatenate(same, axis=axis) if out is None else xp.concatenate(same, axis=axis, out=out)


@concatenate.vjp
def _(g: Any, y: Any, *xs: Any, axis: int) -> Any:
    sizes = [x.shape[axis] for x in xs]
    if all(isinstance(n, int) for n in sizes):
        return split(g, sizes=tuple(sizes), axis=axis)
    return split_like(g, *xs, axis=axis)


@concatenate.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(2, 3)), rng.normal(size=(1, 3))), {}
    yield (rng.normal(size=(2, 3)), rng.normal(size=(2, 1)), rng.normal(size=(2, 0))), {"axis": -1}
    yield (rng.normal(size=(3,)),), {}
    yield (rng.integers(0, 9, (2,)), rng.normal(size=(1,))), {}


@op(family="shape", narrow=True)
def stack(*xs: Spec, axis: int = 0) -> Spec:
    """`xs`, which must be of equal shape, side by side along a new axis, in the widest dtype.

    Raises SpecError if their shapes differ, or if the axis is outside the result.
    """
    shape = _merged(xs)
    shape.insert(normalize_axis(axis, len(shape) + 1), len(xs))
    return Spec(shape, promote(*(x.dtype for x in xs)))


@stack.kernel
def _(xp: Any, *xs: Any, axis: int, out: Any = None) -> Any:
    dtype = promote(*(x.dtype for x in xs))
    same = [x.astype(dtype, copy=False) for x in xs]
    return xp.stack(same, axis=axis) if out is None else xp.stack(same, axis=axis, out=out)


@stack.vjp
def _(g: Any, y: Any, *xs: Any, axis: int) -> Any:
    return unstack(g, axis=axis)


@stack.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(2, 3)), rng.normal(size=(2, 3))), {}
    yield (rng.normal(size=(2, 3)), rng.normal(size=(2, 3)), rng.normal(size=(2, 3))), {"axis": -1}
    yield (rng.normal(size=()), rng.normal(size=())), {}
    yield (rng.integers(0, 9, (0,)), rng.normal(size=(0,))), {}


# ---------------------------------------------------------------- one as several


@op(family="shape", view=True, outputs=("*parts",))
def split(x: Spec, *, sections: Count | None = None, sizes: Sizes | None = None, axis: int = 0) -> tuple[Spec, ...]:
    """`x` cut along `axis` into `sections` equal parts, or into parts of these `sizes`; one may be -1: the rest.

    Raises SpecError unless either `sections` or `sizes` is given, if they do not divide the size of the axis, or if
    the axis is outside `x`.
    """
    axis = normalize_axis(axis, x.ndim)
    parts = _parts(x.shape[axis], sections, sizes)
    return tuple(x.with_shape((*x.shape[:axis], d, *x.shape[axis + 1 :])) for d in parts)


def _parts(d: Dim, sections: int | None, sizes: Sizes | None) -> list[Dim]:
    """The sizes of the parts of an axis of size `d`, as far as they are known."""
    if (sections is None) == (sizes is None):
        raise SpecError("give either sections or sizes")
    if sections is not None:
        if isinstance(d, int) and d % sections:
            raise SpecError(f"an axis of size {d} does not divide into {sections}", dimension=f"{d} / {sections}")
        part = d if sections == 1 else d // sections if isinstance(d, int) else _of_name(d, sections)
        return [part] * sections
    assert sizes is not None
    if not sizes or sizes.count(-1) > 1:
        raise SpecError(f"sizes needs one part at least, and one -1 at most; got {sizes}", dimension="sizes")
    known = sum(n for n in sizes if n != -1)
    if isinstance(d, int) and (d < known if -1 in sizes else d != known):
        raise SpecError(f"an axis of size {d} does not divide into {sizes}", dimension=f"{d} into {known}")
    rest = d - known if isinstance(d, int) else d if known == 0 else None
    return [rest if n == -1 else n for n in sizes]


def _of_name(d: Dim, sections: int) -> Dim:
    """A part of an axis whose size is a name: of "2*batch" in 2 parts that is "batch", of "batch" it is not known."""
    try:
        return quotient(d, sections)
    except SpecError:
        return None


@split.kernel
def _(xp: Any, x: Any, *, sections: int | None, sizes: Sizes | None, axis: int) -> Any:
    return cut(x, _parts(x.shape[axis], sections, sizes), axis)


def cut(x: Any, sizes: Sequence[Any], axis: int) -> tuple[Any, ...]:
    """Views of `x` of these sizes, one after the other along `axis`."""
    lead = (slice(None),) * normalize_axis(axis, x.ndim)
    ends = accumulate(sizes)
    return tuple(x[(*lead, slice(end - n, end))] for n, end in zip(sizes, ends, strict=True))


@split.vjp
def _(g: Any, y: Any, x: Any, *, sections: int | None, sizes: Sizes | None, axis: int) -> Any:
    return (joined(g, y, axis),)


def joined(gs: Any, parts: Any, axis: int) -> Any:
    """The gradients `gs` of `parts` in one, with zeros where there is none."""
    return concatenate(*(zeros_like(part) if g is None else g for g, part in zip(gs, parts, strict=True)), axis=axis)


@split.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(4, 3)),), {"sections": 2}
    yield (rng.normal(size=(3, 5)),), {"sizes": (1, 4), "axis": 1}
    yield (rng.normal(size=(2, 3, 4)),), {"sizes": (1, -1, 1), "axis": -1}
    yield (rng.integers(0, 9, (3, 0)),), {"sizes": (0, 0), "axis": 1}


@op(family="shape", view=True, internal=True, outputs=("*parts",))
def split_like(x: Spec, *likes: Spec, axis: int) -> tuple[Spec, ...]:
    """`x` cut along `axis` into parts of the sizes that `likes` have along it when it runs.

    The values of `likes` are not read. Raises SpecError if the axis is outside `x` or one of `likes`.
    """
    axis = normalize_axis(axis, x.ndim)
    sizes = (like.shape[normalize_axis(axis, like.ndim)] for like in likes)
    return tuple(x.with_shape((*x.shape[:axis], size, *x.shape[axis + 1 :])) for size in sizes)


@split_like.kernel
def _(xp: Any, x: Any, *likes: Any, axis: int) -> Any:
    return cut(x, [like.shape[axis] for like in likes], axis)


@split_like.vjp
def _(g: Any, y: Any, x: Any, *likes: Any, axis: int) -> Any:
    return joined(g, y, axis), *(None for _ in likes)


@split_like.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(4, 3)), rng.integers(0, 9, (1, 3)), rng.integers(0, 9, (3, 3))), {"axis": 0}
    yield (rng.normal(size=(2, 3)), rng.normal(size=(2, 0)), rng.normal(size=(2, 3))), {"axis": -1}


@op(family="shape", view=True, outputs=("*parts",))
def unstack(x: Spec, *, axis: int = 0) -> tuple[Spec, ...]:
    """The slices of `x` along `axis`, each a tensor without that axis: the reverse of `stack`.

    Raises SpecError if the size of the axis is 0 or not known, or if the axis is outside `x`.
    """
    axis = normalize_axis(axis, x.ndim)
    count = x.shape[axis]
    if not isinstance(count, int) or count == 0:
        known = "0" if count == 0 else f"not known: {count or '?'}"
        raise SpecError(f"the size of axis {axis} is {known}. It is the number of outputs", dimension=f"axis {axis}")
    return (x.with_shape((*x.shape[:axis], *x.shape[axis + 1 :])),) * count


@unstack.kernel
def _(xp: Any, x: Any, *, axis: int) -> Any:
    front = xp.moveaxis(x, axis, 0)
    return tuple(front[i, ...] for i in range(x.shape[axis]))


@unstack.vjp
def _(g: Any, y: Any, x: Any, *, axis: int) -> Any:
    return (
        stack(*(zeros_like(part) if part_g is None else part_g for part_g, part in zip(g, y, strict=True)), axis=axis),
    )


@unstack.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 4)),), {}
    yield (rng.normal(size=(2, 3)),), {"axis": -1}
    yield (rng.integers(0, 9, (2,)),), {}


@op(family="shape", outputs=("*grids",))
def meshgrid(*xs: Spec, indexing: Literal["xy", "ij"] = "xy") -> tuple[Spec, ...]:
    """The coordinates of a grid whose axes have the positions `xs`, vectors: one tensor for each, of the grid's shape.

    With "ij" axis i of the grid is that of `xs[i]`; with "xy" the first two are exchanged, as in pictures. Each keeps
    its dtype. Raises SpecError unless all of `xs` are vectors.
    """
    for i, x in enumerate(xs):
        same_dims(x, 1, f"xs.{i}")
    shape = [x.shape[0] for x in xs]
    if indexing == "xy":
        shape[:2] = reversed(shape[:2])
    return tuple(x.with_shape(shape) for x in xs)


@meshgrid.kernel
def _(xp: Any, *xs: Any, indexing: str) -> Any:
    return tuple(xp.meshgrid(*xs, indexing=indexing))


@meshgrid.vjp
def _(g: Any, y: Any, *xs: Any, indexing: str) -> Any:
    axes = list(range(len(xs)))
    if indexing == "xy":
        axes[:2] = reversed(axes[:2])
    others = [tuple(a for a in axes if a != axis) for axis in axes]
    return tuple(None if gi is None else sum_(gi, axis=rest) for gi, rest in zip(g, others, strict=True))


@meshgrid.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3,)), rng.normal(size=(4,))), {}
    yield (rng.normal(size=(2,)), rng.integers(0, 9, (3,)), rng.normal(size=(1,))), {"indexing": "ij"}
    yield (rng.normal(size=(2,)),), {}
    yield (rng.normal(size=(2,)), rng.normal(size=(0,))), {}
