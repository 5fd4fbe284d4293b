"""Broadcasting and its reverse: what the gradient of every broadcast operand goes through."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.inference import numeric
from flowloom.params import Shape
from flowloom.spec import Spec, SpecError, shape_text


@op(family="shape", view=True)
def broadcast_to(x: Spec, *, shape: Shape) -> Spec:
    """Repeat `x` to `shape` by NumPy's broadcasting, without copying. Raises SpecError if it does not broadcast."""
    _check(x.shape, shape, f"{shape_text(x.shape)} does not broadcast to {shape_text(shape)}")
    return x.with_shape(shape)


@broadcast_to.kernel
def _(xp: Any, x: Any, *, shape: Any) -> Any:
    return xp.broadcast_to(x, shape)


@broadcast_to.vjp
def _(g: Any, y: Any, x: Any, *, shape: Shape) -> Any:
    return (sum_to(g, shape=x.shape),)


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
    _check(shape, x.shape, f"{shape_text(shape)} does not broadcast to {shape_text(x.shape)}")
    return numeric(x).with_shape(shape)


@sum_to.kernel
def _(xp: Any, x: Any, *, shape: tuple[int, ...], out: Any = None) -> Any:
    lead = x.ndim - len(shape)
    ones = (lead + i for i, n in enumerate(shape) if n == 1 and x.shape[lead + i] != 1)
    axes = (*range(lead), *ones)
    if out is None:
        return xp.sum(x, axis=axes, dtype=x.dtype).reshape(shape)
    xp.sum(x, axis=axes, dtype=x.dtype, out=out.reshape([n for i, n in enumerate(shape) if lead + i not in axes]))
    return out


sum_to.vjp(lambda g, y, x, *, shape: (broadcast_to(g, shape=x.shape),))


@sum_to.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 4)),), {"shape": (4,)}
    yield (rng.normal(size=(2, 3, 4)),), {"shape": (3, 1)}
    yield (rng.normal(size=(2, 1, 4)),), {"shape": (1, 1)}
    yield (rng.normal(size=(2, 3)),), {"shape": ()}
    yield (rng.normal(size=(2, 3)),), {"shape": (2, 3)}
    yield (rng.normal(size=(0, 3)),), {"shape": (3,)}
    yield (rng.integers(0, 9, (2, 3), dtype=np.int32),), {"shape": (3,)}


def _check(small: tuple[Any, ...], large: tuple[Any, ...], rule: str) -> None:
    if len(small) > len(large):
        raise SpecError(f"{rule}: it has more dimensions", dimension=f"{len(small)} > {len(large)} dimensions")
    for axis in range(1, len(small) + 1):
        d, n = small[-axis], large[-axis]
        if d != 1 and d != n and d is not None and n is not None:
            raise SpecError(f"{rule}: axis -{axis} is {d} and {n}", dimension=f"axis -{axis}: {d} != {n}")
