"""A small convolutional network reads handwritten digits, and reads them the same each time it is trained.

Two 3x3 convolutions of 32 filters, 2x2 pooling, one 3x3 convolution of 64 filters, 2x2 pooling, half of it dropped, a
dense layer of 10: 30,634 numbers to learn. 12 epochs of Adam at 0.003, then 6 at 0.0003, in batches of 64. With seeds 0
to 7 it reads 0.9806 to 0.9861 of the held-out digits; a support vector machine (C=10, gamma=0.32) reads 0.9861.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import flowloom as fl
from tests.training.models import values

SEED = 0


def digits_network(seed: int) -> fl.Graph:
    with fl.Graph("digits", seed=seed) as graph:
        image = fl.input("image", shape=("batch", 8, 8, 1))
        label = fl.input("label", dtype="int64")
        h = fl.layers.conv2d(image, filters=32, kernel_size=3, padding="same", activation="relu")
        h = fl.layers.conv2d(h, filters=32, kernel_size=3, padding="same", activation="relu")
        h = fl.layers.max_pool2d(h, pool_size=2)
        h = fl.layers.conv2d(h, filters=64, kernel_size=3, padding="same", activation="relu")
        h = fl.layers.flatten(fl.layers.max_pool2d(h, pool_size=2))
        logits = fl.layers.dense(fl.layers.dropout(h, rate=0.5), units=10, name="logits")
        fl.losses.softmax_cross_entropy(logits, label, name="loss")
        fl.metrics.accuracy(logits, label, name="accuracy")
    return graph


def trained(seed: int) -> tuple[fl.Graph, list[float]]:
    """The trained network and its accuracy on the held-out digits after each epoch."""
    graph, data = digits_network(seed), fl.data.load("digits")
    batches = data.train.shuffle(seed=seed).batch(64)
    accuracy: list[float] = []
    for rate, epochs in ((3e-3, 12), (3e-4, 6)):
        trainer = fl.Trainer(graph["loss"], fl.optimizers.adam(rate), {"accuracy": graph["accuracy"]})
        run = trainer.start(batches, validation=data.test.batch(256), epochs=epochs).wait()
        accuracy += run.history["val_accuracy"]
    return graph, accuracy


def predictions(graph: fl.Graph) -> Any:
    return fl.compile(fl.argmax(graph["logits"], axis=-1))({"image": fl.data.load("digits").test.arrays["image"]})


@pytest.fixture(autouse=True)
def _one_thread_for_blas() -> Iterator[None]:
    """Beside other work, threads that wait for each other over matrices this small take ten times as long."""
    with threadpool_limits(1):
        yield


def test_it_reads_97_of_100_held_out_digits_and_the_same_ones_when_trained_again() -> None:
    first, accuracy = trained(SEED)
    second, again = trained(SEED)

    assert accuracy[-1] >= 0.97
    read = np.mean(predictions(first) == fl.data.load("digits").test.arrays["label"])
    assert accuracy[-1] == pytest.approx(read)
    assert again == accuracy
    np.testing.assert_array_equal(predictions(second), predictions(first))
    for name, array in values(first).items():
        np.testing.assert_array_equal(values(second)[name], array)
