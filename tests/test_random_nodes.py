"""Random sources as nodes: other numbers at every step, the same in every run of the same seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

import flowloom as fl

Array = np.ndarray[Any, Any]
NOISE: dict[str, tuple[dict[str, Any], Any]] = {
    "uniform": ({"low": -1.0, "high": 3.0}, stats.uniform(-1, 4)),
    "normal": ({"mean": 1.0, "stddev": 0.5}, stats.norm(1, 0.5)),
    "truncated_normal": ({"mean": 1.0, "stddev": 0.5}, stats.truncnorm(-2, 2, 1, 0.5)),
    "exponential": ({"scale": 2.0}, stats.expon(scale=2)),
    "laplace": ({"loc": 1.0, "scale": 2.0}, stats.laplace(1, 2)),
    "gumbel": ({"loc": 1.0, "scale": 2.0}, stats.gumbel_r(1, 2)),
    "gamma": ({"alpha": 2.0, "beta": 3.0}, stats.gamma(2, scale=1 / 3)),
}


@pytest.mark.parametrize("name", NOISE)
def test_a_source_of_noise_has_its_distribution_and_draws_anew_at_every_call(name: str) -> None:
    params, expected = NOISE[name]
    with fl.Graph("noise", seed=5):
        drawn = getattr(fl.random, name)(shape=(5000,), **params)
    program = fl.compile(drawn)

    first, second = program(), program()

    assert (drawn.shape, drawn.dtype) == ((5000,), np.float32)
    assert stats.kstest(first, expected.cdf).pvalue > 0.01
    assert not np.intersect1d(first, second).size > 50
    np.testing.assert_array_equal(fl.compile(drawn)(), first)


def test_a_named_dimension_is_that_of_what_is_fed() -> None:
    with fl.Graph("noise"):
        x = fl.input("x", shape=("batch", 3))
        noise = fl.random.normal(shape=("batch", 2))
        y = fl.concatenate([x, noise], axis=1)

    assert noise.shape == ("batch", 2)
    assert fl.compile(y)({"x": np.ones((7, 3))}).shape == (7, 5)


def test_the_shape_may_be_taken_from_a_tensor() -> None:
    with fl.Graph("noise"):
        x = fl.input("x", shape=("batch", None))
        noise = fl.random.bernoulli(x, p=0.3, dtype="bool")

    result = fl.compile(noise)({"x": np.ones((200, 50))})
    assert (result.shape, result.dtype) == ((200, 50), np.dtype(bool))
    assert result.mean() == pytest.approx(0.3, abs=0.02)


def test_a_dimension_that_nothing_fed_has_is_named() -> None:
    with fl.Graph("noise"):
        y = fl.input("x") * 0.0 + fl.sum(fl.random.normal(shape=("other", 2)))

    with pytest.raises(fl.SpecError, match=r"the size of 'other' is not known: no input that is fed has it.*'normal'"):
        fl.compile(y)({"x": [1.0]})


def test_two_nodes_draw_different_numbers() -> None:
    with fl.Graph("noise"):
        both = [fl.random.normal(shape=(100,)) for _ in range(2)]

    first, second = fl.compile(both)()
    assert not np.array_equal(first, second)


def test_poisson_noise_follows_its_means_and_names_one_that_is_negative() -> None:
    with fl.Graph("noise"):
        lam = fl.input("lam")
        counts = fl.random.poisson(lam, name="counts")
    program = fl.compile(counts)

    assert program({"lam": np.full(5000, 7.0)}).mean() == pytest.approx(7, abs=0.2)
    with pytest.raises(fl.RunError, match=r"a mean must be from 0 to 1e15; got -1\.0.*node 'counts'"):
        program({"lam": [-1.0]})


def test_classes_are_drawn_from_logits() -> None:
    with fl.Graph("noise"):
        drawn = fl.random.categorical(fl.input("logits", shape=("batch", 3)), num_samples=4000)

    result = fl.compile(drawn)({"logits": np.log([[0.2, 0.3, 0.5]])})
    np.testing.assert_allclose(np.bincount(result[0]) / 4000, [0.2, 0.3, 0.5], atol=0.04)


def test_a_shuffle_keeps_rows_whole_and_lets_gradients_through() -> None:
    x = np.arange(12.0).reshape(6, 2)
    with fl.Graph("shuffle"):
        rows = fl.input("x", shape=(6, 2))
        shuffled = fl.random.shuffle(rows)
        weights = np.arange(6.0, dtype="float32")[:, None]
        gradient = fl.gradients(fl.sum(shuffled * weights), [rows])[0]

    drawn, back = fl.compile([shuffled, gradient])({"x": x})
    order = [int(np.flatnonzero((x == row).all(1))[0]) for row in drawn]
    assert sorted(order) == list(range(6)) != order
    np.testing.assert_array_equal(back[order, 0], np.arange(6))


def test_a_permutation_may_be_as_long_as_the_batch() -> None:
    with fl.Graph("order"):
        x = fl.input("x")
        order = fl.random.permutation(size="batch")
        y = fl.take(x, order)

    result = fl.compile(y)({"x": np.arange(9.0)})
    assert sorted(result) == list(range(9))


def test_a_variational_autoencoder_can_be_wired_from_noise() -> None:
    """Reparameterisation (Kingma & Welling 2014): z = mean + exp(log_var / 2) * noise; the noise has no gradient."""
    with fl.Graph("vae", seed=1) as graph:
        x = fl.input("x", shape=("batch", 4))
        mean, log_var = fl.layers.dense(x, units=2, name="mean"), fl.layers.dense(x, units=2, name="log_var")
        z = mean + fl.exp(log_var * 0.5) * fl.random.normal(mean)
        rebuilt = fl.losses.mean_squared_error(fl.layers.dense(z, units=4), x)
        divergence = fl.mean(fl.square(mean) + fl.exp(log_var) - log_var - 1.0) * 0.5
        loss = rebuilt + divergence * 0.01
    rng = np.random.default_rng(2)
    data = fl.data.from_arrays(x=rng.normal(size=(200, 2)) @ rng.normal(size=(2, 4))).batch(20)

    run = fl.Trainer(loss, fl.optimizers.adam(0.02)).start(data, epochs=20).wait()

    assert run.history["loss"][-1] < 0.3 * run.history["loss"][0]
    assert {v.name for v in graph.trainable_variables} >= {"mean/kernel", "log_var/kernel"}


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: fl.random.normal(shape=(2,), stddev=-1.0), "stddev=-1.0 does not fit"),
        (lambda: fl.random.uniform(shape=(2,), low=2.0), r"low must not exceed high; got low=2\.0, high=1\.0"),
        (lambda: fl.random.integers(shape=(2,), low=5), "low must be below high; got low=5, high=2"),
        (lambda: fl.random.shuffle(fl.input("x"), axis=1), "axis 1 is outside a tensor of 1 dimensions"),
    ],
)
def test_what_cannot_be_drawn_is_refused(make: Any, complaint: str) -> None:
    with fl.Graph("wrong"), pytest.raises(fl.SpecError, match=complaint):
        make()


def test_an_input_that_nothing_needs_says_how_many_to_draw() -> None:
    with fl.Graph():
        real = fl.input("real", shape=("batch", 2))
        drawn = fl.random.normal(shape=("batch", 3))
        fl.concatenate(real, drawn, axis=-1)
    program = fl.compile(drawn)

    assert program({"real": np.zeros((5, 2))}).shape == (5, 3)
    with pytest.raises(fl.SpecError, match="the size of 'batch' is not known: no input that is fed has it"):
        program()
    with pytest.raises(fl.FeedError, match="input 'real' takes"):
        program({"real": np.zeros(5)})
