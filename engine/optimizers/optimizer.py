"""Optimizer: an update rule with its hyperparameters, and what every optimizer can do besides.

Hyperparameters are fed at every step, so they can change while a run goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, Literal, TypeAlias, TypedDict

from flowloom.optimizers.schedules import Schedule
from flowloom.params import unknown_name

Rule: TypeAlias = Callable[[Any, Any, Mapping[str, Any], Mapping[str, Any], Any], tuple[Any, dict[str, Any]]]
LearningRate: TypeAlias = float | Schedule
CLIPPING = ("clipnorm", "clipvalue", "global_clipnorm")


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
class Slot:
    """What an optimizer remembers of a variable: an array of its shape, or a `scalar`, which starts as `initial`."""

    initial: float = 0.0
    scalar: bool = False


class Common(TypedDict, total=False):
    """What every optimizer takes besides its own hyperparameters; Keras' names.

    `clipnorm`, `clipvalue`, `global_clipnorm`: at most one of them; the largest norm of each gradient, the largest
    magnitude of an element, the largest norm of all gradients together. `exclude_from_weight_decay`: texts; a variable
    whose name contains one does not decay. `use_ema`: keep a moving average of each variable, which forgets by
    `ema_momentum` a step; validation measures the averages, and at the end of a run the variables take them. Every
    `ema_overwrite_frequency` steps they take them on the way, too. `gradient_accumulation_steps`: how many batches'
    gradients are averaged for one update.
    """

    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    exclude_from_weight_decay: Sequence[str]
    use_ema: bool
    ema_momentum: float
    ema_overwrite_frequency: int | None
    gradient_accumulation_steps: int | None


@dataclass(frozen=True, slots=True)
class Optimizer:
    """An update rule with its hyperparameters.

    `rule(variable, gradient, slots, hyperparameters, step)` gives the new variable and its new slots, all expressions;
    `step` counts updates from 1. `schedules` give hyperparameters that follow the number of updates before. The rest
    is what `Common` says.
    """

    name: str
    hyperparameters: dict[str, Hyperparameter]
    slots: dict[str, Slot]
    rule: Rule
    schedules: dict[str, Schedule] = field(default_factory=dict)
    exclude_from_weight_decay: tuple[str, ...] = ()
    use_ema: bool = False
    ema_overwrite_frequency: int | None = None
    gradient_accumulation_steps: int = 1

    def check(self, name: str, value: float) -> float:
        """`value` for the hyperparameter `name`. Raises ValueError for an unknown name or a value out of range."""
        if name not in self.hyperparameters:
            raise ValueError(unknown_name(name, self.hyperparameters, f"{self.name} has no hyperparameter"))
        return self.hyperparameters[name].check(name, value)


def make_optimizer(
    name: str,
    learning_rate: LearningRate,
    hyperparameters: Mapping[str, Hyperparameter],
    slots: Mapping[str, Slot],
    rule: Rule,
    weight_decay: float | None,
    common: Common,
) -> Optimizer:
    """The optimizer of these parts. Raises ValueError for a value out of range, TypeError for an unknown name."""
    for unknown in sorted(set(common) - set(Common.__annotations__)):
        known = ["learning_rate", *hyperparameters, "weight_decay", *Common.__annotations__]
        raise TypeError(unknown_name(unknown, known, f"{name}() has no argument"))
    scheduled = isinstance(learning_rate, Schedule)
    first = learning_rate(0) if isinstance(learning_rate, Schedule) else learning_rate
    all_of_them = {
        "learning_rate": Hyperparameter(first, 1e-6, 10.0, "log"),
        **hyperparameters,
        **_of_common(weight_decay, common),
    }
    for key, h in all_of_them.items():
        if not (scheduled and key == "learning_rate"):
            h.check(key, h.value)
    return Optimizer(
        name,
        all_of_them,
        dict(slots),
        rule,
        schedules={"learning_rate": learning_rate} if isinstance(learning_rate, Schedule) else {},
        exclude_from_weight_decay=tuple(common.get("exclude_from_weight_decay", ())),
        use_ema=bool(common.get("use_ema", False)),
        ema_overwrite_frequency=_count("ema_overwrite_frequency", common.get("ema_overwrite_frequency")),
        gradient_accumulation_steps=_count("gradient_accumulation_steps", common.get("gradient_accumulation_steps"))
        or 1,
    )


def _of_common(weight_decay: float | None, common: Common) -> dict[str, Hyperparameter]:
    """The hyperparameters that any optimizer may have: those that are in use, so that they can be changed later."""
    found = {}
    if weight_decay is not None:
        found["weight_decay"] = Hyperparameter(weight_decay, 0.0, 1.0)
    clipping = {name: common.get(name) for name in CLIPPING if common.get(name) is not None}
    if len(clipping) > 1:
        raise ValueError(f"only one of {', '.join(CLIPPING)} can be given; got {', '.join(clipping)}")
    for name, most in clipping.items():
        found[name] = Hyperparameter(most, 1e-12, 1e12, "log")  # type: ignore[arg-type]  # a key that is not literal
    if common.get("use_ema"):
        found["ema_momentum"] = Hyperparameter(common.get("ema_momentum", 0.99), 0.0, 1.0)
    return found


def _count(name: str, value: int | None) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise ValueError(f"{name} must be a whole number of at least 1; got {value!r}")
    return value


def share(value: float) -> Hyperparameter:
    """A hyperparameter that says how much of the past is kept: from 0 to just below 1."""
    return Hyperparameter(value, 0.0, 0.999999)


def tiny(value: float) -> Hyperparameter:
    """A hyperparameter that keeps a divisor from being 0."""
    return Hyperparameter(value, 1e-12, 1.0, "log")
