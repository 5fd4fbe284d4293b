"""A plan as a table of native instructions, with portable kernels where there is no native one."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from flowloom.backends.native import blas, driver
from flowloom.backends.native import kernels as kernels
from flowloom.backends.native.decomposition import decompose
from flowloom.backends.native.fusion import Fusion, Group, Item
from flowloom.backends.native.instructions import (
    LOWERINGS,
    Argument,
    Call,
    Flag,
    Function,
    Place,
    Scratch,
)
from flowloom.backends.native.layout import own_place
from flowloom.backends.native.loops import fused
from flowloom.backends.native.machine import Machine, machine
from flowloom.backends.native.templates import copy_of
from flowloom.backends.portable import NotFiniteError, check_finite, portable_call
from flowloom.compiler.expr import CONSTANT, INPUT, ITEM, Expr, toposort
from flowloom.compiler.plan import FreeList, Plan, aligned
from flowloom.spec import Spec, is_float

Array = np.ndarray[Any, Any]
LINE = 64
STEPS = 8  # where the number of steps stands among the driver's arguments; what is patched follows it
LEAST_WORK = 1e6  # elementary operations: a step with fewer is done before another thread has woken
LEAST_SHARE = 2e4  # of one instruction: one with fewer is done by one thread


class RefusedError(RuntimeError):
    """A kernel met a value that it refuses. The portable backend, run on the same inputs, says which and why."""


@dataclass(eq=False)
class Instruction:
    """A call with what it stands for: the expressions that it computes. Or a portable kernel (`call` is None)."""

    call: Call | None
    computes: tuple[Expr, ...]
    reads: tuple[Place, ...]
    writes: tuple[Expr, ...]
    portable: Callable[..., Any] | None = None


@dataclass(eq=False)
class Listing:
    """The instructions of a plan in order, and where everything lies; before anything is compiled."""

    plan: Plan
    outputs: tuple[Expr, ...]
    instructions: list[Instruction]
    sources: dict[Expr, Expr]
    unwatched: list[int]  # outputs that must be finite, and of which no instruction says whether they are
    offsets: dict[Expr, int] = field(default_factory=dict)
    arena_bytes: int = 0


def can_run(plan: Plan) -> bool:
    """Whether all values have sizes that are known beforehand, and are of numbers."""
    return all(_is_fixed(s) for e in (*plan.inputs, *plan.constants, *plan.steps) for s in _specs(e))


def _specs(e: Expr) -> tuple[Spec, ...]:
    return e.spec if isinstance(e.spec, tuple) else (e.spec,)


def _is_fixed(spec: Spec) -> bool:
    return spec.is_concrete and spec.dtype != object


def make_listing(plan: Plan, finite: Collection[int] = ()) -> Listing:
    """The instructions that compute a plan's outputs, and tell whether those at the positions `finite` are finite."""
    written, sources = decompose(plan.outputs)
    seen: set[Expr] = set()
    outputs = []
    for o in written:
        apart = not o.args or o.op.view or o.op is ITEM or o in seen
        seen.add(o)
        outputs.append(copy_of(o) if apart else o)
    order = toposort(outputs)
    leaves = [e for e in order if e.op in (INPUT, CONSTANT)]
    steps = [e for e in order if e.op not in (INPUT, CONSTANT)]
    fusion = Fusion(steps, leaves, outputs)
    watched = {outputs[k] for k in finite if is_float(outputs[k].dtype)}
    unwatched = [k for k in finite if outputs[k] in watched and not isinstance(fusion.item_of[outputs[k]], Group)]
    listing = Listing(plan, tuple(outputs), [], sources, unwatched)
    items = fusion.ordered()
    wanted = _needed(items, fusion, outputs)
    for item in items:
        listing.instructions += _instructions(item, fusion, wanted, watched)
    _place_all(listing)
    return listing


def _needed(items: Sequence[Item], fusion: Fusion, outputs: Sequence[Expr]) -> set[Expr]:
    """The expressions that must be in memory: those that another item reads, and the outputs."""
    needed = {fusion.places[o].base for o in outputs}
    for item in items:
        for m in item.members if isinstance(item, Group) else (item.e,):
            needed |= {
                b for a in m.args if a in fusion.places and fusion.item_of.get(b := fusion.places[a].base) is not item
            }
    return needed


def _instructions(item: Item, fusion: Fusion, wanted: set[Expr], watched: set[Expr]) -> list[Instruction]:
    if isinstance(item, Group):
        call = fused(item, fusion, wanted, watched)
        return [Instruction(call, tuple(item.members), _places(call), call.writes)]
    e = item.e
    operands = [fusion.places[a] for a in e.args]
    lower = LOWERINGS.get(e.op.name) if isinstance(e.spec, Spec) else None
    if lower is not None:
        copies: list[Instruction] = []
        calls = lower(e, operands, fusion.places[e])
        if calls is None and not all(p.is_dense for p in operands):
            operands, copies = _dense(operands, e.args)
            calls = lower(e, operands, fusion.places[e])
        if calls is not None:
            made = [calls] if isinstance(calls, Call) else calls
            return [*copies, *(Instruction(c, (e,), _places(c), c.writes) for c in made)]
        operands = [fusion.places[a] for a in e.args]
    items = tuple(x for x in fusion.item_of if x.op is ITEM and x.args[0] is e)
    writes = items if isinstance(e.spec, tuple) else (e,)
    return [Instruction(None, (e,), tuple(operands), writes, portable_call(e, writes))]


def _places(call: Call) -> tuple[Place, ...]:
    return tuple(a for a in call.args if isinstance(a, Place) and a.base not in call.writes)


def _dense(operands: Sequence[Place], args: Sequence[Expr]) -> tuple[list[Place], list[Instruction]]:
    """The operands in C order, and what copies those that are not."""
    ready, copies = [], []
    for place, a in zip(operands, args, strict=True):
        if place.is_dense:
            ready.append(place)
            continue
        copy = copy_of(a)
        small = Fusion([], [], [])
        small.places[a] = place
        group = Group(copy.spec.sizes, members=[copy])
        small.places[copy] = own_place(copy)
        small.item_of[copy] = group
        call = fused(group, small, {copy}, set())
        copies.append(Instruction(call, (copy,), (place,), (copy,)))
        ready.append(own_place(copy))
    return ready, copies


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
        for e in instruction.writes:
            if e not in outputs and e not in listing.offsets:
                listing.offsets[e] = free.take(aligned(e.spec.nbytes))
                leaving.setdefault(last[e], []).append(e)
        for e in leaving.pop(i, ()):
            free.give(listing.offsets[e], aligned(e.spec.nbytes))
    listing.arena_bytes = free.top


class NativeStep:
    """A plan ready to run. Calls are serialised, as they share the arena; results are arrays of their own.

    `finite` are the outputs, by position, that are asked about in `all_finite`.
    """

    def __init__(
        self, plan: Plan, finite: Iterable[int] = (), *, threads: int | None = None, on: Machine | None = None
    ) -> None:
        self.plan = plan
        self.listing = make_listing(plan, frozenset(finite))
        work = sum(i.call.work for i in self.listing.instructions if i.call is not None)
        self.threads = threads or (driver.most_threads() if work >= LEAST_WORK else 1)
        on = on or machine()
        addresses = {i.call.source: on.address(i.call.source) for i in self.listing.instructions if i.call is not None}
        self._lock = threading.Lock()
        self._table = _Table(self.listing, addresses, self.threads)
        self._buffers = [_Buffers(o) for o in self.listing.outputs]

    def __call__(self, inputs: Sequence[Array]) -> list[Array]:
        """Run on arrays for `plan.inputs`, in order and of their specs.

        Raises RefusedError, KernelError; NotFiniteError if one of the outputs that must be finite is not.
        """
        ready = [_in_order(a) for a in inputs]
        with self._lock, blas.one_thread(), np.errstate(all="ignore"):
            results = [b.free() for b in self._buffers]
            self._table.run(ready, results)
        check_finite(results, self.listing.unwatched)
        return results

    @property
    def repeats(self) -> bool:
        """Whether `repeat` can be called: all instructions are native, and say of all that must be finite if it is."""
        return len(self._table.segments) == 1 and not self.listing.unwatched

    def repeat(
        self, count: int, inputs: Sequence[Array | list[Array]], carried: Mapping[int, int | None]
    ) -> tuple[int, list[Array]]:
        """Run up to `count` times in one call of the machine: to the first time at which a value is refused or not
        finite.

        `inputs` has for each of the plan's one array, or a list of one for each time. What `carried` names is an output
        and the input that it is at the next time (None: none). Gives how many times were good, and for each output
        (times, ...) the values of those, or, if it is carried, the last.
        """
        with self._lock, blas.one_thread(), np.errstate(all="ignore"):
            width = len(inputs)
            starts = np.empty((count, width + len(self._buffers)), np.int64)
            given = [[_in_order(a) for a in each] if isinstance(each, list) else _in_order(each) for each in inputs]
            for k, each in enumerate(given):
                starts[:, k] = [_start(a) for a in each] if isinstance(each, list) else _start(each)
            stacks: list[Any] = []
            for k, buffers in enumerate(self._buffers):
                if k in carried:
                    pair = [buffers.free()]
                    pair.append(buffers.free())
                    starts[0::2, width + k], starts[1::2, width + k] = _start(pair[0]), _start(pair[1])
                    target = carried[k]
                    if target is not None:
                        starts[1:, target] = starts[:-1, width + k]
                    stacks.append(pair)
                else:
                    stack = np.empty((count, *buffers.spec.sizes), buffers.spec.dtype)
                    starts[:, width + k] = _start(stack) + np.arange(count) * buffers.spec.nbytes
                    stacks.append(stack)
            done = self._table.repeat(starts)
        results = []
        for k, stack in enumerate(stacks):
            if k not in carried:
                results.append(stack[:done])
            elif done:
                results.append(stack[(done - 1) % 2])
            else:
                target = carried[k]
                results.append(stack[0] if target is None else given[target])
        return done, results


def _in_order(a: Array) -> Array:
    return a if a.flags.c_contiguous else np.ascontiguousarray(a)


def _start(a: Array) -> int:
    return int(a.__array_interface__["data"][0])


class _Buffers:
    """Arrays for one output: those that nobody else holds any more are used again."""

    def __init__(self, output: Expr) -> None:
        self.spec: Spec = output.spec
        self._arrays: list[Array] = []

    def free(self) -> Array:
        """An array that may be written to."""
        for i in range(len(self._arrays)):
            if sys.getrefcount(self._arrays[i]) == 2:
                return self._arrays[i]
        made = np.empty(self.spec.sizes, self.spec.dtype)
        if len(self._arrays) < 4:
            self._arrays.append(made)
        return made


class _Table:
    """The instructions with their addresses. Those of inputs and outputs are filled in at each call."""

    def __init__(self, listing: Listing, addresses: dict[str, int], threads: int) -> None:
        self.listing, self.threads = listing, threads
        calls = [i.call for i in listing.instructions if i.call is not None]
        scratch = max((aligned(a.bytes) for c in calls for a in c.args if isinstance(a, Scratch)), default=0)
        parts = max((sum(isinstance(a, Scratch) for a in c.args) for c in calls), default=0)
        self._scratch_part = scratch * threads
        self._memory = _aligned_bytes(listing.arena_bytes + self._scratch_part * parts)
        self._base = self._memory.ctypes.data
        self._flag = np.zeros(8, np.int64)
        self._inputs = {e: k for k, e in enumerate(listing.plan.inputs)}
        self._outputs = {o: k for k, o in enumerate(listing.outputs)}
        self._constants = {
            p.base: np.ascontiguousarray(p.base.value)
            for i in listing.instructions
            for p in i.reads
            if p.base.op is CONSTANT
        }
        self._values: list[int] = []
        self._varying: list[tuple[int, int, int]] = []  # (position, which input or output, bytes into it)
        self.segments: list[_Segment | Instruction] = []
        for instruction in listing.instructions:
            if instruction.call is None:
                self.segments.append(instruction)
                continue
            if not self.segments or isinstance(self.segments[-1], Instruction):
                self.segments.append(_Segment())
            segment = self.segments[-1]
            assert isinstance(segment, _Segment)
            segment.add(instruction, addresses[instruction.call.source], len(self._values))
            self._bind(instruction.call)
        self._blocks = np.array(self._values, np.int64)
        start = self._blocks.ctypes.data
        self.segments = [
            s.finish(start, self._flag, listing.offsets) if isinstance(s, _Segment) else s for s in self.segments
        ]
        varying = np.array(self._varying, np.int64).reshape(-1, 3).T
        self._where, self._which, self._beyond = varying

    def _bind(self, call: Call) -> None:
        part = 0
        for a in call.args:
            if isinstance(a, Scratch):
                self._values.append(self._base + self.listing.arena_bytes + part * self._scratch_part)
                part += 1
            else:
                self._values.append(self._number(a))

    def _number(self, a: Argument) -> int:
        match a:
            case Place():
                beyond = a.offset * a.dtype.itemsize
                if a.base in self._outputs or a.base in self._inputs:
                    which = self._inputs.get(a.base)
                    which = len(self._inputs) + self._outputs[a.base] if which is None else which
                    self._varying.append((len(self._values), which, beyond))
                    return 0
                if a.base in self._constants:
                    return int(self._constants[a.base].ctypes.data) + beyond
                return self._base + self.listing.offsets[a.base] + beyond
            case Function():
                return blas.address(a.name)
            case Flag():
                return int(self._flag.ctypes.data)
            case float():
                return int(np.array(a, np.float64).view(np.int64))
            case int():
                return a
            case Scratch():
                raise TypeError("scratch memory is bound by its position")

    def run(self, inputs: Sequence[Array], outputs: Sequence[Array]) -> None:
        given = [*inputs, *outputs]
        if self._varying:
            starts = np.array([a.__array_interface__["data"][0] for a in given], np.int64)
            self._blocks[self._where] = starts[self._which] + self._beyond
        self._flag[:2] = 0
        for segment in self.segments:
            if isinstance(segment, _Segment):
                segment.run(self.threads)
                if self._flag[0]:
                    raise RefusedError
            else:
                self._run_portable(segment, given)
        if self._flag[1]:
            raise NotFiniteError

    def repeat(self, starts: Array) -> int:
        """Run once for each row of `starts`, the addresses of all inputs and outputs; how many times were good."""
        (segment,) = self.segments
        assert isinstance(segment, _Segment)
        values = np.ascontiguousarray(starts[:, self._which] + self._beyond)
        where = self._blocks.ctypes.data + 8 * self._where
        self._flag[:2] = 0
        return segment.repeat(self.threads, len(starts), where, values)

    def _run_portable(self, instruction: Instruction, given: Sequence[Array]) -> None:
        assert instruction.portable is not None
        arrays = [self._array(p, given) for p in instruction.reads]
        targets = [self._array(own_place(e), given) for e in instruction.writes]
        instruction.portable(arrays, targets)

    def _array(self, place: Place, given: Sequence[Array]) -> Array:
        """The array that a place is."""
        base = place.base
        if base in self._inputs:
            memory = given[self._inputs[base]].reshape(-1)
        elif base in self._outputs:
            memory = given[len(self._inputs) + self._outputs[base]].reshape(-1)
        elif base in self._constants:
            memory = self._constants[base].reshape(-1)
        elif base.op is CONSTANT:
            memory = np.ascontiguousarray(base.value).reshape(-1)
        else:
            start = self.listing.offsets[base]
            memory = self._memory[start : start + base.spec.nbytes].view(base.spec.dtype)
        steps = [s * place.dtype.itemsize for s in place.strides]
        return np.lib.stride_tricks.as_strided(memory[place.offset :], place.shape, steps)


class _Segment:
    """Native instructions that follow each other."""

    def __init__(self) -> None:
        self.instructions: list[Instruction] = []
        self._functions: list[int] = []
        self._offsets: list[int] = []

    def add(self, instruction: Instruction, function: int, offset: int) -> None:
        self.instructions.append(instruction)
        self._functions.append(function)
        self._offsets.append(offset)

    def finish(self, blocks: int, flag: Array, offsets: dict[Expr, int]) -> _Segment:
        count = len(self.instructions)
        self.functions = np.array(self._functions, np.int64)
        self.blocks = np.array(self._offsets, np.int64) * 8 + blocks
        shared = [i.call is not None and i.call.parallel and i.call.work >= LEAST_SHARE for i in self.instructions]
        self.shared = np.array(shared, np.uint8)
        self.waits = np.array(_waits(self.instructions, shared, offsets), np.uint8)
        self.cycles = np.zeros(count, np.int64)
        self.meeting = np.zeros(32, np.int64)
        self.done = np.zeros(8, np.int64)
        arrays = (self.functions, self.blocks, self.shared, self.waits, self.cycles)
        self._args = np.array(
            [*(a.ctypes.data for a in arrays), count, self.meeting.ctypes.data, flag.ctypes.data, 1, 0, 0, 0]
            + [self.done.ctypes.data],
            np.int64,
        )
        return self

    def run(self, threads: int) -> None:
        """Run once."""
        self._args[STEPS : STEPS + 2] = 1, 0
        self._start(threads)

    def repeat(self, threads: int, steps: int, where: Array, values: Array) -> int:
        """Run `steps` times with other addresses each time; how many times were good."""
        self._args[STEPS : STEPS + 4] = steps, len(where), where.ctypes.data, values.ctypes.data
        self.done[0] = 0
        self._start(threads)
        return int(self.done[0])

    def _start(self, threads: int) -> None:
        address = self._args.ctypes.data
        if threads == 1:
            driver.driver()(address, 0, 1)
        else:
            driver.team(threads).run(address)


def _waits(instructions: Sequence[Instruction], shared: Sequence[bool], offsets: dict[Expr, int]) -> list[bool]:
    """Before which instructions the threads must meet: those that touch what other threads may still be at."""
    waits: list[bool] = []
    since: list[tuple[Instruction, bool]] = []
    for instruction, together in zip(instructions, shared, strict=True):
        wait = any((together or other) and _conflict(instruction, i, offsets) for i, other in since)
        if wait:
            since = []
        since.append((instruction, together))
        waits.append(wait)
    return waits


def _conflict(one: Instruction, other: Instruction, offsets: dict[Expr, int]) -> bool:
    """Whether one of the two writes what the other reads or writes, or both use the scratch memory."""
    mine, theirs = _touched(one, offsets), _touched(other, offsets)
    return any(
        (writes or writes_too) and base == base_too and start < end_too and start_too < end
        for base, start, end, writes in mine
        for base_too, start_too, end_too, writes_too in theirs
    )


def _touched(i: Instruction, offsets: dict[Expr, int]) -> list[tuple[Expr | None, int, int, bool]]:
    """Each piece of memory that it uses: in the arena, or the whole of another expression; and if it writes there."""
    found: list[tuple[Expr | None, int, int, bool]] = []
    for base, writes in [*((p.base, False) for p in i.reads), *((e, True) for e in i.writes)]:
        start = offsets.get(base)
        found.append((base, 0, 1, writes) if start is None else (None, start, start + base.spec.nbytes, writes))
    return found


def _aligned_bytes(count: int) -> Array:
    raw = np.empty(count + LINE, np.uint8)
    skip = -raw.ctypes.data % LINE
    return raw[skip : skip + count]
