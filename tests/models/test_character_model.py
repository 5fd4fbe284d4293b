"""A recurrent cell written by hand as the step of a scan learns to spell a sentence (Elman 1990)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import flowloom as fl
from tests.models.checks import check_slopes, check_survival, losses, samples

TEXT = "the quick brown fox jumps over the lazy dog. " * 12
LETTERS = sorted(set(TEXT))
CODES = np.array([LETTERS.index(c) for c in TEXT])
STEPS, UNITS = 16, 24


def passages() -> fl.data.Dataset:
    """Every third passage of so many letters, and for each letter the one that follows."""
    starts = np.arange(0, len(CODES) - STEPS - 1, 3)
    return fl.data.from_arrays(
        letter=np.stack([CODES[s : s + STEPS] for s in starts]),
        following=np.stack([CODES[s + 1 : s + STEPS + 1] for s in starts]),
    )


def speller() -> fl.Graph:
    with fl.Graph("speller", seed=1) as g:
        letter = fl.input("letter", shape=("batch", "time"), dtype="int64")
        following = fl.input("following", shape=("batch", "time"), dtype="int64")
        memory = fl.input("memory", shape=("batch", UNITS))
        read = fl.layers.embedding(letter, input_dim=len(LETTERS), output_dim=8)
        kernel = fl.variable("kernel", (8, UNITS), initializer="glorot_uniform")
        recurrent = fl.variable("recurrent", (UNITS, UNITS), initializer="orthogonal")
        bias = fl.variable("bias", (UNITS,))

        def step(h: fl.Tensor, x: fl.Tensor) -> tuple[fl.Tensor, fl.Tensor]:
            h = fl.tanh(x @ kernel + h @ recurrent + bias)
            return h, h

        last, states = fl.scan(step, memory, fl.swapaxes(read, axis1=0, axis2=1))
        logits = fl.layers.dense(fl.swapaxes(states, axis1=0, axis2=1), units=len(LETTERS), name="logits")
        fl.output(fl.losses.softmax_cross_entropy(logits, following, name="loss"))
        fl.output(logits, "scores")
        fl.output(last, "remembered")
    return g


def test_it_learns_to_spell() -> None:
    graph, text = speller(), passages()
    data = fl.data.from_arrays(text.arrays | {"memory": np.zeros((len(text), UNITS), np.float32)})

    before, after = losses(graph, data.shuffle(seed=0).batch(20), fl.optimizers.adam(2e-2, global_clipnorm=1.0), 8)

    assert after < 0.35 < 3.0 < before
    write = fl.compile([graph["scores"], graph["remembered"]])
    written = "the q"
    _, memory = write({"letter": [CODES[: len(written) - 1]], "memory": np.zeros((1, UNITS))})
    while len(written) < 40:
        scores, memory = write({"letter": [[LETTERS.index(written[-1])]], "memory": memory})
        written += LETTERS[scores[0, -1].argmax()]
    assert written == TEXT[:40]


def test_its_gradients_are_slopes_and_it_survives(tmp_path: Path) -> None:
    feeds = samples(passages(), 3) | {"memory": np.random.default_rng(0).normal(size=(3, UNITS))}

    check_slopes(speller(), feeds)
    check_survival(speller(), feeds, tmp_path)
