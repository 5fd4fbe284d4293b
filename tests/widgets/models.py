"""Small graphs that the widget tests share."""

from __future__ import annotations

import flowloom as fl


def digits_model() -> fl.Graph:
    """A linear classifier of digits: image -> pixels -> scores -> loss and accuracy."""
    graph = fl.Graph("digits")
    with graph:
        image = fl.input("image", shape=("batch", 8, 8, 1))
        label = fl.input("label", shape=("batch",), dtype="int64")
        scores = fl.layers.dense(fl.layers.flatten(image, name="pixels"), units=10, name="scores")
        fl.losses.softmax_cross_entropy(scores, label, name="loss")
        fl.metrics.accuracy(scores, label, name="accuracy")
    return graph
