"""Deformable convolution: an ordinary one where nothing is moved, and ONNX's where it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from flowloom import ops
from flowloom.spec import Spec, SpecError
from tests.ops.by_onnx import by_onnx, channels_second, kernel_first, pads


@pytest.mark.parametrize("how", [{}, {"strides": 2, "padding": "same"}, {"dilation_rate": 2, "groups": 2}])
def test_without_offset_it_is_a_convolution(how: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(2, 6, 7, 4)), rng.normal(size=(3, 2, 4 // how.get("groups", 1), 2))
    expected = ops.conv2d(x, kernel, **how)

    found = ops.deform_conv2d(x, kernel, np.zeros((*expected.shape[:3], 12)), **how)

    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("groups", "offset_groups", "masked", "how"),
    [
        (1, 1, False, {}),
        (2, 1, True, {"strides": (2, 1), "padding": ((1, 0), (0, 1))}),
        (1, 2, True, {"padding": ((1, 1), (1, 1)), "dilation_rate": (2, 1)}),
    ],
)
def test_it_is_onnxs(groups: int, offset_groups: int, masked: bool, how: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(2, 6, 5, 4)), rng.normal(size=(3, 2, 4 // groups, 4))
    shape = ops.conv2d(Spec(x.shape), Spec((3, 2, 4, 1)), **how).sizes[:3]
    offset = rng.normal(size=(*shape, offset_groups * 12))
    mask = rng.uniform(size=(*shape, offset_groups * 6)) if masked else None

    found = ops.deform_conv2d(x, kernel, offset, mask, groups=groups, offset_groups=offset_groups, **how)

    expected = by_onnx(
        "DeformConv",
        channels_second(x),
        kernel_first(kernel),
        channels_second(offset),
        None,
        None if mask is None else channels_second(mask),
        kernel_shape=[3, 2],
        strides=np.broadcast_to(how.get("strides", 1), 2).tolist(),
        dilations=np.broadcast_to(how.get("dilation_rate", 1), 2).tolist(),
        pads=pads(how.get("padding", [(0, 0)] * 2)),
        group=groups,
        offset_group=offset_groups,
    )
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)  # of which the places are float32


def test_an_offset_reaches_between_pixels_and_beside_them() -> None:
    x = np.array([[1.0, 2, 4], [8, 16, 32]]).reshape(1, 2, 3, 1)
    kernel = np.ones((1, 1, 1, 1))
    offset = np.zeros((1, 2, 3, 2))
    offset[0, 0, 0], offset[0, 0, 2], offset[0, 1, 1] = (0.5, 0.5), (0, 0.25), (9, 9)

    y = ops.deform_conv2d(x, kernel, offset)

    assert y.reshape(2, 3).tolist() == [[6.75, 2, 3.0], [8, 0, 32]]


def test_named_dimensions() -> None:
    x, kernel, offset = Spec(("batch", "height", 8, 4)), Spec((3, 3, 4, 2)), Spec(("batch", "height", 8, 18))

    assert ops.deform_conv2d(x, kernel, offset, padding="same") == Spec(("batch", "height", 8, 2))


def test_mistakes() -> None:
    x, kernel = Spec((2, 6, 5, 4)), Spec((3, 3, 4, 2))
    with pytest.raises(SpecError, match=r"the offset is \[2, 4, 3, 9\]; these windows need \[2, 4, 3, 18\]"):
        ops.deform_conv2d(x, kernel, Spec((2, 4, 3, 9)))
    with pytest.raises(SpecError, match="offset must be floats; got int64"):
        ops.deform_conv2d(x, kernel, Spec((2, 4, 3, 18), "int64"))
