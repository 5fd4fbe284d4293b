"""Learning-rate schedules: a learning rate that follows the number of updates before it. Keras' names and formulas.

Give one wherever a learning rate is taken: `fl.optimizers.adam(fl.optimizers.schedules.cosine_decay(1e-3, 1000))`.
"""

from __future__ import annotations

import inspect
import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import wraps
from numbers import Real
from typing import Any, ParamSpec, TypeAlias

__all__ = [
    "Schedule",
    "constant",
    "cosine_decay",
    "cosine_decay_restarts",
    "exponential_decay",
    "inverse_time_decay",
    "linear_warmup",
    "piecewise_constant_decay",
    "polynomial_decay",
]


P = ParamSpec("P")
At: TypeAlias = Callable[[int], float]


@dataclass(frozen=True, slots=True)
class Schedule:
    """A learning rate for each step: call it with the number of updates before, from 0 on.

    `parameters` are what it was made from, for people to read; `at(step)` computes it.
    """

    name: str
    parameters: dict[str, Any]
    at: At = field(repr=False, compare=False)

    def __call__(self, step: int) -> float:
        """The learning rate after `step` updates. Raises ValueError if that is negative or not finite."""
        rate = float(self.at(step))
        if not 0 <= rate < math.inf:
            raise ValueError(f"the schedule {self.name} gives the learning rate {rate:g} at step {step}")
        return rate


def _schedule(make: Callable[P, At]) -> Callable[P, Schedule]:
    """A function that gives the Schedule of what `make` gives, with its arguments."""
    signature = inspect.signature(make)

    @wraps(make)
    def made(*args: P.args, **kwargs: P.kwargs) -> Schedule:
        given = signature.bind(*args, **kwargs)
        given.apply_defaults()
        return Schedule(make.__name__, dict(given.arguments), make(*args, **kwargs))

    return made


@_schedule
def constant(learning_rate: float) -> At:
    """The same `learning_rate` at every step."""
    _check(learning_rate=learning_rate)
    return lambda step: learning_rate


@_schedule
def exponential_decay(
    initial_learning_rate: float, decay_steps: int, decay_rate: float, *, staircase: bool = False
) -> At:
    """Times `decay_rate` every `decay_steps` steps; smoothly in between, or at once with `staircase`.

    Raises ValueError for a number that is not above 0.
    """
    _check(initial_learning_rate=initial_learning_rate, decay_steps=decay_steps, decay_rate=decay_rate)

    def at(step: int) -> float:
        return initial_learning_rate * math.pow(decay_rate, step // decay_steps if staircase else step / decay_steps)

    return at


@_schedule
def inverse_time_decay(
    initial_learning_rate: float, decay_steps: int, decay_rate: float, *, staircase: bool = False
) -> At:
    """Divided by 1 + `decay_rate` * step / `decay_steps`; with `staircase` the quotient is a whole number.

    Raises ValueError for a number that is not above 0.
    """
    _check(initial_learning_rate=initial_learning_rate, decay_steps=decay_steps, decay_rate=decay_rate)

    def at(step: int) -> float:
        return initial_learning_rate / (1 + decay_rate * (step // decay_steps if staircase else step / decay_steps))

    return at


@_schedule
def piecewise_constant_decay(boundaries: Sequence[int], values: Sequence[float]) -> At:
    """`values[0]` up to and with step `boundaries[0]`, then `values[1]`, and so on; the last value to the end.

    Raises ValueError unless there is one value more than boundaries, and the boundaries increase.
    """
    if len(values) != len(boundaries) + 1:
        raise ValueError(
            f"values must be one more than boundaries; got {len(values)} values and {len(boundaries)} boundaries"
        )
    if list(boundaries) != sorted(set(boundaries)):
        raise ValueError(f"boundaries must increase; got {list(boundaries)}")

    def at(step: int) -> float:
        return values[bisect_left(boundaries, step)]

    return at


@_schedule
def polynomial_decay(
    initial_learning_rate: float,
    decay_steps: int,
    end_learning_rate: float = 0.0001,
    *,
    power: float = 1.0,
    cycle: bool = False,
) -> At:
    """From the initial to `end_learning_rate` in `decay_steps` steps, as (1 - progress) to the `power`; then it stays.

    With `cycle` it rises again at the end, and falls over the next multiple of `decay_steps`. Raises ValueError for a
    number that is not above 0.
    """
    _check(initial_learning_rate=initial_learning_rate, decay_steps=decay_steps, power=power)

    def at(step: int) -> float:
        whole = decay_steps * max(1, math.ceil(step / decay_steps)) if cycle else decay_steps
        left = 1 - min(step, whole) / whole
        return (initial_learning_rate - end_learning_rate) * math.pow(left, power) + end_learning_rate

    return at


@_schedule
def cosine_decay(
    initial_learning_rate: float,
    decay_steps: int,
    alpha: float = 0.0,
    *,
    warmup_target: float | None = None,
    warmup_steps: int = 0,
) -> At:
    """Half a cosine wave from the initial learning rate to `alpha` times it, in `decay_steps` steps; then it stays.

    With a `warmup_target` it first rises linearly from the initial rate to that in `warmup_steps`, and the wave starts
    there. Source: Loshchilov and Hutter, "SGDR", 2017. Raises ValueError for a number that is not above 0.
    """
    _check(decay_steps=decay_steps)
    if warmup_target is not None:
        _check(warmup_target=warmup_target, warmup_steps=warmup_steps)
    peak = initial_learning_rate if warmup_target is None else warmup_target
    rising = 0 if warmup_target is None else warmup_steps

    def at(step: int) -> float:
        if step < rising:
            return initial_learning_rate + (peak - initial_learning_rate) * step / rising
        return peak * _wave(min(step - rising, decay_steps) / decay_steps, alpha)

    return at


@_schedule
def cosine_decay_restarts(
    initial_learning_rate: float, first_decay_steps: int, *, t_mul: float = 2.0, m_mul: float = 1.0, alpha: float = 0.0
) -> At:
    """Cosine waves, one after the other: each `t_mul` times as long and starting `m_mul` times as high as the last.

    Source: Loshchilov and Hutter, "SGDR", 2017. Raises ValueError for a number that is not above 0, or `t_mul` below 1.
    """
    _check(initial_learning_rate=initial_learning_rate, first_decay_steps=first_decay_steps, m_mul=m_mul)
    if not 1 <= t_mul < math.inf:
        raise ValueError(f"t_mul must be a number of at least 1; got {t_mul!r}")

    def at(step: int) -> float:
        progress, restarts = step / first_decay_steps, 0
        if t_mul == 1:
            restarts, progress = int(progress), progress % 1
        else:
            # wave i begins at (1 - t_mul**i) / (1 - t_mul) first waves
            restarts = max(0, math.floor(math.log(1 - progress * (1 - t_mul)) / math.log(t_mul) + 1e-12))
            progress = max(0.0, progress - (1 - t_mul**restarts) / (1 - t_mul)) / t_mul**restarts
        return initial_learning_rate * m_mul**restarts * _wave(progress, alpha)

    return at


@_schedule
def linear_warmup(learning_rate: float | Schedule, warmup_steps: int, *, initial_learning_rate: float = 0.0) -> At:
    """In `warmup_steps` steps from `initial_learning_rate` to where `learning_rate` begins; then that, from its start.

    Raises ValueError unless `warmup_steps` is above 0.
    """
    _check(warmup_steps=warmup_steps)
    after = learning_rate if isinstance(learning_rate, Schedule) else constant(learning_rate)

    def at(step: int) -> float:
        if step >= warmup_steps:
            return after(step - warmup_steps)
        return initial_learning_rate + (after(0) - initial_learning_rate) * step / warmup_steps

    return at


def _wave(progress: float, alpha: float) -> float:
    """Half a cosine wave from 1 to `alpha`."""
    return (1 - alpha) * 0.5 * (1 + math.cos(math.pi * progress)) + alpha


def _check(**numbers: object) -> None:
    for name, value in numbers.items():
        if isinstance(value, bool) or not isinstance(value, Real) or not 0 < float(value) < math.inf:
            raise ValueError(f"{name} must be a number above 0; got {value!r}")
