"""Small graphs and datasets that the training tests share."""

from __future__ import annotations

from typing import Any

import numpy as np

import flowloom as fl

RNG = np.random.default_rng(12)
POINTS = RNG.normal(size=(50, 2)).astype("float32")
LABELS = (POINTS.sum(1) > 0).astype("int64")


def classifier(*, seed: int = 0, hidden: int = 8, **dense: Any) -> fl.Graph:
    """Two layers with dropout between them; inputs "point" and "label", nodes "loss" and "accuracy"."""
    graph = fl.Graph("classifier", seed=seed)
    with graph:
        point = fl.input("point", shape=("batch", 2))
        label = fl.input("label", dtype="int64")
        h = fl.layers.dense(point, units=hidden, activation="tanh", name="hidden", **dense)
        logits = fl.layers.dense(fl.layers.dropout(h, rate=0.1), units=2, name="logits")
        fl.losses.softmax_cross_entropy(logits, label, name="loss")
        fl.metrics.accuracy(logits, label, name="accuracy")
    return graph


def trainer(graph: fl.Graph, optimizer: fl.optimizers.Optimizer | None = None) -> fl.Trainer:
    return fl.Trainer(graph["loss"], optimizer, {"accuracy": graph["accuracy"]})


def points(batch: int = 16) -> fl.data.Dataset:
    """50 points in batches, of which the last is short."""
    return fl.data.from_arrays(point=POINTS, label=LABELS).shuffle(seed=1).batch(batch)


def values(graph: fl.Graph) -> dict[str, Any]:
    """The variables by name."""
    return {v.name: v.value for v in graph.variables}
