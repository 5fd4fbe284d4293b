"""The table of moves: by family, then by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from tests.property.weaving import Weaver

Move: TypeAlias = Callable[[Weaver], None]
MOVES: dict[str, dict[str, Move]] = {}


def move(function: Move) -> Move:
    """Declare a move of one name, the function's; its family is that of its module."""
    return declare(function, function.__name__)


def move_for(*ops: str) -> Callable[[Callable[[Weaver, str], None]], Callable[[Weaver, str], None]]:
    """Declare a move for each of these ops: the function gets the name."""

    def every(function: Callable[[Weaver, str], None]) -> Callable[[Weaver, str], None]:
        for op in ops:
            declare(lambda w, op=op: function(w, op), f"{function.__name__} {op}", function.__module__)  # type: ignore[misc]
        return function

    return every


def declare(function: Move, name: str, module: str | None = None) -> Move:
    """Put a move into the table."""
    family = MOVES.setdefault((module or function.__module__).rpartition(".")[2], {})
    if name in family:
        raise ValueError(f"there is a move {name!r} already")
    family[name] = function
    return function
