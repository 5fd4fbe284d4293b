"""An autoencoder learns a code to draw digits from (Kingma & Welling 2014): random nodes, transposed convolutions."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import flowloom as fl
from tests.models.checks import check_slopes, check_survival, losses, samples

IMAGES = fl.data.load("digits").train.arrays["image"][:640]
DIGITS = fl.data.from_arrays(image=IMAGES)


def autoencoder() -> fl.Graph:
    with fl.Graph("variational autoencoder", seed=1) as g:
        image = fl.input("image", shape=("batch", 8, 8, 1))
        with g.scope("encoder"):
            h = fl.layers.conv2d(image, filters=8, kernel_size=3, strides=2, padding="same", activation="relu")
            h = fl.layers.dense(fl.layers.flatten(h), units=32, activation="relu")
            mean = fl.layers.dense(h, units=4, name="mean")
            log_variance = fl.layers.dense(h, units=4, name="log variance")
        code = fl.add(mean, fl.exp(0.5 * log_variance) * fl.random.normal(mean), name="code")
        with g.scope("decoder"):
            h = fl.layers.dense(code, units=4 * 4 * 8, activation="relu")
            h = fl.layers.reshape(h, target_shape=(4, 4, 8))
            h = fl.layers.conv2d_transpose(h, filters=8, kernel_size=3, strides=2, padding="same", activation="relu")
            logits = fl.layers.conv2d(h, filters=1, kernel_size=3, padding="same", name="logits")
        # How badly the code describes the image, and how far it is from a standard normal one, which counts less
        # (Higgins et al. 2017): nats per image.
        reconstruction = 64.0 * fl.losses.sigmoid_cross_entropy(logits, image, name="reconstruction")
        divergence = fl.sum(fl.square(mean) + fl.exp(log_variance) - log_variance - 1.0, axis=-1)
        fl.add(reconstruction, 0.25 * fl.mean(0.5 * divergence), name="loss")
        fl.output(fl.sigmoid(logits), "drawn")
    return g


def test_it_learns_a_code_that_says_what_is_in_an_image() -> None:
    graph = autoencoder()

    before, after = losses(graph, DIGITS.shuffle(seed=0).batch(32), fl.optimizers.adam(1e-2), epochs=15)

    assert after < 26.5 < 40.0 < before
    drawn = fl.compile(graph["drawn"])({"image": IMAGES})
    # A code that said nothing could only draw the mean of all images.
    assert np.square(drawn - IMAGES).mean() < 0.85 * np.square(IMAGES.mean(axis=0) - IMAGES).mean()


def test_every_look_is_another_draw() -> None:
    program = fl.compile(autoencoder()["code"])
    feeds = samples(DIGITS, 3)

    assert not np.array_equal(program(feeds), program(feeds))


def test_its_gradients_are_slopes_and_it_survives(tmp_path: Path) -> None:
    feeds = samples(DIGITS, 4)

    check_slopes(autoencoder(), feeds)
    check_survival(autoencoder(), feeds, tmp_path)
