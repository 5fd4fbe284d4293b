"""Augmentation changes images at random while the model learns, as it says, and hands them on otherwise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import flowloom as fl

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(0, 255, size=(64, 6, 8, 2)).astype("float32")
CHANGING = {
    "random_flip": {},
    "random_rotation": {"factor": 0.2},
    "random_translation": {},
    "random_zoom": {},
    "random_brightness": {},
    "random_contrast": {},
}


def run(layer: str, x: Array = IMAGES, *, training: bool = True, seed: int = 0, **params: Any) -> Array:
    with fl.Graph("augmented", seed=seed):
        images = fl.input("x", shape=("batch", *x.shape[1:]), dtype=x.dtype.name)
        y = getattr(fl.layers, layer)(images, **params)
    return np.asarray(fl.compile(y, training=training)({"x": x}))


@pytest.mark.parametrize("layer", CHANGING)
def test_images_are_changed_only_while_learning_and_as_the_seed_says(layer: str) -> None:
    how = CHANGING[layer]

    np.testing.assert_array_equal(run(layer, training=False, **how), IMAGES)
    assert (run(layer, **how) != IMAGES).any()
    np.testing.assert_array_equal(run(layer, **how), run(layer, **how))
    assert (run(layer, seed=1, **how) != run(layer, **how)).any()


@pytest.mark.parametrize("layer", CHANGING)
@pytest.mark.parametrize("training", [False, True])
def test_bytes_become_floats_in_either_mode(layer: str, training: bool) -> None:
    assert run(layer, IMAGES.astype("uint8"), training=training, **CHANGING[layer]).dtype == np.float32


@pytest.mark.parametrize(
    ("mode", "axes"), [("horizontal", [2]), ("vertical", [1]), ("horizontal_and_vertical", [1, 2, (1, 2)])]
)
def test_some_images_are_mirrored_and_the_others_are_not(mode: str, axes: list[Any]) -> None:
    result = run("random_flip", mode=mode)
    versions = [IMAGES, *(np.flip(IMAGES, axis=a) for a in axes)]
    equal = np.array([(result == v).all(axis=(1, 2, 3)) for v in versions])

    assert (equal.sum(0) == 1).all(), "each image is one of them"
    shares = equal.mean(1)
    assert shares == pytest.approx(1 / len(versions), abs=5 * np.sqrt(0.25 / 64))


def test_a_quarter_turn_is_a_quarter_turn_counter_clockwise() -> None:
    squares = RNG.uniform(0, 255, size=(3, 5, 5, 1)).astype("float32")

    result = run("random_rotation", squares, factor=(0.25, 0.25))

    np.testing.assert_allclose(result, np.rot90(squares, axes=(1, 2)), rtol=1e-4, atol=1e-2)


def test_turns_go_both_ways_and_are_different_for_each_image() -> None:
    ramp = np.tile(np.arange(9, dtype="float32").reshape(1, 9, 1, 1), (200, 1, 9, 1))

    right_side = run("random_rotation", ramp, factor=0.05)[:, 4, 8, 0] - 4

    # a turn by an angle a lifts the right side by 4 sin(a): counter-clockwise shows what was higher up
    most = 4 * np.sin(0.05 * 2 * np.pi)
    assert np.abs(right_side).max() <= most + 1e-4
    assert right_side.min() < -0.8 * most
    assert right_side.max() > 0.8 * most
    assert len(np.unique(right_side)) > 150


@pytest.mark.parametrize(
    ("fill_mode", "wide"), [("reflect", "symmetric"), ("nearest", "edge"), ("constant", "constant")]
)
def test_what_comes_from_outside_is_as_the_mode_says(fill_mode: str, wide: Any) -> None:
    shifted = run(
        "random_translation",
        height_factor=(1 / 3, 1 / 3),
        width_factor=(-0.25, -0.25),
        fill_mode=fill_mode,
        fill_value=7.0 if fill_mode == "constant" else 0.0,
    )
    how = {"constant_values": 7.0} if fill_mode == "constant" else {}
    around = np.pad(IMAGES, ((0, 0), (2, 0), (0, 2), (0, 0)), mode=wide, **how)

    np.testing.assert_allclose(shifted, around[:, :6, 2:], rtol=1e-4, atol=1e-2)


def test_shifts_have_the_range_asked_for() -> None:
    ramp = np.tile(np.arange(20, dtype="float32").reshape(1, 20, 1, 1), (200, 1, 20, 1))

    moved = run("random_translation", ramp, height_factor=0.2, width_factor=0.0)[:, 10, 10, 0] - 10

    assert np.abs(moved).max() <= 4 + 1e-3
    assert moved.min() < -3.5
    assert moved.max() > 3.5


def test_zooming_out_shows_more_and_keeps_the_middle() -> None:
    ramp = np.tile(np.arange(9, dtype="float32").reshape(1, 9, 1, 1), (3, 1, 9, 1))

    out = run("random_zoom", ramp, height_factor=(0.5, 0.5), fill_mode="constant", fill_value=-1.0)
    inwards = run("random_zoom", ramp, height_factor=(-0.5, -0.5))

    np.testing.assert_allclose(out[:, 3:6, 4, 0], [[2.5, 4, 5.5]] * 3, rtol=1e-4)
    np.testing.assert_allclose(out[:, 0, 0, 0], -1, rtol=1e-4)
    np.testing.assert_allclose(inwards[:, :, 4, 0], [np.arange(9) * 0.5 + 2] * 3, rtol=1e-4)


def test_a_crop_is_a_part_of_the_image_from_anywhere() -> None:
    result = run("random_crop", height=3, width=4)
    seen = set()
    for part, image in zip(result, IMAGES, strict=True):
        places = [(i, j) for i in range(4) for j in range(5) if (image[i : i + 3, j : j + 4] == part).all()]
        assert len(places) == 1
        seen |= set(places)

    assert len(seen) > 12
    np.testing.assert_array_equal(run("random_crop", training=False, height=4, width=4), IMAGES[:, 1:5, 2:6])
    with pytest.raises(fl.SpecError, match="have no part of 7 by 4; use resizing"):
        run("random_crop", height=7, width=4)


def test_brightness_adds_one_number_to_each_image() -> None:
    grey = np.full((300, 2, 2, 1), 100, "float32")

    added = run("random_brightness", grey, factor=0.2) - 100

    assert (added == added[:, :1, :1]).all()
    assert np.abs(added).max() <= 0.2 * 255
    assert added.std() == pytest.approx(0.2 * 255 / np.sqrt(3), rel=0.1)
    assert run("random_brightness", grey, factor=(1.0, 1.0)).max() == 255


def test_contrast_scales_the_distance_from_each_channels_mean() -> None:
    x = IMAGES / 4 + 90
    centre = x.mean(axis=(1, 2), keepdims=True)

    scale = (run("random_contrast", x, factor=0.3) - centre) / (x - centre)

    np.testing.assert_allclose(scale, scale[:, :1, :1, :1] * np.ones_like(x), rtol=1e-2, atol=1e-2)
    assert 0.7 - 1e-2 <= scale.min() < 0.8
    assert 1.2 < scale.max() <= 1.3 + 1e-2


def test_a_range_turned_around_is_refused() -> None:
    with pytest.raises(fl.SpecError, match="the least must not exceed the most"):
        run("random_rotation", factor=(0.2, 0.1))
