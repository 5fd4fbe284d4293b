"""A residual network reads handwritten digits (He et al. 2016): shortcuts, normalisation by batch, augmentation."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import flowloom as fl
from tests.models.checks import check_slopes, check_survival, losses, samples

DIGITS = fl.data.load("digits")


def normalized_conv(x: fl.Tensor, filters: int, strides: int = 1, kernel_size: int = 3) -> fl.Tensor:
    x = fl.layers.conv2d(x, filters=filters, kernel_size=kernel_size, strides=strides, padding="same", use_bias=False)
    # The data are few: what is remembered of the batches must follow quickly.
    normalized: fl.Tensor = fl.layers.batch_normalization(x, momentum=0.8)
    return normalized


def residual(x: fl.Tensor, filters: int, strides: int) -> fl.Tensor:
    shortcut = x if strides == 1 else normalized_conv(x, filters, strides, kernel_size=1)
    y = fl.relu(normalized_conv(x, filters, strides))
    return fl.relu(shortcut + normalized_conv(y, filters))


def classifier() -> fl.Graph:
    with fl.Graph("residual network", seed=1) as g:
        image = fl.input("image", shape=("batch", 8, 8, 1))
        label = fl.input("label", dtype="int64")
        x = fl.layers.random_translation(image, height_factor=0.1, width_factor=0.1, fill_mode="constant")
        x = fl.relu(normalized_conv(x, filters=8))
        for i, (filters, strides) in enumerate([(8, 1), (16, 2)]):
            with g.scope(f"stage {i}"):
                x = residual(x, filters, strides)
        logits = fl.layers.dense(fl.layers.global_average_pooling2d(x), units=10, name="logits")
        fl.losses.softmax_cross_entropy(logits, label, name="loss")
        fl.metrics.accuracy(logits, label, name="accuracy")
    return g


def test_it_reads_digits_that_it_never_saw() -> None:
    graph = classifier()

    before, after = losses(graph, DIGITS.train.shuffle(seed=0).batch(64), fl.optimizers.adam(1e-2), epochs=4)

    assert after < 1.0 < np.log(10) - 0.1 < before
    assert fl.evaluate(graph["accuracy"], DIGITS.test.batch(200)) > 0.7


def test_its_gradients_are_slopes_and_it_survives(tmp_path: Path) -> None:
    feeds = samples(DIGITS.test, 4)

    check_slopes(classifier(), feeds)
    check_survival(classifier(), feeds, tmp_path)
