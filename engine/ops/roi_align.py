"""The features of an image under boxes, pooled to a few bins each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.indexing import in_range, take
from flowloom.ops.inference import floating, integer, numeric
from flowloom.ops.kernels import as_float, blank, on_host
from flowloom.ops.shape import reshape
from flowloom.ops.windows import images
from flowloom.params import Pair, Size, Whole
from flowloom.spec import Array, Dim, Spec, SpecError, merge

BoxCoordinates: TypeAlias = Literal["half_pixel", "output_half_pixel"]
BoxPooling: TypeAlias = Literal["avg", "max"]


@op(family="layer", composite=True)
def roi_align(
    x: Any,
    rois: Any,
    batch_indices: Any,
    *,
    output_size: Pair = 1,
    sampling_ratio: Whole = 0,
    spatial_scale: float = 1.0,
    mode: BoxPooling = "avg",
    coordinate_transformation_mode: BoxCoordinates = "half_pixel",
) -> Any:
    """The features of `x` under each box, pooled to `output_size` bins (ONNX RoiAlign; He et al., arXiv 1703.06870).

    `x` (batch, height, width, channels), `rois` (boxes, 4) as x1, y1, x2, y2, which times `spatial_scale` are pixels of
    `x`, `batch_indices` (boxes) the image of each. Returns (boxes, rows, columns, channels). A bin takes
    `sampling_ratio` places down and across, or as many as it has pixels for 0; "avg" is the mean of what `x`,
    interpolated, is there, "max" the largest single term of those interpolations. "half_pixel" puts the centre of the
    first pixel at 0.5. No gradient passes to `rois`. A float dtype stays; integers give float32. Raises SpecError if
    the shapes do not fit, and IndexError, when it runs, if an index is not one of the batch.
    """
    if 0 in x.shape[1:3]:
        raise SpecError("x has no pixels that a box could lie on", dimension="size 0")
    how: dict[str, Any] = {
        "output_size": output_size,
        "sampling_ratio": sampling_ratio,
        "spatial_scale": spatial_scale,
        "coordinate_transformation_mode": coordinate_transformation_mode,
    }
    if mode == "avg":
        return roi_align_mean(x, rois, batch_indices, **how)
    place, weight = roi_align_largest(x, rois, batch_indices, **how)
    return weight * take(reshape(x, shape=(-1,)), place)


@op(family="layer", internal=True)
def roi_align_mean(
    x: Spec,
    rois: Spec,
    batch_indices: Spec,
    *,
    output_size: Pair = 1,
    sampling_ratio: Whole = 0,
    spatial_scale: float = 1.0,
    coordinate_transformation_mode: BoxCoordinates = "half_pixel",
) -> Spec:
    """`roi_align` by the mean. `x` (batch, height, width, channels), `rois` (boxes, 4), `batch_indices` (boxes)."""
    images(numeric(x), "x", 2)
    return floating(x).with_shape((_boxes(rois, batch_indices), *_pair(output_size), x.shape[3]))


@roi_align_mean.kernel
def _(xp: Any, x: Any, rois: Any, batch_indices: Any, *, output_size: Pair, out: Any = None, **how: Any) -> Any:
    x = as_float(x)
    bins = _pair(output_size)
    out = blank(xp, out, (len(rois), *bins, x.shape[3]), x.dtype)
    for i, image, down, across in _regions(xp, rois, batch_indices, x.shape, bins, **how):
        rows, columns = xp.asarray(down.matrix.astype(x.dtype)), xp.asarray(across.matrix.astype(x.dtype))
        seen = xp.tensordot(rows, x[image, down.span, across.span], axes=(1, 0))
        out[i] = xp.matmul(columns, seen)
    return out


@roi_align_mean.vjp
def _(g: Any, y: Any, x: Any, rois: Any, batch_indices: Any, **how: Any) -> Any:
    return roi_align_backprop(g, rois, batch_indices, input_size=x.shape[:3], **how), None, None


@op(family="layer", internal=True)
def roi_align_backprop(
    g: Spec,
    rois: Spec,
    batch_indices: Spec,
    *,
    input_size: tuple[Size, Size, Size],
    output_size: Pair = 1,
    sampling_ratio: Whole = 0,
    spatial_scale: float = 1.0,
    coordinate_transformation_mode: BoxCoordinates = "half_pixel",
) -> Spec:
    """Gradient of `roi_align_mean` with respect to `x`, whose batch, height and width are `input_size`.

    `g` (boxes, rows, columns, channels). Returns (*input_size, channels) in the dtype of `g`.
    """
    images(numeric(g), "g", 2)
    _boxes(rois, batch_indices)
    return floating(g).with_shape((*input_size, g.shape[3]))


@roi_align_backprop.kernel
def _(
    xp: Any,
    g: Any,
    rois: Any,
    batch_indices: Any,
    *,
    input_size: tuple[int, int, int],
    output_size: Pair,
    out: Any = None,
    **how: Any,
) -> Any:
    g = as_float(g)
    out = blank(xp, out, (*input_size, g.shape[3]), g.dtype)
    for i, image, down, across in _regions(xp, rois, batch_indices, out.shape, g.shape[1:3], **how):
        rows, columns = xp.asarray(down.matrix.astype(g.dtype)), xp.asarray(across.matrix.astype(g.dtype))
        out[image, down.span, across.span] += xp.matmul(columns.T, xp.tensordot(rows, g[i], axes=(0, 0)))
    return out


@roi_align_backprop.vjp
def _(g: Any, y: Any, g_: Any, rois: Any, batch_indices: Any, *, input_size: Any, **how: Any) -> Any:
    return roi_align_mean(g, rois, batch_indices, **how), None, None


@op(family="layer", internal=True, differentiable=False, outputs=("place", "weight"))
def roi_align_largest(
    x: Spec,
    rois: Spec,
    batch_indices: Spec,
    *,
    output_size: Pair = 1,
    sampling_ratio: Whole = 0,
    spatial_scale: float = 1.0,
    coordinate_transformation_mode: BoxCoordinates = "half_pixel",
) -> tuple[Spec, Spec]:
    """The largest term of each bin of `roi_align`: its element of `x`, counted in C order, and its weight."""
    images(numeric(x), "x", 2)
    y = floating(x).with_shape((_boxes(rois, batch_indices), *_pair(output_size), x.shape[3]))
    return y.with_dtype("int64"), y


@roi_align_largest.kernel
def _(xp: Any, x: Any, rois: Any, batch_indices: Any, *, output_size: Pair, **how: Any) -> Any:
    x = as_float(x)
    (rows, columns), channels = _pair(output_size), x.shape[3]
    place = xp.zeros((len(rois), rows, columns, channels), "int64")
    weight = xp.zeros(place.shape, x.dtype)
    for i, image, down, across in _regions(xp, rois, batch_indices, x.shape, (rows, columns), **how):
        if not down.index.size or not across.index.size:
            continue
        y, w = xp.asarray(down.index)[:, None, :, None], xp.asarray(across.index)[None, :, None, :]
        scale = xp.asarray((down.weight[:, None, :, None] * across.weight[None, :, None, :]).astype(x.dtype))
        terms = (x[image, y, w] * scale[..., None]).reshape(rows, columns, -1, channels)
        best = xp.argmax(terms, axis=2, keepdims=True)
        pixel = xp.broadcast_to((image * x.shape[1] + y) * x.shape[2] + w, scale.shape).reshape(rows, columns, -1, 1)
        place[i] = xp.take_along_axis(pixel, best, axis=2)[:, :, 0] * channels + xp.arange(channels)
        weight[i] = xp.take_along_axis(scale.reshape(pixel.shape), best, axis=2)[:, :, 0]
    return place, weight


# ---------------------------------------------------------------- where a box takes its features
class _Side:
    """How the bins of one side of a box take the `size` pixels of an axis: (bins, taps) pixels and their weights."""

    def __init__(self, start: float, length: float, size: int, bins: int, ratio: int) -> None:
        count = ratio or max(int(np.ceil(length / bins)), 0)
        at = start + (np.arange(bins)[:, None] + (np.arange(count) + 0.5) / max(count, 1)) * (length / bins)
        counts = (at >= -1) & (at <= size)
        at = np.clip(at, 0, size - 1)
        low = np.minimum(np.floor(at).astype(np.int64), max(size - 2, 0))
        near = at - low
        self.bins, self.count, self.size = bins, count, size
        self.index = np.stack([low, np.minimum(low + 1, size - 1)], axis=-1).reshape(bins, -1)
        self.weight = (np.stack([1 - near, near], axis=-1) * counts[..., None]).reshape(bins, -1)

    @property
    def span(self) -> slice:
        """The pixels from the first that is taken to the last."""
        return slice(int(self.index.min(initial=self.size)), int(self.index.max(initial=-1)) + 1)

    @property
    def matrix(self) -> Array:
        """The mean of each bin as weights of the pixels in `span`: (bins, pixels)."""
        span = self.span
        weights = np.zeros((self.bins, max(span.stop - span.start, 0)))
        np.add.at(weights, (np.arange(self.bins)[:, None], self.index - span.start), self.weight / max(self.count, 1))
        return weights


def _regions(
    xp: Any,
    rois: Any,
    batch_indices: Any,
    shape: tuple[int, ...],
    bins: tuple[int, int],
    *,
    sampling_ratio: int,
    spatial_scale: float,
    coordinate_transformation_mode: BoxCoordinates,
) -> Iterator[tuple[int, int, _Side, _Side]]:
    """For each box: its number, its image, and how its bins take the pixels down and across."""
    half = coordinate_transformation_mode == "half_pixel"
    corners = on_host(rois).astype(np.float64) * spatial_scale - (0.5 if half else 0.0)
    for i, image in enumerate(on_host(in_range(xp, batch_indices, shape[0], "batch index"))):
        sides = []
        for axis, (start, end) in enumerate((corners[i, 1::2], corners[i, ::2])):
            length = end - start if half else max(end - start, 1.0)
            sides.append(_Side(start, length, shape[1 + axis], bins[axis], sampling_ratio))
        yield i, int(image), sides[0], sides[1]


def _boxes(rois: Spec, batch_indices: Spec) -> Dim:
    """How many boxes there are. Raises SpecError unless `rois` is (boxes, 4) and `batch_indices` (boxes) integers."""
    if rois.ndim != 2 or rois.shape[1] not in (4, None):
        raise SpecError(f"rois must be (boxes, 4); got {rois}", dimension=f"rois {rois.shape}")
    if integer(batch_indices, "batch_indices").ndim != 1:
        raise SpecError(f"batch_indices must be (boxes); got {batch_indices}", dimension=f"{batch_indices.shape}")
    return merge(numeric(rois).shape[0], batch_indices.shape[0])


def _pair(value: Pair) -> tuple[int, int]:
    first, second = (value, value) if isinstance(value, int) else value
    return first, second


_BOXES = np.array([[0, 0, 4, 3], [1, 2, 3, 5], [-2, 1, 9, 7], [3, 3, 2, 2]])


_CASES: list[dict[str, Any]] = [
    {"output_size": 2},
    {"output_size": (2, 3), "sampling_ratio": 2, "spatial_scale": 0.7},
    {"output_size": (3, 1), "coordinate_transformation_mode": "output_half_pixel"},
]


@roi_align.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for how in _CASES:
        for mode in ("avg", "max"):
            yield (rng.normal(size=(2, 5, 6, 3)), _BOXES, np.array([0, 1, 1, 0])), {**how, "mode": mode}
    yield (rng.normal(size=(2, 5, 6, 3)), np.zeros((0, 4), int), np.zeros(0, int)), {}


@roi_align_mean.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for how in _CASES:
        yield (rng.normal(size=(2, 5, 6, 3)), _BOXES, np.array([0, 1, 1, 0])), how


@roi_align_backprop.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for how in _CASES:
        g = rng.normal(size=(4, *_pair(how["output_size"]), 3))
        yield (g, _BOXES, np.array([0, 1, 1, 0])), {"input_size": (2, 5, 6), **how}


@roi_align_largest.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for how in _CASES:
        yield (rng.normal(size=(2, 5, 6, 3)), _BOXES, np.array([0, 1, 1, 0])), how
