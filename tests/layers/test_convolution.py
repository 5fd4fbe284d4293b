"""Convolutions are SciPy's correlation, summed over channels, and PyTorch's layers with the same weights."""

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
        with pytest.raises(fl.SpecError, match=r"reads images.*float32\[batch, 8\].*node 'conv2d'"):
            fl.layers.conv2d(fl.input("x", shape=("batch", 8)))
        with pytest.raises(fl.SpecError, match="node 'conv2d'"):
            fl.layers.conv2d(fl.input("small", shape=("batch", 2, 2, 1)), kernel_size=3)


# ---------------------------------------------------------------- PyTorch's layers, which have the channels in front


def same_as_pytorch(ours: str, theirs: str, shape: tuple[int, ...], how: dict[str, Any], other: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    x = np.random.default_rng(0).normal(size=(2, *shape)).astype("float32")
    with fl.Graph("conv") as g:
        y = getattr(fl.layers, ours)(fl.input("x", shape=("batch", *shape)), name="y", **how)
    module = getattr(torch.nn, theirs)(shape[-1], other.pop("filters"), **other)
    kernel, bias = g.variables
    # PyTorch: (filters, channels / groups, *window), transposed (channels, filters, *window)
    weight = np.moveaxis(module.weight.detach().numpy(), (0, 1), (-1, -2))
    kernel.value = weight.reshape(kernel.shape)
    bias.value = module.bias.detach().numpy()

    expected = module(torch.tensor(np.moveaxis(x, -1, 1))).detach().numpy()

    assert y.shape == ("batch", *np.moveaxis(expected, 1, -1).shape[1:])
    np.testing.assert_allclose(fl.compile(y)({"x": x}), np.moveaxis(expected, 1, -1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("rank", "how", "other"),
    [
        (1, {"strides": 2}, {"stride": 2}),
        (1, {"padding": "same", "dilation_rate": 2}, {"padding": "same", "dilation": 2}),
        (1, {"groups": 2}, {"groups": 2}),
        (2, {"padding": ((1, 1), (2, 2)), "strides": (1, 2)}, {"padding": (1, 2), "stride": (1, 2)}),
        (2, {"groups": 4, "dilation_rate": (2, 1)}, {"groups": 4, "dilation": (2, 1)}),
        (3, {"padding": "same"}, {"padding": "same"}),
        (3, {"strides": (1, 2, 2), "groups": 2}, {"stride": (1, 2, 2), "groups": 2}),
    ],
)
def test_it_is_the_convolution_of_pytorch(rank: int, how: dict[str, Any], other: dict[str, Any]) -> None:
    shape = (*range(6, 6 + rank), 4)
    same_as_pytorch(
        f"conv{rank}d",
        f"Conv{rank}d",
        shape,
        {"filters": 8, "kernel_size": 3, **how},
        {"filters": 8, "kernel_size": 3, **other},
    )


@pytest.mark.parametrize(
    ("rank", "how", "other"),
    [
        (1, {}, {}),
        (2, {"strides": 2}, {"stride": 2}),
        (
            2,
            {"strides": 2, "padding": ((1, 1), (1, 1)), "output_padding": 1},
            {"stride": 2, "padding": 1, "output_padding": 1},
        ),
        (3, {"strides": 2, "dilation_rate": 2}, {"stride": 2, "dilation": 2}),
    ],
)
def test_it_is_the_transposed_convolution_of_pytorch(rank: int, how: dict[str, Any], other: dict[str, Any]) -> None:
    same_as_pytorch(
        f"conv{rank}d_transpose",
        f"ConvTranspose{rank}d",
        (*range(3, 3 + rank), 3),
        {"filters": 2, "kernel_size": 3, **how},
        {"filters": 2, "kernel_size": 3, **other},
    )


@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize("multiplier", [1, 3])
def test_a_depthwise_convolution_is_one_in_as_many_groups_as_channels(rank: int, multiplier: int) -> None:
    same_as_pytorch(
        f"depthwise_conv{rank}d",
        f"Conv{rank}d",
        (*range(5, 5 + rank), 4),
        {"kernel_size": 3, "strides": 2, "depth_multiplier": multiplier},
        {"filters": 4 * multiplier, "kernel_size": 3, "stride": 2, "groups": 4},
    )


@pytest.mark.parametrize("rank", [1, 2])
def test_a_separable_convolution_is_a_depthwise_one_and_a_dense_layer(rank: int) -> None:
    x = np.random.default_rng(0).normal(size=(2, *range(5, 5 + rank), 3))
    with fl.Graph("separable") as g:
        images = fl.input("x", shape=("batch", *x.shape[1:]), dtype="float64")
        y = getattr(fl.layers, f"separable_conv{rank}d")(
            images, filters=4, depth_multiplier=2, padding="same", activation="tanh", name="y"
        )
        deep = getattr(fl.layers, f"depthwise_conv{rank}d")(images, depth_multiplier=2, padding="same", name="deep")
        mixed = fl.layers.dense(deep, units=4, activation="tanh", name="mixed")
    v = {v.name: v for v in g.variables}
    v["deep/kernel"].value = v["y/depthwise_kernel"].value
    v["mixed/kernel"].value = v["y/pointwise_kernel"].value.reshape(6, 4)

    one, two = fl.compile([y, mixed])({"x": x})

    np.testing.assert_allclose(one, two, rtol=1e-6)
    assert {k: v[f"y/{k}"].shape for k in ("depthwise_kernel", "pointwise_kernel", "bias")} == {
        "depthwise_kernel": (3,) * rank + (3, 2),
        "pointwise_kernel": (1,) * rank + (6, 4),
        "bias": (4,),
    }


def test_a_causal_convolution_sees_no_later_step() -> None:
    x = np.random.default_rng(0).normal(size=(1, 8, 2))
    with fl.Graph("causal"):
        y = fl.layers.conv1d(fl.input("x", shape=("batch", 8, 2), dtype="float64"), padding="causal", dilation_rate=2)
    before = fl.compile(y)({"x": x})
    x[:, 5:] += 1

    after = fl.compile(y)({"x": x})

    assert after.shape == (1, 8, 32)
    np.testing.assert_array_equal(after[:, :5], before[:, :5])
    assert (after[:, 5:] != before[:, 5:]).any()


def test_groups_must_divide_channels_and_filters() -> None:
    with fl.Graph("wrong"), pytest.raises(fl.SpecError, match=r"groups=2, 3 channels, 4 filters"):
        fl.layers.conv2d(fl.input("x", shape=("batch", 8, 8, 3)), filters=4, groups=2)
