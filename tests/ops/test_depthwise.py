"""Depthwise convolution: every channel by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from flowloom import ops
from flowloom.spec import Spec, SpecError


@pytest.mark.parametrize("how", [{}, {"strides": 2, "padding": "same"}, {"dilation_rate": 2}])
@pytest.mark.parametrize("multiplier", [1, 3])
def test_each_channel_has_filters_of_its_own(multiplier: int, how: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(2, 7, 6, 4)), rng.normal(size=(3, 2, 4, multiplier))
    # Keras' order: the results of one channel are beside one another.
    alone = [ops.conv2d(x[..., [c]], kernel[:, :, [c]], **how) for c in range(4)]

    np.testing.assert_allclose(ops.depthwise_conv2d(x, kernel, **how), np.concatenate(alone, -1), rtol=1e-12)


def test_sequences() -> None:
    x = np.array([[1.0, 10], [2, 20], [3, 30]])[None]
    kernel = np.array([[1.0, 1], [0, -1]])[..., None]

    np.testing.assert_array_equal(ops.depthwise_conv1d(x, kernel)[0], [[1, -10], [2, -10]])


def test_parts_of_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(5, 6, 6, 3)), rng.normal(size=(3, 3, 1, 6))
    how = {"groups": 3, "padding": "same"}

    def run() -> list[Any]:
        y = ops.conv2d(x, kernel, **how)
        return [
            y,
            ops.conv_backprop_input(y, kernel, input_size=(6, 6), **how),
            ops.conv_backprop_filter(x, y, kernel_size=(3, 3), **how),
        ]

    expected = run()
    monkeypatch.setattr("flowloom.ops.channelwise._PART_BYTES", 2 * 6 * 6 * 6 * 8)

    for a, b in zip(run(), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_mistakes() -> None:
    with pytest.raises(SpecError, match=r"^depthwise_conv2d\(.*\): x has 3 channels, the kernel takes 2$"):
        ops.depthwise_conv2d(Spec((1, 4, 4, 3)), Spec((3, 3, 2, 1)))
    with pytest.raises(SpecError, match="the channels of the kernel must be known"):
        ops.depthwise_conv1d(Spec((1, 4, 3)), Spec((3, None, 1)))
