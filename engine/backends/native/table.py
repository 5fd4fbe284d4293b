"""The table: what a step's instructions are called with, by address, in the form that the driver runs."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from flowloom.backends.native import driver
from flowloom.backends.native.instructions import Argument, Call, Flag, Instruction, Place, Scratch
from flowloom.backends.native.layout import own_place
from flowloom.backends.native.listing import Listing
from flowloom.backends.portable import NotFiniteError, RefusedError
from flowloom.compiler.expr import CONSTANT
from flowloom.compiler.memory import aligned, empty, on_a_line, start_of

Array = np.ndarray[Any, Any]
VERSIONS = 3  # of an instruction's arguments; see the driver
STEPS = 7  # where the number of steps stands among the driver's arguments; what is patched follows it
LEAST_SHARE = 2e5  # work of one instruction: with less, fetching what the other core wrote takes longer than it saves


class Table:
    """The instructions with their addresses. Those of inputs and outputs are filled in at each call."""

    def __init__(self, listing: Listing, addresses: dict[str, int], threads: int) -> None:
        self.listing, self.threads = listing, threads
        self.runs = 0
        self._portable: dict[Instruction, float] = {}  # seconds
        calls = [i.call for i in listing.instructions if i.call is not None]
        scratch = max((aligned(a.bytes) for c in calls for a in c.args if isinstance(a, Scratch)), default=0)
        parts = max((sum(isinstance(a, Scratch) for a in c.args) for c in calls), default=0)
        self._scratch_part = scratch * threads
        self._memory = empty((listing.arena_bytes + self._scratch_part * parts,), np.uint8)
        self._base = self._memory.ctypes.data
        self._flag = np.zeros(8, np.int64)
        self._inputs = {e: k for k, e in enumerate(listing.plan.inputs)}
        self._outputs = {o: k for k, o in enumerate(listing.outputs)}
        self._constants = {
            p.base: on_a_line(np.asarray(p.base.value))
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
        self._blocks = np.tile(np.array(self._values, np.int64), (VERSIONS, 1))
        for segment in self.segments:
            if isinstance(segment, _Segment):
                segment.finish(self._flag, self._blocks, self._memory)
        varying = np.array(self._varying, np.int64).reshape(-1, 3).T
        self._where, self._which, self._beyond = varying
        self._each = [np.flatnonzero(self._which == k) for k in range(len(self._inputs) + len(self._outputs))]
        self._spots = [[*zip(self._where[e].tolist(), self._beyond[e].tolist(), strict=True)] for e in self._each]
        self._first = self._blocks[0].data
        self._flags = self._flag.data
        self._forget()

    def _forget(self) -> None:
        self._starts = [0] * len(self._each)
        self._last: list[Callable[[], Array | None]] = [lambda: None] * len(
            self._each
        )  # inputs and outputs, while there

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
            case Flag():
                return int(self._flag.ctypes.data)
            case float():
                return int(np.array(a, np.float64).view(np.int64))
            case int():
                return a
            case Scratch():
                raise TypeError("scratch memory is bound by its position")

    def bind(self, arrays: list[Array]) -> None:
        """Fill in where inputs and outputs lie; in the list, one that is not in C order is replaced by a copy."""
        last = self._last
        for k, a in enumerate(arrays):
            if a is not last[k]():
                arrays[k] = a = in_order(a)
                last[k] = weakref.ref(a)
                if (start := start_of(a)) != self._starts[k]:
                    self._starts[k] = start
                    for position, beyond in self._spots[k]:
                        self._first[position] = start + beyond

    def run(self, given: Sequence[Array]) -> None:
        """Run once on the arrays that were bound. Raises RefusedError, KernelError, NotFiniteError."""
        self._flags[0] = self._flags[1] = 0
        self.runs += 1
        for segment in self.segments:
            if isinstance(segment, _Segment):
                segment.run(self.threads)
                if self._flags[0]:
                    raise RefusedError
            else:
                self._run_portable(segment, given)
        if self._flags[1]:
            raise NotFiniteError

    def repeat(self, starts: Array, moving: Mapping[int, Any], count: int) -> int:
        """Run up to `count` times; how many of them were good.

        `starts` has the addresses of all inputs and outputs, a row for each version; `moving` those of one each time.
        """
        (segment,) = self.segments
        assert isinstance(segment, _Segment)
        self._forget()
        self._blocks[:, self._where] = starts[:, self._which] + self._beyond
        where = [self._each[k] for k in moving]
        values = np.empty((count, sum(map(len, where))), np.int64)
        begin = 0
        for places, each in zip(where, moving.values(), strict=True):
            values[:, begin : begin + len(places)] = np.add.outer(each, self._beyond[places])
            begin += len(places)
        positions = self._where[np.concatenate(where)] if where else np.empty(0, np.int64)
        rows = self._blocks.ctypes.data + self._blocks.strides[0] * np.arange(VERSIONS)
        self._flags[0] = self._flags[1] = 0
        done = segment.repeat(self.threads, count, np.add.outer(rows, 8 * positions), values)
        self.runs += min(done + 1, count)
        return done

    def seconds(self, cycle: float) -> Array:
        """What each instruction took in all runs; `cycle` is what one of the counter takes."""
        spent = dict(self._portable)
        for segment in self.segments:
            if isinstance(segment, _Segment):
                spent |= zip(segment.instructions, segment.cycles * cycle, strict=True)
        return np.array([spent.get(i, 0.0) for i in self.listing.instructions])

    def _run_portable(self, instruction: Instruction, given: Sequence[Array]) -> None:
        assert instruction.portable is not None
        began = time.perf_counter()
        arrays = [self._array(p, given) for p in instruction.reads]
        targets = [self._array(own_place(e), given) for e in instruction.writes]
        with np.errstate(all="ignore"):
            instruction.portable(arrays, targets)
        self._portable[instruction] = self._portable.get(instruction, 0.0) + time.perf_counter() - began

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
        return np.ndarray(place.shape, place.dtype, memory, place.offset * place.dtype.itemsize, steps)


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

    def finish(self, flag: Array, blocks: Array, memory: Array) -> None:
        """Fill in the addresses. The memory stays alive with the segment."""
        count = len(self.instructions)
        self._memory = flag, blocks, memory
        self.functions = np.array(self._functions, np.int64)
        rows = blocks.ctypes.data + blocks.strides[0] * np.arange(VERSIONS)
        self.blocks = np.add.outer(rows, np.array(self._offsets, np.int64) * 8)
        shared = [i.call is not None and i.call.parallel and i.call.work >= LEAST_SHARE for i in self.instructions]
        self.shared = np.array(shared, np.uint8)
        self._helped = any(shared)
        self.cycles = np.zeros(count, np.int64)
        self._finished = np.zeros(8, np.int64)
        starts = (a.ctypes.data for a in (self.functions, self.blocks, self.shared, self.cycles))
        ends = (count, 0, flag.ctypes.data, 1, 0, 0, 0, self._finished.ctypes.data)
        args = np.array([*starts, *ends], np.int64)
        self._address: int = args.ctypes.data
        self._args = args.data
        self._lead = driver.leader()

    def run(self, threads: int) -> None:
        """Run once."""
        self._args[STEPS], self._args[STEPS + 1] = 1, 0
        self._start(threads)

    def repeat(self, threads: int, steps: int, where: Array, values: Array) -> int:
        """Run up to `steps` times, with a row of `values` each, at its version's row of `where`; how many were good."""
        self._args[STEPS], self._args[STEPS + 1] = steps, values.shape[1]
        self._args[STEPS + 2], self._args[STEPS + 3] = where.ctypes.data, values.ctypes.data
        self._finished[0] = 0
        self._start(threads)
        return int(self._finished[0])

    def _start(self, threads: int) -> None:
        if threads > 1 and self._helped:
            driver.team(threads).run(self._args, self._address)
        else:
            self._lead(self._address, 0, threads)


def in_order(a: Array) -> Array:
    """The array, or a copy in C order."""
    return a if a.flags.c_contiguous else np.ascontiguousarray(a)
