"""Elements of images at given places: what sampling, and with it every warp of an image, is made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.inference import integer, numeric
from flowloom.ops.kernels import blank
from flowloom.ops.rows import combine_rows
from flowloom.params import Size
from flowloom.spec import Dim, Spec, SpecError, merge


@op(family="shape", internal=True)
def take_points(x: Spec, places: Spec) -> Spec:
    """The channels of `x` at `places`, counted in C order over the axes between batch and channels.

    `x` (batch, ..., channels), `places` (batch, ...) integers; beyond the ends it is the first or the last place.
    Where there are none it is 0. Returns the shape of `places` with the channels behind, in the dtype of `x`. Raises
    SpecError if the batches differ, or if `places` are not integers.
    """
    _points(x, 2, "x")
    batch = _batch(x, integer(places, "places"))
    return x.with_shape((batch, *places.shape[1:], x.shape[-1]))


@take_points.kernel
def _(xp: Any, x: Any, places: Any, *, out: Any = None) -> Any:
    batch, count, channels = x.shape[0], int(np.prod(x.shape[1:-1])), x.shape[-1]
    shape = (*places.shape, channels)
    if not count or 0 in shape:
        return blank(xp, out, shape, x.dtype)
    where = _flat(xp, places, batch, count).reshape(-1)
    # NumPy writes into `out` without a detour only in a mode that cannot raise; CuPy knows no modes.
    how = {"mode": "clip"} if xp is np else {}
    found = xp.take(
        x.reshape(-1, channels), where, axis=0, out=None if out is None else out.reshape(-1, channels), **how
    )
    return found.reshape(shape) if out is None else out


@take_points.vjp
def _(g: Any, y: Any, x: Any, places: Any) -> Any:
    return add_points(g, places, spatial=x.shape[1:-1]), None


@op(family="shape", internal=True)
def add_points(g: Spec, places: Spec, *, spatial: tuple[Size, ...]) -> Spec:
    """Zeros (batch, *spatial, channels), with each of `g` added at its place: the reverse of `take_points`.

    `g` (batch, ..., channels) and `places` (batch, ...) integers. Keeps the dtype of `g`. Raises SpecError if the
    batches differ, or if `places` are not integers.
    """
    _points(numeric(g), 2, "g")
    return g.with_shape((_batch(g, integer(places, "places")), *spatial, g.shape[-1]))


@add_points.kernel
def _(xp: Any, g: Any, places: Any, *, spatial: tuple[int, ...], out: Any = None) -> Any:
    batch, count, channels = g.shape[0], int(np.prod(spatial)), g.shape[-1]
    out = blank(xp, out, (batch, *spatial, channels), g.dtype)
    if g.size and out.size:
        where = _flat(xp, places, batch, count).reshape(-1)
        combine_rows(xp, out.reshape(-1, channels), where, g.reshape(-1, channels))
    return out


add_points.vjp(lambda g, y, g_, places, *, spatial: (take_points(g, places), None))


def _flat(xp: Any, places: Any, batch: int, count: int) -> Any:
    """`places` in each of `batch` images of `count` places, counted over all of them."""
    start = xp.arange(batch).reshape(-1, *(1,) * (places.ndim - 1)) * count
    return start + xp.clip(places, 0, count - 1)


def _points(x: Spec, least: int, what: str) -> None:
    if x.ndim < least:
        raise SpecError(f"{what} must be (batch, ..., channels); got {x.ndim} dimensions")


def _batch(x: Spec, places: Spec) -> Dim:
    if not places.ndim:
        raise SpecError("places must be (batch, ...); got a scalar")
    return merge(x.shape[0], places.shape[0])


@take_points.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(2, 3, 4, 2)), rng.integers(0, 12, (2, 5, 3))), {}
    yield (rng.normal(size=(3, 4, 2)), rng.integers(0, 4, (3,))), {}
    yield (rng.integers(0, 9, (2, 3, 1)), np.array([[-2, 9], [0, 2]])), {}
    yield (rng.normal(size=(2, 3, 0, 1)), rng.integers(0, 4, (2, 2))), {}


@add_points.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(2, 5, 3, 2)), rng.integers(0, 12, (2, 5, 3))), {"spatial": (3, 4)}
    yield (rng.normal(size=(3, 2)), rng.integers(0, 4, (3,))), {"spatial": (4,)}
    yield (rng.normal(size=(2, 0, 1)), rng.integers(0, 4, (2, 0))), {"spatial": (3,)}
