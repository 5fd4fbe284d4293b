"""A small network in the manner of VGG (Simonyan & Zisserman 2015) with batch normalisation, for CIFAR's images."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from benchmarks.workloads.workload import Arrays, Workload, drawn, images

CHANNELS = (3, 32, 32, 64, 64)
POOLED = (2, 4)  # convolutions that pooling follows


def cifar() -> Workload:
    """32x32x3; 3x3 convolutions of 32, 32, pool, 64, 64, pool, each with batch norm and relu; dense 10; batch 32."""
    shapes: dict[str, tuple[int, ...]] = {}
    for i, (channels, filters) in enumerate(pairwise(CHANNELS), 1):
        shapes[f"conv{i}/kernel"] = (3, 3, channels, filters)
        for role in ("gamma", "beta", "moving_mean", "moving_variance"):
            shapes[f"norm{i}/{role}"] = (filters,)
    shapes |= {"dense/kernel": (8 * 8 * CHANNELS[-1], 10), "dense/bias": (10,)}
    return Workload(
        "CIFAR net with batch norm 32x32x3, batch 32",
        drawn(shapes),
        *images(32, 32, 32, 3),
        10,
        _flowloom,
        _torch,
        _jax,
        torch_channels_last=True,
    )


def _flowloom(x: Any) -> Any:
    import flowloom as fl

    for i, filters in enumerate(CHANNELS[1:], 1):
        x = fl.layers.conv2d(x, filters=filters, kernel_size=3, padding="same", use_bias=False, name=f"conv{i}")
        x = fl.relu(fl.layers.batch_normalization(x, name=f"norm{i}"))
        if i in POOLED:
            x = fl.layers.max_pooling2d(x, pool_size=2)
    return fl.layers.dense(fl.layers.flatten(x), units=10, name="dense")


def _torch(weights: Arrays) -> Any:
    from torch import nn

    from benchmarks.workloads.torch_parts import batch_norm, conv2d, linear_after

    layers: list[nn.Module] = []
    for i in range(1, len(CHANNELS)):
        layers += [conv2d(weights, f"conv{i}", padding=1), batch_norm(weights, f"norm{i}"), nn.ReLU()]
        if i in POOLED:
            layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten(), linear_after(weights, "dense/", channels=CHANNELS[-1]))


def _jax(w: Mapping[str, Any], x: Any) -> Any:
    from jax.nn import relu

    from benchmarks.workloads.jax_parts import batch_norm, conv2d, dense, max_pool

    for i in range(1, len(CHANNELS)):
        x = relu(batch_norm(w, f"norm{i}", conv2d(w, f"conv{i}", x, "SAME")))
        if i in POOLED:
            x = max_pool(x)
    return dense(w, "dense/", x.reshape(len(x), -1))
