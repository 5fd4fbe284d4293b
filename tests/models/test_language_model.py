"""A small transformer writes what follows (Vaswani et al. 2017), looking back and never ahead."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import flowloom as fl
from tests.models.checks import check_slopes, check_survival, losses, samples

WORDS, STEPS = 8, 12


def sentences(count: int = 320) -> fl.data.Dataset:
    """Verses: three words, again and again."""
    words = np.tile(np.random.default_rng(0).integers(0, WORDS, size=(count, 3)), 5)[:, : STEPS + 1]
    return fl.data.from_arrays(word=words[:, :-1], following=words[:, 1:])


def writer() -> fl.Graph:
    with fl.Graph("writer", seed=1) as g:
        word = fl.input("word", shape=("batch", "time"), dtype="int64")
        following = fl.input("following", shape=("batch", "time"), dtype="int64")
        x = fl.layers.embedding(word, input_dim=WORDS, output_dim=32)
        x = x + fl.layers.position_embedding(x, sequence_length=STEPS)
        for _ in range(2):
            x = fl.layers.transformer_decoder_block(
                x, num_heads=2, intermediate_dim=64, normalize_first=True, activation="gelu"
            )
        logits = fl.layers.dense(fl.layers.layer_normalization(x), units=WORDS, name="logits")
        fl.output(fl.losses.softmax_cross_entropy(logits, following, name="loss"))
        fl.output(logits, "scores")
    return g


def test_it_learns_to_go_on() -> None:
    graph, data = writer(), sentences()

    before, after = losses(graph, data.shuffle(seed=0).batch(32), fl.optimizers.adamw(5e-3), epochs=15)

    # Nobody can foresee the second and the third word: two twelfths of log(8), 0.35, stay.
    assert after < 0.5 < np.log(WORDS) - 0.1 < before
    say, words = fl.compile(graph["scores"]), [5, 1, 6]
    while len(words) < STEPS:
        words.append(int(say({"word": [words]})[0, -1].argmax()))
    assert words == [5, 1, 6] * 4


def test_it_does_not_look_ahead() -> None:
    program = fl.compile(writer()["scores"])
    words = samples(sentences(), 2)["word"]
    changed = words.copy()
    changed[:, 7:] = 0

    one, other = program({"word": words}), program({"word": changed})

    np.testing.assert_array_equal(one[:, :7], other[:, :7])
    assert (one[:, 7:] != other[:, 7:]).any()


def test_its_gradients_are_slopes_and_it_survives(tmp_path: Path) -> None:
    feeds = samples(sentences(), 2)

    check_slopes(writer(), feeds)
    check_survival(writer(), feeds, tmp_path)
