"""The phases in their order, and the report of what each did."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from flowloom.compiler.expr import Expr, toposort
from flowloom.compiler.gradient import Origins
from flowloom.compiler.rewriting import algebra as _algebra
from flowloom.compiler.rewriting import arithmetic as _arithmetic
from flowloom.compiler.rewriting import batching as _batching
from flowloom.compiler.rewriting import broadcasts as _broadcasts
from flowloom.compiler.rewriting import centring as _centring
from flowloom.compiler.rewriting import dividing as _dividing
from flowloom.compiler.rewriting import folding as _folding
from flowloom.compiler.rewriting import indices as _indices
from flowloom.compiler.rewriting import loops as _loops
from flowloom.compiler.rewriting import shaping as _shaping
from flowloom.compiler.rewriting import signs as _signs
from flowloom.compiler.rewriting import stabilising as _stabilising
from flowloom.compiler.rewriting import summing as _summing
from flowloom.compiler.rewriting.driver import Pass, size_of
from flowloom.compiler.rewriting.rules import PHASES, RULES, Rules

# These declare the rules.
_DECLARED = (
    _stabilising,
    _dividing,
    _loops,
    _batching,
    _summing,
    _shaping,
    _signs,
    _arithmetic,
    _folding,
    _algebra,
    _broadcasts,
    _indices,
    _centring,
)


@dataclass(frozen=True, slots=True)
class Phase:
    """What a phase did: how often each rule was applied, and the number of ops `before` and `after`.

    The ops in the bodies of loops and branches count, too. `outputs` are the expressions after it.
    """

    name: str
    rules: dict[str, int]
    before: int
    after: int
    milliseconds: float
    outputs: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Rewritten:
    """Expressions that compute what others did, and the phases that led there."""

    outputs: tuple[Expr, ...]
    phases: tuple[Phase, ...]


def rewrite(
    outputs: Sequence[Expr],
    *,
    origins: Origins | None = None,
    phases: Sequence[str] = tuple(PHASES),
    rules: Rules = RULES,
    most: int | None = None,
) -> Rewritten:
    """Rewrite `outputs` so that less is computed: the same specs, the same values to rounding or better.

    New expressions are attributed in `origins` to the origin of what they replace. A value that a kernel refuses is
    refused as before. `most` bounds how many rules a phase applies; without it, 50 for each op and 1000 more.

    Raises RewriteError, naming the rule and the expression, if a rule fails or the rules do not come to rest.
    """
    now, done = tuple(outputs), list[Phase]()
    order = toposort(now)
    size = size_of(order)
    for name in phases:
        start = time.perf_counter()
        now, after, fired = _applied(name, now, order, rules, 50 * size + 1000 if most is None else most, origins)
        before, order = size, after
        size = size_of(order) if fired else before
        done.append(Phase(name, fired, before, size, (time.perf_counter() - start) * 1e3, now))
    return Rewritten(now, tuple(done))


def _applied(
    name: str, outputs: tuple[Expr, ...], order: list[Expr], rules: Rules, most: int, origins: Origins | None
) -> tuple[tuple[Expr, ...], list[Expr], dict[str, int]]:
    """What a phase makes of `outputs`, with all that it needs, and how often each rule was applied.

    Where a rule that drops operands lost a check of values, the phase goes without such rules.
    """
    for dropping in (True, False):
        applicable = rules.beginning(name, dropping=dropping)
        if not applicable.may_apply(order):
            break
        work = Pass(applicable, most, None if origins is None else origins.inherit)
        made = work.run(outputs, order)
        after = toposort(made) if work.fired else order
        if not dropping or not work.lost(order, after):
            return made, after, work.fired
    return outputs, order, {}
