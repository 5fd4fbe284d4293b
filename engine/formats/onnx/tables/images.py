"""Images in other sizes, seen through grids, and boxes in them. ONNX has channels first, flowloom last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from flowloom import ops
from flowloom.formats.onnx.layout import channels_first, channels_last, through
from flowloom.formats.onnx.node import Node
from flowloom.formats.onnx.table import onnx_op
from flowloom.formats.onnx.values import Value, array_of, ints_of, scalar_of, sizes_of
from flowloom.spec import is_float

CROP = "tf_crop_and_resize"


@onnx_op("Resize")
def _resize(
    node: Node, x: Value, roi: Value | None = None, scales: Value | None = None, sizes: Value | None = None
) -> Value:
    if node.version < 11:  # Resize(x, scales), as Upsample
        return _upsampled(node, x, roi)
    how: dict[str, Any] = {
        "mode": node.attr("mode", "nearest"),
        "antialias": bool(node.attr("antialias", 0)),
        "coordinate_transformation_mode": node.attr("coordinate_transformation_mode", "half_pixel"),
        "nearest_mode": node.attr("nearest_mode", "round_prefer_floor"),
        "cubic_coefficient": node.attr("cubic_coeff_a", -0.75),
        "exclude_outside": bool(node.attr("exclude_outside", 0)),
        "keep_aspect_ratio_policy": node.attr("keep_aspect_ratio_policy", "stretch"),
        "extrapolation_value": node.attr("extrapolation_value", 0.0),
    }
    if how["mode"] == "nearest":
        how["antialias"] = False
    axes = tuple(a % x.ndim for a in node.attr("axes", range(x.ndim)))
    crop = roi if how["coordinate_transformation_mode"] == CROP else None
    target = sizes if scales is None or scales.shape == (0,) else scales
    if target is None:
        raise node.refuse("it has neither sizes nor scales")
    return _resized(node, x, target, crop, axes, how)


@onnx_op("Upsample")
def _upsample(node: Node, x: Value, scales: Value | None = None) -> Value:
    if scales is None:
        plain = [1.0, 1.0, node.attr("height_scale", 1.0), node.attr("width_scale", 1.0)]
        scales = node.known(node.attr("scales", plain), "float32")
    return _upsampled(node, x, scales)


def _upsampled(node: Node, x: Value, scales: Value | None) -> Value:
    if scales is None:
        raise node.refuse("it has no scales")
    mode = {"bilinear": "linear"}.get(node.attr("mode", "nearest"), node.attr("mode", "nearest"))
    how = {"mode": mode, "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return _resized(node, x, scales, None, tuple(range(x.ndim)), how)


def _resized(
    node: Node, x: Value, target: Value, roi: Value | None, axes: tuple[int, ...], how: dict[str, Any]
) -> Value:
    """`x` resized to sizes, or, if `target` is of floats, by scales; axes that stay as they are, are left out."""
    scaled = is_float(target.dtype)
    target, roi = target.settled(), None if roi is None else roi.settled()
    wanted = _numbers(target)
    crop = () if roi is None else _numbers(roi)
    kept = [
        i
        for i, (axis, w) in enumerate(zip(axes, wanted, strict=True))
        if how.get("keep_aspect_ratio_policy", "stretch") != "stretch"
        or w is None
        or w != (1.0 if scaled else x.shape[axis])
        or (roi is not None and crop[i :: len(axes)] != (0.0, 1.0))
    ]
    corners = [*kept, *(i + len(axes) for i in kept)]
    known = all(isinstance(wanted[i], int | float) for i in kept) and None not in crop

    def resized(v: Value, order: tuple[int, ...]) -> Value:
        along = tuple(order[axes[i]] for i in kept)
        between = None if along == tuple(range(1, v.ndim - 1)) else along
        if not known:
            ends = None if roi is None else _at(node, roi, corners)
            return ops.resize_to(v, _at(node, target, kept), ends, axes=between, **how)
        numbers: dict[str, Any] = {"scales" if scaled else "sizes": tuple(wanted[i] for i in kept)}
        if roi is not None:
            numbers["roi"] = tuple(crop[i] for i in corners)
        return ops.resize(v, axes=between, **numbers, **how)

    y = through(x, resized) if kept else x
    return y if y.dtype == x.dtype else ops.cast(y, dtype=x.dtype.name)


def _numbers(value: Value) -> tuple[Any, ...]:
    """What is known of the numbers in a vector; None for each of which nothing is."""
    array = array_of(value)
    found = sizes_of(value) if array is None else array.reshape(-1).tolist()
    count = value.shape[0]
    return tuple(found) if found is not None else (None,) * (count if isinstance(count, int) else 0)


def _at(node: Node, vector: Value, places: Sequence[int]) -> Value:
    whole = list(places) == list(range(vector.shape[0])) if isinstance(vector.shape[0], int) else False
    return vector if whole else ops.take(vector, node.known(list(places), "int64"))


@onnx_op("CenterCropPad")
def _center_crop_pad(node: Node, x: Value, shape: Value) -> Value:
    sizes = sizes_of(shape)
    axes = tuple(a % x.ndim for a in node.attr("axes", range(x.ndim)))
    if sizes is None or not all(isinstance(n, int) for n in sizes):
        return through(x, lambda v, order: ops.center_crop_pad_to(v, shape, axes=tuple(order[a] for a in axes)))
    changed = {a: n for a, n in zip(axes, sizes, strict=True) if n != x.shape[a]}

    def centred(v: Value, order: tuple[int, ...]) -> Value:
        along = {order[a]: n for a, n in changed.items()}
        return ops.center_crop_pad(v, sizes=tuple(along.values()), axes=tuple(along))

    return through(x, centred) if changed else x


@onnx_op("GridSample")
def _grid_sample(node: Node, x: Value, grid: Value) -> Value:
    mode = node.attr("mode", "linear")
    y = ops.grid_sample(
        channels_last(x),
        grid,
        mode={"bilinear": "linear", "bicubic": "cubic"}.get(mode, mode),
        padding_mode=node.attr("padding_mode", "zeros"),
        align_corners=bool(node.attr("align_corners", 0)),
    )
    return channels_first(y if y.dtype == x.dtype else ops.cast(y, dtype=x.dtype.name))


@onnx_op("AffineGrid")
def _affine_grid(node: Node, theta: Value, size: Value) -> Value:
    sizes, align = ints_of(size), bool(node.attr("align_corners", 0))
    if sizes is None:
        return ops.affine_grid_to(theta, size[2:], align_corners=align)
    return ops.affine_grid(theta, sizes=sizes[2:], align_corners=align)


@onnx_op("RoiAlign")
def _roi_align(node: Node, x: Value, rois: Value, batch_indices: Value) -> Value:
    coordinates = "output_half_pixel" if node.version < 16 else "half_pixel"
    y = ops.roi_align(
        channels_last(x),
        rois,
        batch_indices,
        output_size=(node.attr("output_height", 1), node.attr("output_width", 1)),
        sampling_ratio=node.attr("sampling_ratio", 0),
        spatial_scale=node.attr("spatial_scale", 1.0),
        mode=node.attr("mode", "avg"),
        coordinate_transformation_mode=node.attr("coordinate_transformation_mode", coordinates),
    )
    return channels_first(y)


@onnx_op("NonMaxSuppression")
def _non_max_suppression(
    node: Node,
    boxes: Value,
    scores: Value,
    most: Value | None = None,
    iou_threshold: Value | None = None,
    score_threshold: Value | None = None,
) -> Value:
    limits = [
        _scalar(node, most, 0, "int64"),
        _scalar(node, iou_threshold, 0.0, "float32"),
        _scalar(node, score_threshold, -np.inf, "float32"),
    ]
    how: dict[str, Any] = {"center_point_box": bool(node.attr("center_point_box", 0))}
    count, iou, score = (scalar_of(v) for v in limits)
    if count is None or iou is None or score is None:
        return ops.non_max_suppression_by(boxes, scores, *limits, **how)
    if count < 1:
        return node.known(np.zeros((0, 3)), "int64")
    return ops.non_max_suppression(
        boxes,
        scores,
        max_output_boxes_per_class=count,
        iou_threshold=iou,
        score_threshold=None if score_threshold is None else score,
        **how,
    )


def _scalar(node: Node, value: Value | None, default: float, dtype: str) -> Value:
    return node.known(default, dtype) if value is None else ops.reshape(value, shape=())
