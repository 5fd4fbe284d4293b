"""Transposed convolution against ONNX's, the convolution it undoes, and Keras' sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from flowloom import ops
from flowloom.spec import Spec, SpecError
from tests.ops.by_onnx import by_onnx, channels_second, kernel_first, pads


@pytest.mark.parametrize(
    ("rank", "how"),
    [
        (1, {"strides": 2, "padding": ((1, 0),), "output_padding": 1}),
        (1, {"dilation_rate": 2}),
        (2, {"strides": (2, 1), "padding": ((1, 2), (0, 1))}),
        (2, {"groups": 2, "strides": 3, "output_padding": (2, 1)}),
        (3, {"padding": ((1, 1), (0, 1), (1, 0)), "strides": (1, 2, 1)}),
    ],
)
def test_it_is_onnxs(rank: int, how: dict[str, Any]) -> None:
    rng, groups = np.random.default_rng(0), how.get("groups", 1)
    x, kernel = rng.normal(size=(2, *(3, 4, 3)[:rank], 4)), rng.normal(size=(*(3, 2, 2)[:rank], 4 // groups, 4))

    found = getattr(ops, f"conv{rank}d_transpose")(x, kernel, **{"output_padding": 0, **how})

    expected = [  # each group by itself, since ONNX's evaluator mixes them up
        by_onnx(
            "ConvTranspose",
            channels_second(some),
            kernel_first(weights),
            pads=pads(how.get("padding", [(0, 0)] * rank)),
            strides=np.broadcast_to(how.get("strides", 1), rank).tolist(),
            dilations=np.broadcast_to(how.get("dilation_rate", 1), rank).tolist(),
            output_padding=np.broadcast_to(how.get("output_padding", 0), rank).tolist(),
        )
        for some, weights in zip(np.split(x, groups, -1), np.split(kernel, groups, -1), strict=True)
    ]
    np.testing.assert_allclose(found, np.concatenate(expected, -1), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("padding", ["valid", "same", "same_lower"])
@pytest.mark.parametrize(("window", "strides", "dilation"), [(3, 1, 1), (3, 2, 1), (2, 3, 1), (3, 2, 2)])
def test_it_is_the_transpose_of_the_convolution(padding: str, window: int, strides: int, dilation: int) -> None:
    # <conv(y, k), x> = <y, conv_transpose(x, k)>, where conv gives the shape of x.
    rng = np.random.default_rng(0)
    how: dict[str, Any] = {"strides": strides, "padding": padding, "dilation_rate": dilation}
    x, kernel = rng.normal(size=(2, 4, 3, 2)), rng.normal(size=(window, window, 3, 2))

    found = ops.conv2d_transpose(x, kernel, **how)
    y = rng.normal(size=found.shape)

    assert np.sum(ops.conv2d(y, kernel, **how) * x) == pytest.approx(np.sum(y * found))


@pytest.mark.parametrize(
    ("window", "strides", "padding", "output_padding", "dilation", "expected"),
    [  # Keras, Conv2DTranspose: size * stride for "same", and max(window - stride, 0) more for "valid"; with
        # output_padding (size - 1) * stride + window - 2 * (window // 2 for "same") + output_padding.
        (3, 2, "same", None, 1, 10),
        (3, 2, "valid", None, 1, 11),
        (2, 3, "valid", None, 1, 15),
        (2, 3, "same", None, 1, 15),
        (3, 2, "same", 0, 1, 9),
        (3, 2, "same", 1, 1, 10),
        (3, 2, "valid", 1, 1, 12),
        (4, 2, "same", 0, 1, 8),
        (3, 2, "valid", None, 2, 13),
    ],
)
def test_sizes_are_kerass(
    window: int, strides: int, padding: str, output_padding: int | None, dilation: int, expected: int
) -> None:
    how: dict[str, Any] = {"strides": strides, "padding": padding, "dilation_rate": dilation}

    y = ops.conv1d_transpose(np.ones((1, 5, 1)), np.ones((window, 1, 1)), output_padding=output_padding, **how)

    assert y.shape == (1, expected, 1)


@pytest.mark.parametrize("padding", ["same", "same_lower", "valid", ((1, 0),)])
@pytest.mark.parametrize("size", [6, 7, 8, 10])
def test_an_output_size_cuts_and_grows(padding: Any, size: int) -> None:
    # The whole has (3 - 1) * 2 + 4 = 8 elements; what is cut off in front is what the padding says.
    x, kernel = np.array([1.0, 2, 3]).reshape(1, 3, 1), np.array([1.0, 10, 100, 1000]).reshape(4, 1, 1)
    whole = np.array([1.0, 10, 102, 1020, 203, 2030, 300, 3000])

    y = ops.conv1d_transpose(x, kernel, strides=2, padding=padding, output_size=(size,))

    cut = max(8 - size, 0)
    front = {"same": cut // 2, "same_lower": cut - cut // 2, "valid": 0}.get(padding, 1)
    np.testing.assert_array_equal(y.reshape(-1), np.pad(whole[front:], (0, 4))[:size])


def test_named_dimensions() -> None:
    x, kernel = Spec(("batch", "height", 4, 2)), Spec((3, 3, 5, 2))

    assert ops.conv2d_transpose(x, kernel, strides=2, padding="same") == Spec(("batch", "2*height", 8, 5))
    assert ops.conv2d_transpose(x, kernel, padding="same") == Spec(("batch", "height", 4, 5))
    assert ops.conv2d_transpose(x, kernel) == Spec(("batch", None, 6, 5))
    assert ops.conv2d_transpose(x, kernel, output_size=("height", 6)) == Spec(("batch", "height", 6, 5))


def test_mistakes() -> None:
    with pytest.raises(SpecError, match=r"^conv2d_transpose\(.*\): x has 3 channels, the kernel takes 2$"):
        ops.conv2d_transpose(Spec((1, 4, 4, 3)), Spec((3, 3, 5, 2)))
    with pytest.raises(SpecError, match=r"the kernel, \(length, filters, channels\), must have 3 dimensions; got 4"):
        ops.conv1d_transpose(Spec((1, 4, 3)), Spec((3, 3, 5, 3)))
    with pytest.raises(SpecError, match="the padding cuts off all of the width"):
        ops.conv2d_transpose(Spec((1, 4, 1, 3)), Spec((3, 3, 5, 3)), padding=((0, 0), (2, 1)))
