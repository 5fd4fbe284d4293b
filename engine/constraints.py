"""Constraints: what a variable is brought back to after each update. Keras' names and defaults.

A layer takes one for each of its variables: by name, as `fl.constraints.max_norm(3)`, or as a file has it,
`{"name": "max_norm", "max_value": 3}`. The classes are lower case because people call them like functions. `axis` says
over which axes a norm is taken; 0, the inputs of a dense kernel, gives one norm for each unit.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta, Struct

from flowloom.ops import clip, relu, sqrt, square, sum
from flowloom.params import Axis, NotNegative

__all__ = ["Constraint", "max_norm", "min_max_norm", "non_neg", "unit_norm"]

EPSILON = 1e-7  # keeps a norm of 0 from being divided by


class _Constraint(Struct, frozen=True, tag_field="name", tag=True, forbid_unknown_fields=True):
    """A constraint; calling it on a variable gives the value nearby that obeys."""

    def __call__(self, w: Any) -> Any:
        raise NotImplementedError


class max_norm(_Constraint, frozen=True):
    """Norms of at most `max_value` (Srivastava et al. 2014, section 5.1)."""

    max_value: NotNegative = 2.0
    axis: Axis = 0

    def __call__(self, w: Any) -> Any:
        """`w`, scaled down where its norm is larger. Raises SpecError if the axis is outside `w`."""
        norm = _norm(w, self.axis)
        return w * (clip(norm, low=0.0, high=float(self.max_value)) / (norm + EPSILON))


class non_neg(_Constraint, frozen=True):
    """No element below 0."""

    def __call__(self, w: Any) -> Any:
        """`w` with 0 for what is negative."""
        return relu(w)


class unit_norm(_Constraint, frozen=True):
    """Norms of 1."""

    axis: Axis = 0

    def __call__(self, w: Any) -> Any:
        """`w` divided by its norm. Raises SpecError if the axis is outside `w`."""
        return w / (_norm(w, self.axis) + EPSILON)


class min_max_norm(_Constraint, frozen=True):
    """Norms from `min_value` to `max_value`; of the way there, each update goes the share `rate`."""

    min_value: NotNegative = 0.0
    max_value: NotNegative = 1.0
    rate: Annotated[float, Meta(gt=0, le=1)] = 1.0
    axis: Axis = 0

    def __post_init__(self) -> None:
        if self.min_value > self.max_value:
            raise ValueError(f"min_value must not exceed max_value; got {self.min_value} and {self.max_value}")

    def __call__(self, w: Any) -> Any:
        """`w`, scaled towards the interval. Raises SpecError if the axis is outside `w`."""
        norm = _norm(w, self.axis)
        wanted = clip(norm, low=float(self.min_value), high=float(self.max_value)) * self.rate + norm * (1 - self.rate)
        return w * (wanted / (norm + EPSILON))


Constraint: TypeAlias = (
    Literal["max_norm", "non_neg", "unit_norm", "min_max_norm"] | max_norm | non_neg | unit_norm | min_max_norm
)
_BY_NAME: dict[str, _Constraint] = {c.__name__: c() for c in (max_norm, non_neg, unit_norm, min_max_norm)}


def constrained(constraint: Constraint, w: Any) -> Any:
    """`w` as `constraint` wants it, in the same shape. Raises SpecError if the constraint does not fit `w`."""
    return _BY_NAME[constraint](w) if isinstance(constraint, str) else constraint(w)


def _norm(w: Any, axis: Axis) -> Any:
    return sqrt(sum(square(w), axis=axis, keepdims=True))
