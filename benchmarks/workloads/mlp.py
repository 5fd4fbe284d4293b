"""Dense layers: the playground's network, and one of MNIST's size or any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from benchmarks.workloads.workload import Array, Arrays, Workload, drawn


def playground() -> Workload:
    """2-8-8-1 with tanh: exclusive or, a batch of 32."""
    rng = np.random.default_rng(1)
    x = rng.uniform(-1, 1, size=(32, 2)).astype(np.float32)
    label = (x[:, :1] * x[:, 1:] > 0).astype(np.float32)
    return _mlp("Playground MLP 2-8-8-1, batch 32", (2, 8, 8, 1), "tanh", "sigmoid", x, label, steps=1000)


def mnist(sizes: Sequence[int] = (784, 256, 128, 10), batch: int = 128) -> Workload:
    """784-256-128-10 with relu and a batch of 128, or dense layers of other sizes with relu between them."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(batch, sizes[0])).astype(np.float32)
    label = rng.integers(0, sizes[-1], size=batch)
    title = f"MLP {'-'.join(map(str, sizes))}, batch {batch}"
    return _mlp(title, tuple(sizes), "relu", "softmax", x, label, steps=50)


def _mlp(
    title: str,
    sizes: tuple[int, ...],
    activation: Literal["tanh", "relu"],
    loss: Literal["softmax", "sigmoid"],
    x: Array,
    label: Array,
    steps: int,
) -> Workload:
    names = [f"dense{i}" for i in range(len(sizes) - 1)]
    shapes: dict[str, tuple[int, ...]] = {}
    for name, (rows, columns) in zip(names, pairwise(sizes), strict=True):
        shapes |= {f"{name}/kernel": (rows, columns), f"{name}/bias": (columns,)}

    def flowloom(x: Any) -> Any:
        import flowloom as fl

        for name, units in zip(names[:-1], sizes[1:], strict=False):
            x = fl.layers.dense(x, units=units, activation=activation, name=name)
        return fl.layers.dense(x, units=sizes[-1], name=names[-1])

    def torch_module(weights: Arrays) -> Any:
        from torch import nn

        from benchmarks.workloads.torch_parts import linear

        between = {"tanh": nn.Tanh, "relu": nn.ReLU}[activation]
        layers = [part for name in names for part in (linear(weights, f"{name}/"), between())]
        return nn.Sequential(*layers[:-1])

    def jax_scores(w: Mapping[str, Any], x: Any) -> Any:
        import jax

        from benchmarks.workloads.jax_parts import dense

        for name in names[:-1]:
            x = getattr(jax.nn, activation)(dense(w, f"{name}/", x))
        return dense(w, f"{names[-1]}/", x)

    by_hand = _ByHand(names, activation, loss)
    return Workload(
        title,
        drawn(shapes),
        x,
        label,
        steps,
        flowloom,
        torch_module,
        jax_scores,
        by_hand,
        lambda weights, x: by_hand.forward(weights, x)[-1],
        loss,
    )


class _ByHand:
    """The same in NumPy, its gradients written by hand."""

    def __init__(self, names: list[str], activation: str, loss: str) -> None:
        self.names, self.tanh, self.loss = names, activation == "tanh", loss

    def forward(self, w: Arrays, x: Array) -> list[Array]:
        """The input and what each layer makes of it."""
        made = [x]
        for name in self.names:
            y = made[-1] @ w[f"{name}/kernel"]
            y += w[f"{name}/bias"]
            if name != self.names[-1]:
                (np.tanh if self.tanh else _relu)(y, out=y)
            made.append(y)
        return made

    def __call__(self, w: Arrays, x: Array, label: Array) -> tuple[float, Arrays]:
        """Loss and gradients."""
        made = self.forward(w, x)
        loss, g = (_sigmoid if self.loss == "sigmoid" else _softmax)(made.pop(), label)
        gradients = {}
        for name in reversed(self.names):
            read = made.pop()
            gradients[f"{name}/kernel"] = read.T @ g
            gradients[f"{name}/bias"] = g.sum(0)
            if made:
                g = g @ w[f"{name}/kernel"].T
                g *= 1 - read * read if self.tanh else read > 0
        return loss, gradients


def _relu(x: Array, out: Array) -> Array:
    return np.maximum(x, 0, out=out)


def _sigmoid(scores: Array, label: Array) -> tuple[float, Array]:
    """The mean cross-entropy of a sigmoid, and its gradient."""
    loss = np.mean(np.logaddexp(scores, 0) - scores * label)
    return float(loss), (1 / (1 + np.exp(-scores)) - label) / np.float32(label.size)


def _softmax(scores: Array, label: Array) -> tuple[float, Array]:
    """The mean cross-entropy of a softmax, and its gradient."""
    rows = np.arange(len(label))
    scores = scores - scores.max(1, keepdims=True)
    share = np.exp(scores)
    total = share.sum(1, keepdims=True)
    loss = np.mean(np.log(total[:, 0]) - scores[rows, label])
    share /= total
    share[rows, label] -= 1
    share /= np.float32(len(label))
    return float(loss), share
