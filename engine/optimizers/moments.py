"""Adam and its kin: the rate of each element follows the mean size of its gradients. Keras' names and defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from flowloom.ops import abs as absolute
from flowloom.ops import logical_and, maximum, power, sqrt, square, sum, where
from flowloom.optimizers.optimizer import (
    Common,
    LearningRate,
    Optimizer,
    Rule,
    Slot,
    make_optimizer,
    share,
    tiny,
)


def adam(
    learning_rate: LearningRate = 0.001,
    *,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    amsgrad: bool = False,
    weight_decay: float | None = None,
    **common: Unpack[Common],
) -> Optimizer:
    """Adam (Kingma & Ba 2015, algorithm 1 in its efficient form), with AMSGrad (Reddi et al. 2018) if asked for.

    `weight_decay` shrinks a variable by that share of itself times the learning rate, apart from the gradient; `common`
    are the arguments of every optimizer (`fl.optimizers.Common`). Raises ValueError for a value out of range.
    """
    return _adam("adam", learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, common)


def adamw(
    learning_rate: LearningRate = 0.001,
    *,
    weight_decay: float = 0.004,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    amsgrad: bool = False,
    **common: Unpack[Common],
) -> Optimizer:
    """Adam with weight decay apart from the gradient (Loshchilov & Hutter 2019): `adam` with another default.

    Raises ValueError for a value out of range.
    """
    return _adam("adamw", learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, common)


def _adam(
    name: str,
    learning_rate: LearningRate,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    amsgrad: bool,
    weight_decay: float | None,
    common: Common,
) -> Optimizer:
    def rule(w: Any, g: Any, slots: Mapping[str, Any], h: Mapping[str, Any], step: Any) -> tuple[Any, dict[str, Any]]:
        new = _moments(g, slots, h)
        rate = h["learning_rate"] * sqrt(1.0 - power(h["beta_2"], step)) / (1.0 - power(h["beta_1"], step))
        spread = new["v"]
        if amsgrad:
            spread = new["v_largest"] = maximum(slots["v_largest"], spread)
        return w - rate * new["m"] / (sqrt(spread) + h["epsilon"]), new

    slots = {"m": Slot(), "v": Slot(), **({"v_largest": Slot()} if amsgrad else {})}
    return _made(name, learning_rate, beta_1, beta_2, epsilon, slots, rule, weight_decay, common)


def nadam(
    learning_rate: LearningRate = 0.001,
    *,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    weight_decay: float | None = None,
    **common: Unpack[Common],
) -> Optimizer:
    """Adam with Nesterov's momentum (Dozat 2016), whose share of the past grows from half of `beta_1` to all of it.

    `weight_decay` and `common`: see `adam`. Raises ValueError for a value out of range.
    """

    def rule(w: Any, g: Any, slots: Mapping[str, Any], h: Mapping[str, Any], step: Any) -> tuple[Any, dict[str, Any]]:
        new = _moments(g, slots, h)
        now, later = (h["beta_1"] * (1.0 - 0.5 * power(0.96, t)) for t in (step, step + 1.0))
        new["product"] = slots["product"] * now
        ahead = later * new["m"] / (1.0 - new["product"] * later) + (1.0 - now) * g / (1.0 - new["product"])
        spread = new["v"] / (1.0 - power(h["beta_2"], step))
        return w - h["learning_rate"] * ahead / (sqrt(spread) + h["epsilon"]), new

    slots = {"m": Slot(), "v": Slot(), "product": Slot(1.0, scalar=True)}
    return _made("nadam", learning_rate, beta_1, beta_2, epsilon, slots, rule, weight_decay, common)


def adamax(
    learning_rate: LearningRate = 0.001,
    *,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    weight_decay: float | None = None,
    **common: Unpack[Common],
) -> Optimizer:
    """Adam by the largest instead of the mean square gradient (Kingma & Ba 2015, algorithm 2).

    `weight_decay` and `common`: see `adam`. Raises ValueError for a value out of range.
    """

    def rule(w: Any, g: Any, slots: Mapping[str, Any], h: Mapping[str, Any], step: Any) -> tuple[Any, dict[str, Any]]:
        m = slots["m"] + (1.0 - h["beta_1"]) * (g - slots["m"])
        u = maximum(h["beta_2"] * slots["u"], absolute(g))
        rate = h["learning_rate"] / (1.0 - power(h["beta_1"], step))
        return w - rate * m / (u + h["epsilon"]), {"m": m, "u": u}

    return _made(
        "adamax", learning_rate, beta_1, beta_2, epsilon, {"m": Slot(), "u": Slot()}, rule, weight_decay, common
    )


def lamb(
    learning_rate: LearningRate = 0.001,
    *,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    weight_decay: float | None = None,
    **common: Unpack[Common],
) -> Optimizer:
    """Adam whose step for each variable is as long as the variable's norm (You et al. 2020), for large batches.

    `weight_decay` and `common`: see `adam`; as in Keras the decay is apart from the step whose length is scaled. Raises
    ValueError for a value out of range.
    """

    def rule(w: Any, g: Any, slots: Mapping[str, Any], h: Mapping[str, Any], step: Any) -> tuple[Any, dict[str, Any]]:
        new = _moments(g, slots, h)
        m = new["m"] / (1.0 - power(h["beta_1"], step))
        v = new["v"] / (1.0 - power(h["beta_2"], step))
        change = m / (sqrt(v) + h["epsilon"])
        size, length = sqrt(sum(square(w))), sqrt(sum(square(change)))
        there = logical_and(size > 0.0, length > 0.0)
        ratio = where(there, size / where(there, length, 1.0), 1.0)
        return w - h["learning_rate"] * ratio * change, new

    return _made("lamb", learning_rate, beta_1, beta_2, epsilon, {"m": Slot(), "v": Slot()}, rule, weight_decay, common)


def _moments(g: Any, slots: Mapping[str, Any], h: Mapping[str, Any]) -> dict[str, Any]:
    """The moving means of the gradient, `m`, and of its square, `v`."""
    return {
        "m": slots["m"] + (1.0 - h["beta_1"]) * (g - slots["m"]),
        "v": slots["v"] + (1.0 - h["beta_2"]) * (g * g - slots["v"]),
    }


def _made(
    name: str,
    learning_rate: LearningRate,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    slots: dict[str, Slot],
    rule: Rule,
    weight_decay: float | None,
    common: Common,
) -> Optimizer:
    own = {"beta_1": share(beta_1), "beta_2": share(beta_2), "epsilon": tiny(epsilon)}
    return make_optimizer(name, learning_rate, own, slots, rule, weight_decay, common)
