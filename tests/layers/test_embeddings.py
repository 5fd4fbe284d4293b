"""Positions are told by learned vectors and by waves; masks say where an index is not 0."""

from __future__ import annotations

import numpy as np
import pytest

import flowloom as fl


def test_each_place_has_its_learned_vector() -> None:
    with fl.Graph("positions") as g:
        x = fl.input("x", shape=("batch", "time", 3))
        y = fl.layers.position_embedding(x, sequence_length=6)
    table = g.variables[0].value

    result = fl.compile(y)({"x": np.zeros((2, 4, 3))})

    assert y.shape == ("batch", "time", 3)
    np.testing.assert_array_equal(result, np.stack([table[:4]] * 2))


def test_more_steps_than_vectors_are_refused_as_soon_as_they_are_known() -> None:
    with fl.Graph("short") as g:
        with pytest.raises(fl.SpecError, match="there are 7 steps and vectors for 6; raise sequence_length"):
            fl.layers.position_embedding(fl.input("x", shape=("batch", 7, 3)), sequence_length=6)
        fl.layers.position_embedding(fl.input("z", shape=("batch", "time", 3)), sequence_length=6, name="places")
    with pytest.raises(fl.SpecError, match=r"there are 7 steps and vectors for 6.*'places'"):
        fl.compile(g["places"])({"z": np.zeros((2, 7, 3))})


@pytest.mark.parametrize("features", [4, 5])
def test_waves_are_those_of_the_paper(features: int) -> None:
    """Vaswani et al. 2017, section 3.5: PE(pos, 2i) = sin(pos / 10000^(2i/d)), PE(pos, 2i+1) = cos(the same)."""
    with fl.Graph("waves"):
        y = fl.layers.sine_position_encoding(fl.input("x", shape=(None, None, features), dtype="float64"))
    expected = np.empty((7, features))
    for place in range(7):
        for j in range(features):
            angle = place / 10000 ** (2 * (j // 2) / features)
            expected[place, j] = np.cos(angle) if j % 2 else np.sin(angle)

    result = fl.compile(y)({"x": np.full((2, 7, features), np.nan)})

    np.testing.assert_allclose(result, np.stack([expected] * 2), rtol=1e-12, atol=1e-12)


def test_a_mask_says_where_the_index_is_not_0_and_a_recurrent_layer_reads_it() -> None:
    with fl.Graph("words"):
        words = fl.input("words", shape=("batch", "time"), dtype="int64")
        vectors, mask = fl.layers.embedding(words, input_dim=9, output_dim=2, mask_zero=True)
        state = fl.layers.gru(vectors, mask, units=3)
    sentence = np.array([[3, 1, 4, 1, 5]])

    seen, short = fl.compile([mask, state])({"words": np.pad(sentence, ((0, 0), (0, 2)))})

    np.testing.assert_array_equal(seen, [[True] * 5 + [False] * 2])
    np.testing.assert_allclose(short, fl.compile(state)({"words": sentence}), rtol=1e-6)
