"""Boxes in images, and what queries may see."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowloom import ops
from flowloom.compiler.expr import Expr
from flowloom.formats.onnx.writing.layout import channels_first, channels_last
from flowloom.formats.onnx.writing.table import becomes, writes
from flowloom.formats.onnx.writing.writer import Name, Writer

FLOAT, INT64 = np.dtype("float32"), np.dtype("int64")


@writes("roi_align_mean")
def _roi_align_mean(w: Writer, e: Expr, x: Name, rois: Name, batch_indices: Name) -> Name:
    params, (operand, boxes, images) = dict(e.params), e.args
    size = params["output_size"]
    rows, columns = (size, size) if isinstance(size, int) else size
    y = w.node(
        "RoiAlign",
        channels_first(w, w.cast(x, operand.dtype, e.dtype), operand.ndim),
        w.cast(rois, boxes.dtype, e.dtype),
        w.cast(batch_indices, images.dtype, INT64),
        output_height=rows,
        output_width=columns,
        sampling_ratio=params["sampling_ratio"],
        spatial_scale=params["spatial_scale"],
        coordinate_transformation_mode=params["coordinate_transformation_mode"],
    )
    return channels_last(w, y, e.ndim)


@writes("non_max_suppression")
def _non_max_suppression(w: Writer, e: Expr, boxes: Name, scores: Name) -> Any:
    params = dict(e.params)
    most = params["max_output_boxes_per_class"]
    limits = [w.ints(np.iinfo(np.int32).max if most is None else most), w.constant([params["iou_threshold"]], FLOAT)]
    if params["score_threshold"] is not None:
        limits.append(w.constant([params["score_threshold"]], FLOAT))
    return _suppressed(w, e, boxes, scores, *limits)


@writes("non_max_suppression_by")
def _non_max_suppression_by(w: Writer, e: Expr, boxes: Name, scores: Name, *limits: Name) -> Any:
    dtypes: list[np.dtype[Any]] = [INT64, FLOAT, FLOAT]
    given = [w.cast(x, a.dtype, dtype) for x, a, dtype in zip(limits, e.args[2:], dtypes, strict=True)]
    return _suppressed(w, e, boxes, scores, *(w.reshape(x, [1]) for x in given))


def _suppressed(w: Writer, e: Expr, boxes: Name, scores: Name, *limits: Name) -> Any:
    given = (w.cast(x, a.dtype, FLOAT) for x, a in zip((boxes, scores), e.args, strict=False))
    return w.node("NonMaxSuppression", *given, *limits, center_point_box=int(dict(e.params)["center_point_box"]))


@becomes("attention_window")
def _attention_window(scores: Any, offset: Any, count: Any, *, left: int | None, right: int | None) -> Any:
    places = [_counted(scores, axis) for axis in (2, 3)]
    place = ops.expand_dims(places[0], axis=-1) + _by_batch(offset)
    key = places[1]
    seen = ops.broadcast_like(ops.less(key, _by_batch(count)), ops.max(scores, axis=1, keepdims=True))
    if left is not None:
        seen = ops.logical_and(seen, ops.greater_equal(key, place - left))
    if right is not None:
        seen = ops.logical_and(seen, ops.less_equal(key, place + right))
    return seen


def _counted(x: Any, axis: int) -> Any:
    n = x.shape[axis]
    return np.arange(n) if isinstance(n, int) else ops.arange_of(np.int64(0), ops.size(x, axis=axis), np.int64(1))


def _by_batch(x: Any) -> Any:
    """A number for all, or for each of the batch: (batch, 1, 1, 1)."""
    return ops.reshape(ops.cast(x, dtype="int64"), shape=(-1, 1, 1, 1))
