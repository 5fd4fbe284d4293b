"""Dropout and noise act while the model learns, the same way for the same seed, and never otherwise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import flowloom as fl

Array = np.ndarray[Any, Any]
ONES = np.ones((400, 250), "float32")


def model(layer: Any, *, seed: int = 0, **params: Any) -> fl.Tensor:
    with fl.Graph("regularised", seed=seed):
        y: fl.Tensor = layer(fl.input("x", shape=("batch", 250)), **params)
        return y


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_keeps_its_share_and_scales_it_to_the_same_mean(rate: float) -> None:
    result = fl.compile(model(fl.layers.dropout, rate=rate), training=True)({"x": ONES})

    kept = result != 0
    # five standard deviations of the share of 100,000 independent draws
    assert kept.mean() == pytest.approx(1 - rate, abs=5 * np.sqrt(rate * (1 - rate) / ONES.size))
    np.testing.assert_allclose(result[kept], 1 / (1 - rate), rtol=1e-6)


def test_dropout_drops_elements_independently() -> None:
    kept = fl.compile(model(fl.layers.dropout), training=True)({"x": ONES}) != 0

    # the shares kept of rows and of columns vary as binomials do
    assert kept.mean(1).std() == pytest.approx(0.5 / np.sqrt(250), rel=0.2)
    assert kept.mean(0).std() == pytest.approx(0.5 / np.sqrt(400), rel=0.2)


def test_noise_has_the_standard_deviation_asked_for() -> None:
    noise = fl.compile(model(fl.layers.gaussian_noise, stddev=0.3), training=True)({"x": ONES}) - 1

    assert noise.mean() == pytest.approx(0, abs=5 * 0.3 / np.sqrt(noise.size))
    assert noise.std() == pytest.approx(0.3, rel=0.02)


@pytest.mark.parametrize("layer", [fl.layers.dropout, fl.layers.gaussian_noise])
def test_nothing_is_changed_when_it_does_not_learn(layer: Any) -> None:
    np.testing.assert_array_equal(fl.compile(model(layer))({"x": ONES}), ONES)


@pytest.mark.parametrize("layer", [fl.layers.dropout, fl.layers.gaussian_noise])
def test_each_step_draws_anew_and_the_same_seed_draws_the_same(layer: Any) -> None:
    def two_steps(seed: int) -> list[Array]:
        program = fl.compile(model(layer, seed=seed), training=True)
        return [program({"x": ONES}) for _ in range(2)]

    first, second = two_steps(seed=1)

    assert (first != second).any()
    np.testing.assert_array_equal(two_steps(seed=1), [first, second])
    assert (two_steps(seed=2)[0] != first).any()


def test_two_layers_of_one_graph_draw_independently() -> None:
    with fl.Graph("two"):
        x = fl.input("x", shape=("batch", 250))
        both = [fl.layers.dropout(x), fl.layers.dropout(x)]

    a, b = (y != 0 for y in fl.compile(both, training=True)({"x": ONES}))

    assert (a & b).mean() == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize("rate", [1.0, -0.1])
def test_a_rate_out_of_range_is_refused(rate: float) -> None:
    with pytest.raises(fl.SpecError, match="rate="):
        model(fl.layers.dropout, rate=rate)


# ---------------------------------------------------------------- other draws


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_spatial_dropout_drops_whole_channels(axes: int) -> None:
    shape = (*range(2, 2 + axes), 500)
    with fl.Graph("spatial"):
        y = getattr(fl.layers, f"spatial_dropout{axes}d")(fl.input("x", shape=("batch", *shape)), rate=0.3)

    kept = fl.compile(y, training=True)({"x": np.ones((8, *shape), "float32")}) != 0

    of_channel = kept.reshape(8, -1, 500)
    assert (of_channel == of_channel[:, :1]).all()
    assert of_channel.mean() == pytest.approx(0.7, abs=5 * np.sqrt(0.21 / 4000))


def test_a_noise_shape_shares_draws() -> None:
    with fl.Graph("shared"):
        y = fl.layers.dropout(fl.input("x", shape=("batch", 4, 250)), noise_shape=(None, 1, 250))

    kept = fl.compile(y, training=True)({"x": np.ones((20, 4, 250), "float32")}) != 0

    assert (kept == kept[:, :1]).all()
    assert (kept != kept[:1]).any()


def test_a_noise_shape_must_fit() -> None:
    with pytest.raises(fl.SpecError, match=r"noise_shape needs, for each of float32\[batch, 250\], 1 or None"):
        model(fl.layers.dropout, noise_shape=(None, 3))


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_alpha_dropout_keeps_mean_and_variance_of_standard_numbers(rate: float) -> None:
    """Klambauer et al. 2017: what is dropped becomes -scale * alpha = -1.7581, before all is scaled and shifted."""
    x = np.random.default_rng(0).normal(size=ONES.shape).astype("float32")
    a = (1 - rate + rate * (1 - rate) * 1.7580993408473766**2) ** -0.5

    result = fl.compile(model(fl.layers.alpha_dropout, rate=rate), training=True)({"x": x})

    assert result.mean() == pytest.approx(0, abs=0.02)
    assert result.std() == pytest.approx(1, abs=0.02)
    lowest = a * (-1.7580993408473766 + rate * 1.7580993408473766)
    assert np.isclose(result, lowest, atol=1e-5).mean() == pytest.approx(rate, abs=0.01)


def test_gaussian_dropout_multiplies_by_noise_of_dropouts_variance() -> None:
    factor = fl.compile(model(fl.layers.gaussian_dropout, rate=0.2), training=True)({"x": ONES})

    assert factor.mean() == pytest.approx(1, abs=0.01)
    assert factor.var() == pytest.approx(0.25, rel=0.02)


@pytest.mark.parametrize("layer", [fl.layers.alpha_dropout, fl.layers.gaussian_dropout])
def test_these_too_change_nothing_when_they_do_not_learn(layer: Any) -> None:
    np.testing.assert_array_equal(fl.compile(model(layer))({"x": ONES}), ONES)
