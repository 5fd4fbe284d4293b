"""The digits CNN of the first notebook: one convolution with relu, max pooling, a dense layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.workloads.workload import Arrays, Workload, drawn, images

SHAPES = {"conv/kernel": (3, 3, 1, 16), "conv/bias": (16,), "dense/kernel": (3 * 3 * 16, 10), "dense/bias": (10,)}


def digits(batch: int = 64) -> Workload:
    """8x8x1; 3x3x16, pool, dense 10; a batch of 64 if nothing else is said."""
    title = f"Digits CNN 8x8x1, batch {batch}"
    return Workload(title, drawn(SHAPES), *images(batch, 8, 8, 1), 100, _flowloom, _torch, _jax)


def _flowloom(x: Any) -> Any:
    import flowloom as fl

    x = fl.layers.conv2d(x, filters=16, kernel_size=3, activation="relu", name="conv")
    return fl.layers.dense(fl.layers.flatten(fl.layers.max_pooling2d(x, pool_size=2)), units=10, name="dense")


def _torch(weights: Arrays) -> Any:
    from torch import nn

    from benchmarks.workloads.torch_parts import conv2d, linear_after

    return nn.Sequential(
        conv2d(weights, "conv"), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), linear_after(weights, "dense/", channels=16)
    )


def _jax(w: Mapping[str, Any], x: Any) -> Any:
    from jax.nn import relu

    from benchmarks.workloads.jax_parts import conv2d, dense, max_pool

    x = max_pool(relu(conv2d(w, "conv", x)))
    return dense(w, "dense/", x.reshape(len(x), -1))
