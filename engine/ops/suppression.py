"""The best of boxes that overlap: non-maximum suppression."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.kernels import on_host
from flowloom.params import Count
from flowloom.spec import Array, Spec, SpecError, merge_shapes


@op(family="layer", differentiable=False)
def non_max_suppression(
    boxes: Spec,
    scores: Spec,
    *,
    max_output_boxes_per_class: Count | None = None,
    iou_threshold: float = 0.5,
    score_threshold: float | None = None,
    center_point_box: bool = False,
) -> Spec:
    """The boxes that overlap none of a higher score (ONNX NonMaxSuppression), in each image and class.

    `boxes` (batch, boxes, 4) as y1, x1, y2, x2 with any two opposite corners, or with `center_point_box` as x, y,
    width, height; `scores` (batch, classes, boxes). Returns int64 (chosen, 3): batch, class and box, the best first in
    each class, the first of equals. A box goes whose intersection with a chosen one is more than `iou_threshold` of
    their union, or whose score is not above `score_threshold`. Raises SpecError if the shapes do not fit.
    """
    return chosen_boxes(boxes, scores)


def chosen_boxes(boxes: Spec, scores: Spec) -> Spec:
    """The spec of the boxes that are chosen. Raises SpecError if the shapes do not fit."""
    rule = f"boxes must be (batch, boxes, 4) and scores (batch, classes, boxes); got {boxes}, {scores}"
    if scores.ndim != 3:
        raise SpecError(rule)
    merge_shapes(boxes.shape, (scores.shape[0], scores.shape[2], 4), rule)
    return Spec((None, 3), "int64")


@non_max_suppression.kernel
def _(
    xp: Any,
    boxes: Any,
    scores: Any,
    *,
    max_output_boxes_per_class: int | None,
    iou_threshold: float,
    score_threshold: float | None,
    center_point_box: bool,
) -> Any:
    corners = _corners(on_host(boxes).astype(np.float64), center_point_box)
    found = list[tuple[int, int, int]]()
    for batch, classes in enumerate(on_host(scores)):
        for label, score in enumerate(classes):
            order = np.argsort(-score.astype(np.float64), kind="stable")
            if score_threshold is not None:
                order = order[score[order] > score_threshold]
            chosen = _chosen(corners[batch], order, iou_threshold, max_output_boxes_per_class)
            found.extend((batch, label, box) for box in chosen)
    return xp.asarray(np.array(found, np.int64).reshape(-1, 3))


def _corners(boxes: Array, centred: bool) -> Array:
    """(..., 4): the lower corner, then the higher one."""
    one, other = boxes[..., :2], boxes[..., 2:]
    if centred:
        return np.concatenate([one - other / 2, one + other / 2], axis=-1)
    return np.concatenate([np.minimum(one, other), np.maximum(one, other)], axis=-1)


def _chosen(corners: Array, order: Array, threshold: float, most: int | None) -> Iterator[int]:
    """The boxes of `order`, best first, without those that overlap one before them."""
    count = 0
    while len(order) and (most is None or count < most):
        best, order = order[0], order[1:]
        yield int(best)
        count += 1
        order = order[_overlap(corners[best], corners[order]) <= threshold]


def _overlap(box: Array, others: Array) -> Array:
    """Intersection over union of `box` with each of `others`; 0 where one of them has no area."""
    shared = np.maximum(np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2]), 0).prod(axis=1)
    area, areas = (box[2:] - box[:2]).prod(), (others[:, 2:] - others[:, :2]).prod(axis=1)
    union = area + areas - shared
    real = (area > 0) & (areas > 0) & (union > 0)
    return np.asarray(np.where(real, shared / np.where(real, union, 1), 0.0))


@non_max_suppression.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    boxes = rng.uniform(size=(2, 6, 4))
    yield (boxes, rng.uniform(size=(2, 3, 6))), {"iou_threshold": 0.2}
    yield (boxes, rng.uniform(size=(2, 1, 6))), {"center_point_box": True, "max_output_boxes_per_class": 2}
    yield (boxes, rng.uniform(size=(2, 1, 6))), {"score_threshold": 2.0}
