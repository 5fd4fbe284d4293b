"""Convolution against SciPy's correlation and ONNX's, integers, large batches, and mistakes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from scipy.signal import correlate

from flowloom import ops
from flowloom.backends.portable import evaluate
from flowloom.compiler.expr import placeholder
from flowloom.compiler.gradient import gradients
from flowloom.ops import unrolling
from flowloom.spec import Spec, SpecError
from tests.ops.by_onnx import by_onnx, channels_second, kernel_first, pads


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


PADDED: list[tuple[int, dict[str, Any]]] = [
    (1, {"strides": 2, "padding": ((2, 1),), "dilation_rate": 2}),
    (1, {"groups": 2, "padding": ((0, 3),)}),
    (2, {"strides": (2, 1), "padding": ((1, 0), (0, 2)), "dilation_rate": (1, 2)}),
    (2, {"groups": 3}),
    (2, {"groups": 6, "padding": ((1, 1), (1, 1)), "strides": 2}),
    (3, {"padding": ((1, 1), (0, 1), (1, 0)), "strides": (1, 2, 1)}),
    (3, {"groups": 2, "dilation_rate": 2}),
]


@pytest.mark.parametrize(("rank", "how"), PADDED)
def test_it_is_onnxs(rank: int, how: dict[str, Any]) -> None:
    rng, groups = np.random.default_rng(0), how.get("groups", 1)
    x, kernel = rng.normal(size=(2, *(6, 7, 5)[:rank], 6)), rng.normal(size=(*(3, 2, 2)[:rank], 6 // groups, 12))
    dilations = how.get("dilation_rate", 1)

    found = getattr(ops, f"conv{rank}d")(x, kernel, **how)

    expected = by_onnx(
        "Conv",
        channels_second(x),
        kernel_first(kernel),
        pads=pads(how.get("padding", [(0, 0)] * rank)),
        strides=np.broadcast_to(how.get("strides", 1), rank).tolist(),
        dilations=np.broadcast_to(dilations, rank).tolist(),
        group=groups,
    )
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


def test_causal_results_do_not_depend_on_later_steps() -> None:
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(1, 9, 2)), rng.normal(size=(3, 2, 2))
    changed = x.copy()
    changed[:, 5:] += 1

    before, after = (ops.conv1d(v, kernel, padding="causal", dilation_rate=2) for v in (x, changed))

    assert before.shape == (1, 9, 2)
    np.testing.assert_array_equal(before[:, :5], after[:, :5])
    assert not np.isclose(before[:, 5:], after[:, 5:]).any()


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int4"])
def test_small_integers_are_summed_in_32_bits(dtype: str) -> None:
    info = ml_dtypes.iinfo(dtype)
    x = np.full((1, 4, 4, 64), info.max, dtype)
    kernel = np.full((3, 3, 64, 1), info.min or info.max, dtype)

    y = ops.conv2d(x, kernel)

    assert y.dtype == np.int32
    assert set(y.reshape(-1).tolist()) == {3 * 3 * 64 * int(info.max) * int(info.min or info.max)}


@pytest.mark.parametrize("large", [9, 2**20, 2**31 - 1])
def test_integers_are_exact_or_wrap(large: int) -> None:
    # Above 2**53 floats would round, and above 2**31 they would not wrap.
    x, kernel = np.array([large, large - 1, 3, 7]).reshape(1, 4, 1), np.array([large, 5]).reshape(2, 1, 1)
    expected = [int(a * large + b * 5) for a, b in zip([large, large - 1, 3], [large - 1, 3, 7], strict=True)]

    wide, narrow = ops.conv1d(x, kernel), ops.conv1d(x.astype("int32"), kernel.astype("int32"))

    assert wide.reshape(-1).tolist() == expected
    assert narrow.dtype == np.int32
    assert narrow.reshape(-1).tolist() == np.array(expected).astype("int32").tolist()


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_the_gradients_are_the_transposes(groups: int) -> None:
    # <conv(x, k), g> = <x, conv_input(g, k)> = <k, conv_filter(x, g)>
    rng = np.random.default_rng(0)
    how: dict[str, Any] = {"strides": 2, "padding": "same", "groups": groups}
    x, kernel = rng.normal(size=(3, 7, 6, 4)), rng.normal(size=(3, 3, 4 // groups, 8))
    g = rng.normal(size=(3, 4, 3, 8))

    inner = np.sum(ops.conv2d(x, kernel, **how) * g)

    assert np.sum(x * ops.conv_backprop_input(g, kernel, input_size=(7, 6), **how)) == pytest.approx(inner)
    assert np.sum(kernel * ops.conv_backprop_filter(x, g, kernel_size=(3, 3), **how)) == pytest.approx(inner)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("images", [2, 0.3])
def test_a_batch_of_many_slabs_gives_the_same(images: float, groups: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    how: dict[str, Any] = {"groups": groups, "padding": "same", "strides": (2, 1)}
    x, kernel, g = rng.normal(size=(5, 9, 6, 4)), rng.normal(size=(3, 3, 4 // groups, 2)), rng.normal(size=(5, 5, 6, 2))

    def run() -> list[np.ndarray]:
        return [
            ops.conv2d(x, kernel, **how),
            ops.conv_backprop_input(g, kernel, input_size=(9, 6), **how),
            ops.conv_backprop_filter(x, g, kernel_size=(3, 3), **how),
        ]

    expected = run()
    monkeypatch.setattr(unrolling, "_SLAB_BYTES", int(images * 30 * 36 * 8))  # part of an image: in bands

    for a, b in zip(run(), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_nothing_gives_nothing() -> None:
    kernel = np.ones((3, 3, 2, 4))

    assert ops.conv2d(np.ones((0, 5, 5, 2)), kernel).shape == (0, 3, 3, 4)
    assert ops.conv2d(np.ones((1, 0, 5, 2)), kernel, padding="same").shape == (1, 0, 5, 4)
    assert not ops.conv2d(np.ones((1, 4, 4, 0)), np.ones((3, 3, 0, 2))).any()
    assert ops.conv2d(np.ones((1, 4, 4, 2)), np.ones((3, 3, 2, 0))).shape == (1, 2, 2, 0)


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
            lambda: ops.conv_backprop_input(Spec((1, 6, 6, 2)), Spec((3, 3, 1, 2)), input_size=(9, 8)),
            "conv_backprop_input(g: float32[1, 6, 6, 2], kernel: float32[3, 3, 1, 2]): "
            "g has 6 windows along the height, the convolution 7",
        ),
        (
            lambda: ops.conv2d(Spec((1, 8, 8, 4)), Spec((3, 3, 2, 5)), groups=2),
            "conv2d(x: float32[1, 8, 8, 4], kernel: float32[3, 3, 2, 5]): 5 filters cannot be divided among 2 groups",
        ),
        (
            lambda: ops.conv3d(Spec((1, 8, 8, 8, 4)), Spec((3, 3, 4, 5))),
            "conv3d(x: float32[1, 8, 8, 8, 4], kernel: float32[3, 3, 4, 5]): the kernel, (depth, height, width, "
            "channels, filters), must have 5 dimensions; got 4",
        ),
        (
            lambda: ops.conv1d(Spec((1, 2, 1)), Spec((5, 1, 1)), padding=((1, 1),)),
            "conv1d(x: float32[1, 2, 1], kernel: float32[5, 1, 1]): the window spans 5 and the length is 2, 4 with its "
            'padding; use a smaller one, or padding="same"',
        ),
        (
            lambda: ops.conv2d(Spec((1, 8, 8, 1)), Spec((None, 3, 1, 1))),
            "conv2d(x: float32[1, 8, 8, 1], kernel: float32[?, 3, 1, 1]): the window of the kernel must be known, and "
            "at least 1; got [?, 3]",
        ),
        (
            lambda: ops.conv2d(Spec((1, 8, 8, 1)), Spec((3, 3, 1, 16)), padding="full"),
            "padding='full' does not fit: there is no 'full'. There is: valid, same, same_lower",
        ),
    ],
)
def test_mistakes(call: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(SpecError, match=f"^{re.escape(sentence)}$"):
        call()


@pytest.mark.parametrize("convolve", [ops.conv1d, ops.conv1d_transpose])
def test_sizes_that_only_the_numbers_tell(convolve: Any) -> None:
    rng = np.random.default_rng(0)
    values, kept, weights = rng.normal(size=(2, 9, 3)), rng.integers(0, 2, 9) > 0, rng.normal(size=(3, 3, 3))
    x, keep = placeholder("x", Spec((2, 9, 3), "float64")), placeholder("keep", Spec((9,), "bool"))
    kernel = placeholder("kernel", Spec((3, 3, 3), "float64"))

    def gradient(some: Any, **how: Any) -> Any:
        return gradients(ops.sum(ops.square(ops.avg_pool1d(convolve(some, kernel, strides=2), strides=1))), **how)

    dynamic = gradient(ops.compress(x, keep, axis=1), wrt=[x])
    chosen = values[:, kept]
    static = placeholder("static", Spec(chosen.shape, "float64"))

    (found,) = evaluate(dynamic, {x: values, keep: kept, kernel: weights})

    (expected,) = evaluate(gradient(static, wrt=[static]), {static: chosen, kernel: weights})
    np.testing.assert_allclose(found[:, kept], expected, rtol=1e-12)
    assert not found[:, ~kept].any()
