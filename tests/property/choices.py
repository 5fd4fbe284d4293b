"""Choices: what a random graph is decided by, drawn through hypothesis so that a failure shrinks."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")


class Choices:
    """Draws numbers and picks from sequences. What comes first is what a failure shrinks towards."""

    def __init__(self, draw: Callable[[Any], Any]) -> None:
        self._draw = draw

    def number(self, low: int, high: int) -> int:
        """One of low..high."""
        return low if low == high else int(self._draw(_numbers(low, high)))

    def of(self, options: Sequence[T]) -> T:
        """One of the options."""
        return options[self.number(0, len(options) - 1)]

    def flag(self) -> bool:
        """True or false."""
        return self.number(0, 1) == 1

    def rarely(self) -> bool:
        """True one time in five."""
        return self.number(0, 4) == 4

    def some(self, options: Sequence[T], least: int = 0) -> list[T]:
        """Some of the options, `least` of them at least, in their order."""
        kept = [o for o in options if self.flag()]
        return kept if len(kept) >= least else list(options[:least])

    def order(self, count: int) -> tuple[int, ...]:
        """The numbers below `count` in some order."""
        left = list(range(count))
        return tuple(left.pop(self.number(0, len(left) - 1)) for _ in range(count))

    def axis(self, ndim: int) -> int:
        """An axis of a tensor of so many dimensions, counted from either end."""
        return self.number(-ndim, ndim - 1)

    def axes(self, ndim: int, least: int = 0) -> tuple[int, ...]:
        """Several axes, each counted from either end."""
        return tuple(a - ndim if self.flag() else a for a in self.some(range(ndim), least))


class Seeded(Choices):
    """Choices by a seed: faster than those that can be shrunk."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def number(self, low: int, high: int) -> int:
        """One of low..high."""
        return self._random.randint(low, high)


@cache
def _numbers(low: int, high: int) -> Any:
    return st.integers(low, high)
