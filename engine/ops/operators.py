"""Python's operators, given to every symbolic class from one table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flowloom.op import get_op

T = TypeVar("T", bound=type)

BINARY = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "divide",
    "pow": "power",
    "matmul": "matmul",
}
COMPARE = {"lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal"}
UNARY = {"neg": "negative", "abs": "abs"}


def with_operators(cls: T) -> T:
    """Give `cls` the operators of a tensor. `==` stays identity, so that symbols can be keys: write `equal(a, b)`."""
    for dunder, name in BINARY.items():
        setattr(cls, f"__{dunder}__", _operator(name))
        setattr(cls, f"__r{dunder}__", _operator(name, swapped=True))
    for dunder, name in (COMPARE | UNARY).items():
        setattr(cls, f"__{dunder}__", _operator(name))
    cls.__array_ufunc__ = None  # type: ignore[attr-defined]  # NumPy arrays on the left defer to us
    return cls


def _operator(name: str, *, swapped: bool = False) -> Callable[..., Any]:
    def method(*operands: Any) -> Any:
        op = get_op(name)
        return op(*reversed(operands)) if swapped else op(*operands)

    return method
