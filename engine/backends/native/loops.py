"""Loops: the source of the kernel that computes a fused group, and what it is called with.

Neighbouring axes over which all arrays run on in the same way become one. What is left is nested loops; the innermost
is the one that LLVM vectorises. Three forms: every element by itself; row by row, where reductions end within a row
and what depends on them follows in further passes over it; and columns, where sums run down the rows in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import prod

from flowloom.backends.native.fusion import Fusion, Group, in_order
from flowloom.backends.native.instructions import Argument, Call, Flag, Place, Scratch, dense
from flowloom.backends.native.layout import broadcast, own_place
from flowloom.backends.native.templates import (
    CHECK,
    array_type,
    combined,
    element,
    identity,
    is_costly,
    is_reduction,
    type_name,
)
from flowloom.compiler.expr import Expr, placeholder
from flowloom.op import REGISTRY
from flowloom.spec import Spec

LITERAL = 16  # sizes up to this one are written into the source, so that small loops are unrolled
WIDE = 128  # columns: of fewer, sums are taken in parts if there are MANY rows
MANY = 1024
SHARE = 16  # elements: a cache line of float32; threads do not write into the same one


@dataclass(frozen=True, slots=True)
class Reuse:
    """What nobody reads after a group, and which of its results may be written over that."""

    spent: Collection[Expr]
    results: Collection[Expr]


def fused(
    group: Group, fusion: Fusion, wanted: set[Expr], watched: set[Expr], reuse: Reuse | None = None
) -> list[tuple[Call, Sequence[Expr]]]:
    """The calls that compute a group, and what each computes. They store those members that are `wanted`, and tell if
    one that is `watched` is not finite.
    """
    writer = _Writer(group, fusion, wanted, watched, reuse)
    if (parts := writer.parts()) is None:
        return [(writer.call(), group.members)]
    totals = [m for m in group.members if is_reduction(m)]
    after = [m for m in group.members if m in group.reduced and m not in totals]
    rest = Rest(group, fusion, totals, after, parts)
    if reuse is not None:  # of what the second kernel reads, the first may take nothing
        later = {fusion.places[a].base for m in after for a in m.args}
        reuse = Reuse({e for e in reuse.spent if e not in later}, reuse.results)
    most = Group(group.domain, group.axes, [m for m in group.members if m not in after], set(totals))
    first = _Writer(most, rest.before, wanted, watched - group.reduced, reuse, parts)
    second = _Writer(rest.group, rest.after, rest.renamed(wanted), rest.renamed(watched))
    return [(first.call(), most.members), (second.call(), after or totals)]


class Rest:
    """What is left to do when sums down many rows were taken in parts: their totals, and what depends on them.

    `before` is the fusion in which totals lie as parts, (parts, ...), `after` the one in which those are added up.
    """

    def __init__(self, group: Group, fusion: Fusion, totals: Sequence[Expr], after: Sequence[Expr], parts: int) -> None:
        shape = (parts, *group.kept)
        leaves = {r: placeholder(f"parts of {id(r)}", Spec(shape, r.dtype)) for r in totals}
        self._total_of = {r: _whole(r, leaf) for r, leaf in leaves.items()}
        made = list(self._total_of.values())
        self.group = Group(shape, (0,), [*made, *after], {*made, *after})
        self.before, self.after = Fusion([], []), Fusion([], [])
        self.before.places |= fusion.places
        self.before.places |= {r: own_place(leaf) for r, leaf in leaves.items()}
        self.after.places |= {a: self._seen(fusion.places[a]) for m in after for a in m.args}
        self.after.places |= {leaf: own_place(leaf) for leaf in leaves.values()}
        self.after.places |= {m: fusion.places[m] for m in after}
        self.after.places |= {whole: fusion.places[r] for r, whole in self._total_of.items()}
        self._fusion = fusion

    def _seen(self, place: Place) -> Place:
        whole = self._total_of.get(place.base)
        return place if whole is None else replace(place, base=whole)

    def renamed(self, members: set[Expr]) -> set[Expr]:
        """Those members that the second kernel stores."""
        return {self._total_of.get(m, m) for m in members if m in self._total_of or m in self.group.reduced}


def _whole(total: Expr, parts: Expr) -> Expr:
    """The reduction that makes a total of its parts."""
    name = "sum" if total.op.name == "sum_to" else total.op.name
    whole: Expr = REGISTRY[name](parts, axis=0)
    return whole


@dataclass(eq=False)
class _Array:
    """An array that the loops read or write: its name, where it is, and its stride over each axis.

    `room` is how many elements of it each thread has, where each has its own.
    """

    name: str
    type: str
    place: Place | Scratch
    strides: tuple[int, ...]
    room: int = 0


@dataclass(eq=False)
class _Axis:
    """One loop, over one or more axes of the domain; `steps` is the stride of each array."""

    size: int
    reduced: bool
    steps: list[int] = field(default_factory=list)


class _Writer:
    """Writes one kernel."""

    def __init__(
        self,
        group: Group,
        fusion: Fusion,
        wanted: set[Expr],
        watched: set[Expr],
        reuse: Reuse | None = None,
        in_parts: int | None = None,
    ) -> None:
        self.group, self.fusion, self.watched, self.in_parts = group, fusion, watched, in_parts
        self.number = {m: i for i, m in enumerate(group.members)}
        self.wanted = [m for m in group.members if m in wanted]
        self.full = [m for m in group.members if m not in group.reduced]
        self.stages = self._stages()
        self.reads: dict[tuple[Expr, Expr], _Array] = {}
        self.writes: dict[Expr, _Array] = {}
        self.over: dict[Expr, Expr] = {}
        self._collect(reuse or Reuse(frozenset(), frozenset()))
        self.axes = self._collapsed()
        self.lines: list[str] = []
        self.indent = 1
        self.sizes: dict[str, int] = {}
        self.pointers: dict[_Array, str] = {}
        self.at: int | None = None  # the axis of the innermost loop
        self.split: int | None = None

    # ------------------------------------------------------------ stages

    def _stages(self) -> dict[Expr, int]:
        """In which pass over a row each member is known: what depends on a reduction comes one pass later."""
        stages: dict[Expr, int] = {}
        for m in self.group.members:
            before = max((stages.get(self._base(a), 0) for a in m.args), default=0)
            stages[m] = before + is_reduction(m)
        return stages

    def _base(self, a: Expr) -> Expr:
        return self.fusion.places[a].base

    def _spilled(self) -> list[Expr]:
        """Members that take long, are not stored, and are needed in a later pass over the row as well."""
        if self.group.axes is None or not self.group.by_rows:
            return []
        return [m for m in self.full if is_costly(m) and m not in self.wanted and self._last_use(m) > self.stages[m]]

    def _last_use(self, e: Expr) -> int:
        """The last pass that needs `e`, or what is computed of it anew in each pass."""
        last, reach = self.stages[e], {e}
        for m in self.group.members:
            if any(self._base(a) in reach for a in m.args):
                if is_reduction(m):
                    last = max(last, self.stages[m] - 1)
                elif m not in self.group.reduced:
                    last = max(last, self.stages[m])
                    reach.add(m)
        return last

    # ------------------------------------------------------------ arrays and axes

    def _collect(self, reuse: Reuse) -> None:
        known: dict[tuple[Expr, int, tuple[int, ...]], _Array] = {}
        group = self.group
        for m in group.members:
            for a in m.args:
                place = self.fusion.places[a]
                if place.base in self.number:
                    continue
                over = self._over_domain(place, m)
                key = (place.base, place.offset, over)
                if key not in known:
                    known[key] = _Array(f"a{len(known)}", array_type(place.dtype), place, over)
                self.reads[m, a] = known[key]
        columns = group.axes is not None and not group.by_rows
        for m in self.wanted:
            if m in group.reduced and self.in_parts is not None:
                continue
            if m in reuse.results and (array := self._spent(m, reuse.spent, known.values())) is not None:
                assert isinstance(array.place, Place)
                self.writes[m], self.over[m] = array, array.place.base
                continue
            strides = group.reduced_strides() if m in group.reduced else dense(group.domain)
            self.writes[m] = _Array(f"q{len(self.writes)}", array_type(m.dtype), self.fusion.places[m], strides)
        for m in self._spilled():
            inner = [1 if n == k else n for n, k in zip(group.domain, group.kept, strict=True)]
            self._spill(m, inner)
        for m in group.members if columns else ():
            if is_reduction(m) and self.in_parts is not None:
                place = self.fusion.places[m]  # of all parts, one after the other
                self.writes[m] = _Array(f"q{len(self.writes)}", array_type(m.dtype), place, group.reduced_strides())
            elif is_reduction(m) and m not in self.writes:
                self._spill(m, group.kept)

    def _spent(self, m: Expr, spent: Collection[Expr], arrays: Collection[_Array]) -> _Array | None:
        """An array that `m` can be written over: each element is read before, and never after."""
        if m in self.group.reduced:
            return None
        if self.group.axes is not None and self.group.by_rows and self.stages[m] < max(self.stages.values()):
            return None  # the next pass over the row may read it again
        for a in arrays:
            place = a.place
            if not isinstance(place, Place) or place.base not in spent or place.base in self.over.values():
                continue
            same = place.dtype == m.dtype and place.base.spec.size == m.spec.size and place.offset == 0
            alone = sum(isinstance(o.place, Place) and o.place.base is place.base for o in arrays) == 1
            if same and alone and in_order(a.strides, self.group.domain):
                return a
        return None

    def _spill(self, m: Expr, shape: Sequence[int]) -> None:
        strides = tuple(0 if n == 1 else s for n, s in zip(shape, dense(shape), strict=True))
        line = 64 // m.dtype.itemsize
        room = -(-prod(shape) // line) * line
        scratch = Scratch(room * m.dtype.itemsize)
        self.writes[m] = _Array(f"q{len(self.writes)}", array_type(m.dtype), scratch, strides, room)

    def _over_domain(self, place: Place, m: Expr) -> tuple[int, ...]:
        """The strides of what `m` reads, over the axes of the domain."""
        if is_reduction(m) or m not in self.group.reduced:
            return broadcast(place, self.group.domain).strides
        over = broadcast(place, m.spec.sizes)
        steps = iter([s for s, n in zip(over.strides, over.shape, strict=True) if n != 1])
        return tuple(0 if n == 1 else next(steps) for n in self.group.kept)

    def _collapsed(self) -> list[_Axis]:
        arrays = list(dict.fromkeys([*self.reads.values(), *self.writes.values()]))
        taken = set(self.group.axes or ())
        axes: list[_Axis] = []
        for i, n in enumerate(self.group.domain):
            if n == 1:
                continue
            steps = [a.strides[i] for a in arrays]
            last = axes[-1] if axes else None
            run_on = last is not None and all(b == s * n for b, s in zip(last.steps, steps, strict=True))
            if last is not None and run_on and last.reduced == (i in taken):
                last.size, last.steps = last.size * n, steps
            else:
                axes.append(_Axis(n, i in taken, steps))
        if self.in_parts is not None:
            self._cut(axes, arrays, self.in_parts)
        for k, a in enumerate(arrays):
            a.strides = tuple(axis.steps[k] for axis in axes)
        return axes

    def _cut(self, axes: list[_Axis], arrays: Sequence[_Array], parts: int) -> None:
        """Make the outermost axis, which is reduced, two: parts, each with a total of its own, and what is in them."""
        first = axes[0]
        first.size //= parts
        totals = {self.writes[m]: m for m in self.group.members if is_reduction(m)}
        width = prod(self.group.kept)
        steps = [width if a in totals else s * first.size for a, s in zip(arrays, first.steps, strict=True)]
        axes.insert(0, _Axis(parts, False, steps))

    def parts(self) -> int | None:
        """In how many parts sums down the rows are taken, so that threads can share them; None where columns do."""
        if self.group.axes is None or self.group.by_rows or not self.axes[0].reduced:
            return None
        widest = max((axis.size for axis in self.axes if not axis.reduced), default=1)
        if widest >= WIDE or prod(self.group.domain) < MANY * widest:
            return None
        return next((n for n in (8, 6, 4, 3, 2) if self.axes[0].size % n == 0), None)

    # ------------------------------------------------------------ the call

    def call(self) -> Call:
        every = range(len(self.axes))
        self.pointers = {a: a.name for a in self._arrays()}
        if self.group.axes is None:
            self.split = self._best_split(every)
            self._nest(every, lambda: self._body([], self.wanted, set()))
        elif self.group.by_rows:
            self._rows()
        else:
            self._columns()
        args: list[tuple[str, Argument]] = [(f"{a.name}: [{a.type}]", a.place) for a in self._arrays()]
        start = [
            f"    {a.name} = {a.name} + thread * w{a.name}" for a in self._arrays() if isinstance(a.place, Scratch)
        ]
        self.sizes |= {f"w{a.name}": a.room for a in self._arrays() if a.room}
        end = []
        if any(m.op is CHECK for m in self.group.members):
            start.append("    bad = 0")
            end += ["    if bad != 0:", "        flag[0] = 1"]
        for t in dict.fromkeys(type_name(m.dtype) for m in self.wanted if m in self.watched):
            start.append(f"    sum_{t} = {t}(0)")
            end += [f"    if sum_{t} != sum_{t}:", "        flag[1] = 1"]
        if end:
            args.append(("flag: [i64]", Flag()))
        if self.split is not None:
            n = self._size(self.split)
            unit = SHARE if self.axes[self.split].size >= 4 * SHARE else 1
            start += [
                f"    lo = {n} * thread // threads // {unit} * {unit}",
                f"    hi = {n} if thread + 1 == threads else {n} * (thread + 1) // threads // {unit} * {unit}",
            ]
        args += [(f"{name}: i64", number) for name, number in self.sizes.items()]
        head = f"def kernel({', '.join(text for text, _ in args)}):"
        count = prod(axis.size for axis in self.axes)
        work = float(count * sum(10 if is_costly(m) else 1 for m in self.full or self.group.members))
        source = "\n".join([head, *start, *self.lines, *end, ""])
        writes = tuple(self._written(m, a.place) for m, a in self.writes.items() if isinstance(a.place, Place))
        return Call(source, tuple(a for _, a in args), writes, self.split is not None, work, tuple(self.over.items()))

    def _written(self, m: Expr, place: Place) -> Expr:
        return m if m in self.over else place.base

    def _arrays(self) -> list[_Array]:
        return list(dict.fromkeys([*self.reads.values(), *self.writes.values()]))

    def _rows(self) -> None:
        outer = [i for i, axis in enumerate(self.axes) if not axis.reduced]
        inner = [i for i, axis in enumerate(self.axes) if axis.reduced]
        self.split = self._best_split(outer)
        members, reduced = self.group.members, self.group.reduced

        def row() -> None:
            stored: set[Expr] = set()
            for stage in range(max(self.stages.values()) + 1):
                for m in members:
                    if m in reduced and not is_reduction(m) and self.stages[m] == stage:
                        self._define(m, set())
                totals = [m for m in members if is_reduction(m) and self.stages[m] == stage + 1]
                kept = [m for m in self.writes if m not in reduced and self.stages[m] == stage]
                if not totals and not kept:
                    continue
                for r in totals:
                    self._line(f"v{self.number[r]} = {identity(r)}")
                self._nest(inner, partial(self._body, totals, kept, stored), fresh=True)
                stored |= set(kept)
            for m in self.wanted:
                if m in reduced:
                    self._store(m)

        self._nest(outer, row, ends=False)

    def _columns(self) -> None:
        every = range(len(self.axes))
        across = [i for i in every if not self.axes[i].reduced]
        self.split = self._best_split(across) if self.in_parts is None else 0
        totals = [m for m in self.group.members if is_reduction(m)]
        after = [m for m in self.group.members if m in self.group.reduced and not is_reduction(m)]

        def begin() -> None:
            for r in totals:
                self._line(f"{self._element(self.writes[r])} = {identity(r)}")

        def end() -> None:
            for m in after:
                self._define(m, set(totals))
            for m in totals:
                if m in self.watched:
                    self._watch(m, self._element(self.writes[m]))
            for m in after:
                if m in self.writes:
                    self._store(m)

        self._nest(across, begin)
        self._nest(every, lambda: self._body(totals, [m for m in self.wanted if m not in self.group.reduced], set()))
        if after or not self.watched.isdisjoint(totals):
            self._nest(across, end)

    def _best_split(self, axes: Iterable[int]) -> int | None:
        """The loop that threads share: the first that is long enough, else the longest; None if none is worth it."""
        found = [i for i in axes if self.axes[i].size > 1]
        long = [i for i in found if self.axes[i].size >= 4 * SHARE]
        if long:
            return long[0]
        best = max(found, key=lambda i: self.axes[i].size, default=None)
        return best if best is not None and self.axes[best].size >= 4 else None

    # ------------------------------------------------------------ writing

    def _nest(self, axes: Sequence[int], body: Callable[[], None], *, ends: bool = True, fresh: bool = False) -> None:
        """Loops over these axes around `body`. With `ends`, the innermost indexes arrays by its counter."""
        pointers, indent, at = dict(self.pointers), self.indent, self.at
        self.at = None
        for i in axes:
            bounds = "lo, hi" if i == self.split and not fresh else self._size(i)
            self._line(f"for i{i} in range({bounds}):")
            self.indent += 1
            if ends and i == axes[-1]:
                self.at = i
                continue
            for a in self._arrays():
                if a.strides[i] != 0:
                    moved = f"{a.name}_{i}"
                    self._line(f"{moved} = {self.pointers[a]} + {self._product(f'i{i}', a, i)}")
                    self.pointers[a] = moved
        body()
        self.pointers, self.indent, self.at = pointers, indent, at

    def _body(self, totals: Sequence[Expr], kept: Sequence[Expr], stored: set[Expr]) -> None:
        """One element: what the reductions `totals` and the results `kept` need. `stored` has what can be read back."""
        needed: set[Expr] = set(kept)
        for r in totals:
            needed.add(self._base(r.args[0]))
        for m in reversed(self.full):
            if m in needed and m not in stored:
                needed |= {self._base(a) for a in m.args}
        for m in self.full:
            if m in needed and m not in stored:
                self._define(m, stored)
        for r in totals:
            x = self._operand(r, r.args[0], stored)
            if r in self.writes and not self.group.by_rows:
                total = self._element(self.writes[r])
                self._line(combined(r, total, x))
            else:
                self._line(combined(r, f"v{self.number[r]}", x))
        for m in kept:
            self._store(m)

    def _store(self, m: Expr) -> None:
        self._line(f"{self._element(self.writes[m])} = v{self.number[m]}")
        if m in self.watched:
            self._watch(m, f"v{self.number[m]}")

    def _watch(self, m: Expr, x: str) -> None:
        """Add 0 times `x` to a sum, which then stays 0 as long as all are finite, and is NaN from then on."""
        self._line(f"sum_{type_name(m.dtype)} += {x} * 0.0")

    def _define(self, m: Expr, stored: set[Expr]) -> None:
        operands = [self._operand(m, a, stored) for a in m.args]
        if m.op is CHECK:
            low, high = (dict(m.params)[k] for k in ("low", "high"))
            self._line(f"bad = bad | i64(({operands[0]} < {low}) | ({operands[0]} > {high}))")
        self._line(f"v{self.number[m]} = {element(m, operands)}")

    def _operand(self, m: Expr, a: Expr, stored: set[Expr]) -> str:
        base = self._base(a)
        if base in self.number:
            return self._element(self.writes[base]) if base in stored else f"v{self.number[base]}"
        return self._element(self.reads[m, a])

    def _element(self, a: _Array) -> str:
        index = "0" if self.at is None or a.strides[self.at] == 0 else self._product(f"i{self.at}", a, self.at)
        return f"{self.pointers[a]}[{index}]"

    def _product(self, counter: str, a: _Array, axis: int) -> str:
        if a.strides[axis] == 1:
            return counter
        name = f"s{a.name}_{axis}"
        self.sizes[name] = a.strides[axis]
        return f"{counter} * {name}"

    def _size(self, axis: int) -> str:
        n = self.axes[axis].size
        if n <= LITERAL:
            return str(n)
        self.sizes[f"n{axis}"] = n
        return f"n{axis}"

    def _line(self, text: str) -> None:
        self.lines.append("    " * self.indent + text)
