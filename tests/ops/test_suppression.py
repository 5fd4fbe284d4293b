"""Boxes that overlap: ONNX's reference says which are left."""

from __future__ import annotations

import numpy as np
import pytest

from flowloom import ops
from flowloom.spec import Spec, SpecError

from .onnx_reference import onnx


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("least", [None, 0.5])
@pytest.mark.parametrize("most", [3, 50])
def test_the_best_boxes_are_onnxs(centred: bool, least: float | None, most: int) -> None:
    rng = np.random.default_rng(0)
    boxes = rng.uniform(size=(2, 30, 4)).astype("f4")
    scores = np.round(rng.uniform(size=(2, 3, 30)), 1).astype("f4")  # with equals

    found = ops.non_max_suppression(
        boxes,
        scores,
        max_output_boxes_per_class=most,
        iou_threshold=0.25,
        score_threshold=least,
        center_point_box=centred,
    )

    limits = np.array([most]), np.array([0.25], "f4"), None if least is None else np.array([least], "f4")
    (expected,) = onnx("NonMaxSuppression", boxes, scores, *limits, center_point_box=int(centred), opset=11)
    np.testing.assert_array_equal(found, expected)


def test_onnxs_own_example_of_suppression() -> None:
    # The operator's documentation, test_nonmaxsuppression_suppress_by_IOU.
    corners = [[0.0, 0.0], [0.0, 0.1], [0.0, -0.1], [0.0, 10.0], [0.0, 10.1], [0.0, 100.0]]
    boxes = np.array([[[y, x, y + 1, x + 1] for y, x in corners]])
    scores = np.array([[[0.9, 0.75, 0.6, 0.95, 0.5, 0.3]]])

    found = ops.non_max_suppression(boxes, scores, max_output_boxes_per_class=3, iou_threshold=0.5)

    np.testing.assert_array_equal(found, [[0, 0, 3], [0, 0, 0], [0, 0, 5]])


def test_how_many_boxes_there_are_is_not_known_before() -> None:
    assert ops.non_max_suppression(Spec(("batch", 9, 4)), Spec(("batch", 2, 9))) == Spec((None, 3), "int64")
    assert ops.non_max_suppression(np.zeros((1, 0, 4)), np.zeros((1, 2, 0))).shape == (0, 3)


@pytest.mark.parametrize(
    ("boxes", "scores"), [((1, 3, 3, 1), (1, 3, 3, 1)), ((2, 6, 4), (2, 3, 5)), ((2, 6, 5), (2, 3, 6))]
)
def test_shapes_that_do_not_fit_are_named(boxes: tuple[int, ...], scores: tuple[int, ...]) -> None:
    with pytest.raises(SpecError, match=r"boxes must be \(batch, boxes, 4\) and scores \(batch, classes, boxes\)"):
        ops.non_max_suppression(Spec(boxes), Spec(scores))
