"""Updates: from the gradients of a step to the new values of its variables and of what the optimizer remembers.

In this order, as in Keras: gradients are averaged over batches, clipped; the variable decays, takes its step, obeys its
constraint; its moving average follows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from flowloom.compiler.expr import Expr, constant, placeholder
from flowloom.constraints import constrained
from flowloom.graph.expansion import VariableInfo
from flowloom.ops import add, cast, maximum, minimum, sqrt, square, sum, where
from flowloom.optimizers import Optimizer, Slot
from flowloom.spec import Spec

AVERAGE = "average"
ACCUMULATED = "accumulated gradient"

SlotKey: TypeAlias = tuple[str, str]  # a variable's key, and the name of what is remembered of it


@dataclass(frozen=True, slots=True)
class Update:
    """The new value of a variable (None: it stays) and of its slots, by name."""

    value: Expr | None
    slots: dict[str, Expr]


def slots_of(optimizer: Optimizer) -> dict[str, Slot]:
    """All that is remembered of each variable: by the rule, for accumulation, and as its average."""
    found = dict(optimizer.slots)
    if optimizer.gradient_accumulation_steps > 1:
        found[ACCUMULATED] = Slot()
    if optimizer.use_ema:
        found[AVERAGE] = Slot()
    return found


def slot_leaf(variable: VariableInfo, name: str, slot: Slot) -> Expr:
    """The leaf that stands for a slot: in float32, or in float64 for a variable that is."""
    dtype = "float64" if variable.spec.dtype == np.float64 else "float32"
    return placeholder(f"slot {variable.key} {name}", Spec(() if slot.scalar else variable.spec.shape, dtype))


def accumulate(gradients: Mapping[VariableInfo, Expr], slots: Mapping[SlotKey, Expr]) -> dict[VariableInfo, Update]:
    """The updates of a batch that only adds to the accumulated gradients."""
    return {v: Update(None, {ACCUMULATED: add(slots[v.key, ACCUMULATED], g)}) for v, g in gradients.items()}


def update(
    optimizer: Optimizer,
    gradients: Mapping[VariableInfo, Expr],
    slots: Mapping[SlotKey, Expr],
    steering: Mapping[str, Expr],
    step: Expr,
    names: Mapping[str, str],
) -> dict[VariableInfo, Update]:
    """The updates of a batch after which the variables change.

    `slots` are the leaves of `slots_of`, `steering` those of the hyperparameters, `step` counts updates from 1, `names`
    are the variables' by key.
    """
    steps = optimizer.gradient_accumulation_steps
    if steps > 1:
        gradients = {v: add(slots[v.key, ACCUMULATED], g) / float(steps) for v, g in gradients.items()}
    made = {}
    for variable, gradient in _clipped(gradients, steering).items():
        own = {name: slots[variable.key, name] for name in optimizer.slots}
        before: Any = variable.expr
        if "weight_decay" in steering and not _excluded(optimizer, names[variable.key]):
            before = before - before * steering["weight_decay"] * steering["learning_rate"]
        value, remembered = optimizer.rule(before, gradient, own, steering, step)
        if variable.constraint is not None:
            value = constrained(variable.constraint, value)
        if steps > 1:
            remembered[ACCUMULATED] = gradient * 0.0
        if optimizer.use_ema:
            remembered[AVERAGE] = _average(slots[variable.key, AVERAGE], value, steering["ema_momentum"], step)
        made[variable] = Update(value, remembered)
    return made


def in_dtype(value: Expr, dtype: np.dtype[Any]) -> Expr:
    """`value` in a dtype that may be narrower than what it is computed from."""
    same: Expr = value if value.dtype == dtype else cast(value, dtype=dtype.name)
    return same


def _excluded(optimizer: Optimizer, name: str) -> bool:
    return any(text in name for text in optimizer.exclude_from_weight_decay)


def _average(average: Any, value: Any, momentum: Any, step: Any) -> Any:
    """The moving average after this update; the first value starts it."""
    kept = where(step > 1.0, momentum, 0.0)
    return kept * average + (1.0 - kept) * value


def _clipped(gradients: Mapping[VariableInfo, Any], steering: Mapping[str, Any]) -> dict[VariableInfo, Any]:
    """The gradients within the limit that is set, if one is: on elements, on each norm, or on the norm of all."""
    if "clipvalue" in steering:
        most = steering["clipvalue"]
        return {v: minimum(maximum(g, -most), most) for v, g in gradients.items()}
    if "clipnorm" in steering:
        return {v: _within(g, sum(square(g)), steering["clipnorm"]) for v, g in gradients.items()}
    if "global_clipnorm" in steering and gradients:
        squares = [cast(sum(square(g)), dtype="float32") for g in gradients.values()]
        total: Any = constant(0.0)
        for s in squares:
            total = total + s
        return {v: _within(g, total, steering["global_clipnorm"]) for v, g in gradients.items()}
    return dict(gradients)


def _within(gradient: Any, squares: Any, most: Any) -> Any:
    """`gradient` times `most` over the norm, where that is larger; `squares` is the norm's square."""
    return gradient * (most / maximum(sqrt(squares), most))
