"""Parts of a tensor by Python's slices, and the reverse: `unslice` puts a part into a larger tensor of zeros."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.broadcasting import sized
from flowloom.ops.inference import shaped
from flowloom.ops.kernels import blank
from flowloom.params import Shape
from flowloom.spec import Dim, Spec, SpecError

Bounds: TypeAlias = tuple[int | None, ...]


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
    return x[(*slices(start, stop, step), ...)]


@slice_.vjp
def _(g: Any, y: Any, x: Any, *, start: Bounds, stop: Bounds, step: Bounds) -> Any:
    return (unslice(g, *sized(x), start=start, stop=stop, step=step, shape=x.shape),)


@slice_.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(5, 4, 2)),), {"start": (1, None), "stop": (3, None), "step": (None, 2)}
    yield (rng.normal(size=(5,)),), {"start": (-2,), "stop": (None,), "step": (-2,)}
    yield (rng.integers(0, 9, (3, 4)),), {"start": (5,), "stop": (9,)}


@op(family="shape", internal=True)
def unslice(part: Spec, *like: Spec, start: Bounds, stop: Bounds, step: Bounds = (), shape: Shape) -> Spec:
    """Zeros in `shape`, with `part` where `slice` of the same start, stop and step would take it from.

    Where a size in `shape` is not known before it runs, the shape is that of `like`. Raises SpecError if `part` is not
    what that slice gives.
    """
    whole = part.with_shape(shape)
    taken = slice_.infer(whole, start=start, stop=stop, step=step)
    assert isinstance(taken, Spec)
    shaped(part, taken.shape, "part")
    return whole


@unslice.kernel
def _(xp: Any, part: Any, *like: Any, start: Bounds, stop: Bounds, step: Bounds, shape: Any, out: Any = None) -> Any:
    out = blank(xp, out, like[0].shape if like else shape, part.dtype)
    out[slices(start, stop, step)] = part
    return out


@unslice.vjp
def _(g: Any, y: Any, part: Any, *like: Any, start: Bounds, stop: Bounds, step: Bounds, shape: Shape) -> Any:
    return slice_(g, start=start, stop=stop, step=step), *(None for _ in like)


@unslice.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    whole = {"shape": (5, 4, 2)}
    yield (rng.normal(size=(2, 2, 2)),), {"start": (1, None), "stop": (3, None), "step": (None, 2), **whole}
    yield (rng.normal(size=(1,)),), {"start": (-2,), "stop": (None,), "step": (-4,), "shape": (5,)}
    yield (rng.normal(size=(3, 2)),), {"start": (None, 1), "stop": (None, 3), "shape": (3, 4)}
    yield (
        (rng.normal(size=(3, 2)), rng.integers(0, 9, (3, 4))),
        {"start": (None, 1), "stop": (None, 3), "shape": (3, 4)},
    )
    yield (rng.integers(0, 9, (0, 4)),), {"start": (5,), "stop": (9,), "shape": (3, 4)}
