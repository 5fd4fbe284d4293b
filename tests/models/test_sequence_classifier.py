"""A recurrent network reads sequences of different lengths in both directions (Schuster & Paliwal 1997)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import flowloom as fl
from tests.models.checks import Array, check_slopes, check_survival, losses, samples

STEPS = 12


def sequences(count: int = 400) -> fl.data.Dataset:
    """Random walks, and whether the sum of their steps is positive. What lies behind the end is of no meaning."""
    rng = np.random.default_rng(0)
    length = rng.integers(3, STEPS + 1, size=count)
    step = rng.normal(size=(count, STEPS, 3)).astype(np.float32)
    inside = np.arange(STEPS) < length[:, None]
    label = (np.where(inside, step[:, :, 0], 0.0).sum(axis=1) > 0).astype(np.int64)
    return fl.data.from_arrays(step=step, length=length, label=label)


def classifier() -> fl.Graph:
    with fl.Graph("sequences", seed=1) as g:
        step = fl.input("step", shape=("batch", "time", 3))
        length = fl.input("length", dtype="int64")
        label = fl.input("label", dtype="int64")
        h = fl.layers.gru(step, length, units=8, bidirectional="concat", return_sequences=True)
        h = fl.layers.lstm(h, length, units=8)
        logits = fl.layers.dense(h, units=2, name="logits")
        fl.losses.softmax_cross_entropy(logits, label, name="loss")
        fl.metrics.accuracy(logits, label, name="accuracy")
    return g


def test_it_learns_and_reads_new_ones() -> None:
    graph, data = classifier(), sequences()

    learned = data.take(320).shuffle(seed=0).batch(40)
    before, after = losses(graph, learned, fl.optimizers.adam(2e-2), epochs=5)

    assert after < 0.25 < 0.6 < before
    assert fl.evaluate(graph["accuracy"], data.skip(320).batch(80)) > 0.85


def test_what_lies_behind_the_end_does_not_matter() -> None:
    feeds = samples(sequences(), 20)
    program = fl.compile(classifier()["logits"])

    def logits(behind: float) -> Array:
        inside = np.arange(STEPS) < feeds["length"][:, None]
        result: Array = program(feeds | {"step": np.where(inside[:, :, None], feeds["step"], behind)})
        return result

    np.testing.assert_array_equal(logits(behind=0.0), logits(behind=1e6))


def test_its_gradients_are_slopes_and_it_survives(tmp_path: Path) -> None:
    feeds = samples(sequences(), 3)

    check_slopes(classifier(), feeds)
    check_survival(classifier(), feeds, tmp_path)
