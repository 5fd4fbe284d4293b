"""Conv2d is SciPy's correlation, summed over channels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.signal import correlate

import flowloom as fl

Array = np.ndarray[Any, Any]


def build(shape: tuple[int, ...], **params: Any) -> fl.Graph:
    graph = fl.Graph("conv")
    with graph:
        fl.layers.conv2d(fl.input("x", shape=("batch", *shape), dtype="float64"), name="y", **params)
    return graph


def correlated(x: Array, kernel: Array) -> Array:
    """Every filter over every whole window: (batch, h, w, c) and (kh, kw, c, f) give (batch, h', w', f)."""
    filters = [[correlate(image, kernel[..., f], mode="valid")[..., 0] for f in range(kernel.shape[3])] for image in x]
    return np.moveaxis(np.array(filters), 1, -1)


@pytest.mark.parametrize("kernel_size", [1, 3, (2, 4)])
def test_valid_takes_every_whole_window(kernel_size: Any) -> None:
    graph = build((6, 7, 3), filters=2, kernel_size=kernel_size, bias_initializer="random_normal")
    x = np.random.default_rng(2).normal(size=(4, 6, 7, 3))
    kernel, bias = (v.value.astype("float64") for v in graph.variables)

    np.testing.assert_allclose(fl.compile(graph["y"])({"x": x}), correlated(x, kernel) + bias, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("size", "strides"), [(8, 1), (8, 2), (7, 2), (7, 3), (8, 3)])
@pytest.mark.parametrize("kernel_size", [2, 3, 5])
def test_same_pads_evenly_with_the_odd_row_at_the_end(size: int, strides: int, kernel_size: int) -> None:
    """The rule of TensorFlow and Keras: ceil(size / stride) windows, padding split with more of it after."""
    graph = build((size, size, 2), filters=2, kernel_size=kernel_size, strides=strides, padding="same")
    x = np.random.default_rng(3).normal(size=(2, size, size, 2))
    count = -(-size // strides)
    padding = max((count - 1) * strides + kernel_size - size, 0)
    around = (padding // 2, padding - padding // 2)
    padded = np.pad(x, ((0, 0), around, around, (0, 0)))
    kernel = graph.variables[0].value.astype("float64")

    result = fl.compile(graph["y"])({"x": x})

    assert graph["y"].shape == ("batch", count, count, 2)
    np.testing.assert_allclose(result, correlated(padded, kernel)[:, ::strides, ::strides], rtol=1e-10, atol=1e-12)


def test_its_variables_are_kernel_and_bias() -> None:
    graph = build((8, 8, 3), filters=16, kernel_size=(3, 2))

    assert {v.name: v.shape for v in graph.variables} == {"y/kernel": (3, 2, 3, 16), "y/bias": (16,)}


def test_what_is_no_image_and_a_window_too_large_are_refused() -> None:
    with fl.Graph("wrong"):
        with pytest.raises(fl.SpecError, match=r"reads images.*float32\[batch, 8\].*In node 'conv2d'"):
            fl.layers.conv2d(fl.input("x", shape=("batch", 8)))
        with pytest.raises(fl.SpecError, match="In node 'conv2d'"):
            fl.layers.conv2d(fl.input("small", shape=("batch", 2, 2, 1)), kernel_size=3)
