"""Regularizers: what the size of a variable adds to the loss that is trained. Keras' names and defaults.

A layer takes one for each of its variables: by name, as `fl.regularizers.l2(0.01)`, or as a file has it,
`{"name": "l2", "l2": 0.01}`. The classes are lower case because people call them like functions.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from msgspec import Struct

from flowloom.ops import abs as absolute
from flowloom.ops import matmul, sqrt, square, sum, transpose
from flowloom.params import NotNegative
from flowloom.spec import SpecError

__all__ = ["Regularizer", "l1", "l1_l2", "l2", "orthogonal"]

EPSILON = 1e-7  # keeps a row of zeros from being divided by 0


class _Regularizer(Struct, frozen=True, tag_field="name", tag=True, forbid_unknown_fields=True):
    """A regularizer; calling it on a variable gives the scalar that is added."""

    def __call__(self, w: Any) -> Any:
        raise NotImplementedError


class l1(_Regularizer, frozen=True):
    """`l1` times the sum of magnitudes: many elements become exactly 0 (Tibshirani 1996)."""

    l1: NotNegative = 0.01

    def __call__(self, w: Any) -> Any:
        """The scalar that is added for the variable `w`."""
        return sum(absolute(w)) * self.l1


class l2(_Regularizer, frozen=True):
    """`l2` times the sum of squares: no element becomes large (Hoerl & Kennard 1970)."""

    l2: NotNegative = 0.01

    def __call__(self, w: Any) -> Any:
        """The scalar that is added for the variable `w`."""
        return sum(square(w)) * self.l2


class l1_l2(_Regularizer, frozen=True):
    """Both of them: the elastic net (Zou & Hastie 2005). By name alone, 0.01 of each."""

    l1: NotNegative = 0.0
    l2: NotNegative = 0.0

    def __call__(self, w: Any) -> Any:
        """The scalar that is added for the variable `w`."""
        return sum(absolute(w)) * self.l1 + sum(square(w)) * self.l2


class orthogonal(_Regularizer, frozen=True):
    """`factor` times the mean magnitude of the cosine between two rows (or columns) of a matrix.

    0 when every two are orthogonal. The variable must be a matrix.
    """

    factor: NotNegative = 0.01
    mode: Literal["rows", "columns"] = "rows"

    def __call__(self, w: Any) -> Any:
        """The scalar that is added for the variable `w`. Raises SpecError unless it is a matrix."""
        if len(w.shape) != 2:
            raise SpecError(f"the orthogonal regularizer takes a matrix; the variable is {w.spec}")
        rows = w if self.mode == "rows" else transpose(w)
        count = rows.shape[0]
        unit = rows / sqrt(sum(square(rows), axis=1, keepdims=True) + EPSILON**2)
        cosines = absolute(matmul(unit, transpose(unit)))
        itself = sum(square(unit))  # the diagonal of `cosines`, which does not count
        return (sum(cosines) - itself) * (self.factor / max(count * (count - 1), 1))


Regularizer: TypeAlias = Literal["l1", "l2", "l1_l2", "orthogonal"] | l1 | l2 | l1_l2 | orthogonal
_BY_NAME: dict[str, _Regularizer] = {
    "l1": l1(),
    "l2": l2(),
    "l1_l2": l1_l2(0.01, 0.01),
    "orthogonal": orthogonal(),
}


def penalty(regularizer: Regularizer, w: Any) -> Any:
    """What `regularizer` adds to the loss for the variable `w`: a scalar. Raises SpecError if it does not fit `w`."""
    return _BY_NAME[regularizer](w) if isinstance(regularizer, str) else regularizer(w)
