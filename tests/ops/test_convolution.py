"""Convolution against SciPy's correlation, TensorFlow's padding, large batches, and mistakes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.signal import correlate

from flowloom import ops
from flowloom.ops import convolution
from flowloom.ops.windows import Windows
from flowloom.spec import Spec, SpecError


def by_scipy(x: np.ndarray, kernel: np.ndarray, strides: tuple[int, int], dilation: tuple[int, int]) -> np.ndarray:
    """A "valid" convolution as a sum of two-dimensional correlations; the dilated kernel has zeros in its gaps."""
    (h, w, channels, filters), (dh, dw) = kernel.shape, dilation
    spread = np.zeros(((h - 1) * dh + 1, (w - 1) * dw + 1, channels, filters))
    spread[::dh, ::dw] = kernel
    planes = [
        [
            sum(correlate(image[..., c], spread[..., c, f], mode="valid") for c in range(channels))
            for f in range(filters)
        ]
        for image in x
    ]
    return np.moveaxis(np.array(planes), 1, -1)[:, :: strides[0], :: strides[1]]


@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize("strides", [(1, 1), (2, 3)])
@pytest.mark.parametrize("dilation", [(1, 1), (2, 1)])
def test_it_is_a_correlation(channels: int, strides: tuple[int, int], dilation: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(2, 8, 9, channels)), rng.normal(size=(3, 2, channels, 4))

    found = ops.conv2d(x, kernel, strides=strides, dilation_rate=dilation)

    np.testing.assert_allclose(found, by_scipy(x, kernel, strides, dilation), rtol=1e-12, atol=1e-12)


def test_same_padding_without_strides_is_scipys() -> None:
    # For an odd kernel both put the same padding on either side.
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(5, 6)), rng.normal(size=(3, 3))

    found = ops.conv2d(x[None, ..., None], kernel[..., None, None], padding="same")

    np.testing.assert_allclose(found[0, ..., 0], correlate(x, kernel, mode="same"), rtol=1e-12)


@pytest.mark.parametrize(
    ("size", "window", "stride", "count", "margin"),
    [  # TensorFlow, "Notes on padding": ceil(size / stride) outputs; the odd element of padding comes last.
        (6, 3, 2, 3, (0, 1)),
        (5, 3, 2, 3, (1, 1)),
        (4, 2, 1, 4, (0, 1)),
        (13, 6, 5, 3, (1, 2)),
        (7, 1, 3, 3, (0, 0)),
        (224, 7, 2, 112, (2, 3)),
    ],
)
def test_same_padding_is_tensorflows(size: int, window: int, stride: int, count: int, margin: tuple[int, int]) -> None:
    windows = Windows.of(window, stride, "same")

    assert windows.count(size, size) == (count, count)
    assert windows.margins(size, size) == (margin, margin)


def test_the_gradients_are_the_transposes() -> None:
    # <conv(x, k), g> = <x, conv_input(g, k)> = <k, conv_filter(x, g)>
    rng = np.random.default_rng(0)
    how: dict[str, Any] = {"strides": 2, "padding": "same"}
    x, kernel, g = rng.normal(size=(3, 7, 6, 2)), rng.normal(size=(3, 3, 2, 4)), rng.normal(size=(3, 4, 3, 4))

    inner = np.sum(ops.conv2d(x, kernel, **how) * g)

    assert np.sum(x * ops.conv2d_backprop_input(g, kernel, input_size=(7, 6), **how)) == pytest.approx(inner)
    assert np.sum(kernel * ops.conv2d_backprop_filter(x, g, kernel_size=(3, 3), **how)) == pytest.approx(inner)


def test_a_batch_of_many_slabs_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    x, kernel, g = rng.normal(size=(7, 6, 6, 4)), rng.normal(size=(3, 3, 4, 2)), rng.normal(size=(7, 4, 4, 2))

    def run() -> list[np.ndarray]:
        return [
            ops.conv2d(x, kernel),
            ops.conv2d_backprop_input(g, kernel, input_size=(6, 6)),
            ops.conv2d_backprop_filter(x, g, kernel_size=(3, 3)),
        ]

    expected = run()
    monkeypatch.setattr(convolution, "_SLAB_BYTES", 2 * 16 * 36 * 8)  # two images

    for a, b in zip(run(), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_images_may_be_views() -> None:
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(2, 3, 6, 5)), rng.normal(size=(3, 3, 3, 2))
    nhwc = x.transpose(0, 2, 3, 1)

    np.testing.assert_allclose(ops.conv2d(nhwc, kernel), ops.conv2d(nhwc.copy(), kernel), rtol=1e-12)


@pytest.mark.parametrize(
    ("shape", "how", "expected"),
    [
        (("batch", 8, 8, 1), {}, ("batch", 6, 6, 16)),
        (("batch", 8, 8, 1), {"padding": "same", "strides": 2}, ("batch", 4, 4, 16)),
        (("batch", "height", None, 1), {"padding": "same"}, ("batch", "height", None, 16)),
        (("batch", "height", 8, 1), {}, ("batch", None, 6, 16)),
        ((None, None, None, None), {}, (None, None, None, 16)),
    ],
)
def test_named_dimensions_pass_through(shape: tuple, how: dict[str, Any], expected: tuple) -> None:
    assert ops.conv2d(Spec(shape), Spec((3, 3, 1, 16)), **how) == Spec(expected)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: ops.conv2d(Spec(("batch", 8, 8, 3)), Spec((3, 3, 1, 16))),
            "conv2d(x: float32[batch, 8, 8, 3], kernel: float32[3, 3, 1, 16]): x has 3 channels, the kernel takes 1",
        ),
        (
            lambda: ops.conv2d(Spec(("batch", 8, 2, 1)), Spec((3, 3, 1, 16))),
            "conv2d(x: float32[batch, 8, 2, 1], kernel: float32[3, 3, 1, 16]): the window spans 3 and the width is 2; "
            'use a smaller one, or padding="same"',
        ),
        (
            lambda: ops.conv2d(Spec(("batch", 64)), Spec((3, 3, 1, 16))),
            "conv2d(x: float32[batch, 64], kernel: float32[3, 3, 1, 16]): x must be (batch, height, width, channels); "
            "got 2 dimensions",
        ),
        (
            lambda: ops.conv2d_backprop_input(Spec((1, 6, 6, 2)), Spec((3, 3, 1, 2)), input_size=(9, 8)),
            "conv2d_backprop_input(g: float32[1, 6, 6, 2], kernel: float32[3, 3, 1, 2]): "
            "g has 6 rows, the convolution 7",
        ),
        (
            lambda: ops.conv2d(Spec((1, 8, 8, 1)), Spec((3, 3, 1, 16)), padding="full"),
            "padding='full' does not fit: there is no 'full'. There is: valid, same",
        ),
    ],
)
def test_mistakes(call: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(SpecError, match=f"^{re.escape(sentence)}$"):
        call()
