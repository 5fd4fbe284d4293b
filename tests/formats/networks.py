"""Whole networks, small: what people build, for tests that send them through files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

import flowloom as fl

Array = np.ndarray[Any, Any]
Network: TypeAlias = tuple[fl.Graph, dict[str, Array]]
rng = np.random.default_rng(17)


def floats(*shape: int) -> Array:
    """Numbers in float32."""
    return rng.normal(size=shape).astype("float32")


def mlp() -> Network:
    """Rows of features into classes, with a loss and a metric of labels."""
    with fl.Graph("mlp", seed=1) as g:
        x = fl.input("x", shape=("batch", 6))
        label = fl.input("label", shape=("batch",), dtype="int64")
        h = fl.layers.layer_normalization(fl.layers.dense(x, units=8, activation="gelu"))
        h = fl.layers.dropout(fl.layers.dense(h, units=8, activation="silu"), rate=0.3)
        logits = fl.layers.dense(h, units=3, name="logits")
        fl.output(fl.softmax(logits), "probabilities")
        fl.output(fl.losses.softmax_cross_entropy(logits, label), "the loss")
        fl.output(fl.metrics.accuracy(logits, label), "the accuracy")
    return g, {"x": floats(5, 6), "label": np.arange(5) % 3}


def cnn() -> Network:
    """Images through convolutions with batch normalization and pooling."""
    with fl.Graph("cnn", seed=2) as g:
        h = fl.input("image", shape=("batch", 12, 10, 3))
        for i, filters in enumerate((4, 6)):
            with g.scope(f"stage {i}"):
                h = fl.layers.conv2d(h, filters=filters, kernel_size=3, padding="same", use_bias=False)
                h = fl.relu(fl.layers.batch_normalization(h))
                h = fl.layers.max_pool2d(h) if i else fl.layers.average_pooling2d(h)
        fl.output(fl.layers.dense(fl.layers.flatten(h), units=3, activation="softmax"), "classes")
    return g, {"image": floats(4, 12, 10, 3)}


def resnet() -> Network:
    """Residual blocks, one of which halves the image, and a squeeze-and-excitation between them."""
    with fl.Graph("resnet", seed=3) as g:
        h = fl.layers.conv2d(fl.input("image", shape=("batch", 8, 8, 3)), filters=4, kernel_size=3, padding="same")
        h = fl.layers.residual_block(h, filters=4)
        h = fl.layers.squeeze_excite(h)
        h = fl.layers.residual_block(h, filters=8, strides=2)
        h = fl.layers.bottleneck_block(h, filters=4)
        fl.output(fl.layers.dense(fl.layers.global_average_pooling2d(h), units=5), "logits")
    return g, {"image": floats(3, 8, 8, 3)}


def text() -> Network:
    """Words, of which 0 is none, through an LSTM both ways and a GRU."""
    with fl.Graph("text", seed=4) as g:
        words = fl.input("words", shape=("batch", "length"), dtype="int64")
        seen = fl.not_equal(words, 0)
        h = fl.layers.embedding(words, input_dim=20, output_dim=6)
        h = fl.layers.lstm(h, seen, units=4, bidirectional="concat", return_sequences=True)
        h = fl.layers.gru(h, seen, units=3)
        fl.output(fl.sigmoid(fl.layers.dense(h, units=1)), "positive")
    return g, {"words": rng.integers(1, 20, (4, 7)) * (np.arange(7) < np.array([[7], [4], [1], [6]]))}


def transformer() -> Network:
    """A small language model: positions, blocks of causal attention, logits of the next word."""
    with fl.Graph("transformer", seed=5) as g:
        words = fl.input("words", shape=("batch", 6), dtype="int64")
        h = fl.layers.embedding(words, input_dim=11, output_dim=8)
        h = h + fl.layers.position_embedding(h, sequence_length=6)
        for i in range(2):
            with g.scope(f"block {i}"):
                y = fl.layers.layer_normalization(h)
                y = fl.layers.multi_head_attention(y, num_heads=2, key_dim=4, use_causal_mask=True)
                h = h + y
                h = h + fl.layers.dense(fl.layers.dense(h, units=16, activation="gelu"), units=8)
        fl.output(fl.layers.dense(fl.layers.rms_normalization(h), units=11), "next")
    return g, {"words": rng.integers(0, 11, (3, 6))}


def autoencoder() -> Network:
    """Images made small by strided convolutions and large again by transposed ones, and how far that is off."""
    with fl.Graph("autoencoder", seed=6) as g:
        x = fl.input("image", shape=("batch", 8, 8, 1))
        h = x
        for i, filters in enumerate((4, 6)):
            h = fl.layers.conv2d(h, filters=filters, kernel_size=3, strides=2, padding="same", name=f"down {i}")
            h = fl.layers.leaky_relu(h)
        fl.output(fl.layers.dense(fl.layers.flatten(h), units=3, activation="tanh"), "code")
        for i, filters in enumerate((4, 1)):
            h = fl.layers.conv2d_transpose(h, filters=filters, kernel_size=3, strides=2, padding="same", name=f"up {i}")
        fl.output(h, "image again")
        fl.output(fl.losses.mean_squared_error(h, x), "the loss")
    return g, {"image": floats(3, 8, 8, 1)}


NETWORKS: dict[str, Callable[[], Network]] = {
    "mlp": mlp,
    "cnn": cnn,
    "resnet": resnet,
    "text": text,
    "transformer": transformer,
    "autoencoder": autoencoder,
}
