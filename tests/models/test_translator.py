"""One recurrent network reads a sentence, another writes it backwards and learns where to look (Luong et al. 2015)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import flowloom as fl
from tests.models.checks import Array, check_slopes, check_survival, losses, samples

WORDS, STEPS, BEGIN = 10, 6, 1


def pairs(count: int = 600) -> fl.data.Dataset:
    """Sentences, the same backwards, and what is written before each word of that."""
    source = np.random.default_rng(0).integers(2, WORDS, size=(count, STEPS))
    target = source[:, ::-1]
    return fl.data.from_arrays(source=source, target=target, written=before(target))


def before(target: Array) -> Array:
    return np.concatenate([np.full((len(target), 1), BEGIN), target[:, :-1]], axis=1)


def translator() -> fl.Graph:
    with fl.Graph("translator", seed=1) as g:
        source = fl.input("source", shape=("batch", "words"), dtype="int64")
        written = fl.input("written", shape=("batch", "written"), dtype="int64")
        target = fl.input("target", shape=("batch", "written"), dtype="int64")
        with g.scope("reader"):
            x = fl.layers.embedding(source, input_dim=WORDS, output_dim=12)
            read, last = fl.layers.gru(x, units=20, return_sequences=True, return_state=True)
        with g.scope("writer"):
            y = fl.layers.embedding(written, input_dim=WORDS, output_dim=12)
            states = fl.layers.gru(y, initial_h=last, units=20, return_sequences=True)
            found, weights = fl.layers.attention(states, read, return_attention_scores=True)
            h = fl.layers.dense(fl.concatenate(states, found, axis=-1), units=20, activation="tanh")
            logits = fl.layers.dense(h, units=WORDS, name="logits")
        fl.output(fl.losses.softmax_cross_entropy(logits, target, name="loss"))
        fl.output(fl.argmax(logits, axis=-1), "said")
        fl.output(weights, "attended")
    return g


def test_it_learns_to_write_backwards_and_where_to_look() -> None:
    graph, data = translator(), pairs()

    learned = data.take(500).shuffle(seed=0).batch(25)
    first, after = losses(graph, learned, fl.optimizers.adam(1e-2), epochs=8)

    assert after < 0.8 < 2.0 < first
    new = {name: array[500:] for name, array in data.arrays.items()}
    say = fl.compile([graph["said"], graph["attended"]])
    written = np.full((100, 1), BEGIN)
    for _ in range(STEPS):  # each word is written after those that it said itself
        said, attended = say({"source": new["source"], "written": written})
        written = np.concatenate([written, said[:, -1:]], axis=1)
    assert np.mean(written[:, 1:] == new["target"]) > 0.75
    assert attended.argmax(axis=-1).mean(axis=0)[0] > attended.argmax(axis=-1).mean(axis=0)[-1]


def test_its_gradients_are_slopes_and_it_survives(tmp_path: Path) -> None:
    feeds = samples(pairs(), 3)

    check_slopes(translator(), feeds)
    check_survival(translator(), feeds, tmp_path)
