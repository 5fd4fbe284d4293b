"""Rewrite rules: functions from an expression to a better one of the same spec, or None; and the table of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

from flowloom.compiler.expr import Expr
from flowloom.op import Op

Rewriting: TypeAlias = Callable[..., "Expr | None"]

# Each phase, and the phases whose rules it applies: a later rule makes room for an earlier one.
PHASES: dict[str, tuple[str, ...]] = {
    "stabilise": ("stabilise",),
    "loops": ("loops",),
    "canonicalise": ("canonicalise",),
    "fold": ("canonicalise", "fold"),
    "algebra": ("canonicalise", "fold", "algebra"),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """A rewrite with its name. `drops`: it may leave out an operand, and with it a check of values further up.

    `reads`: it is also told which outputs are read of the op, with several of them, that the expression belongs to.
    `alone`: it is tried only where nothing else reads the first argument, which it would otherwise compute twice.
    """

    name: str
    rewrite: Callable[..., Expr | None]
    drops: bool = False
    reads: bool = False
    alone: bool = False


class Rules:
    """Rules by their phase and the ops they begin at."""

    def __init__(self) -> None:
        self._at: dict[str, dict[Op | None, list[Rule]]] = {phase: {} for phase in PHASES}
        self._applicable: dict[tuple[str, bool], Applicable] = {}  # what `beginning` gave, until a rule is declared

    def rule(
        self, phase: str, *ops: Op, drops: bool = False, reads: bool = False, alone: bool = False
    ) -> Callable[[Rewriting], Rewriting]:
        """Declare a rule of `phase` that begins at expressions of these ops; of any op if none is named.

        The function takes the expression, whose arguments are rewritten already, and gives one of the same spec, or
        None where the rule does not apply. For `drops`, `reads` and `alone` see `Rule`.
        """
        at = self._at[phase]

        def declare(function: Rewriting) -> Rewriting:
            made = Rule(function.__name__, function, drops, reads, alone)
            self._applicable.clear()
            for op in ops or (None,):
                at.setdefault(op, []).append(made)
            return function

        return declare

    @property
    def names(self) -> dict[str, tuple[str, ...]]:
        """The names of the rules of each phase, in the order they are tried."""
        listed = {phase: (r.name for rules in at.values() for r in rules) for phase, at in self._at.items()}
        return {phase: tuple(dict.fromkeys(names)) for phase, names in listed.items()}

    def beginning(self, phase: str, *, dropping: bool = True) -> Applicable:
        """The rules that a phase applies; without those that drop operands, unless `dropping`."""
        if (phase, dropping) not in self._applicable:
            at: dict[Op | None, list[Rule]] = {}
            for part in PHASES[phase]:
                for op, rules in self._at[part].items():
                    at.setdefault(op, []).extend(r for r in rules if dropping or not r.drops)
            anywhere = tuple(at.pop(None, ()))
            self._applicable[phase, dropping] = Applicable({op: (*r, *anywhere) for op, r in at.items()}, anywhere)
        return self._applicable[phase, dropping]


@dataclass(frozen=True, slots=True)
class Applicable:
    """The rules of a phase by op, and those that begin anywhere."""

    by_op: dict[Any, tuple[Rule, ...]]
    anywhere: tuple[Rule, ...]

    def may_apply(self, order: Iterable[Expr]) -> bool:
        """Whether one of the rules begins at an expression in `order`, or may in the body of one."""
        return bool(self.anywhere) or any(e.op in self.by_op or e.op.family == "control" for e in order)


RULES = Rules()
rule = RULES.rule
