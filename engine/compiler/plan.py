"""Plan: the order of execution and where each intermediate result lives.

All intermediates share one arena: an expression's slot is free again after its last reader. A view keeps the memory it
looks at alive. Outputs are never views of the arena, so that a caller may keep them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flowloom.compiler.expr import CONSTANT, INPUT, ITEM, Expr, toposort
from flowloom.compiler.memory import FreeList, aligned
from flowloom.spec import Spec


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What to run (`steps`, in order), on what, for what; `offsets` places results in an arena of `arena_bytes`."""

    inputs: tuple[Expr, ...]
    outputs: tuple[Expr, ...]
    constants: tuple[Expr, ...]
    steps: tuple[Expr, ...]
    offsets: dict[Expr, int]
    arena_bytes: int

    @property
    def is_fixed(self) -> bool:
        """Whether all values are of numbers, and have sizes that are known beforehand."""
        return all(_is_fixed(s) for e in (*self.inputs, *self.constants, *self.steps) for s in e.specs)


def _is_fixed(spec: Spec) -> bool:
    return spec.is_concrete and spec.dtype != object


def make_plan(outputs: Sequence[Expr]) -> Plan:
    """Plan the computation of `outputs`; all specs must be concrete."""
    order = toposort(outputs)
    steps = tuple(e for e in order if e.op not in (INPUT, CONSTANT))
    offsets, arena_bytes = _place(steps, outputs)
    return Plan(
        inputs=tuple(e for e in order if e.op is INPUT),
        outputs=tuple(outputs),
        constants=tuple(e for e in order if e.op is CONSTANT),
        steps=steps,
        offsets=offsets,
        arena_bytes=arena_bytes,
    )


def is_view(e: Expr) -> bool:
    """Whether `e` looks at its first argument's memory."""
    return e.op.view or e.op is ITEM


def _place(steps: tuple[Expr, ...], outputs: Sequence[Expr]) -> tuple[dict[Expr, int], int]:
    """An arena offset for each step that can write into one, by best fit; and the arena's size."""
    base: dict[Expr, Expr] = {}
    for e in steps:
        base[e] = base.get(e.args[0], e.args[0]) if is_view(e) else e
    dies_at: dict[Expr, int] = {}
    for i, e in enumerate(steps):
        for x in (*e.args, e):
            dies_at[base.get(x, x)] = i
    kept = {base.get(o, o) for o in outputs}
    leaving: dict[int, list[Expr]] = {}
    offsets: dict[Expr, int] = {}
    free = FreeList()
    for i, e in enumerate(steps):
        if base[e] is e and e not in kept and _has_place(e):
            offsets[e] = free.take(aligned(e.spec.nbytes))
            leaving.setdefault(dies_at[e], []).append(e)
        for x in leaving.pop(i, ()):
            free.give(offsets[x], aligned(x.spec.nbytes))
    return offsets, free.top


def _has_place(e: Expr) -> bool:
    """Whether the result of `e` can be written to a place chosen beforehand: its size does not depend on values.

    Strings (dtype object) are references, which an arena of bytes cannot hold.
    """
    return e.op.takes_out and isinstance(e.spec, Spec) and e.spec.is_concrete and e.spec.dtype != object
