"""Images seen through a grid of places: sampling, affine grids, and the warps made of both.

Places are normalized: -1 and 1 are the ends of an axis, its outermost centres with `align_corners`, else their outer
edges. The last axis of a grid holds them innermost axis first: (x, y), or (x, y, z).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.broadcasting import broadcast_to
from flowloom.ops.comparison import greater_equal, less_equal, logical_and
from flowloom.ops.composing import at_least_single, extent, part
from flowloom.ops.elementwise import abs_, cast, maximum, minimum, where
from flowloom.ops.inference import floating, floats
from flowloom.ops.joining import stack
from flowloom.ops.kernels import as_float
from flowloom.ops.points import take_points
from flowloom.ops.reduction import sum_
from flowloom.ops.resampling import Mode
from flowloom.ops.rounding import floor, round_
from flowloom.ops.shape import expand_dims, squeeze
from flowloom.ops.trigonometry import cos, sin
from flowloom.params import Size
from flowloom.spec import Spec, SpecError, is_bool, is_float, merge, promote

PaddingMode: TypeAlias = Literal["zeros", "border", "reflection"]

_CUBIC = -0.75  # the coefficient of Keys' kernel, as in ONNX and PyTorch


@op(family="layer", composite=True)
def grid_sample(
    x: Any,
    grid: Any,
    *,
    mode: Mode = "linear",
    padding_mode: PaddingMode = "zeros",
    align_corners: bool = False,
) -> Any:
    """`x` interpolated at the places of `grid` (ONNX GridSample; Jaderberg et al., arXiv 1506.02025).

    `x` (batch, ..., channels) with any number of axes between, `grid` (batch, ..., places) with one normalized place
    for each of those axes, innermost first: with `align_corners` -1 and 1 are the middles of its first and last
    element, else their outer edges. Returns (batch, ..., channels): the shape of `grid` with channels for places.
    Outside of `x` there are zeros, its border, or its reflection. The wider dtype of the two, and that of `grid`
    where `x` is of integers; "nearest", which rounds half to even, keeps the dtype of `x`. Raises SpecError if the
    numbers of dimensions do not fit, or if `grid` is not of floats.
    """
    _check(x, grid)
    rank = x.ndim - 2
    fine = at_least_single(grid)
    places: Any = None
    seen = []
    for axis in range(rank):
        place, n = part(fine, rank - 1 - axis), extent(x, 1 + axis, fine.dtype)
        index, weight = _along(place, n, mode, padding_mode, align_corners)
        index = expand_dims(index, axis=tuple(1 + a for a in range(rank) if a != axis))
        places = index if places is None else places * extent(x, 1 + axis, index.dtype) + index
        seen.append(weight)
    values = take_points(x, places)
    for axis in reversed(range(rank)):
        values = _weighed(values, seen[axis], axis)
    return values if mode == "nearest" else cast(values, dtype=_result(x, grid).name)


def _check(x: Any, grid: Any) -> None:
    if x.ndim < 3 or grid.ndim < 2:
        raise SpecError(f"x needs 3 or more dimensions and grid 2 or more; got {x.ndim} and {grid.ndim}")
    floats(grid, "grid")
    if grid.shape[-1] not in (None, x.ndim - 2):
        raise SpecError(
            f"x has {x.ndim - 2} axes between batch and channels, and the grid {grid.shape[-1]} numbers for each place",
            dimension=f"{grid.shape[-1]} != {x.ndim - 2}",
        )


def _result(x: Any, grid: Any) -> Any:
    return promote(x.dtype, grid.dtype) if is_float(x.dtype) else grid.dtype


def _along(place: Any, n: Any, mode: Mode, padding: PaddingMode, align: bool) -> tuple[Any, Any]:
    """The indices along one axis of size `n` that are tapped for each `place`, and their weights.

    Taps are a new axis behind the batch: NumPy sums over an outer axis many times as fast as over a short inner one.
    "nearest" has one tap, and for a weight only whether it counts (None: it does).
    """
    at = (place + 1.0) * ((n - 1) / 2.0) if align else ((place + 1.0) * n - 1.0) / 2.0
    if mode == "nearest":
        index, weight = expand_dims(round_(at), axis=1), None
    else:
        first = floor(at)
        offsets = np.array([0, 1] if mode == "linear" else [-1, 0, 1, 2], place.dtype)
        index = expand_dims(first, axis=1) + offsets.reshape(-1, *(1,) * (place.ndim - 1))
        weight = (_linear if mode == "linear" else _cubic)(at - first)
    if padding == "zeros":
        inside = logical_and(greater_equal(index, 0), less_equal(index, n - 1))
        weight = inside if weight is None else where(inside, weight, 0.0)
    elif padding == "reflection":
        index = _reflected(index, 0.0, n - 1) if align else _reflected(index, -0.5, n - 0.5)
    return cast(maximum(minimum(index, n - 1), 0), dtype="int64"), weight


def _reflected(at: Any, low: Any, high: Any) -> Any:
    """`at` folded at `low` and `high`, as often as it takes."""
    width = high - low
    if isinstance(width, int | float) and width == 0:
        return at * 0.0 + low
    way = abs_(at - low)
    turns = floor(way / width)
    rest = way - turns * width
    back = greater_equal(turns - 2.0 * floor(turns / 2.0), 0.5)
    return where(back, high - rest, low + rest)


def _linear(t: Any) -> Any:
    return stack(1.0 - t, t, axis=1)


def _cubic(t: Any) -> Any:
    """Keys' kernel at the distances 1 + t, t, 1 - t and 2 - t (IEEE Trans. ASSP 29, 1981, equation 4)."""
    a = _CUBIC

    def near(d: Any) -> Any:
        return ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0

    def far(d: Any) -> Any:
        return ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a

    return stack(far(t + 1.0), near(t), near(1.0 - t), far(2.0 - t), axis=1)


def _weighed(values: Any, weight: Any, axis: int) -> Any:
    """`values` (batch, taps of axis 0 to `axis`, ..., channels), summed over the taps of `axis` by their weights."""
    taps = 1 + axis
    if weight is None:
        return squeeze(values, axis=taps)
    weight = expand_dims(weight, axis=(*range(1, taps), values.ndim - 1))
    if is_bool(weight.dtype):
        return squeeze(where(weight, values, 0), axis=taps)
    return sum_(values * weight, axis=taps)


@grid_sample.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for mode in ("linear", "cubic", "nearest"):
        for padding in ("zeros", "border", "reflection"):
            how = {"mode": mode, "padding_mode": padding, "align_corners": padding == "border"}
            yield (rng.normal(size=(2, 4, 5, 3)), rng.uniform(-1.9, 1.9, (2, 3, 2, 2))), how
    yield (rng.normal(size=(2, 3, 4, 2, 1)), rng.uniform(-1.2, 1.2, (2, 2, 1, 2, 3))), {}
    yield (rng.normal(size=(2, 5, 1)), rng.uniform(-1, 1, (2, 3, 1))), {"mode": "cubic"}
    yield (rng.integers(0, 9, (2, 4, 4, 1)), rng.uniform(-1, 1, (2, 3, 2))), {"mode": "nearest"}
    yield (rng.integers(0, 9, (2, 4, 4, 1)), rng.uniform(-1, 1, (2, 3, 2))), {}


# ---------------------------------------------------------------- affine grids


@op(family="layer")
def affine_grid(theta: Spec, *, sizes: tuple[Size, ...], align_corners: bool = False) -> Spec:
    """The grid of places that each place of images of `sizes` comes from by an affine map (ONNX AffineGrid).

    `theta` (batch, axes, axes + 1): a matrix, and a shift as its last column, on places normalized as `grid_sample` has
    them with the same `align_corners`. Returns (batch, *sizes, axes), a grid for it. A float dtype stays; integers give
    float32. Raises SpecError if `theta` is not of that shape.
    """
    rank = len(sizes)
    if theta.ndim != 3 or theta.shape[1] not in (None, rank) or theta.shape[2] not in (None, rank + 1):
        raise SpecError(
            f"for {rank} axes theta must be (batch, {rank}, {rank + 1}); got {theta}",
            dimension=f"theta {theta.shape}",
        )
    return floating(theta).with_shape((theta.shape[0], *sizes, rank))


@affine_grid.kernel
def _(xp: Any, theta: Any, *, sizes: tuple[int, ...], align_corners: bool, out: Any = None) -> Any:
    theta = as_float(theta)
    places = _base(xp, sizes, align_corners, theta.dtype)
    shape = (theta.shape[0], *sizes, len(sizes))
    if out is None:
        return xp.matmul(places, theta.transpose(0, 2, 1)).reshape(shape)
    xp.matmul(places, theta.transpose(0, 2, 1), out=out.reshape(shape[0], len(places), shape[-1]))
    return out


@affine_grid.vjp
def _(g: Any, y: Any, theta: Any, *, sizes: tuple[Size, ...], align_corners: bool) -> Any:
    return (affine_grid_backprop(g, align_corners=align_corners),)


@op(family="layer", internal=True)
def affine_grid_backprop(g: Spec, *, align_corners: bool = False) -> Spec:
    """Gradient of `affine_grid`: its reverse, as it is linear.

    `g` (batch, *sizes, axes). Returns (batch, axes, axes + 1) in the dtype of `g`. Raises SpecError if there is not a
    number for each of the axes.
    """
    rank = g.ndim - 2
    if rank < 1:
        raise SpecError(f"a grid must be (batch, *sizes, axes); got {g.ndim} dimensions")
    merge(g.shape[-1], rank)
    return floating(g).with_shape((g.shape[0], rank, rank + 1))


@affine_grid_backprop.kernel
def _(xp: Any, g: Any, *, align_corners: bool, out: Any = None) -> Any:
    g = as_float(g)
    places = _base(xp, g.shape[1:-1], align_corners, g.dtype)
    return xp.matmul(g.reshape(g.shape[0], len(places), g.shape[-1]).transpose(0, 2, 1), places, out=out)


@affine_grid_backprop.vjp
def _(g: Any, y: Any, g_: Any, *, align_corners: bool) -> Any:
    return (affine_grid(g, sizes=g_.shape[1:-1], align_corners=align_corners),)


def _base(xp: Any, sizes: tuple[int, ...], align: bool, dtype: Any) -> Any:
    """Every place of images of `sizes`, innermost axis first, and a 1: (places, axes + 1)."""
    lines = (
        [np.linspace(-1, 1, n) if n > 1 else np.zeros(n) for n in sizes]
        if align
        else [(2 * np.arange(n) + 1) / n - 1 if n else np.zeros(0) for n in sizes]
    )
    mesh = np.meshgrid(*lines, indexing="ij")
    columns = [m.reshape(-1) for m in reversed(mesh)]
    return xp.asarray(np.stack([*columns, np.ones(len(columns[0]))], axis=1).astype(dtype))


@affine_grid.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(2, 2, 3)),), {"sizes": (3, 4)}
    yield (rng.normal(size=(2, 3, 4)),), {"sizes": (2, 1, 3), "align_corners": True}
    yield (rng.normal(size=(0, 2, 3)),), {"sizes": (2, 2)}


@affine_grid_backprop.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(2, 3, 4, 2)),), {}
    yield (rng.normal(size=(2, 2, 1, 3, 3)),), {"align_corners": True}


# ---------------------------------------------------------------- warps


@op(family="layer", composite=True)
def affine_transform(
    x: Any,
    theta: Any,
    *,
    sizes: tuple[Size, ...] | None = None,
    mode: Mode = "linear",
    padding_mode: PaddingMode = "zeros",
    align_corners: bool = False,
) -> Any:
    """`x` turned, scaled, sheared and shifted: every place of the result comes from where `theta` maps it.

    `x` (batch, ..., channels), `theta` (batch, axes, axes + 1) as in `affine_grid`. The result has the `sizes` given,
    or those of `x`. See `grid_sample` for the rest.
    """
    grid = affine_grid(theta, sizes=x.shape[1:-1] if sizes is None else sizes, align_corners=align_corners)
    return grid_sample(x, grid, mode=mode, padding_mode=padding_mode, align_corners=align_corners)


@op(family="layer", composite=True)
def rotate(x: Any, angle: Any, *, mode: Mode = "linear", padding_mode: PaddingMode = "zeros") -> Any:
    """Images turned around their centre by `angle` in radians, counter-clockwise as they are seen.

    `x` (batch, height, width, channels), `angle` (batch), or one for all. Keeps the shape. See `grid_sample` for the
    rest. Raises SpecError if `x` is not of images.
    """
    if x.ndim != 4:
        raise SpecError(f"x must be (batch, height, width, channels); got {x.ndim} dimensions")
    if 0 in x.shape[1:3]:
        raise SpecError("images without pixels cannot be turned", dimension="size 0")
    height, width = extent(x, 1, angle.dtype), extent(x, 2, angle.dtype)
    turn = broadcast_to(angle, shape=x.shape[:1])
    along, across, nothing = cos(turn), sin(turn), turn * 0.0
    # One row of pixels is 2 / height high and one column 2 / width wide: a turn must be made in pixels.
    rows = (
        stack(along, across * (-1.0 * height / width), nothing, axis=-1),
        stack(across * (1.0 * width / height), along, nothing, axis=-1),
    )
    return affine_transform(x, stack(*rows, axis=1), mode=mode, padding_mode=padding_mode)


@affine_transform.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    near_identity = np.eye(2, 3) + 0.1 * rng.normal(size=(2, 2, 3))
    yield (rng.normal(size=(2, 4, 5, 3)), near_identity), {}
    yield (rng.normal(size=(2, 4, 5, 1)), near_identity), {"sizes": (2, 3), "mode": "cubic"}
    yield (rng.normal(size=(2, 4, 4, 1)), near_identity), {"mode": "nearest", "padding_mode": "border"}


@rotate.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(2, 4, 5, 3)), np.array([0.3, -1.1])), {}
    yield (rng.normal(size=(2, 4, 5, 1)), np.array(0.4)), {"mode": "cubic", "padding_mode": "reflection"}
