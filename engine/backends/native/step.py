"""A plan as a table of native instructions, with portable kernels where there is no native one."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from ctypes import addressof, c_char
from typing import Any

import numpy as np

from flowloom.backends.native import blas, driver
from flowloom.backends.native.clock import seconds_per_cycle
from flowloom.backends.native.instructions import Argument, Call, Flag, Function, Instruction, Place, Scratch
from flowloom.backends.native.layout import own_place
from flowloom.backends.native.listing import Listing, make_listing
from flowloom.backends.native.machine import Machine, machine
from flowloom.backends.portable import NotFiniteError, check_finite
from flowloom.compiler.expr import CONSTANT, Expr
from flowloom.compiler.plan import Plan, aligned
from flowloom.spec import Spec

Array = np.ndarray[Any, Any]
LINE = 64
STEPS = 7  # where the number of steps stands among the driver's arguments; what is patched follows it
LEAST_WORK = 1e6  # elementary operations: a step with fewer is done before another thread has woken
LEAST_SHARE = 2e5  # of one instruction: with fewer, fetching what the other core has written takes longer than it saves


class RefusedError(RuntimeError):
    """A kernel met a value that it refuses. The portable backend, run on the same inputs, says which and why."""


class NativeStep:
    """A plan ready to run. Calls are serialised, as they share the arena; results are arrays of their own.

    Outputs at the positions `finite` must be finite.
    """

    backend = "native"

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
        calls = [i.call for i in self.listing.instructions if i.call is not None]
        products = any(isinstance(a, Function) for c in calls for a in c.args)
        self._alone = blas.one_thread if products else nullcontext

    def __call__(self, inputs: Sequence[Array]) -> list[Array]:
        """Run on arrays for `plan.inputs`, in order and of their specs.

        Raises RefusedError, KernelError; NotFiniteError if one of the outputs that must be finite is not.
        """
        ready = [_in_order(a) for a in inputs]
        with self._lock, self._alone():
            results = [b.free() for b in self._buffers]
            self._table.run(ready, results)
        check_finite(results, self.listing.unwatched)
        return results

    timed = __call__  # its clock never stops

    def spent(self) -> tuple[int, Array]:
        """How often it has run so far, and the seconds that each instruction of `listing` took in all, float64 (n,).

        What an instruction waits for the other threads counts for it.
        """
        cycle = seconds_per_cycle()
        with self._lock:
            return self._table.runs, self._table.seconds(cycle)

    @property
    def repeats(self) -> bool:
        """Whether `repeat` can be called: all instructions are native, and say of all that must be finite if it is."""
        return len(self._table.segments) == 1 and not self.listing.unwatched

    def repeat(
        self, count: int, inputs: Sequence[Array | list[Array]], carried: Mapping[int, int | None]
    ) -> tuple[int, list[Array]]:
        """Run up to `count` times in one call of the machine: to the first time at which a value is refused or not
        finite.

        `inputs` has for each of the plan's one array, a list of one for each time, or those as one array with an axis
        more. What `carried` names is an output and the input that it is at the next time (None: none). Gives how many
        times were good, and for each output (times, ...) the values of those, or, if it is carried, the last.
        """
        with self._lock, self._alone():
            width = len(inputs)
            starts = np.empty((count, width + len(self._buffers)), np.int64)
            given = [[_in_order(a) for a in each] if isinstance(each, list) else _in_order(each) for each in inputs]
            for k, (each, e) in enumerate(zip(given, self.plan.inputs, strict=True)):
                if isinstance(each, list):
                    starts[:, k] = [_start(a) for a in each]
                elif each.ndim > e.spec.ndim:
                    starts[:, k] = _start(each) + e.spec.nbytes * np.arange(count)
                else:
                    starts[:, k] = _start(each)
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
    try:
        return addressof(c_char.from_buffer(a))  # type: ignore[arg-type]  # in a third of the time of what follows, which is for any array
    except (TypeError, ValueError):
        return a.ctypes.data


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
        self.runs = 0
        self._portable: dict[Instruction, float] = {}  # seconds
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
        for segment in self.segments:
            if isinstance(segment, _Segment):
                segment.finish(start, self._flag, self._blocks, self._memory)
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
            starts = np.array([_start(a) for a in given], np.int64)
            self._blocks[self._where] = starts[self._which] + self._beyond
        self._flag[:2] = 0
        self.runs += 1
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
        done = segment.repeat(self.threads, len(starts), where, values)
        self.runs += min(done + 1, len(starts))
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

    def finish(self, blocks: int, flag: Array, *memory: Any) -> None:
        """Fill in the addresses. All that lies in `memory` stays alive with the segment, which helpers hold longest."""
        count = len(self.instructions)
        self._memory = (flag, *memory)
        self.functions = np.array(self._functions, np.int64)
        self.blocks = np.array(self._offsets, np.int64) * 8 + blocks
        shared = [i.call is not None and i.call.parallel and i.call.work >= LEAST_SHARE for i in self.instructions]
        self.shared = np.array(shared, np.uint8)
        self.cycles = np.zeros(count, np.int64)
        self._offer = np.full(16, -1, np.int64)
        self._finished = np.zeros(8, np.int64)
        starts = (a.ctypes.data for a in (self.functions, self.blocks, self.shared, self.cycles))
        ends = (count, self._offer.ctypes.data, flag.ctypes.data, 1, 0, 0, 0, self._finished.ctypes.data)
        self._args = np.array([*starts, *ends], np.int64)
        self.arguments: int = self._args.ctypes.data

    def run(self, threads: int) -> None:
        """Run once."""
        self._args[STEPS : STEPS + 2] = 1, 0
        self._start(threads)

    def repeat(self, threads: int, steps: int, where: Array, values: Array) -> int:
        """Run `steps` times with other addresses each time; how many times were good."""
        self._args[STEPS : STEPS + 4] = steps, len(where), where.ctypes.data, values.ctypes.data
        self._finished[0] = 0
        self._start(threads)
        return int(self._finished[0])

    def _start(self, threads: int) -> None:
        if threads == 1:
            driver.driver()(self.arguments, 0, 1)
        else:
            driver.team(threads).run(self)


def _aligned_bytes(count: int) -> Array:
    raw = np.empty(count + LINE, np.uint8)
    skip = -raw.ctypes.data % LINE
    return raw[skip : skip + count]
