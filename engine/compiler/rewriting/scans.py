"""A scan taken apart, so that rules can put it together otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from flowloom.compiler.control import SCAN
from flowloom.compiler.expr import Expr, build_whole, placeholder, toposort, with_args
from flowloom.compiler.function import Function


@dataclass(frozen=True, slots=True)
class Scan:
    """The operands of a scan, the leaves of its body that stand for them, and what the body gives.

    `states`, `slices` and `shared` are pairs of an operand and its leaf. `after` are the new states, `collected` what
    is stacked over the steps.
    """

    index: Expr
    states: tuple[tuple[Expr, Expr], ...]
    slices: tuple[tuple[Expr, Expr], ...]
    shared: tuple[tuple[Expr, Expr], ...]
    after: tuple[Expr, ...]
    collected: tuple[Expr, ...]
    steps: int
    reverse: bool
    sources: Mapping[Expr, Expr]

    @classmethod
    def of(cls, whole: Expr) -> Scan | None:
        """The parts of a scan; None if `whole` is none, or the number of its steps is not known."""
        if whole.op is not SCAN:
            return None
        params = dict(whole.params)
        body: Function = params["body"]
        states, ends = params["states"], params["states"] + params["slices"]
        pairs = tuple(zip(whole.args, body.inputs[1:], strict=True))
        steps = whole.args[states].shape[0] if params["slices"] else params["length"]
        if not isinstance(steps, int):
            return None
        return cls(
            body.inputs[0],
            pairs[:states],
            pairs[states:ends],
            pairs[ends:],
            body.outputs[:states],
            body.outputs[states:],
            steps,
            params["reverse"],
            body.sources,
        )

    def built(self) -> Expr:
        """The expression of this scan."""
        pairs = (*self.states, *self.slices, *self.shared)
        body = Function((self.index, *(leaf for _, leaf in pairs)), (*self.after, *self.collected), dict(self.sources))
        params = {
            "body": body,
            "states": len(self.states),
            "slices": len(self.slices),
            "length": None if self.slices else self.steps,
            "reverse": self.reverse,
        }
        return build_whole(SCAN, tuple(operand for operand, _ in pairs), params)

    @property
    def order(self) -> list[Expr]:
        """The expressions of the body, arguments first."""
        return toposort((*self.after, *self.collected))

    def leaf(self, kind: str, like: Expr) -> Expr:
        """A leaf of the body that is none of the others."""
        taken = {leaf for _, leaf in (*self.states, *self.slices, *self.shared)}
        count = 0
        while (made := placeholder(f"{kind} {count}", like.spec)) in taken:
            count += 1
        return made

    def with_body(self, instead: Mapping[Expr, Expr]) -> Scan:
        """This scan with parts of its body replaced by others of the same spec."""
        made = substituted((*self.after, *self.collected), instead)
        outputs = tuple(made[e] for e in (*self.after, *self.collected))
        sources = {made.get(e, e): source for e, source in self.sources.items()}
        many = len(self.after)
        return replace(self, after=outputs[:many], collected=outputs[many:], sources=sources)


def substituted(roots: Sequence[Expr], instead: Mapping[Expr, Expr]) -> dict[Expr, Expr]:
    """What `roots`, and all that they need, are with some expressions replaced by others of the same spec."""
    made = dict(instead)
    for e in toposort(roots, stop=instead):
        args = [made[a] for a in e.args]
        made[e] = e if all(a is b for a, b in zip(args, e.args, strict=True)) else with_args(e, args)
    return made


def depending(order: Iterable[Expr], leaves: Iterable[Expr]) -> set[Expr]:
    """The leaves, and all in `order` that depends on them."""
    found = set(leaves)
    for e in order:
        if not found.isdisjoint(e.args):
            found.add(e)
    return found
