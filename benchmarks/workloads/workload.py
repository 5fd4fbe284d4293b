"""What a workload is: one model with its first weights and one batch, written once for each framework."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, Any]
Arrays: TypeAlias = dict[str, Array]


@dataclass(frozen=True, slots=True)
class Workload:
    """A model to train or to ask, the same for all.

    `weights` are by flowloom's names and in its layouts: dense kernels (in, out), images NHWC, convolutions HWIO, gates
    in the order input, forget, candidate, output. `x` and `label` are the batch. `loss` is the mean cross-entropy of a
    softmax (integer labels) or of a sigmoid (labels 0 and 1). `steps` is how many steps one timing takes.

    `flowloom` gets the input and gives the scores before softmax or sigmoid, in the current graph, whose variables have
    the names of the weights. `torch` makes the module that gives them from the weights; images are NCHW there. `jax`
    gives them from the weights and the input. `numpy`, if there is one, gives loss and gradients from weights, input
    and labels, and `numpy_scores` the scores. `torch_channels_last`: PyTorch is faster with images laid out so.
    """

    title: str
    weights: Arrays
    x: Array
    label: Array
    steps: int
    flowloom: Callable[[Any], Any]
    torch: Callable[[Arrays], Any]
    jax: Callable[[Mapping[str, Any], Any], Any]
    numpy: Callable[[Arrays, Array, Array], tuple[float, Arrays]] | None = None
    numpy_scores: Callable[[Arrays, Array], Array] | None = None
    loss: Literal["softmax", "sigmoid"] = "softmax"
    torch_channels_last: bool = False


def drawn(shapes: Mapping[str, tuple[int, ...]]) -> Arrays:
    """First weights: kernels and embeddings normal by their fan-in, scales 1, all else 0."""
    rng = np.random.default_rng(0)
    return {name: _drawn(rng, name, shape).astype(np.float32) for name, shape in shapes.items()}


def _drawn(rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> Array:
    if name.endswith("kernel"):
        return rng.normal(scale=np.prod(shape[:-1]) ** -0.5, size=shape)
    if name.endswith("embeddings"):
        return rng.normal(scale=0.1, size=shape)
    return np.full(shape, float(name.endswith(("gamma", "moving_variance"))))


def images(batch: int, *shape: int) -> tuple[Array, Array]:
    """Random images and labels from 0 to 9."""
    rng = np.random.default_rng(1)
    return rng.normal(size=(batch, *shape)).astype(np.float32), rng.integers(0, 10, size=batch)


def text(batch: int, length: int, vocabulary: int) -> tuple[Array, Array]:
    """Random symbols, and for each the one that follows."""
    symbols = np.random.default_rng(1).integers(0, vocabulary, size=(batch, length + 1))
    return np.ascontiguousarray(symbols[:, :-1]), np.ascontiguousarray(symbols[:, 1:])
