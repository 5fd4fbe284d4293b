"""Patches: cut out one by one, and added back as ONNX does."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from flowloom import ops
from flowloom.spec import Spec, SpecError
from tests.ops.by_onnx import by_onnx


def test_patches_are_windows() -> None:
    x = np.random.default_rng(0).normal(size=(2, 7, 6, 3))
    windows = sliding_window_view(x, (3, 2), axis=(1, 2))[:, ::2, ::1]

    found = ops.extract_patches(x, size=(3, 2), strides=(2, 1))

    np.testing.assert_array_equal(found, np.moveaxis(windows, 3, -1).reshape(2, 3, 5, 18))


def test_a_convolution_is_a_product_with_patches() -> None:
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(2, 6, 5, 3)), rng.normal(size=(3, 2, 3, 4))
    how = {"strides": 2, "padding": ((1, 0), (0, 2)), "dilation_rate": (1, 2)}

    patches = ops.extract_patches(x, size=(3, 2), **how)

    np.testing.assert_allclose(patches @ kernel.reshape(18, 4), ops.conv2d(x, kernel, **how), rtol=1e-12)


def test_patches_side_by_side_fold_back() -> None:
    x = np.random.default_rng(0).normal(size=(2, 4, 6, 3))

    np.testing.assert_array_equal(
        ops.fold_patches(ops.extract_patches(x, size=(2, 3)), output_size=(4, 6), size=(2, 3)), x
    )


@pytest.mark.parametrize(
    ("pads", "strides", "dilations"),
    [([0, 0, 0, 0], [1, 1], [1, 1]), ([1, 0, 1, 2], [2, 1], [1, 1]), ([0, 1, 0, 1], [1, 2], [2, 1])],
)
def test_folding_is_onnxs(pads: list[int], strides: list[int], dilations: list[int]) -> None:
    rng, image, block = np.random.default_rng(0), (6, 5), (2, 3)
    padding = tuple(zip(pads[:2], pads[2:], strict=True))
    how = {"size": block, "strides": tuple(strides), "dilation_rate": tuple(dilations), "padding": padding}
    rows, columns, each = ops.extract_patches(Spec((2, *image, 3)), **how).sizes[1:]
    patches = rng.normal(size=(2, rows, columns, each))

    found = ops.fold_patches(patches, output_size=image, **how)

    # ONNX: (batch, channels * block, windows)
    turned = patches.reshape(2, rows * columns, 6, 3).transpose(0, 3, 2, 1).reshape(2, 18, -1)
    how_onnx = {"pads": pads, "strides": strides, "dilations": dilations}
    expected = by_onnx("Col2Im", turned, np.array(image), np.array(block), **how_onnx)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_mistakes() -> None:
    with pytest.raises(SpecError, match=r"patches has \[3, 2\] windows, such a tensor \[2, 2\]"):
        ops.fold_patches(Spec((1, 3, 2, 4)), output_size=(4, 4), size=(2, 2))
    with pytest.raises(SpecError, match="5 elements cannot be divided by 4"):
        ops.fold_patches(Spec((1, 2, 2, 5)), output_size=(4, 4), size=(2, 2))
    with pytest.raises(SpecError, match=r"x must be \(batch, height, width, channels\); got 3 dimensions"):
        ops.extract_patches(Spec((1, 4, 4)), size=(2, 2))
