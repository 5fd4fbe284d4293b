"""Broadcasting and its reverse: what the gradient of every broadcast operand goes through."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.inference import numeric
from flowloom.params import Shape
from flowloom.spec import Dim, Spec, SpecError, shape_text


@op(family="shape", view=True)
def broadcast_to(x: Spec, *, shape: Shape) -> Spec:
    """Repeat `x` to `shape` by NumPy's broadcasting, without copying. A size of None is that of `x`.

    Raises SpecError if it does not broadcast, and ValueError, when it runs, for None where `x` has no axis.
    """
    _check(x.shape, shape)
    lead = len(shape) - x.ndim
    own = (None if i < lead or x.shape[i - lead] == 1 else x.shape[i - lead] for i in range(len(shape)))
    return x.with_shape(kept if d is None else d for d, kept in zip(shape, own, strict=True))


@broadcast_to.kernel
def _(xp: Any, x: Any, *, shape: Shape) -> Any:
    lead = len(shape) - x.ndim
    if None in shape[:lead]:
        raise ValueError(f"the size of a new axis must be given; got {shape_text(shape)}")
    return xp.broadcast_to(x, tuple(x.shape[i - lead] if d is None else d for i, d in enumerate(shape)))


broadcast_to.vjp(lambda g, y, x, *, shape: (summed_to(g, x),))


@broadcast_to.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(4,)),), {"shape": (3, 4)}
    yield (rng.normal(size=(3, 1)),), {"shape": (2, 3, 4)}
    yield (rng.normal(size=()),), {"shape": (2, 3)}
    yield (rng.integers(0, 9, (1, 3)),), {"shape": (0, 3)}


@op(family="reduction", internal=True)
def sum_to(x: Spec, *, shape: Shape) -> Spec:
    """Sum `x` down to `shape`, which broadcasts to that of `x`: the reverse of `broadcast_to`. The dtype stays.

    Raises SpecError if `shape` does not broadcast to the shape of `x`, or for bool.
    """
    _check(shape, x.shape)
    return numeric(x).with_shape(shape)


@sum_to.kernel
def _(xp: Any, x: Any, *, shape: tuple[int, ...], out: Any = None) -> Any:
    return _sum(xp, x, shape, out)


sum_to.vjp(lambda g, y, x, *, shape: (broadcast_as(g, x),))


@sum_to.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 4)),), {"shape": (4,)}
    yield (rng.normal(size=(2, 3, 4)),), {"shape": (3, 1)}
    yield (rng.normal(size=(2, 1, 4)),), {"shape": (1, 1)}
    yield (rng.normal(size=(2, 3)),), {"shape": ()}
    yield (rng.normal(size=(2, 3)),), {"shape": (2, 3)}
    yield (rng.normal(size=(0, 3)),), {"shape": (3,)}
    yield (rng.integers(0, 9, (2, 3), dtype=np.int32),), {"shape": (3,)}


# ---------------------------------------------------------------- shapes that are known when it runs


@op(family="shape", view=True, internal=True)
def broadcast_like(x: Spec, like: Spec) -> Spec:
    """Repeat `x` to the shape that `like` has when it runs, without copying. Raises SpecError if it does not broadcast.

    The values of `like` are not read.
    """
    _check(x.shape, like.shape)
    return x.with_shape(like.shape)


@broadcast_like.kernel
def _(xp: Any, x: Any, like: Any) -> Any:
    return xp.broadcast_to(x, like.shape)


broadcast_like.vjp(lambda g, y, x, like: (summed_to(g, x), None))


@broadcast_like.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(4,)), rng.integers(0, 9, (3, 4))), {}
    yield (rng.normal(size=(3, 1)), rng.normal(size=(2, 3, 4))), {}
    yield (rng.normal(size=()), rng.normal(size=(0, 2))), {}
    yield (rng.integers(0, 9, (2, 3)), rng.normal(size=(2, 3))), {}


@op(family="reduction", internal=True)
def sum_like(x: Spec, like: Spec) -> Spec:
    """Sum `x` down to the shape that `like` has when it runs: the reverse of `broadcast_like`. The dtype stays.

    The values of `like` are not read. Raises SpecError if its shape does not broadcast to that of `x`, or for bool.
    """
    _check(like.shape, x.shape)
    return numeric(x).with_shape(like.shape)


@sum_like.kernel
def _(xp: Any, x: Any, like: Any, *, out: Any = None) -> Any:
    return _sum(xp, x, like.shape, out)


sum_like.vjp(lambda g, y, x, like: (broadcast_as(g, x), None))


@sum_like.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 4)), rng.integers(0, 9, (4,))), {}
    yield (rng.normal(size=(2, 3, 4)), rng.normal(size=(3, 1))), {}
    yield (rng.normal(size=(2, 3)), rng.normal(size=())), {}
    yield (rng.normal(size=(0, 3)), rng.normal(size=(1, 3))), {}
    yield (rng.integers(0, 9, (2, 3)), rng.normal(size=(2, 3))), {}


# ---------------------------------------------------------------- for gradient rules


def broadcast_as(x: Any, like: Any) -> Any:
    """`x` repeated to the shape of `like`, which is read from `like` itself only where a size is not known before."""
    return broadcast_like(x, like) if None in like.shape else broadcast_to(x, shape=like.shape)


def summed_to(x: Any, like: Any) -> Any:
    """`x` summed down to the shape of `like`, which is read from `like` only where a size is not known before."""
    return sum_like(x, like) if None in like.shape else sum_to(x, shape=like.shape)


def sized(x: Any) -> tuple[Any, ...]:
    """The operands that tell a kernel the shape of `x` when it runs: none where it is known before."""
    return (x,) if None in x.shape else ()


# ----------------------------------------------------------------


def _sum(xp: Any, x: Any, shape: tuple[int, ...], out: Any) -> Any:
    """`x` summed to `shape`: over the axes in front that `shape` lacks, and over those where it has size 1."""
    lead = x.ndim - len(shape)
    ones = (lead + i for i, n in enumerate(shape) if n == 1 and x.shape[lead + i] != 1)
    axes = (*range(lead), *ones)
    if out is None:
        return xp.sum(x, axis=axes, dtype=x.dtype).reshape(shape)
    xp.sum(x, axis=axes, dtype=x.dtype, out=out.reshape([n for i, n in enumerate(shape) if lead + i not in axes]))
    return out


def _check(small: tuple[Dim, ...], large: tuple[Dim, ...]) -> None:
    """Raise SpecError unless the shape `small` broadcasts to `large`, as far as sizes are known."""
    rule = f"{shape_text(small)} does not broadcast to {shape_text(large)}"
    if len(small) > len(large):
        raise SpecError(f"{rule}: it has more dimensions", dimension=f"{len(small)} > {len(large)} dimensions")
    for axis in range(1, len(small) + 1):
        d, n = small[-axis], large[-axis]
        if d != 1 and d != n and d is not None and n is not None:
            raise SpecError(f"{rule}: axis -{axis} is {d} and {n}", dimension=f"axis -{axis}: {d} != {n}")
