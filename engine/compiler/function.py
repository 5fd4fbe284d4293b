"""Function: a piece of computation as a value, closed over nothing. The body of a branch or a loop.

A zone begins with an op that hands its operands on (BEGIN); what is computed from those is its body. Closing the zone
makes a Function of the body: what the body reads besides becomes an argument, too (a capture).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count

from flowloom.compiler.expr import CONSTANT, ITEM, Expr, build_whole, item, items, placeholder, rebuild, toposort
from flowloom.op import Op
from flowloom.spec import Spec, SpecError


@dataclass(frozen=True, slots=True)
class Function:
    """Expressions of `outputs` in terms of the leaves `inputs`, and of nothing else.

    `sources` leads from an expression of the body to the one it was made from, which knows its node.
    """

    inputs: tuple[Expr, ...]
    outputs: tuple[Expr, ...]
    sources: dict[Expr, Expr] = field(default_factory=dict, compare=False, repr=False)


def _handed_on(*operands: Spec, specs: tuple[Spec, ...], zone: str) -> tuple[Spec, ...]:
    return specs


INDEX = Spec((), "int64")
BEGIN = Op("begin", "control", _handed_on, "", (), {})
_zones = count()


def begin(operands: Sequence[Expr], specs: Sequence[Spec], zone: str | None = None) -> Expr:
    """The beginning of a zone that gets `operands` and hands on items of these specs. The name tells zones apart."""
    return build_whole(BEGIN, tuple(operands), {"specs": tuple(specs), "zone": zone or f"zone {next(_zones)}"})


def beginning_of(handed: Expr) -> Expr:
    """The beginning of the zone that handed this on first. Raises SpecError if it comes from none."""
    if handed.op is ITEM and handed.args[0].op is BEGIN and dict(handed.params)["index"] == 0:
        return handed.args[0]
    raise SpecError("the first input must be the first output of the node that begins the zone")


def loop_indices(exprs: Sequence[Expr]) -> list[Expr]:
    """The indices of the loops that these are computed in: what each zone hands on first, where it is a number."""
    zones = (e for e in toposort(exprs) if e.op is BEGIN and e.spec and e.spec[0] == INDEX)
    return [item(zone, 0) for zone in zones]


def close(zone: Expr, results: Sequence[Expr]) -> tuple[Function, tuple[Expr, ...]]:
    """The body of `zone`, which gives `results`, as a Function; and what it captures.

    The function takes what the zone hands on, in order, and then the captures. Constants stay in the body.
    """
    handed = items(zone)
    inside: dict[Expr, Expr] = {e: _argument(i, e.spec) for i, e in enumerate(handed)}
    captures: dict[Expr, Expr] = {}
    order = toposort(results)
    depends = {zone, *handed}
    for e in order:
        if not depends.isdisjoint(e.args):
            depends.add(e)

    def local(e: Expr) -> Expr:
        if e in inside or e.op is CONSTANT:
            return inside.get(e, e)
        if e not in captures:
            captures[e] = _argument(len(handed) + len(captures), e.spec)
        return captures[e]

    for e in order:
        if e in depends and e not in inside and e is not zone:
            inside[e] = rebuild(e, [local(a) for a in e.args])
    outputs = tuple(local(r) for r in results)
    sources = {new: old for old, new in inside.items()}
    return Function((*(inside[e] for e in handed), *captures.values()), outputs, sources), tuple(captures)


def trace(build: Callable[..., Sequence[Expr]], specs: Sequence[Spec]) -> tuple[Function, tuple[Expr, ...]]:
    """The Function of what `build` makes of expressions of these specs; and what it captures."""
    zone = begin((), specs)
    return close(zone, build(*items(zone)))


def _argument(index: int, spec: Spec) -> Expr:
    return placeholder(f"argument {index}", spec)
