"""What a person does in a notebook for an hour: two models trained, edited, looked at and asked, cycle after cycle."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

import flowloom as fl
from flowloom.training.run import Run

SECONDS = 1.5  # that each run trains
BACKENDS = ("auto", "native")


class Notebook:
    """Holds a digits CNN that is edited from cycle to cycle, and makes a second model anew in each."""

    def __init__(self) -> None:
        self.data = fl.data.load("digits")
        self.images = self.data.test.arrays["image"]
        self.rng = np.random.default_rng(0)
        self.steps = 0
        self.cycles = itertools.count()
        self.graph, self.hidden, self.label = _digits()
        self.logits, self.loss = _head(self.graph, self.hidden, self.label)
        self.program = fl.compile(self.logits)

    def cycle(self) -> None:
        """Train, edit, train, undo, train; ask with batches of many sizes; then a model that is forgotten again."""
        cycle = next(self.cycles)
        backend = BACKENDS[cycle % 2]
        depth = self.graph.undo_depth
        self._train(self.loss, backend, meanwhile=lambda: self.graph.set("middle", units=48))
        self._train(self.loss, backend)
        with self.graph:
            deeper = fl.layers.dense(self.hidden, units=32, activation="tanh", name="added")
        _, loss = _head(self.graph, deeper, self.label, "more")
        self._train(loss, backend)
        while self.graph.undo_depth > depth:
            self.graph.undo()
        self._ask()
        self._train(_sequences(), backend, _text())

    def _train(self, loss: Any, backend: Any, data: Any = None, meanwhile: Callable[[], object] = lambda: None) -> None:
        """A run in the background under all its controls, the last of which is `meanwhile`."""
        batches = self.data.train.shuffle(seed=0).batch(64) if data is None else data
        trainer = fl.Trainer(loss, fl.optimizers.adam(1e-3), backend=backend)
        run = trainer.start(batches, epochs=100_000)
        with _ended(run):
            for control in (
                run.pause,
                run.step,
                run.resume,
                lambda: run.set(learning_rate=3e-4),
                run.profile,
                meanwhile,
            ):
                time.sleep(SECONDS / 7)
                control()
            time.sleep(SECONDS / 7)
            run.scalars("loss")
        self.steps += run.step_count
        if data is None:
            trainer.evaluate(self.data.test.batch(256))
            trainer.profile(next(batches.batches()), steps=3)

    def _ask(self) -> None:
        """Programs are called with more sizes of batches than they keep plans for."""
        for size in self.rng.integers(1, 200, size=20):
            self.program({"image": self.images[:size]})
        native = fl.compile(self.logits, backend="native")
        for size in (1, 32, 200):
            native({"image": self.images[:size]})


def _digits() -> tuple[fl.Graph, Any, Any]:
    with fl.Graph("digits") as graph:
        image = fl.input("image", shape=("batch", 8, 8, 1))
        label = fl.input("label", shape=("batch",), dtype="int64")
        h = fl.layers.conv2d(image, filters=16, kernel_size=3, activation="relu")
        h = fl.layers.flatten(fl.layers.max_pooling2d(h, pool_size=2))
        h = fl.layers.dense(h, units=32, activation="relu", name="middle")
        return graph, fl.layers.dropout(h, rate=0.1), label


def _head(graph: fl.Graph, hidden: Any, label: Any, name: str = "logits") -> tuple[Any, Any]:
    with graph:
        logits = fl.layers.dense(hidden, units=10, name=name)
        return logits, fl.losses.softmax_cross_entropy(logits, label)


def _sequences() -> Any:
    """The loss of a recurrent model in a graph of its own."""
    with fl.Graph("sequences"):
        x = fl.input("x", shape=("batch", 16), dtype="int64")
        label = fl.input("label", shape=("batch",), dtype="int64")
        h = fl.layers.lstm(fl.layers.embedding(x, input_dim=20, output_dim=16), units=24)
        h = fl.layers.layer_normalization(h)
        return fl.losses.softmax_cross_entropy(fl.layers.dense(h, units=20), label)


def _text() -> fl.data.Dataset:
    symbols = np.random.default_rng(0).integers(0, 20, size=(640, 17))
    return fl.data.from_arrays(x=symbols[:, :-1], label=symbols[:, -1]).batch(32)


@contextmanager
def _ended(run: Run) -> Iterator[None]:
    """At the end the run is stopped. Raises what made it fail, if something did."""
    try:
        yield
    finally:
        run.stop()
        run.wait(60)
