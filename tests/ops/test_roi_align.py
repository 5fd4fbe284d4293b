"""Features under boxes, against ONNX's reference evaluator; and mistakes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from flowloom import ops
from flowloom.spec import SpecError

from .onnx_reference import channels_last, onnx


@pytest.mark.parametrize("mode", ["avg", "max"])
@pytest.mark.parametrize("coordinates", ["half_pixel", "output_half_pixel"])
@pytest.mark.parametrize("ratio", [0, 1, 3])
def test_features_are_onnxs(mode: str, coordinates: str, ratio: int) -> None:
    rng = np.random.default_rng(0)
    x, which = rng.normal(size=(2, 3, 7, 9)), rng.integers(0, 2, 6)
    rois = np.sort(rng.uniform(-2, 12, (6, 2, 2)), axis=1).reshape(6, 4)
    how = {"mode": mode, "coordinate_transformation_mode": coordinates, "sampling_ratio": ratio, "spatial_scale": 0.75}

    found = ops.roi_align(channels_last(x), rois, which, output_size=(2, 3), **how)

    (expected,) = onnx("RoiAlign", x, rois, which, output_height=2, output_width=3, opset=22, **how)
    np.testing.assert_allclose(found, channels_last(expected), atol=1e-12)


def test_a_box_of_whole_pixels_is_their_mean() -> None:
    x = np.arange(16.0).reshape(1, 4, 4, 1)

    found = ops.roi_align(x, np.array([[0.0, 0.0, 4.0, 2.0]]), np.array([0]), output_size=(1, 2))

    np.testing.assert_allclose(found[0, 0, :, 0], [x[0, :2, :2].mean(), x[0, :2, 2:].mean()])


def test_a_box_without_size_is_zero() -> None:
    x, box = np.ones((1, 4, 4, 1)), np.array([[2.0, 2.0, 2.0, 2.0]])

    for mode in ("avg", "max"):
        assert ops.roi_align(x, box, np.array([0]), mode=mode) == 0


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda x, i: ops.roi_align(x, np.zeros((2, 5)), i), "rois must be (boxes, 4)"),
        (lambda x, i: ops.roi_align(x, np.zeros((3, 4)), i), "sizes differ, 3 and 2"),
        (lambda x, i: ops.roi_align(x, np.zeros((2, 4)), i * 1.0), "batch_indices must be integers; got float64"),
        (lambda x, i: ops.roi_align(x[0], np.zeros((2, 4)), i), "x must be (batch, height, width, channels)"),
    ],
)
def test_mistakes_are_named(call: Callable[[np.ndarray, np.ndarray], Any], rule: str) -> None:
    with pytest.raises(SpecError, match=re.escape(rule)):
        call(np.zeros((1, 3, 3, 1)), np.zeros(2, int))


def test_a_box_of_an_image_that_is_not_there_is_named() -> None:
    with pytest.raises(IndexError, match=re.escape("batch index 1 is outside 0..0, at position (1,)")):
        ops.roi_align(np.zeros((1, 3, 3, 1)), np.ones((2, 4)), np.array([0, 1]))
