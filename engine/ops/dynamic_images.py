"""Image ops whose sizes or limits are tensors: for values that are known only when it runs.

Each op does what its namesake with parameters does. Prefer the namesake where values are known.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.dynamic import length_of, shape_of
from flowloom.ops.indexing import take
from flowloom.ops.inference import floating, integer, numeric, same_dims
from flowloom.ops.kernels import as_float
from flowloom.ops.resampling import Coordinates, Mode, Nearest
from flowloom.ops.resizing import Policy, center_crop_pad, resize, resize_backprop, resized_axes
from flowloom.ops.sampling_grid import affine_grid, affine_grid_backprop
from flowloom.ops.suppression import chosen_boxes, non_max_suppression
from flowloom.spec import Spec, SpecError, is_float, is_integer


@op(family="layer", composite=True, internal=True)
def resize_to(
    x: Any,
    target: Any,
    roi: Any = None,
    *,
    axes: tuple[int, ...] | None = None,
    mode: Mode = "linear",
    antialias: bool = False,
    coordinate_transformation_mode: Coordinates = "half_pixel",
    nearest_mode: Nearest = "round_prefer_floor",
    cubic_coefficient: float = -0.75,
    exclude_outside: bool = False,
    keep_aspect_ratio_policy: Policy = "stretch",
    extrapolation_value: float = 0.0,
) -> Any:
    """`x` in other sizes along `axes`, as `resize`: `target` holds the new sizes, or, if it is of floats, the scales.

    `target` has a number for each of the axes; `roi`, for "tf_crop_and_resize", the starts and then the ends of a crop.
    No gradient passes to either. Raises SpecError if the parameters do not fit, and ValueError, when it runs, if the
    values do not.
    """
    return resize_by(
        x,
        target,
        np.zeros(0, np.float32) if roi is None else roi,
        axes=axes,
        mode=mode,
        antialias=antialias,
        coordinate_transformation_mode=coordinate_transformation_mode,
        nearest_mode=nearest_mode,
        cubic_coefficient=cubic_coefficient,
        exclude_outside=exclude_outside,
        keep_aspect_ratio_policy=keep_aspect_ratio_policy,
        extrapolation_value=extrapolation_value,
    )


@op(family="layer", internal=True)
def resize_by(
    x: Spec,
    target: Spec,
    roi: Spec,
    *,
    axes: tuple[int, ...] | None = None,
    mode: Mode = "linear",
    antialias: bool = False,
    coordinate_transformation_mode: Coordinates = "half_pixel",
    nearest_mode: Nearest = "round_prefer_floor",
    cubic_coefficient: float = -0.75,
    exclude_outside: bool = False,
    keep_aspect_ratio_policy: Policy = "stretch",
    extrapolation_value: float = 0.0,
) -> Spec:
    """`x` resized, as by `resize_to`; an empty `roi` is none."""
    where = _targeted(x, target, axes)
    same_dims(numeric(roi), 1, "roi")
    y = x if mode == "nearest" else floating(numeric(x))
    return y.with_shape(None if a in where else d for a, d in enumerate(x.shape))


@resize_by.kernel
def _(xp: Any, x: Any, target: Any, roi: Any, **how: Any) -> Any:
    found = {**how, **_found(target, roi)}
    resize.infer(Spec.of(x), **found)
    return resize.compute(xp, x, **found)


@resize_by.vjp
def _(g: Any, y: Any, x: Any, target: Any, roi: Any, *, extrapolation_value: float, **how: Any) -> Any:
    return unresize_by(g, x, target, roi, **how), None, None


@op(family="layer", internal=True)
def unresize_by(
    g: Spec,
    like: Spec,
    target: Spec,
    roi: Spec,
    *,
    axes: tuple[int, ...] | None = None,
    mode: Mode = "linear",
    antialias: bool = False,
    coordinate_transformation_mode: Coordinates = "half_pixel",
    nearest_mode: Nearest = "round_prefer_floor",
    cubic_coefficient: float = -0.75,
    exclude_outside: bool = False,
    keep_aspect_ratio_policy: Policy = "stretch",
) -> Spec:
    """Gradient of `resize_by` with respect to `x`, in the shape of `like`, whose values are not read."""
    _targeted(like, target, axes)
    return floating(numeric(g)).with_shape(like.shape)


@unresize_by.kernel
def _(xp: Any, g: Any, like: Any, target: Any, roi: Any, *, out: Any = None, **how: Any) -> Any:
    size = tuple(like.shape[a] for a in resized_axes(like, how["axes"]))
    return resize_backprop.compute(xp, g, input_size=size, out=out, **how, **_found(target, roi))


@unresize_by.vjp
def _(g: Any, y: Any, g_: Any, like: Any, target: Any, roi: Any, **how: Any) -> Any:
    return resize_by(g, target, roi, **how), None, None, None


def _targeted(x: Spec, target: Spec, axes: tuple[int, ...] | None) -> tuple[int, ...]:
    """The axes that are resized. Raises SpecError unless `target` has a number for each."""
    where = resized_axes(x, axes)
    count = same_dims(numeric(target), 1, "target").shape[0]
    if count not in (len(where), None):
        raise SpecError(
            f"target must have a number for each of the {len(where)} axes; got {count}",
            dimension=f"{count} != {len(where)}",
        )
    return where


def _found(target: Any, roi: Any) -> dict[str, Any]:
    """The parameters of `resize` that the operands hold."""
    kind, other = ("sizes", "scales") if is_integer(target.dtype) else ("scales", "sizes")
    return {kind: tuple(target.tolist()), other: None, "roi": tuple(roi.tolist()) or None}


_HOW: list[tuple[tuple[int, ...], Any, dict[str, Any]]] = [
    ((2, 4, 5, 3), np.array([7, 3]), {}),
    ((2, 4, 5, 1), np.array([2.1, 0.7]), {"mode": "nearest"}),
    ((2, 7, 3), np.array([0.4]), {"mode": "cubic", "antialias": True, "axes": (-2,)}),
    ((1, 4, 6, 1), np.array([7, 7]), {"keep_aspect_ratio_policy": "not_larger"}),
]
_CROP: dict[str, Any] = {"coordinate_transformation_mode": "tf_crop_and_resize"}
_ROI = np.array([0.2, -0.3, 0.9, 1.2])


@resize_to.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for shape, target, how in _HOW:
        yield (rng.normal(size=shape), target), how
    yield (rng.normal(size=(2, 4, 6, 1)), np.array([3, 4]), _ROI), {**_CROP, "extrapolation_value": 5.0}
    yield (rng.integers(0, 9, (1, 2, 3, 1)), np.array([2.0, 2.0])), {"mode": "nearest"}


@resize_by.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for shape, target, how in _HOW:
        yield (rng.normal(size=shape), target, np.zeros(0)), how
    yield (rng.normal(size=(2, 4, 6, 1)), np.array([3, 4]), _ROI), _CROP


@unresize_by.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for shape, target, how in _HOW:
        if is_float(target.dtype) and how.get("mode") != "nearest":
            continue  # whose result depends on the scales too, of which it is no gradient
        x = np.zeros(shape)
        yield (rng.normal(size=resize_to(x, target, **how).shape), x, target, np.zeros(0)), how


# ---------------------------------------------------------------- centre and grid


@op(family="shape", internal=True)
def center_crop_pad_to(x: Spec, sizes: Spec, *, axes: tuple[int, ...] | None = None) -> Spec:
    """The middle of `x` where it is larger than `sizes` along `axes`, zeros around it where it is smaller.

    As `center_crop_pad`; `sizes` is an integer vector with a size for each of the axes. Raises SpecError if it is not.
    """
    where = _targeted(x, integer(sizes, "sizes"), axes)
    return x.with_shape(None if a in where else d for a, d in enumerate(x.shape))


@center_crop_pad_to.kernel
def _(xp: Any, x: Any, sizes: Any, *, axes: tuple[int, ...] | None) -> Any:
    return center_crop_pad.compute(xp, x, sizes=tuple(sizes.tolist()), axes=axes)


@center_crop_pad_to.vjp
def _(g: Any, y: Any, x: Any, sizes: Any, *, axes: tuple[int, ...] | None) -> Any:
    own = take(shape_of(x), np.array(resized_axes(x, axes), np.int64))
    return center_crop_pad_to(g, own, axes=axes), None


@center_crop_pad_to.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(2, 5, 4, 3)), np.array([2, 7])), {}
    yield (rng.normal(size=(3, 4)), np.array([6, 1])), {"axes": (1, 0)}
    yield (rng.integers(0, 9, (1, 3, 3, 1)), np.array([3, 0], np.int32)), {}


@op(family="layer", internal=True)
def affine_grid_to(theta: Spec, sizes: Spec, *, align_corners: bool = False) -> Spec:
    """The grid of places that each place of images of `sizes` comes from by the affine map `theta`; see `affine_grid`.

    `theta` (batch, axes, axes + 1), `sizes` an integer vector, one for each of the axes. Returns (batch, *sizes, axes).
    Raises SpecError if the shapes do not fit, or if the number of axes is unknown.
    """
    rank = length_of(sizes, "sizes")
    if theta.ndim != 3 or theta.shape[1] not in (None, rank) or theta.shape[2] not in (None, rank + 1):
        raise SpecError(
            f"for {rank} axes theta must be (batch, {rank}, {rank + 1}); got {theta}",
            dimension=f"theta {theta.shape}",
        )
    return floating(theta).with_shape((theta.shape[0], *(None,) * rank, rank))


@affine_grid_to.kernel
def _(xp: Any, theta: Any, sizes: Any, *, align_corners: bool) -> Any:
    return affine_grid.compute(xp, as_float(theta), sizes=tuple(sizes.tolist()), align_corners=align_corners)


@affine_grid_to.vjp
def _(g: Any, y: Any, theta: Any, sizes: Any, *, align_corners: bool) -> Any:
    return affine_grid_backprop(g, align_corners=align_corners), None


@affine_grid_to.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(2, 2, 3)), np.array([3, 4])), {}
    yield (rng.normal(size=(2, 3, 4)), np.array([2, 1, 3])), {"align_corners": True}


# ---------------------------------------------------------------- boxes


@op(family="layer", differentiable=False, internal=True)
def non_max_suppression_by(
    boxes: Spec,
    scores: Spec,
    max_output_boxes_per_class: Spec,
    iou_threshold: Spec,
    score_threshold: Spec,
    *,
    center_point_box: bool = False,
) -> Spec:
    """The boxes that overlap none of a higher score, as `non_max_suppression`, with the limits as scalar tensors.

    With `max_output_boxes_per_class` of 0 there are none. Raises SpecError if the shapes do not fit.
    """
    same_dims(integer(max_output_boxes_per_class, "max_output_boxes_per_class"), 0, "max_output_boxes_per_class")
    for name, limit in (("iou_threshold", iou_threshold), ("score_threshold", score_threshold)):
        same_dims(floating(limit), 0, name)
    return chosen_boxes(boxes, scores)


@non_max_suppression_by.kernel
def _(xp: Any, boxes: Any, scores: Any, most: Any, iou: Any, score: Any, *, center_point_box: bool) -> Any:
    if most.item() < 1:
        return xp.zeros((0, 3), "int64")
    return non_max_suppression.compute(
        xp,
        boxes,
        scores,
        max_output_boxes_per_class=most.item(),
        iou_threshold=iou.item(),
        score_threshold=score.item(),
        center_point_box=center_point_box,
    )


@non_max_suppression_by.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    boxes, scores = rng.uniform(size=(2, 6, 4)), rng.uniform(size=(2, 3, 6))
    yield (boxes, scores, np.array(9), np.array(0.2), np.array(0.1)), {}
    yield (boxes, scores, np.array(1, np.int32), np.array(0.5), np.array(-1.0)), {"center_point_box": True}
    yield (boxes, scores, np.array(0), np.array(0.5), np.array(-1.0)), {}
