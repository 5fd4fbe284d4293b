"""A network with a bit of everything, and trainings of it, for comparing backends."""

from __future__ import annotations

from typing import Any

import numpy as np

import flowloom as fl
from flowloom.training.step import TrainStep

Array = np.ndarray[Any, Any]


def built(scale: int = 2) -> tuple[fl.Graph, dict[str, Array]]:
    """The network with its first weights, and a batch for it; `scale` is how wide both are."""
    rng = np.random.default_rng(0)
    with fl.Graph("network", seed=3) as g:
        x = fl.input("x", shape=("batch", 6 * scale, 6))
        label = fl.input("label", shape=("batch",), dtype="int64")
        h = fl.layers.layer_normalization(x)
        h = h + fl.layers.multi_head_attention(h, h, h, num_heads=2, key_dim=4 * scale)
        h = fl.layers.lstm(h, units=8 * scale)
        h = fl.layers.dropout(fl.layers.dense(h, units=32 * scale, activation="gelu"), rate=0.2)
        fl.losses.softmax_cross_entropy(fl.layers.dense(h, units=4), label, name="loss")
    size = 8 * scale
    return g, {"x": rng.standard_normal((size, 6 * scale, 6)).astype(np.float32), "label": rng.integers(0, 4, size)}


def trained(backend: Any, steps: int, at_once: int = 1, scale: int = 2) -> tuple[list[float], list[Array]]:
    """The losses of a training from the start, and the weights after it."""
    g, batch = built(scale)
    step = TrainStep({"loss": g["loss"]}, fl.optimizers.adam(1e-2), backend=backend)
    losses: list[float] = []
    while len(losses) < steps:
        losses += step.some([batch] * min(at_once, steps - len(losses)))["loss"].tolist()
    return losses, [np.array(v.value) for v in g.variables]
