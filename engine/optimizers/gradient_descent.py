"""Optimizers that follow the gradient, or its sign, at one rate for all elements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from flowloom.ops import sign
from flowloom.optimizers.optimizer import (
    Common,
    Hyperparameter,
    LearningRate,
    Optimizer,
    Slot,
    make_optimizer,
    share,
)


def sgd(
    learning_rate: LearningRate = 0.01,
    *,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float | None = None,
    **common: Unpack[Common],
) -> Optimizer:
    """Stochastic gradient descent, with momentum (Polyak 1964) and Nesterov's look-ahead if asked for.

    `weight_decay` shrinks a variable by that share of itself times the learning rate, apart from the gradient; `common`
    are the arguments of every optimizer (`fl.optimizers.Common`). Raises ValueError for a value out of range.
    """

    def rule(w: Any, g: Any, slots: Mapping[str, Any], h: Mapping[str, Any], step: Any) -> tuple[Any, dict[str, Any]]:
        change = h["learning_rate"] * g
        velocity = h["momentum"] * slots["velocity"] - change
        return w + (h["momentum"] * velocity - change if nesterov else velocity), {"velocity": velocity}

    own = {"momentum": Hyperparameter(momentum, 0.0, 1.0)}
    return make_optimizer("sgd", learning_rate, own, {"velocity": Slot()}, rule, weight_decay, common)


def lion(
    learning_rate: LearningRate = 0.001,
    *,
    beta_1: float = 0.9,
    beta_2: float = 0.99,
    weight_decay: float | None = None,
    **common: Unpack[Common],
) -> Optimizer:
    """Lion (Chen et al. 2023, algorithm 2): every element moves by the learning rate, in the direction of a sign.

    Its learning rate is best a third to a tenth of Adam's. `weight_decay` and `common`: see `sgd`. Raises ValueError
    for a value out of range.
    """

    def rule(w: Any, g: Any, slots: Mapping[str, Any], h: Mapping[str, Any], step: Any) -> tuple[Any, dict[str, Any]]:
        m = slots["m"]
        ahead = h["beta_1"] * m + (1.0 - h["beta_1"]) * g
        return w - h["learning_rate"] * sign(ahead), {"m": h["beta_2"] * m + (1.0 - h["beta_2"]) * g}

    own = {"beta_1": share(beta_1), "beta_2": share(beta_2)}
    return make_optimizer("lion", learning_rate, own, {"m": Slot()}, rule, weight_decay, common)
