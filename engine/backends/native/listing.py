"""Listing: the instructions that compute a plan, and where in memory everything lies; before anything is compiled."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from flowloom.backends.native import kernels as kernels
from flowloom.backends.native.copying import copies
from flowloom.backends.native.decomposition import decompose
from flowloom.backends.native.fusion import Fusion, Group, Item
from flowloom.backends.native.instructions import LOWERINGS, Call, Instruction, Lowering, Place, calling
from flowloom.backends.native.layout import own_place
from flowloom.backends.native.looping import unrolled
from flowloom.backends.native.loops import Reuse, fused
from flowloom.backends.native.templates import COPY, copy_of
from flowloom.backends.portable import portable_call
from flowloom.compiler.control import SCAN
from flowloom.compiler.expr import CONSTANT, INPUT, ITEM, Expr, placeholder, toposort
from flowloom.compiler.memory import FreeList, aligned
from flowloom.compiler.plan import Plan
from flowloom.spec import Spec, is_float

Fused: TypeAlias = "Callable[[Group, Fusion, set[Expr], set[Expr], Reuse], list[tuple[Call, Sequence[Expr]]]]"


@dataclass(frozen=True, slots=True)
class Kernels:
    """How expressions are written out beforehand, and what instructions are made of: for a group, for an op that has a
    lowering, for a copy, and for any other op.
    """

    written: Callable[[Sequence[Expr]], tuple[list[Expr], dict[Expr, Expr]]]
    fused: Fused
    lowerings: Mapping[str, Lowering]
    copied: Callable[[Place, Place, Sequence[Expr]], Instruction]
    other: Callable[[Expr, Sequence[Place], Sequence[Expr]], Instruction]


@dataclass(eq=False)
class Listing:
    """The instructions of a plan in order, what they give, and the offsets of all else in one arena."""

    plan: Plan
    outputs: tuple[Expr, ...]
    instructions: list[Instruction]
    sources: dict[Expr, Expr]  # leads from what was written out to the expression of the plan that it is part of
    unwatched: list[int]  # outputs that must be finite, and of which no instruction says whether they are
    offsets: dict[Expr, int] = field(default_factory=dict)
    arena_bytes: int = 0


def make_listing(plan: Plan, finite: Collection[int] = (), kernels: Kernels | None = None) -> Listing:
    """The instructions that compute a plan's outputs, and tell whether those at the positions `finite` are finite.

    Without `kernels`, those of the native backend.
    """
    made = _Maker(plan.outputs, finite, kernels or _NATIVE, in_place=True)
    listing = Listing(plan, made.outputs, made.instructions, made.sources, made.unwatched)
    _place_all(listing)
    return listing


class _Maker:
    """Makes the instructions that compute some expressions; `in_place`: they may write over what nobody reads later."""

    def __init__(
        self, wanted: Sequence[Expr], finite: Collection[int], kernels: Kernels, *, in_place: bool = False
    ) -> None:
        self._kernels = kernels
        written, self.sources = kernels.written(wanted)
        self.outputs = _apart(written)
        order = toposort(self.outputs)
        leaves = [e for e in order if e.op in (INPUT, CONSTANT)]
        self.fusion = Fusion([e for e in order if e.op not in (INPUT, CONSTANT)], leaves)
        items = self.fusion.ordered()
        self._watched = {self.outputs[k] for k in finite if is_float(self.outputs[k].dtype)}
        self._needed = self._in_memory(items)
        self._last = self._last_readers(items) if in_place else {}
        self._temporary = self._needed - set(self.outputs)
        fused = {m for item in items if isinstance(item, Group) for m in item.members}
        self.unwatched = [k for k in finite if self.outputs[k] in self._watched - fused]
        self.instructions = [i for item in items for i in self._instructions(item)]

    def _in_memory(self, items: Sequence[Item]) -> set[Expr]:
        """The expressions that must be in memory: those that another item reads, and the outputs."""
        places, item_of = self.fusion.places, self.fusion.item_of
        needed = {places[o].base for o in self.outputs}
        for item in items:
            for m in item.members if isinstance(item, Group) else (item.e,):
                bases = {places[a].base for a in m.args if a in places}
                needed |= {b for b in bases if item_of.get(b) is not item}
        return needed

    def _last_readers(self, items: Sequence[Item]) -> dict[Expr, Item]:
        """The last item to read each result that is no output."""
        last: dict[Expr, Item] = {}
        for item in items:
            for m in item.members if isinstance(item, Group) else (item.e,):
                last |= {self.fusion.places[a].base: item for a in m.args if a in self.fusion.places}
        outputs = set(self.outputs)
        return {e: item for e, item in last.items() if e.args and e not in outputs}

    def _instructions(self, item: Item) -> list[Instruction]:
        if isinstance(item, Group):
            (first, *others), places = item.members, self.fusion.places
            if first.op is COPY and not others and first not in self._watched:
                return [self._kernels.copied(places[first.args[0]], places[first], (first,))]
            spent = {e for a in item.reads(places) if self._last.get(e := a.base) is item}
            reuse = Reuse(spent, self._temporary)
            calls_of = self._kernels.fused(item, self.fusion, self._needed, self._watched, reuse)
            return [calling(*each) for each in calls_of]
        e, places = item.e, self.fusion.places
        operands = [places[a] for a in e.args]
        if e.op is SCAN and (made := self._scan(e, operands)) is not None:
            return made
        lower = self._kernels.lowerings.get(e.op.name) if isinstance(e.spec, Spec) else None
        if lower is not None:
            copies: list[Instruction] = []
            calls = lower(e, operands, places[e])
            if calls is None and not all(p.is_dense for p in operands):
                ready, copies = self._dense(operands)
                calls = lower(e, ready, places[e])
            if calls is not None:
                return [*copies, *(calling(c, (e,)) for c in ([calls] if isinstance(calls, Call) else calls))]
        writes = tuple(self._items(e).values()) if isinstance(e.spec, tuple) else (e,)
        return [self._kernels.other(e, operands, writes)]

    def _items(self, e: Expr) -> dict[int, Expr]:
        """The outputs of `e` that are read, by position."""
        return {x.params[0][1]: x for x in self.fusion.item_of if x.op is ITEM and x.args[0] is e}

    def _scan(self, e: Expr, operands: Sequence[Place]) -> list[Instruction] | None:
        ready, copies = self._dense(operands)
        made = unrolled(e, ready, self._items(e), self._body, lambda a, b: self._kernels.copied(a, b, ()))
        return None if made is None else [*copies, *made]

    def _body(self, outputs: Sequence[Expr]) -> tuple[Sequence[Expr], list[Instruction]] | None:
        """What the body of a loop gives, and its instructions; None if one of them is portable."""
        made = _Maker(outputs, (), self._kernels)
        self.sources = made.sources | self.sources
        return None if any(i.call is None for i in made.instructions) else (made.outputs, made.instructions)

    def _dense(self, operands: Sequence[Place]) -> tuple[list[Place], list[Instruction]]:
        """The operands in C order, and what copies those that are not."""
        ready, copies = [], []
        for i, place in enumerate(operands):
            if not place.is_dense:
                target = own_place(placeholder(f"operand {i} at {place.offset} of {id(place.base)}", _spec(place)))
                copies.append(self._kernels.copied(place, target, ()))
                place = target
            ready.append(place)
        return ready, copies


def _apart(outputs: Sequence[Expr]) -> tuple[Expr, ...]:
    """The outputs, each in memory of its own: copies of those that are leaves, views, or there already."""
    seen: set[Expr] = set()
    apart = []
    for o in outputs:
        while not o.args or o.op.view or o.op is ITEM or o in seen:
            o = copy_of(o)
        seen.add(o)
        apart.append(o)
    return tuple(apart)


def _copied(source: Place, target: Place, computes: Sequence[Expr] = ()) -> Instruction:
    """The instruction that copies what lies at one place to another."""
    calls = copies(target, [(target, source)])
    assert calls is not None
    return calling(calls[0], computes)


def _other(e: Expr, operands: Sequence[Place], writes: Sequence[Expr]) -> Instruction:
    return Instruction(None, (e,), tuple(operands), tuple(writes), portable_call(e, writes))


def _spec(place: Place) -> Spec:
    return Spec(place.shape, place.dtype)


_NATIVE = Kernels(decompose, fused, LOWERINGS, _copied, _other)


# ---------------------------------------------------------------- memory


def _place_all(listing: Listing) -> None:
    """Give each result that is no output an offset in the arena, from when it is written to when it is last read."""
    outputs = set(listing.outputs)
    last: dict[Expr, int] = {}
    for i, instruction in enumerate(listing.instructions):
        for base in (*(p.base for p in instruction.reads), *instruction.writes):
            last[base] = i
    free = FreeList()
    leaving: dict[int, list[Expr]] = {}
    for i, instruction in enumerate(listing.instructions):
        over = dict(instruction.call.over) if instruction.call is not None else {}
        for e in instruction.writes:
            if e not in outputs and e not in listing.offsets:
                if e in over:
                    listing.offsets[e] = listing.offsets[over[e]]
                    leaving[i].remove(over[e])
                else:
                    listing.offsets[e] = free.take(aligned(e.spec.nbytes))
                leaving.setdefault(last[e], []).append(e)
        for e in leaving.pop(i, ()):
            free.give(listing.offsets[e], aligned(e.spec.nbytes))
    listing.arena_bytes = free.top
