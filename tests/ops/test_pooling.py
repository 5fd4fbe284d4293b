"""Pooling against windows cut out one by one, padding that does not count, ties, and mistakes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from flowloom import ops
from flowloom.backends.portable import evaluate
from flowloom.compiler.expr import placeholder
from flowloom.compiler.gradient import gradients
from flowloom.spec import Spec, SpecError


@pytest.mark.parametrize(("size", "stride"), [(2, 2), (3, 2), (2, 3), (3, 1)])
def test_valid_windows(size: int, stride: int) -> None:
    x = np.random.default_rng(0).normal(size=(2, 7, 8, 3))
    windows = sliding_window_view(x, (size, size), axis=(1, 2))[:, ::stride, ::stride]

    np.testing.assert_array_equal(ops.max_pool2d(x, pool_size=size, strides=stride), windows.max((-2, -1)))
    np.testing.assert_allclose(ops.avg_pool2d(x, pool_size=size, strides=stride), windows.mean((-2, -1)), rtol=1e-12)


def test_padding_never_wins_and_does_not_count() -> None:
    # With NaN for padding, NumPy's functions that skip NaN give TensorFlow's "same" pooling.
    x = -np.random.default_rng(0).uniform(1, 2, (1, 5, 5, 2))
    padded = np.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0)), constant_values=np.nan)
    windows = sliding_window_view(padded, (2, 2), axis=(1, 2))[:, ::2, ::2]

    np.testing.assert_array_equal(ops.max_pool2d(x, padding="same"), np.nanmax(windows, (-2, -1)))
    np.testing.assert_allclose(ops.avg_pool2d(x, padding="same"), np.nanmean(windows, (-2, -1)), rtol=1e-14)


def test_the_first_of_equals_takes_the_gradient() -> None:
    x = placeholder("x", Spec((1, 2, 4, 1), "float64"))
    value = np.array([[0.0, 7, 1, 1], [7, 7, 1, 1]]).reshape(1, 2, 4, 1)

    (g,) = evaluate(gradients(ops.sum(ops.max_pool2d(x)), [x]), {x: value})

    assert g.reshape(2, 4).tolist() == [[0, 1, 1, 0], [0, 0, 0, 0]]


def test_integers_keep_their_dtype_in_a_maximum_and_become_float_in_a_mean() -> None:
    x = np.arange(16).reshape(1, 4, 4, 1)

    assert ops.max_pool2d(x).reshape(-1).tolist() == [5, 7, 13, 15]
    assert ops.max_pool2d(x).dtype == np.int64
    assert ops.avg_pool2d(x).reshape(-1).tolist() == [2.5, 4.5, 10.5, 12.5]
    assert ops.avg_pool2d(x).dtype == np.float32


def test_named_dimensions_pass_through() -> None:
    assert ops.max_pool2d(Spec(("batch", 6, 5, "channels"))) == Spec(("batch", 3, 2, "channels"))
    assert ops.avg_pool2d(Spec(("batch", "height", 6, 1)), padding="same") == Spec(("batch", None, 3, 1))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: ops.max_pool2d(Spec(("batch", 1, 8, 1))),
            "max_pool2d(x: float32[batch, 1, 8, 1]): the window spans 2 and the height is 1; use a smaller one, "
            'or padding="same"',
        ),
        (
            lambda: ops.avg_pool2d(Spec(("batch", 8, 8))),
            "avg_pool2d(x: float32[batch, 8, 8]): x must be (batch, height, width, channels); got 3 dimensions",
        ),
        (
            lambda: ops.max_pool_backprop(Spec((1, 4, 4, 1)), Spec((1, 4, 4, 1))),
            "max_pool_backprop(g: float32[1, 4, 4, 1], x: float32[1, 4, 4, 1]): g is float32[1, 4, 4, 1]; "
            "these windows need float32[1, 2, 2, 1]",
        ),
        (
            lambda: ops.max_pool2d(Spec((1, 4, 4, 1)), pool_size=0),
            "pool_size=0 does not fit: it must be int >= 1",
        ),
    ],
)
def test_mistakes(call: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(SpecError, match=f"^{re.escape(sentence)}$"):
        call()
