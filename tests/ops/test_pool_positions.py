"""The positions of maxima, against ONNX's, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from flowloom import ops
from flowloom.spec import Spec, SpecError
from tests.ops.by_onnx import by_onnx, channels_second
from tests.ops.test_mean_pooling import CASES, onnx_attributes


@pytest.mark.parametrize(("rank", "how"), CASES)
def test_maxima_are_onnxs(rank: int, how: dict[str, Any]) -> None:
    x = np.random.default_rng(0).normal(size=(2, *(6, 7, 5)[:rank], 3))

    np.testing.assert_array_equal(
        getattr(ops, f"max_pool{rank}d")(x, **how),
        by_onnx("MaxPool", channels_second(x), **onnx_attributes(rank, how)),
    )


@pytest.mark.parametrize(("rank", "how"), CASES)
def test_an_index_is_where_the_maximum_is(rank: int, how: dict[str, Any]) -> None:
    x = np.random.default_rng(0).normal(size=(2, *(6, 7, 5)[:rank], 3))
    flat = x.reshape(2, -1, 3)

    values, indices = ops.max_pool_with_indices(x, **how)

    np.testing.assert_array_equal(values, getattr(ops, f"max_pool{rank}d")(x, **how))
    found = np.take_along_axis(flat, indices.reshape(2, -1, 3), axis=1)
    np.testing.assert_array_equal(found.reshape(values.shape), values)


def test_indices_are_onnxs() -> None:
    # ONNX counts over the whole tensor, channels second: the start of the plane comes on top.
    x = np.random.default_rng(0).normal(size=(2, 6, 5, 3))
    how: dict[str, Any] = {"pool_size": 2, "strides": 2}

    _, indices = ops.max_pool_with_indices(x, **how)

    _, expected = by_onnx("MaxPool", channels_second(x), outputs=2, **onnx_attributes(2, how))
    planes = (np.arange(2)[:, None] * 3 + np.arange(3)) * 30
    np.testing.assert_array_equal(indices + planes[:, None, None], expected)


def test_the_first_of_equals_and_never_the_padding() -> None:
    x = np.array([[-np.inf, -np.inf, 2, 2], [1, np.nan, 3, np.nan]]).reshape(2, 4, 1)

    values, indices = ops.max_pool_with_indices(x, pool_size=3, strides=2, padding=((1, 0),))

    np.testing.assert_array_equal(values[..., 0], [[-np.inf, 2], [np.nan, np.nan]])
    assert indices[..., 0].tolist() == [[0, 2], [1, 1]]


def test_unpooling_puts_maxima_back() -> None:
    x = np.random.default_rng(0).normal(size=(2, 4, 6, 3))
    values, indices = ops.max_pool_with_indices(x)
    windows = x.reshape(2, 2, 2, 3, 2, 3)
    kept = windows == windows.max((2, 4), keepdims=True)

    found = ops.max_unpool(values, indices, output_size=(4, 6))

    np.testing.assert_array_equal(found, np.where(kept, windows, 0).reshape(x.shape))


def test_unpooling_is_onnxs() -> None:
    # ONNX's example: indices count over the size that the windows cover.
    x = np.array([[1.0, 2], [3, 4]]).reshape(1, 1, 2, 2)
    indices = np.array([[5, 7], [13, 15]]).reshape(1, 1, 2, 2)

    found = ops.max_unpool(np.moveaxis(x, 1, -1), np.moveaxis(indices, 1, -1), output_size=(4, 4))

    expected = by_onnx("MaxUnpool", x, indices, kernel_shape=[2, 2], strides=[2, 2])
    np.testing.assert_array_equal(found, expected)


def test_mistakes() -> None:
    with pytest.raises(SpecError, match="indices must be integers"):
        ops.max_unpool(Spec((1, 2, 1)), Spec((1, 2, 1)), output_size=(4,))
    with pytest.raises(SpecError, match=r"these windows need int64\[1, 2, 1\]"):
        ops.max_unpool(Spec((1, 2, 1)), Spec((1, 2, 1, 1), "int64"), output_size=(4,))
