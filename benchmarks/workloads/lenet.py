"""LeNet (LeCun et al. 1998) as it is drawn today: two convolutions with relu and max pooling, two dense layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.workloads.workload import Arrays, Workload, drawn, images

SHAPES = {
    "conv1/kernel": (5, 5, 1, 16),
    "conv1/bias": (16,),
    "conv2/kernel": (5, 5, 16, 32),
    "conv2/bias": (32,),
    "dense1/kernel": (4 * 4 * 32, 128),
    "dense1/bias": (128,),
    "dense2/kernel": (128, 10),
    "dense2/bias": (10,),
}


def lenet(batch: int = 64) -> Workload:
    """28x28x1; 5x5x16, pool, 5x5x32, pool, dense 128, dense 10; a batch of 64 if nothing else is said."""
    return Workload(
        f"LeNet 28x28x1, batch {batch}", drawn(SHAPES), *images(batch, 28, 28, 1), 20, _flowloom, _torch, _jax
    )


def _flowloom(x: Any) -> Any:
    import flowloom as fl

    x = fl.layers.conv2d(x, filters=16, kernel_size=5, activation="relu", name="conv1")
    x = fl.layers.max_pooling2d(x, pool_size=2)
    x = fl.layers.conv2d(x, filters=32, kernel_size=5, activation="relu", name="conv2")
    x = fl.layers.flatten(fl.layers.max_pooling2d(x, pool_size=2))
    x = fl.layers.dense(x, units=128, activation="relu", name="dense1")
    return fl.layers.dense(x, units=10, name="dense2")


def _torch(weights: Arrays) -> Any:
    from torch import nn

    from benchmarks.workloads.torch_parts import conv2d, linear, linear_after

    return nn.Sequential(
        conv2d(weights, "conv1"),
        nn.ReLU(),
        nn.MaxPool2d(2),
        conv2d(weights, "conv2"),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        linear_after(weights, "dense1/", channels=32),
        nn.ReLU(),
        linear(weights, "dense2/"),
    )


def _jax(w: Mapping[str, Any], x: Any) -> Any:
    from jax.nn import relu

    from benchmarks.workloads.jax_parts import conv2d, dense, max_pool

    x = max_pool(relu(conv2d(w, "conv1", x)))
    x = max_pool(relu(conv2d(w, "conv2", x)))
    x = relu(dense(w, "dense1/", x.reshape(len(x), -1)))
    return dense(w, "dense2/", x)
