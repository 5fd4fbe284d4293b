"""Instructions: a kernel's source and what it is called with, before anything has an address.

The lowering of an op is a function registered here under the op's name. It gives the calls that compute an expression,
or None where it has no kernel for these specs: then the portable kernel does it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

import numpy as np

from flowloom.compiler.expr import Expr


@dataclass(frozen=True, slots=True)
class Place:
    """An array as an instruction sees it: in the memory of `base`, from element `offset` on, with strides in
    elements.
    """

    base: Expr
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def size(self) -> int:
        """How many elements."""
        return prod(self.shape)

    @property
    def is_dense(self) -> bool:
        """Whether the elements lie one after the other, in C order."""
        steps = zip(self.strides, dense(self.shape), self.shape, strict=True)
        return 0 in self.shape or all(s == t or n == 1 for s, t, n in steps)


@dataclass(frozen=True, slots=True)
class Scratch:
    """Working memory of `bytes` for each thread, one thread's after the other's; its content is lost after the call."""

    bytes: int


@dataclass(frozen=True, slots=True)
class Flag:
    """An `[i64]` whose first element a kernel sets to 1 when it meets a value that it refuses: an index out of range.

    The step is then run again on the portable backend, whose kernels say what is wrong.
    """


Argument: TypeAlias = Place | Scratch | Flag | int | float


@dataclass(frozen=True, slots=True)
class Call:
    """A kernel and its arguments, in the order of its parameters. It writes all of the memory of each of `writes`.

    `parallel`: the kernel does the share of `thread` of `threads`; any other is run by one thread. `work` is how many
    elementary operations it takes, about. `over` names results that take the place of an operand, in the same memory.
    On a GPU, `blocks` of threads run the kernel (0: as many as its work needs), or `library` gives what is called
    instead, on the device and the arrays that `args` are; `source` is a name for it.
    """

    source: str
    args: tuple[Argument, ...]
    writes: tuple[Expr, ...]
    parallel: bool = True
    work: float = 0.0
    over: tuple[tuple[Expr, Expr], ...] = ()
    blocks: int = 0
    library: Callable[..., Callable[[], None]] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Instruction:
    """A call with what it stands for: the expressions that it computes. Or a portable kernel (`call` is None).

    `within` are the loops that it is written out of, the outermost first.
    """

    call: Call | None
    computes: tuple[Expr, ...]
    reads: tuple[Place, ...]
    writes: tuple[Expr, ...]
    portable: Callable[..., Any] | None = None
    within: tuple[Expr, ...] = ()


def calling(call: Call, computes: Sequence[Expr]) -> Instruction:
    """The instruction of a native call."""
    reads = tuple(a for a in call.args if isinstance(a, Place) and a.base not in call.writes)
    return Instruction(call, tuple(computes), reads, call.writes)


Lowering: TypeAlias = "Callable[[Expr, Sequence[Place], Place], list[Call] | Call | None]"
LOWERINGS: dict[str, Lowering] = {}


def lowering(*names: str) -> Callable[[Lowering], Lowering]:
    """Register the lowering of the ops of these names: `(expression, operands, result)` gives calls, or None.

    Operands have any strides, the result is dense. What a lowering reads is never written to.
    """

    def register(function: Lowering) -> Lowering:
        for name in names:
            LOWERINGS[name] = function
        return function

    return register


def dense(shape: Sequence[int]) -> tuple[int, ...]:
    """The strides, in elements, of an array in C order."""
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= n
    return tuple(reversed(strides))


def parameters(e: Expr) -> dict[str, Any]:
    """The parameters of an expression by name."""
    return dict(e.params)
