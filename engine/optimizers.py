"""Optimizers: how a gradient changes a variable, as expressions. Keras' names and defaults.

Hyperparameters are fed at every step, so they can change while a run goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal

from flowloom.ops import power, sqrt
from flowloom.params import unknown_name

__all__ = ["Hyperparameter", "Optimizer", "adam", "sgd"]

Rule = Callable[[Any, Any, Mapping[str, Any], Mapping[str, Any], Any], tuple[Any, dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Hyperparameter:
    """A number that steers an optimizer, with the range it makes sense in."""

    value: float
    minimum: float
    maximum: float
    scale: Literal["linear", "log"] = "linear"

    def check(self, name: str, value: object) -> float:
        """`value` as a float. Raises ValueError if it is no number or outside the range."""
        if isinstance(value, bool) or not isinstance(value, Real):
            raise ValueError(f"{name} must be a number; got {value!r}")
        number = float(value)
        if not self.minimum <= number <= self.maximum:
            raise ValueError(f"{name} must be from {self.minimum:g} to {self.maximum:g}; got {value!r}")
        return number


@dataclass(frozen=True, slots=True)
class Optimizer:
    """An update rule with its hyperparameters.

    `rule(variable, gradient, slots, hyperparameters, step)` gives the new variable and its new slots, all expressions;
    `step` counts from 1. Each slot starts as zeros in the variable's shape.
    """

    name: str
    hyperparameters: dict[str, Hyperparameter]
    slots: tuple[str, ...]
    rule: Rule

    def check(self, name: str, value: float) -> float:
        """`value` for the hyperparameter `name`. Raises ValueError for an unknown name or a value out of range."""
        if name not in self.hyperparameters:
            raise ValueError(unknown_name(name, self.hyperparameters, f"{self.name} has no hyperparameter"))
        return self.hyperparameters[name].check(name, value)


def sgd(learning_rate: float = 0.01, *, momentum: float = 0.0, nesterov: bool = False) -> Optimizer:
    """Stochastic gradient descent, with momentum (Polyak 1964) and Nesterov's look-ahead if asked for.

    Raises ValueError for a value out of range.
    """

    def rule(w: Any, g: Any, slots: Mapping[str, Any], h: Mapping[str, Any], step: Any) -> tuple[Any, dict[str, Any]]:
        change = h["learning_rate"] * g
        velocity = h["momentum"] * slots["velocity"] - change
        return w + (h["momentum"] * velocity - change if nesterov else velocity), {"velocity": velocity}

    return _optimizer(
        "sgd",
        {"learning_rate": _learning_rate(learning_rate), "momentum": Hyperparameter(momentum, 0.0, 1.0)},
        ("velocity",),
        rule,
    )


def adam(
    learning_rate: float = 0.001, *, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7
) -> Optimizer:
    """Adam (Kingma & Ba 2015, algorithm 1 in its efficient form). Raises ValueError for a value out of range."""

    def rule(w: Any, g: Any, slots: Mapping[str, Any], h: Mapping[str, Any], step: Any) -> tuple[Any, dict[str, Any]]:
        b1, b2 = h["beta_1"], h["beta_2"]
        m = slots["m"] + (1.0 - b1) * (g - slots["m"])
        v = slots["v"] + (1.0 - b2) * (g * g - slots["v"])
        rate = h["learning_rate"] * sqrt(1.0 - power(b2, step)) / (1.0 - power(b1, step))
        return w - rate * m / (sqrt(v) + h["epsilon"]), {"m": m, "v": v}

    return _optimizer(
        "adam",
        {
            "learning_rate": _learning_rate(learning_rate),
            "beta_1": Hyperparameter(beta_1, 0.0, 0.9999),
            "beta_2": Hyperparameter(beta_2, 0.0, 0.999999),
            "epsilon": Hyperparameter(epsilon, 1e-12, 1.0, "log"),
        },
        ("m", "v"),
        rule,
    )


def _learning_rate(value: float) -> Hyperparameter:
    return Hyperparameter(value, 1e-6, 10.0, "log")


def _optimizer(name: str, hyperparameters: dict[str, Hyperparameter], slots: tuple[str, ...], rule: Rule) -> Optimizer:
    for key, h in hyperparameters.items():
        h.check(key, h.value)
    return Optimizer(name, hyperparameters, slots, rule)
