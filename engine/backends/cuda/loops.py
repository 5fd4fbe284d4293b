"""Loops: the kernel of a fused group on a GPU, in the kernel language, and what it is called with.

Elements by themselves are shared out over all threads. Reductions go by rows: what one element of a total is made of.
A block has a few rows, and several threads, its lanes, for each; every lane takes each so many-th element, then the
lanes' totals are added up in shared memory, in an order that is always the same. What depends on a total follows in
another pass over the row. Few long rows are cut into parts, which a second kernel adds up.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from flowloom.backends.cuda.language import BLOCK
from flowloom.backends.native.copying import merged, word
from flowloom.backends.native.fusion import Fusion, Group
from flowloom.backends.native.instructions import Argument, Call, Flag, Place, dense
from flowloom.backends.native.layout import broadcast
from flowloom.backends.native.loops import Rest
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
from flowloom.compiler.expr import Expr
from flowloom.spec import is_bool

MOST_BLOCKS = 4096  # more threads than any GPU runs at once; each then takes several elements
ENOUGH_BLOCKS = 256  # with fewer, most of a large GPU would stand still: long rows are cut into parts
MOST_SHARED = 8  # totals at a time: a block has 48 KB of shared memory
LEAST_PART = 8  # elements for each lane, at least, where a row is cut


def fused(group: Group, fusion: Fusion, wanted: set[Expr], watched: set[Expr]) -> list[tuple[Call, Sequence[Expr]]]:
    """The calls that compute a group, and what each computes. They store those members that are `wanted`, and tell if
    one that is `watched` is not finite.
    """
    if group.axes is None:
        return [(_Writer(group, fusion, wanted, watched).elements(), group.members)]
    totals = [m for m in group.members if is_reduction(m)]
    shape = _Shape(group)
    parts = shape.parts() if _independent(group, fusion, totals) else 1
    if parts == 1:
        return [(_Writer(group, fusion, wanted, watched).rows(shape), group.members)]
    after = [m for m in group.members if m in group.reduced and m not in totals]
    rest = Rest(group, fusion, totals, after, parts)
    most = Group(group.domain, group.axes, [m for m in group.members if m not in after], set(totals))
    first = _Writer(most, rest.before, wanted | set(totals), watched - group.reduced)
    second = _Writer(rest.group, rest.after, rest.renamed(wanted), rest.renamed(watched))
    return [(first.rows(shape, parts), most.members), (second.rows(_Shape(rest.group)), after or totals)]


def copied(source: Place, target: Place, computes: Sequence[Expr] = ()) -> Call:
    """The call that copies what lies at one place to another, of the same shape."""
    kind = word(target.dtype)
    sizes, ys, xs = merged(target.shape, target.strides, source.strides)
    kernel = _Kernel(fits=_fits([source, target]))
    lines = [f"for at in range({kernel.each(target.size)}):"]
    body, (y, x) = kernel.located("at", sizes, [ys, xs], "    ")
    lines += [*body, f"    y[{y}] = x[{x}]"]
    args: list[tuple[str, Argument]] = [(f"y: [{kind}]", target), (f"x: [{kind}]", source)]
    return kernel.call("copied", args, lines, (target.base,), float(target.size), _blocks(target.size))


def _independent(group: Group, fusion: Fusion, totals: Sequence[Expr]) -> bool:
    """Whether nothing but what has the shape of the totals depends on one."""
    made = {m for m in group.members if m in group.reduced}
    full = [m for m in group.members if m not in made or m in totals]
    return not any(fusion.places[a].base in made for m in full for a in m.args)


def _blocks(threads: int) -> int:
    return max(1, min(MOST_BLOCKS, -(-threads // BLOCK)))


def _fits(places: Sequence[Place], *counts: int) -> bool:
    """Whether 32 bits can count all elements, and to all of `counts`."""
    found = [*counts, *(p.size for p in places), *(p.base.spec.size for p in places)]
    return max(found, default=0) < 2**31 - MOST_BLOCKS * BLOCK


def _power(n: int) -> int:
    """The power of two that is at least `n`."""
    return 1 << max(0, n - 1).bit_length()


class _Shape:
    """How the rows of a group are shared out over the threads of a block: so many rows, and lanes for each."""

    def __init__(self, group: Group) -> None:
        self.count = prod(group.kept)
        self.length = prod(group.domain) // self.count
        self.along = group.by_rows  # whether the elements of a row are neighbours in memory
        if self.along:
            self.lanes = min(BLOCK, _power(-(-self.length // 4)))
        else:
            self.lanes = max(1, min(_power(-(-self.length // LEAST_PART)), BLOCK // min(32, _power(self.count))))
        self.rows = BLOCK // self.lanes

    def parts(self) -> int:
        """Into how many parts rows are cut so that there is work for all of a GPU; 1 where they are not."""
        blocks = -(-self.count // self.rows)
        return max(1, min(ENOUGH_BLOCKS // blocks, self.length // (self.lanes * LEAST_PART), BLOCK))


class _Kernel:
    """The parameters and the counting of one kernel. `fits`: 32 bits are enough to count in."""

    def __init__(self, *, fits: bool) -> None:
        self.count = "i32" if fits else "i64"
        self.sizes: dict[str, int] = {}

    def size(self, name: str, value: int) -> str:
        """A size or stride in the source: small ones as they are, others as parameters."""
        if 0 <= value <= 1:
            return str(value)
        name = f"{name}_"
        while self.sizes.get(name, value) != value:
            name += "_"
        self.sizes[name] = value
        return name

    def each(self, n: int) -> str:
        """The bounds of a loop that shares `n` elements out over all threads."""
        c = self.count
        return f"{c}(thread), {c}({self.size('n', n)}), {c}(threads)"

    def located(
        self, at: str, sizes: Sequence[int], strides: Sequence[Sequence[int]], indent: str, suffix: str = ""
    ) -> tuple[list[str], list[str]]:
        """Lines that take the number `at` of an element apart into one for each axis; the offset in each array."""
        lines, rest = list[str](), at
        index = []
        for axis in reversed(range(len(sizes))):
            if axis == 0:
                index.append(rest)
                break
            n = self.size(f"n{axis}{suffix}", sizes[axis])
            lines += [
                f"{indent}q{axis}{suffix} = {rest} // {self.count}({n})",
                f"{indent}i{axis}{suffix} = {rest} - q{axis}{suffix} * {self.count}({n})",
            ]
            index.append(f"i{axis}{suffix}")
            rest = f"q{axis}{suffix}"
        index.reverse()
        offsets = []
        for k, steps in enumerate(strides):
            pairs = enumerate(zip(index, steps, strict=True))
            terms = [self._term(i, s, f"s{k}_{axis}{suffix}") for axis, (i, s) in pairs if s]
            offsets.append(" + ".join(terms) or f"{self.count}(0)")
        return lines, offsets

    def _term(self, index: str, step: int, name: str) -> str:
        return index if step == 1 else f"{index} * {self.count}({self.size(name, step)})"

    def call(
        self,
        name: str,
        args: list[tuple[str, Argument]],
        lines: Sequence[str],
        writes: tuple[Expr, ...],
        work: float,
        blocks: int,
    ) -> Call:
        """The call of the kernel with that body."""
        given = [*args, *((f"{n}: {self.count}", value) for n, value in self.sizes.items())]
        head = f"def {name}({', '.join(text for text, _ in given)}):"
        source = "\n".join([head, *(f"    {line}" for line in lines), ""])
        return Call(source, tuple(value for _, value in given), writes, True, work, blocks=blocks)


class _Writer:
    """Writes one kernel of a group."""

    def __init__(self, group: Group, fusion: Fusion, wanted: set[Expr], watched: set[Expr]) -> None:
        self.group, self.places, self.watched = group, fusion.places, watched
        self.number = {m: i for i, m in enumerate(group.members)}
        self.full = [m for m in group.members if m not in group.reduced]
        self.wanted = [m for m in group.members if m in wanted]
        self.reads: dict[tuple[Expr, Expr], str] = {}  # the name of the array that a member reads an operand from
        self.arrays: dict[str, tuple[Place, tuple[int, ...]]] = {}  # by name, with strides over the domain
        self.offsets: dict[str, str] = {}
        self.lines: list[str] = []
        self.shared: dict[str, None] = {}  # lines that declare arrays which the threads of a block share
        self._collect()
        row = prod(n for n, k in zip(group.domain, group.kept, strict=True) if n != k)  # which no array may have
        self.kernel = _Kernel(fits=_fits([p for p, _ in self.arrays.values()], row))

    def _collect(self) -> None:
        known: dict[tuple[Expr, int, tuple[int, ...]], str] = {}
        for m in self.group.members:
            for a in m.args:
                place = self.places[a]
                if place.base in self.number:
                    continue
                over = self._over_domain(place, m)
                key = place.base, place.offset, over
                if key not in known:
                    known[key] = f"a{len(known)}"
                    self.arrays[known[key]] = place, over
                self.reads[m, a] = known[key]
        for m in self.wanted:
            strides = self.group.reduced_strides() if m in self.group.reduced else dense(self.group.domain)
            self.arrays[f"y{self.number[m]}"] = self.places[m], strides

    def _over_domain(self, place: Place, m: Expr) -> tuple[int, ...]:
        """The strides of what `m` reads, over the axes of the domain."""
        if is_reduction(m) or m not in self.group.reduced:
            return broadcast(place, self.group.domain).strides
        over = broadcast(place, m.spec.sizes)
        steps = iter([s for s, n in zip(over.strides, over.shape, strict=True) if n != 1])
        return tuple(0 if n == 1 else next(steps) for n in self.group.kept)

    def _call(self, name: str, blocks: int, work: int) -> Call:
        args: list[tuple[str, Argument]] = [
            (f"{name}: [{array_type(place.dtype)}]", place) for name, (place, _) in self.arrays.items()
        ]
        if self.watched.intersection(self.wanted) or any(m.op is CHECK for m in self.group.members):
            args.append(("flag: [i64]", Flag()))
        writes = tuple(place.base for name, (place, _) in self.arrays.items() if name.startswith("y"))
        costs = sum(10 if is_costly(m) else 1 for m in self.full or self.group.members)
        return self.kernel.call(name, args, self.lines, writes, float(work * costs), blocks)

    # ------------------------------------------------------------ the two forms

    def elements(self) -> Call:
        """Every element by itself."""
        n = prod(self.group.domain)
        sizes, *strides = merged(self.group.domain, *(steps for _, steps in self.arrays.values()))
        self.lines.append(f"for at in range({self.kernel.each(n)}):")
        located, offsets = self.kernel.located("at", sizes, strides, "    ")
        self.lines += located
        self.offsets = dict(zip(self.arrays, offsets, strict=True))
        self._body([], self.wanted, set(), "    ")
        return self._call("elements", _blocks(n), n)

    def rows(self, shape: _Shape, parts: int = 1) -> Call:
        """Row by row; with `parts`, the totals of each part of a row, those of the first parts first."""
        count, lanes, rows = shape.count * parts, shape.lanes, shape.rows
        blocks = max(1, min(MOST_BLOCKS, -(-count // rows)))
        c, stages = self.kernel.count, self._stages()
        lane, row = (
            (f"thread_in_block % {lanes}", f"thread_in_block // {lanes}")
            if shape.along
            else (f"thread_in_block // {rows}", f"thread_in_block % {rows}")
        )
        totals = [m for m in self.group.members if is_reduction(m)]
        n = self.kernel.size("rows", count)
        self.lines += [
            f"lane = {c}({lane})",
            f"for first in range({c}(this_block * {rows}), {c}({n}), {c}(block_count * {rows})):",
            f"    row = first + {c}({row})",
            f"    there = row < {c}({n})",
        ]
        start, stop = f"{c}(0)", f"{c}({self.kernel.size('length', shape.length)})"
        if parts > 1:
            each = -(-shape.length // parts)
            self.lines += [
                f"    part = row // {c}({self.kernel.size('kept', shape.count)})",
                f"    start = part * {c}({self.kernel.size('each', each)})",
                f"    stop = min(start + {c}({self.kernel.size('each', each)}), {stop})",
                f"    place = row - part * {c}({self.kernel.size('kept', shape.count)})",
            ]
            start, stop = "start", "stop"
        self._locate(parts)
        for stage in range(max(stages.values()) + 1):
            self._pass([m for m in totals if stages[m] == stage + 1], stages, stage, (start, stop), shape)
        last = [m for m in self.wanted if m in self.group.reduced]
        if last:
            self.lines.append(f"    if there and lane == {c}(0):")
            self.offsets |= dict(self._kept_offsets)
            for m in last:
                self._store(m, "        ")
        self.lines[:0] = self.shared
        return self._call("rows", blocks, prod(self.group.domain))

    def _locate(self, parts: int) -> None:
        """Lines that say where the row begins in each array, and those, for later, that say where an element is."""
        group, kernel = self.group, self.kernel
        strides = [steps for _, steps in self.arrays.values()]
        kept = merged(group.kept, *strides)
        inner = [1 if k == n else n for n, k in zip(group.domain, group.kept, strict=True)]
        across = merged(inner, *strides)
        lines, offsets = kernel.located("row" if parts == 1 else "place", kept[0], kept[1:], "    ", "k")
        self.lines += lines
        self._kept_offsets = dict(zip(self.arrays, offsets, strict=True))
        if parts > 1:  # totals lie part by part
            self._kept_offsets |= {f"y{self.number[m]}": "row" for m in self.wanted if m in group.reduced}
        self._inner, inner_offsets = kernel.located("at", across[0], across[1:], "        ", "r")
        self._full_offsets = {
            name: f"{offset} + {more}"
            for (name, offset), more in zip(self._kept_offsets.items(), inner_offsets, strict=True)
        }

    def _stages(self) -> dict[Expr, int]:
        """In which pass over a row each member is known: what depends on a reduction comes one pass later."""
        stages: dict[Expr, int] = {}
        for m in self.group.members:
            before = max((stages.get(self.places[a].base, 0) for a in m.args), default=0)
            stages[m] = before + is_reduction(m)
        return stages

    def _pass(
        self, totals: Sequence[Expr], stages: dict[Expr, int], stage: int, ends: tuple[str, str], shape: _Shape
    ) -> None:
        """One pass over the rows: what is known before it, the totals that end with it, and what is stored in it."""
        self.offsets = dict(self._kept_offsets)
        for m in self.group.members:
            if m in self.group.reduced and not is_reduction(m) and stages[m] == stage:
                self._guarded_define(m)
        kept = [m for m in self.wanted if m not in self.group.reduced and stages[m] == stage]
        if not totals and not kept:
            return
        for r in totals:
            self.lines.append(f"    v{self.number[r]} = {identity(r)}")
        c = self.kernel.count
        self.lines += [
            "    if there:",
            f"      for at in range({ends[0]} + lane, {ends[1]}, {c}({shape.lanes})):",
            *self._inner,
        ]
        self.offsets = self._full_offsets
        stored = {m for m in self.wanted if m not in self.group.reduced and stages[m] < stage}
        self._body(totals, kept, stored, "        ")
        if shape.lanes > 1 and totals:
            self._together(totals, shape)

    def _guarded_define(self, m: Expr) -> None:
        """A member with one element for each row, which threads without a row leave at 0."""
        self.lines.append(f"    v{self.number[m]} = {'False' if is_bool(m.dtype) else f'{type_name(m.dtype)}(0)'}")
        self.lines.append("    if there:")
        self._define(m, set(), "        ")

    def _together(self, totals: Sequence[Expr], shape: _Shape) -> None:
        """Make one total of those of the lanes."""
        step = 1 if shape.along else shape.rows
        for at in range(0, len(totals), MOST_SHARED):
            some = [(r, f"t{i}_{type_name(r.dtype)}") for i, r in enumerate(totals[at : at + MOST_SHARED])]
            self.shared |= {f"{t} = shared({array_type(r.dtype)}, {BLOCK})": None for r, t in some}
            self.lines += [f"    {t}[thread_in_block] = v{self.number[r]}" for r, t in some]
            self.lines.append("    sync()")
            half = shape.lanes // 2
            while half:
                other = f"thread_in_block + {half * step}"
                self.lines.append(f"    if lane < {self.kernel.count}({half}):")
                self.lines += [f"        {combined(r, f'{t}[thread_in_block]', f'{t}[{other}]')}" for r, t in some]
                self.lines.append("    sync()")
                half //= 2
            self.lines += [f"    v{self.number[r]} = {t}[thread_in_block - i64(lane) * {step}]" for r, t in some]
            self.lines.append("    sync()")

    # ------------------------------------------------------------ one element

    def _body(self, totals: Sequence[Expr], kept: Sequence[Expr], stored: set[Expr], indent: str) -> None:
        """What the reductions `totals` and the results `kept` need. `stored` has what can be read back."""
        needed = {*kept, *(self.places[r.args[0]].base for r in totals)}
        for m in reversed(self.full):
            if m in needed and m not in stored:
                needed |= {self.places[a].base for a in m.args}
        for m in self.full:
            if m in needed and m not in stored:
                self._define(m, stored, indent)
        for r in totals:
            self.lines.append(indent + combined(r, f"v{self.number[r]}", self._operand(r, r.args[0], stored)))
        for m in kept:
            self._store(m, indent)

    def _define(self, m: Expr, stored: set[Expr], indent: str) -> None:
        operands = [self._operand(m, a, stored) for a in m.args]
        if m.op is CHECK:
            low, high = (dict(m.params)[k] for k in ("low", "high"))
            self.lines.append(f"{indent}if ({operands[0]} < {low}) | ({operands[0]} > {high}):")
            self.lines.append(f"{indent}    flag[0] = 1")
        self.lines.append(f"{indent}v{self.number[m]} = {element(m, operands)}")

    def _operand(self, m: Expr, a: Expr, stored: set[Expr]) -> str:
        base = self.places[a].base
        if base in stored:
            name = f"y{self.number[base]}"
        elif base in self.number:
            return f"v{self.number[base]}"
        else:
            name = self.reads[m, a]
        return f"{name}[{self.offsets[name]}]"

    def _store(self, m: Expr, indent: str) -> None:
        name, value = f"y{self.number[m]}", f"v{self.number[m]}"
        self.lines.append(f"{indent}{name}[{self.offsets[name]}] = {value}")
        if m in self.watched:
            self.lines.append(f"{indent}if {value} * 0.0 != 0.0:")
            self.lines.append(f"{indent}    flag[1] = 1")
