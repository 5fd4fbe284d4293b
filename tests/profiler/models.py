"""Small graphs that the tests of profiles share."""

from __future__ import annotations

import numpy as np

import flowloom as fl
from flowloom.backends.choice import Backend

RNG = np.random.default_rng(4)
POINTS = RNG.normal(size=(48, 6)).astype("float32")
LABELS = (POINTS.sum(1) > 0).astype("int64")
BATCH = {"point": POINTS[:16], "label": LABELS[:16]}


def classifier() -> fl.Graph:
    """A layer of 10, one of 3 in a scope, a loss and a metric; inputs "point" (batch, 6) and "label"."""
    with fl.Graph("classifier", seed=3) as graph:
        point = fl.input("point", shape=("batch", 6))
        label = fl.input("label", dtype="int64")
        h = fl.layers.dense(point, units=10, activation="tanh", name="hidden")
        with graph.scope("head"):
            logits = fl.layers.dense(h, units=3, name="logits")
        fl.losses.softmax_cross_entropy(logits, label, name="loss")
        fl.metrics.accuracy(logits, label, name="accuracy")
    return graph


def trainer(graph: fl.Graph, backend: Backend = "auto") -> fl.Trainer:
    return fl.Trainer(graph["loss"], fl.optimizers.adam(1e-2), metrics={"accuracy": graph["accuracy"]}, backend=backend)


def points() -> fl.data.Dataset:
    """48 points in batches of 16."""
    return fl.data.from_arrays(point=POINTS, label=LABELS).shuffle(seed=1).batch(16)


def values(graph: fl.Graph) -> dict[str, bytes]:
    """The bits of the variables by name."""
    return {v.name: v.value.tobytes() for v in graph.variables}
