"""Fusion: which elementwise expressions and reductions are computed in one loop.

A group is a set of expressions over one domain, the shape that all its elements share, and one set of axes that its
reductions take away. An expression joins the group of an operand if it reads the elements of that group in place, and
if no way leads out of the group and back into it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from flowloom.backends.native.instructions import Place, dense
from flowloom.backends.native.layout import broadcast, own_place, viewed
from flowloom.backends.native.templates import copy_of, is_elementwise, is_reduction, reduced_axes
from flowloom.compiler.expr import ITEM, Expr

MOST_EXPRESSIONS = 48
MOST_ARRAYS = 24


@dataclass(eq=False)
class Group:
    """Expressions computed in one loop over `domain`. Those in `reduced` have the axes `axes` taken away."""

    domain: tuple[int, ...]
    axes: tuple[int, ...] | None = None
    members: list[Expr] = field(default_factory=list)
    reduced: set[Expr] = field(default_factory=set)
    before: set[Item] = field(default_factory=set)  # all that must be done first

    @property
    def kept(self) -> tuple[int, ...]:
        """The domain with 1 for the axes that are reduced."""
        return tuple(1 if i in (self.axes or ()) else n for i, n in enumerate(self.domain))

    @property
    def by_rows(self) -> bool:
        """Whether the reduced axes are the last ones, so that what depends on a reduction can follow row by row."""
        taken = {i for i in self.axes or () if self.domain[i] != 1}
        rest = [i for i, n in enumerate(self.domain) if i not in taken and n != 1]
        return not rest or not taken or max(rest) < min(taken)

    def reads(self, places: Mapping[Expr, Place]) -> list[Place]:
        """What its members read, each other's results among it."""
        return [places[a] for m in self.members for a in m.args]

    def reduced_strides(self) -> tuple[int, ...]:
        """How an element of the domain finds its place in a dense array of what the reductions give."""
        return tuple(0 if n == 1 else s for n, s in zip(self.kept, dense(self.kept), strict=True))


@dataclass(eq=False)
class Single:
    """One expression that is computed by itself."""

    e: Expr
    before: set[Item] = field(default_factory=set)


Item = Group | Single


class Fusion:
    """The items that compute `steps`, an order of expressions, and where each expression lies."""

    def __init__(self, steps: Sequence[Expr], leaves: Iterable[Expr]) -> None:
        self.places: dict[Expr, Place] = {e: own_place(e) for e in leaves}
        self.items: list[Item] = []
        self.item_of: dict[Expr, Item] = {}
        self._parts: dict[Expr, list[Place]] = {}
        self._order = {e: i for i, e in enumerate(steps)}
        for e in steps:
            self._take(e)

    def _take(self, e: Expr) -> None:
        if e.op is ITEM:
            parts = self._parts.get(e.args[0])
            if parts is not None:
                self.places[e] = parts[e.params[0][1]]
            else:
                self.item_of[e] = self.item_of[e.args[0]]
                self.places[e] = own_place(e)
            return
        if e.op.view and e.args and e.args[0] in self.places:
            found = viewed(e, self.places[e.args[0]], e.args)
            if isinstance(found, list):
                self._parts[e] = found
                return
            if found is None and self._can_copy(e.args[0]):
                copy = copy_of(e.args[0])  # a reshape of what does not lie in C order
                self._order.setdefault(copy, self._order[e])
                if copy not in self.places:
                    self._take(copy)
                found = viewed(e, self.places[copy], e.args)
            if isinstance(found, Place):
                self.places[e] = found
                return
        if is_elementwise(e) or is_reduction(e):
            item: Item = self._joined(e)
        else:
            item = Single(e)
            self._depend(item, e)
            self.items.append(item)
        self.item_of[e] = item
        if not isinstance(e.spec, tuple):
            self.places[e] = own_place(e)

    def _can_copy(self, e: Expr) -> bool:
        return not self.places[e].is_dense and is_elementwise(copy_of(e))

    def source(self, e: Expr) -> Item | None:
        """The item that makes the memory in which an expression lies."""
        place = self.places.get(e)
        return self.item_of.get(e if place is None else place.base)

    def _joined(self, e: Expr) -> Group:
        """The group that `e` was put into."""
        seen: list[Group] = []
        for a in e.args:
            source = self.source(a)
            if isinstance(source, Group) and source not in seen:
                seen.append(source)
        joined = [g for g in sorted(seen, key=self.items.index, reverse=True) if self._fits(e, g)]
        if joined:
            group, *others = joined
            for other in others:
                group = self._merged(group, other)
        else:
            group = Group(e.args[0].spec.sizes if is_reduction(e) else e.spec.sizes)
            self.items.append(group)
        if is_reduction(e):
            group.axes = reduced_axes(e)
        if is_reduction(e) or (group.axes is not None and not self._is_full(e, group)):
            group.reduced.add(e)
        group.members.append(e)
        self._depend(group, e)
        return group

    def _merged(self, one: Group, other: Group) -> Group:
        """Both groups as one, if that can be: `one`, which `other` was taken into, or as it is."""
        alike = one.domain == other.domain and (one.axes == other.axes or None in (one.axes, other.axes))
        count = len(one.members) + len(other.members)
        if not alike or count >= MOST_EXPRESSIONS or self._arrays_of([*one.members, *other.members]) > MOST_ARRAYS:
            return one
        if other in one.before or one in other.before:
            return one
        self.items.remove(other)
        one.members = sorted([*one.members, *other.members], key=self._order.__getitem__)
        one.axes = one.axes if other.axes is None else other.axes
        one.reduced |= other.reduced
        for m in other.members:
            self.item_of[m] = one
        one.before |= other.before
        for item in self.items:
            if other in item.before:
                item.before.discard(other)
                item.before.add(one)
            if one in item.before:
                item.before |= one.before
        return one

    def _is_full(self, e: Expr, group: Group) -> bool:
        """Whether `e` has an element for each of the domain; else it has one for each that the reductions leave."""
        return bool(e.spec.sizes == group.domain)

    def _in(self, a: Expr, group: Group) -> Expr | None:
        """The member of the group in whose memory `a` lies."""
        base = self.places[a].base
        return base if self.item_of.get(base) is group else None

    def _fits(self, e: Expr, group: Group) -> bool:
        if len(group.members) >= MOST_EXPRESSIONS or self._arrays(e, group) > MOST_ARRAYS:
            return False
        if is_reduction(e):
            axes = reduced_axes(e)
            if e.args[0].spec.sizes != group.domain or group.axes not in (None, axes):
                return False
            full = True
        else:
            full = e.spec.sizes == group.domain
            if not full and (group.axes is None or not self._is_kept_shape(e, group)):
                return False
        for a in e.args:
            member = self._in(a, group)
            if member is None:
                item = self.source(a)
                if item is not None and (item is group or group in item.before):
                    return False
                continue
            place = broadcast(self.places[a], group.domain if full else e.spec.sizes)
            if not self._reads_in_place(place, member, group, full=full):
                return False
        return True

    def _is_kept_shape(self, e: Expr, group: Group) -> bool:
        sizes: tuple[int, ...] = e.spec.sizes
        return [n for n in sizes if n != 1] == [n for n in group.kept if n != 1]

    def _reads_in_place(self, place: Place, member: Expr, group: Group, *, full: bool) -> bool:
        if place.offset != 0:
            return False
        if member in group.reduced:
            if not full:
                return place.is_dense and place.size == member.spec.size
            return group.by_rows and _same(place.strides, group.reduced_strides(), group.domain)
        return full and _same(place.strides, dense(group.domain), group.domain)

    def _arrays(self, e: Expr, group: Group) -> int:
        return self._arrays_of([*group.members, e])

    def _arrays_of(self, members: Sequence[Expr]) -> int:
        return len({self.places[a].base for m in members for a in m.args})

    def _depend(self, item: Item, e: Expr) -> None:
        """Record that `item` comes after what `e` reads, and with it all that comes after `item`."""
        new: set[Item] = set()
        for a in e.args:
            source = self.source(a)
            if source is not None and source is not item and source not in item.before:
                new |= {source, *source.before}
        new -= item.before
        if not new:
            return
        item.before |= new
        for other in self.items:
            if item in other.before:
                other.before |= new

    def ordered(self) -> list[Item]:
        """The items, each after all that it reads."""
        return sorted(self.items, key=lambda item: len(item.before))


def in_order(strides: Sequence[int], shape: Sequence[int]) -> bool:
    """Whether these strides are those of a dense array in C order."""
    return _same(strides, dense(shape), shape)


def _same(strides: Sequence[int], others: Sequence[int], shape: Sequence[int]) -> bool:
    return all(s == t or n == 1 for s, t, n in zip(strides, others, shape, strict=True))
