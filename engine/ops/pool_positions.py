"""Where a maximum pooling found its maxima, and its undoing: what some networks carry from encoder to decoder."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.along import take_along_axis
from flowloom.ops.indexing import in_range
from flowloom.ops.inference import integer, numeric
from flowloom.ops.kernels import blank
from flowloom.ops.pooling import ALL_CASES, fits, folded, lowest, max_pool_backprop, pool_windows, pooled, tapped
from flowloom.ops.sampling import distinct
from flowloom.ops.shape import reshape
from flowloom.ops.windows import images
from flowloom.params import AnyPadding, Each, Shape
from flowloom.spec import Spec, SpecError, product


@op(family="layer", outputs=("values", "indices"))
def max_pool_with_indices(
    x: Spec,
    *,
    pool_size: Each = 2,
    strides: Each | None = None,
    padding: AnyPadding = "valid",
    dilation_rate: Each = 1,
    ceil_mode: bool = False,
) -> tuple[Spec, Spec]:
    """The largest element of each window and channel of `x` (batch, *sizes, channels), and where it is.

    Returns (batch, *windows, channels) in the dtype of `x`, as `max_pool2d` and its like do, and of the same shape the
    int64 positions, counted in C order over `sizes`; of equals the first. Raises SpecError if a window does not fit, or
    lies in the padding.
    """
    values = pooled(numeric(x), pool_windows(x.ndim, pool_size, strides, padding, dilation_rate, ceil_mode))
    return values, values.with_dtype("int64")


@max_pool_with_indices.kernel
def _(xp: Any, x: Any, **how: Any) -> tuple[Any, Any]:
    windows, sizes = pool_windows(x.ndim, **how), x.shape[1:-1]
    taps = tapped(xp, windows, x, lowest(x.dtype))
    positions = tapped(xp, windows, xp.arange(prod(sizes), dtype="int64").reshape(1, *sizes, 1), -1)
    values = folded(xp.maximum, taps, None)
    indices = xp.full(values.shape, -1, "int64")
    for tap, position in zip(taps, positions, strict=True):
        found = (tap == values) | (tap != tap)  # a NaN in a window is its maximum
        found &= (position >= 0) & (indices < 0)
        xp.copyto(indices, xp.broadcast_to(position, found.shape), where=found)
    return values, indices


@max_pool_with_indices.vjp
def _(g: Any, y: Any, x: Any, **how: Any) -> Any:
    return (None if g[0] is None else max_pool_backprop(g[0], x, **how),)


@max_pool_with_indices.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for shape, how in ALL_CASES:
        yield (distinct(rng, *shape),), how
    yield (rng.integers(-9, 0, (1, 3, 3, 1)),), {"padding": "same"}


@op(family="layer")
def max_unpool(x: Spec, indices: Spec, *, output_size: Shape) -> Spec:
    """Zeros (batch, *output_size, channels), with each of `x` at its position: `max_pool_with_indices` in reverse.

    `x` and `indices` (batch, *windows, channels), positions counted in C order over `output_size`. Where several
    windows name one position the last one stays, and each takes the gradient there. Keeps the dtype of `x`. Raises
    SpecError if the shapes differ, or if `indices` are not integers, and IndexError, when it runs, if one is outside.
    """
    fits(images(numeric(x), "x"), integer(indices, "indices"), "indices")
    if len(output_size) != x.ndim - 2:
        raise SpecError(f"output_size needs {x.ndim - 2} numbers, one for each axis; got {output_size}")
    return x.with_shape((x.shape[0], *output_size, x.shape[-1]))


@max_unpool.kernel
def _(xp: Any, x: Any, indices: Any, *, output_size: tuple[int, ...], out: Any = None) -> Any:
    batch, channels, size = x.shape[0], x.shape[-1], prod(output_size)
    out = blank(xp, out, (batch, *output_size, channels), x.dtype)
    starts = xp.arange(batch).reshape(-1, *(1,) * (x.ndim - 1)) * size
    places = (starts + in_range(xp, indices, size)) * channels + xp.arange(channels)
    out.reshape(-1)[places.reshape(-1)] = x.reshape(-1)
    return out


@max_unpool.vjp
def _(g: Any, y: Any, x: Any, indices: Any, *, output_size: Shape) -> Any:
    flat = reshape(g, shape=(g.shape[0], product(output_size), g.shape[-1]))
    rows = reshape(indices, shape=(x.shape[0], product(x.shape[1:-1]), x.shape[-1]))
    return reshape(take_along_axis(flat, rows, axis=1), shape=x.shape), None


@max_unpool.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    x = distinct(rng, 2, 4, 6, 3)
    values, indices = max_pool_with_indices(x)
    yield (rng.normal(size=values.shape), indices), {"output_size": (4, 6)}
    yield (rng.normal(size=(2, 2, 1)), np.array([[[0], [3]], [[4], [1]]])), {"output_size": (5,)}
    yield (rng.integers(0, 9, (1, 1, 1, 2, 1)), np.array([3, 0]).reshape(1, 1, 1, 2, 1)), {"output_size": (1, 2, 2)}
