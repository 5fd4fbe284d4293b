"""The Playground's sets have the Playground's geometry."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowloom import data

NAMES = ["circle", "xor", "gaussians", "spiral"]


def points(name, **options):
    """All x, y and labels, train and test together."""
    loaded = data.load(name, **options)
    point, label = (
        np.concatenate([loaded.train.arrays[feature], loaded.test.arrays[feature]]) for feature in ("point", "label")
    )
    return point[:, 0].astype(float), point[:, 1].astype(float), label


@pytest.mark.parametrize("name", NAMES)
def test_half_of_500_points_are_held_out(name):
    loaded = data.load(name)

    assert (loaded.train.sample_count, loaded.test.sample_count) == (250, 250)
    assert loaded.info.sizes == data.info(name).sizes == {"train": 250, "test": 250}
    assert loaded.train.features == {"point": data.Feature((2,), "float32"), "label": data.Feature((), "int64")}
    assert len(loaded.info.features["label"].classes) == 2
    loaded.train.check(labels={"label": 2})


@pytest.mark.parametrize("name", NAMES)
def test_both_classes_are_in_both_parts(name):
    loaded = data.load(name)

    for part in (loaded.train, loaded.test):
        assert 0.35 < part.arrays["label"].mean() < 0.65


@pytest.mark.parametrize("name", ["circle", "gaussians", "spiral"])
def test_classes_are_of_equal_size(name):
    _, _, label = points(name, samples=200)

    assert np.bincount(label).tolist() == [100, 100]


def test_circle_is_a_disc_within_a_ring():
    x, y, label = points("circle", samples=2000)
    radius = np.hypot(x, y)

    assert radius[label == 1].max() <= 2.5
    assert radius[label == 0].min() >= 3.5 - 1e-6
    assert radius[label == 0].max() <= 5.0 + 1e-6
    for inside, low, high in [(1, 0.0, 2.5), (0, 3.5, 5.0)]:
        assert radius[label == inside].mean() == pytest.approx((low + high) / 2, abs=0.05)


def test_xor_labels_by_sign_and_leaves_a_gap_at_the_axes():
    x, y, label = points("xor", samples=2000)

    assert (label == (x * y > 0)).all()
    for coordinate in (abs(x), abs(y)):
        assert coordinate.min() >= 0.3 - 1e-6
        assert coordinate.max() <= 5.3 + 1e-6
        assert coordinate.mean() == pytest.approx(2.8, abs=0.1)


@pytest.mark.parametrize(("noise", "variance"), [(0.0, 0.5), (0.25, 2.25), (0.5, 4.0)])
def test_gaussians_sit_at_2_2_with_a_variance_that_grows_with_noise(noise, variance):
    x, y, label = points("gaussians", samples=20_000, noise=noise)

    for coordinate in (x, y):
        for of_class, center in [(1, 2.0), (0, -2.0)]:
            assert coordinate[label == of_class].mean() == pytest.approx(center, abs=0.08)
            assert coordinate[label == of_class].var() == pytest.approx(variance, rel=0.05)
    assert np.corrcoef(x[label == 1], y[label == 1])[0, 1] == pytest.approx(0.0, abs=0.04)


def test_spiral_points_lie_on_two_arms_half_a_turn_apart():
    x, y, label = points("spiral", samples=400)
    steps = np.arange(200) / 200

    for of_class, start in [(1, 0.0), (0, np.pi)]:
        angle = 1.75 * steps * 2 * np.pi + start
        expected = np.stack([5 * steps * np.sin(angle), 5 * steps * np.cos(angle)], axis=1)
        arm = np.stack([x, y], axis=1)[label == of_class]
        by_radius = arm[np.argsort(np.hypot(*arm.T))]
        np.testing.assert_allclose(by_radius, expected, atol=1e-6)


def test_spiral_noise_moves_points_by_at_most_itself_along_each_axis():
    quiet, noisy = points("spiral", samples=2000), points("spiral", samples=2000, noise=0.3)

    for still, moved in zip(quiet[:2], noisy[:2], strict=True):
        assert 0.29 < abs(moved - still).max() <= 0.3 + 1e-6
    assert (quiet[2] == noisy[2]).all()


@pytest.mark.parametrize("name", ["circle", "xor"])
def test_noise_changes_labels_not_points(name):
    quiet, noisy = points(name, samples=2000), points(name, samples=2000, noise=0.5)

    assert (quiet[0] == noisy[0]).all()
    assert (quiet[1] == noisy[1]).all()
    assert 0.05 < (quiet[2] != noisy[2]).mean() < 0.5


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_gives_the_same_points_again_and_another_gives_others(name):
    first, again, other = (points(name, noise=0.1, seed=seed) for seed in (4, 4, 5))

    assert all((one == two).all() for one, two in zip(first, again, strict=True))
    assert not (first[0] == other[0]).all()


@given(name=st.sampled_from(NAMES), samples=st.integers(2, 60), noise=st.floats(0, 1), seed=st.integers(0, 2**70))
def test_any_number_of_samples_is_generated_in_full(name, samples, noise, seed):
    loaded = data.load(name, samples=samples, noise=noise, seed=seed)

    assert loaded.train.sample_count == samples // 2
    assert loaded.test.sample_count == samples - samples // 2
    assert loaded.info.sizes == {"train": samples // 2, "test": samples - samples // 2}
    loaded.train.check(labels={"label": 2})
    loaded.test.check(labels={"label": 2})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"noise": -0.1}, "load('xor'): noise must be a number from 0 to 1; got -0.1"),
        ({"noise": 1.5}, "load('xor'): noise must be a number from 0 to 1; got 1.5"),
        ({"noise": float("nan")}, "load('xor'): noise must be a number from 0 to 1; got nan"),
        ({"noise": float("inf")}, "load('xor'): noise must be a number from 0 to 1; got inf"),
        ({"noise": "much"}, "load('xor'): noise must be a number from 0 to 1; got 'much'"),
        ({"samples": 1}, "load('xor'): samples must be a whole number of at least 2; got 1"),
        ({"samples": 10.5}, "load('xor'): samples must be a whole number; got 10.5"),
        ({"seed": -1}, "load('xor'): seed must be a whole number of at least 0; got -1"),
        ({"nois": 0.1}, "load('xor'): unknown option 'nois'; did you mean 'noise'?"),
        ({"radius": 1}, "load('xor'): unknown option 'radius'; there are: samples, noise, seed"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(data.DataError) as refusal:
        data.load("xor", **options)

    assert str(refusal.value) == message
