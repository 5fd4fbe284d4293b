"""Two networks play against each other, one drawing points and one judging them (Goodfellow et al. 2014)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import flowloom as fl
from tests.models.checks import Array, check_survival


def points(rng: np.random.Generator, count: int) -> Array:
    """Points near (2, -1)."""
    return rng.normal((2.0, -1.0), 0.3, size=(count, 2)).astype(np.float32)


def adversaries() -> fl.Graph:
    with fl.Graph("adversaries", seed=2) as g:
        real = fl.input("real", shape=("batch", 2))
        with g.scope("artist"):
            noise = fl.random.normal(shape=("batch", 3))
            drawn = fl.layers.mlp(noise, units=(16, 2), name="drawn")
        with g.scope("judge"):  # sees both at once, with one set of weights
            seen = fl.concatenate(real, drawn, axis=0)
            judged = fl.layers.mlp(seen, units=(16, 1), activation="leaky_relu", name="judged")
            of_real, of_drawn = fl.split(judged, sections=2)
        fl.add(
            fl.losses.sigmoid_cross_entropy(of_real, fl.ones_like(of_real)),
            fl.losses.sigmoid_cross_entropy(of_drawn, fl.zeros_like(of_drawn)),
            name="judge's loss",
        )
        fl.losses.sigmoid_cross_entropy(of_drawn, fl.ones_like(of_drawn), name="artist's loss")
    return g


def variables(graph: fl.Graph, scope: str) -> list[fl.Variable]:
    return [v for v in graph.trainable_variables if v.name.startswith(f"{scope}/")]


def test_the_artist_learns_to_draw_where_the_points_are() -> None:
    graph, rng = adversaries(), np.random.default_rng(0)
    draw = fl.compile(graph["artist/drawn"])
    before = draw({"real": points(rng, 500)})

    judge, artist = (
        fl.Trainer(graph[f"{who}'s loss"], fl.optimizers.adam(1e-2, beta_1=0.5), variables=variables(graph, who))
        for who in ("judge", "artist")
    )
    for _ in range(150):
        judge.train_on_batch({"real": points(rng, 64)})
        artist.train_on_batch({"real": points(rng, 64)})

    after = draw({"real": points(rng, 500)})
    assert np.abs(before.mean(axis=0) - (2.0, -1.0)).max() > 1.0
    np.testing.assert_allclose(after.mean(axis=0), (2.0, -1.0), atol=0.6)


def test_its_gradients_are_slopes_and_it_survives(tmp_path: Path) -> None:
    graph, feeds = adversaries(), {"real": points(np.random.default_rng(1), 4)}

    fl.check_gradients(graph["judge's loss"], feeds)
    fl.check_gradients(graph["artist's loss"], feeds)
    check_survival(graph, feeds, tmp_path)
