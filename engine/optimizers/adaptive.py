"""Optimizers that divide each element's gradient by what its gradients were before. Keras' names and defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from flowloom.ops import maximum, minimum, power, sqrt
from flowloom.optimizers.optimizer import (
    Common,
    Hyperparameter,
    LearningRate,
    Optimizer,
    Slot,
    make_optimizer,
    share,
    tiny,
)


def adagrad(
    learning_rate: LearningRate = 0.001,
    *,
    initial_accumulator_value: float = 0.1,
    epsilon: float = 1e-7,
    weight_decay: float | None = None,
    **common: Unpack[Common],
) -> Optimizer:
    """Adagrad (Duchi et al. 2011): divides by the root of the sum of all squared gradients so far.

    The sum starts from `initial_accumulator_value`; `epsilon` stands under the root. `weight_decay` shrinks a variable
    by that share of itself times the learning rate, apart from the gradient; `common` are the arguments of every
    optimizer (`fl.optimizers.Common`). Raises ValueError for a value out of range.
    """
    _check_initial(initial_accumulator_value)

    def rule(w: Any, g: Any, slots: Mapping[str, Any], h: Mapping[str, Any], step: Any) -> tuple[Any, dict[str, Any]]:
        total = slots["total"] + g * g
        return w - h["learning_rate"] * g / sqrt(total + h["epsilon"]), {"total": total}

    slots = {"total": Slot(initial_accumulator_value)}
    return make_optimizer("adagrad", learning_rate, {"epsilon": tiny(epsilon)}, slots, rule, weight_decay, common)


def rmsprop(
    learning_rate: LearningRate = 0.001,
    *,
    rho: float = 0.9,
    momentum: float = 0.0,
    epsilon: float = 1e-7,
    centered: bool = False,
    weight_decay: float | None = None,
    **common: Unpack[Common],
) -> Optimizer:
    """RMSprop (Tieleman & Hinton 2012): divides by the root of a moving mean of squared gradients.

    `centered` takes the variance about their moving mean instead (Graves 2013); `epsilon` stands under the root.
    `weight_decay` and `common`: see `adagrad`. Raises ValueError for a value out of range.
    """

    def rule(w: Any, g: Any, slots: Mapping[str, Any], h: Mapping[str, Any], step: Any) -> tuple[Any, dict[str, Any]]:
        rest = 1.0 - h["rho"]
        new = {"square": slots["square"] + rest * (g * g - slots["square"])}
        spread = new["square"]
        if centered:
            new["mean"] = slots["mean"] + rest * (g - slots["mean"])
            spread = maximum(spread - new["mean"] * new["mean"], 0.0)  # a variance, whatever rounding makes of it
        change = h["learning_rate"] * g / sqrt(spread + h["epsilon"])
        new["velocity"] = h["momentum"] * slots["velocity"] + change
        return w - new["velocity"], new

    own = {"rho": share(rho), "momentum": Hyperparameter(momentum, 0.0, 1.0), "epsilon": tiny(epsilon)}
    slots = {"square": Slot(), "velocity": Slot(), **({"mean": Slot()} if centered else {})}
    return make_optimizer("rmsprop", learning_rate, own, slots, rule, weight_decay, common)


def adadelta(
    learning_rate: LearningRate = 0.001,
    *,
    rho: float = 0.95,
    epsilon: float = 1e-7,
    weight_decay: float | None = None,
    **common: Unpack[Common],
) -> Optimizer:
    """Adadelta (Zeiler 2012, algorithm 1), whose steps are as large as the steps before them.

    The paper's learning rate is 1. `weight_decay` and `common`: see `adagrad`. Raises ValueError for a value out of
    range.
    """

    def rule(w: Any, g: Any, slots: Mapping[str, Any], h: Mapping[str, Any], step: Any) -> tuple[Any, dict[str, Any]]:
        rest, epsilon = 1.0 - h["rho"], h["epsilon"]
        square = slots["square"] + rest * (g * g - slots["square"])
        change = g * sqrt(slots["change"] + epsilon) / sqrt(square + epsilon)
        new = {"square": square, "change": slots["change"] + rest * (change * change - slots["change"])}
        return w - h["learning_rate"] * change, new

    own = {"rho": share(rho), "epsilon": tiny(epsilon)}
    slots = {"square": Slot(), "change": Slot()}
    return make_optimizer("adadelta", learning_rate, own, slots, rule, weight_decay, common)


def ftrl(
    learning_rate: LearningRate = 0.001,
    *,
    learning_rate_power: float = -0.5,
    initial_accumulator_value: float = 0.1,
    l1_regularization_strength: float = 0.0,
    l2_regularization_strength: float = 0.0,
    l2_shrinkage_regularization_strength: float = 0.0,
    beta: float = 0.0,
    weight_decay: float | None = None,
    **common: Unpack[Common],
) -> Optimizer:
    """Follow the regularized leader (McMahan et al. 2013, algorithm 1): sparse weights for large linear models.

    With an l1 strength most weights are exactly 0. `weight_decay` and `common`: see `adagrad`. Raises ValueError for a
    value out of range.
    """
    _check_initial(initial_accumulator_value)

    def rule(w: Any, g: Any, slots: Mapping[str, Any], h: Mapping[str, Any], step: Any) -> tuple[Any, dict[str, Any]]:
        rate, l1 = h["learning_rate"], h["l1_regularization_strength"]
        before, after = (power(t, -h["learning_rate_power"]) for t in (slots["total"], slots["total"] + g * g))
        shrunk = g + 2.0 * h["l2_shrinkage_regularization_strength"] * w
        linear = slots["linear"] + shrunk - (after - before) / rate * w
        quadratic = after / rate + 2.0 * h["l2_regularization_strength"] + h["beta"] / rate
        kept = minimum(maximum(linear, -l1), l1)
        return (kept - linear) / quadratic, {"total": slots["total"] + g * g, "linear": linear}

    strength = {
        "l1_regularization_strength": l1_regularization_strength,
        "l2_regularization_strength": l2_regularization_strength,
        "l2_shrinkage_regularization_strength": l2_shrinkage_regularization_strength,
        "beta": beta,
    }
    own = {
        "learning_rate_power": Hyperparameter(learning_rate_power, -1.0, 0.0),
        **{name: Hyperparameter(value, 0.0, 1e3) for name, value in strength.items()},
    }
    slots = {"total": Slot(initial_accumulator_value), "linear": Slot()}
    return make_optimizer("ftrl", learning_rate, own, slots, rule, weight_decay, common)


def _check_initial(value: float) -> None:
    if not value >= 0:
        raise ValueError(f"initial_accumulator_value must not be negative; got {value!r}")
