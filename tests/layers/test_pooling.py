"""Pooling layers are the ops of those names; the mean of a sequence counts only what a mask counts."""

from __future__ import annotations

import numpy as np
import pytest

import flowloom as fl

X = np.random.default_rng(0).normal(size=(3, 5, 2))
MASK = np.array([[True] * 5, [True, False, True, False, False], [False] * 5])


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_the_names_of_keras_are_those_of_the_ops(axes: int) -> None:
    assert getattr(fl.layers, f"max_pooling{axes}d") is getattr(fl.layers, f"max_pool{axes}d")
    assert getattr(fl.layers, f"average_pooling{axes}d") is getattr(fl.layers, f"avg_pool{axes}d")
    assert getattr(fl.layers, f"global_max_pooling{axes}d") is fl.layers.global_max_pool


@pytest.mark.parametrize("keepdims", [False, True])
def test_the_mean_of_all_steps(keepdims: bool) -> None:
    with fl.Graph("mean"):
        x, mask = (
            fl.input("x", shape=("batch", "time", 2), dtype="float64"),
            fl.input("mask", shape=("batch", "time"), dtype="bool"),
        )
        plain = fl.layers.global_average_pooling1d(x, keepdims=keepdims)
        masked = fl.layers.global_average_pooling1d(x, mask, keepdims=keepdims)
    expected = np.stack([X[0].mean(0), X[1, [0, 2]].mean(0), np.zeros(2)])

    of_all, of_some = fl.compile([plain, masked])({"x": X, "mask": MASK})

    np.testing.assert_allclose(of_all, X.mean(1, keepdims=keepdims))
    np.testing.assert_allclose(of_some, expected[:, None] if keepdims else expected)
