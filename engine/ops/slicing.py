"""Parts of a tensor, and their reverse: `slice` takes a part, `unslice` and `pad` put one into a larger tensor."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from typing import Annotated, Any, TypeAlias

import numpy as np
from msgspec import Meta

from flowloom.op import Sample, op
from flowloom.ops.inference import normalize_axes
from flowloom.ops.kernels import blank
from flowloom.params import Axes, Shape
from flowloom.spec import Dim, Spec, SpecError, merge, shape_text

Bounds: TypeAlias = tuple[int | None, ...]
Width: TypeAlias = Annotated[int, Meta(ge=0)]
Widths: TypeAlias = Width | tuple[tuple[Width, Width], ...]


def slices(start: Bounds, stop: Bounds, step: Bounds) -> tuple[builtins.slice, ...]:
    """Python's slices, one for each leading axis."""
    return tuple(builtins.slice(*bounds) for bounds in zip(start, stop, step or (None,) * len(start), strict=True))


@op(family="shape", view=True)
def slice_(x: Spec, *, start: Bounds, stop: Bounds, step: Bounds = ()) -> Spec:
    """Part of `x` by Python's rules, one start, stop and step for each of the leading axes; None is as in `x[::]`.

    `x[1:3, ::2]` is `start=(1, None), stop=(3, None), step=(None, 2)`. Bounds beyond the ends are cut off. Raises
    SpecError if start, stop and step differ in length, are more than there are axes, or a step is 0.
    """
    if not len(start) == len(stop) == len(step or start) <= x.ndim:
        raise SpecError(
            f"start, stop and step need the same length, up to {x.ndim}; got {len(start)}, {len(stop)} and {len(step)}",
            dimension=f"{len(start)} slices for {x.ndim} dimensions",
        )
    if 0 in step:
        raise SpecError(f"a step cannot be 0; got {step}", dimension="step 0")
    parts = slices(start, stop, step)
    return x.with_shape((*map(_part, x.shape, parts), *x.shape[len(parts) :]))


def _part(d: Dim, part: builtins.slice) -> Dim:
    if isinstance(d, int):
        return len(range(*part.indices(d)))
    return d if part.start is None and part.stop is None and part.step in (None, 1, -1) else None


@slice_.kernel
def _(xp: Any, x: Any, *, start: Bounds, stop: Bounds, step: Bounds) -> Any:
    return x[slices(start, stop, step)]


@slice_.vjp
def _(g: Any, y: Any, x: Any, *, start: Bounds, stop: Bounds, step: Bounds) -> Any:
    return (unslice(g, start=start, stop=stop, step=step, shape=x.shape),)


@slice_.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(5, 4, 2)),), {"start": (1, None), "stop": (3, None), "step": (None, 2)}
    yield (rng.normal(size=(5,)),), {"start": (-2,), "stop": (None,), "step": (-2,)}
    yield (rng.integers(0, 9, (3, 4)),), {"start": (5,), "stop": (9,)}


@op(family="shape", internal=True)
def unslice(part: Spec, *, start: Bounds, stop: Bounds, step: Bounds = (), shape: Shape) -> Spec:
    """Zeros in `shape`, with `part` where `slice` of the same start, stop and step would take it from.

    Raises SpecError if `part` is not what that slice gives.
    """
    whole = part.with_shape(shape)
    taken = slice_.infer(whole, start=start, stop=stop, step=step)
    assert isinstance(taken, Spec)
    if taken.ndim != part.ndim:
        raise SpecError(f"the slice of {shape_text(shape)} is {shape_text(taken.shape)}, not {shape_text(part.shape)}")
    for a, b in zip(taken.shape, part.shape, strict=True):
        merge(a, b)
    return whole


@unslice.kernel
def _(xp: Any, part: Any, *, start: Bounds, stop: Bounds, step: Bounds, shape: Any, out: Any = None) -> Any:
    out = blank(xp, out, shape, part.dtype)
    out[slices(start, stop, step)] = part
    return out


@unslice.vjp
def _(g: Any, y: Any, part: Any, *, start: Bounds, stop: Bounds, step: Bounds, shape: Shape) -> Any:
    return (slice_(g, start=start, stop=stop, step=step),)


@unslice.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    whole = {"shape": (5, 4, 2)}
    yield (rng.normal(size=(2, 2, 2)),), {"start": (1, None), "stop": (3, None), "step": (None, 2), **whole}
    yield (rng.normal(size=(1,)),), {"start": (-2,), "stop": (None,), "step": (-4,), "shape": (5,)}
    yield (rng.normal(size=(3, 2)),), {"start": (None, 1), "stop": (None, 3), "shape": (3, 4)}
    yield (rng.integers(0, 9, (0, 4)),), {"start": (5,), "stop": (9,), "shape": (3, 4)}


@op(family="shape")
def pad(x: Spec, *, pad_width: Widths, value: float = 0.0) -> Spec:
    """`x` with `value` around it. `pad_width` is (before, after) for each axis, or one number for all sides.

    Raises SpecError unless there is a pair for each axis.
    """
    widths = _widths(pad_width, x.ndim)
    if len(widths) != x.ndim:
        raise SpecError(
            f"pad_width needs a (before, after) for each of the {x.ndim} axes; got {len(widths)}",
            dimension=f"{len(widths)} pairs for {x.ndim} dimensions",
        )
    return x.with_shape(map(_padded, x.shape, widths))


def _widths(pad_width: Widths, ndim: int) -> tuple[tuple[int, int], ...]:
    return ((pad_width, pad_width),) * ndim if isinstance(pad_width, int) else pad_width


def _padded(d: Dim, width: tuple[int, int]) -> Dim:
    if isinstance(d, int):
        return d + sum(width)
    return None if any(width) else d


def _inner(widths: tuple[tuple[int, int], ...]) -> dict[str, Any]:
    """The bounds of what lies inside a padding, counted from either end: the size itself is not needed."""
    return {"start": tuple(before for before, _ in widths), "stop": tuple(-after or None for _, after in widths)}


@pad.kernel
def _(xp: Any, x: Any, *, pad_width: Widths, value: float, out: Any = None) -> Any:
    widths = _widths(pad_width, x.ndim)
    out = blank(xp, out, tuple(map(_padded, x.shape, widths)), x.dtype, value)  # type: ignore[arg-type]  # all numbers
    out[slices(**_inner(widths), step=())] = x
    return out


@pad.vjp
def _(g: Any, y: Any, x: Any, *, pad_width: Widths, value: float) -> Any:
    return (slice_(g, **_inner(_widths(pad_width, x.spec.ndim))),)


@pad.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 2)),), {"pad_width": ((1, 2), (0, 3)), "value": 0.5}
    yield (rng.normal(size=(2, 3)),), {"pad_width": 1}
    yield (rng.integers(0, 9, (0, 2)),), {"pad_width": ((1, 0), (0, 0)), "value": 7.0}
    yield (rng.normal(size=()),), {"pad_width": ()}


@op(family="shape", view=True)
def flip(x: Spec, *, axis: Axes = None) -> Spec:
    """`x` with the order of its elements reversed along `axis` (None: all axes). Raises SpecError outside of `x`."""
    normalize_axes(axis, x.ndim)
    return x


@flip.kernel
def _(xp: Any, x: Any, *, axis: Axes) -> Any:
    return xp.flip(x, axis)


flip.vjp(lambda g, y, x, *, axis: (flip(g, axis=axis),))


@flip.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 4)),), {}
    yield (rng.normal(size=(2, 3, 4)),), {"axis": (0, -1)}
    yield (rng.integers(0, 9, (3, 0)),), {"axis": 0}
