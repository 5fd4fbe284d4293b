"""A plan as launches of kernels and library calls on one stream, over one block of the GPU's memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby, pairwise
from typing import Any

import numpy as np

from flowloom.backends.cuda.device import Device, device, fall_back
from flowloom.backends.cuda.kernels import KERNELS
from flowloom.backends.cuda.language import BLOCK, parameter_types
from flowloom.backends.cuda.memory import Memory
from flowloom.backends.cuda.repeating import Repeat
from flowloom.backends.native.instructions import Argument, Call, Flag, Instruction, Place, calling
from flowloom.backends.native.layout import own_place
from flowloom.backends.native.listing import make_listing
from flowloom.backends.portable import NotFiniteError, RefusedError, check_finite
from flowloom.compiler.expr import CONSTANT, Expr
from flowloom.compiler.plan import Plan

Array = np.ndarray[Any, Any]
WARM = 2  # runs before anything is captured: kernels are loaded in the first, the second is timed
WORK = 16 * BLOCK  # elementary operations for each block of a kernel that does not say how many it needs
WATCHED = {"float32": "f32", "float64": "f64"}
NUMBERS: dict[str, Any] = {"f32": np.float32, "f64": np.float64, "i32": np.int32, "i64": np.int64}

_WATCH = """
def watch(x: [TYPE], n: i64, flag: [i64]):
    for i in range(thread, n, threads):
        if x[i] * 0.0 != 0.0:
            flag[1] = 1
"""


class CudaStep:
    """A plan ready to run. Calls are serialised, as they share the GPU's stream; results are arrays of their own.

    Outputs at the positions `finite` must be finite.
    """

    backend = "cuda"
    threads = 1  # of the host

    def __init__(self, plan: Plan, finite: Iterable[int] = (), *, on: Device | None = None) -> None:
        self.plan = plan
        self.listing = make_listing(plan, frozenset(finite), KERNELS)
        outputs = self.listing.outputs
        watched = [k for k in self.listing.unwatched if outputs[k].dtype.name in WATCHED]
        self.listing.instructions += [_watching(outputs[k]) for k in watched]
        self._unwatched = [k for k in self.listing.unwatched if k not in watched]
        self._device = on or device()
        for i in self.listing.instructions:  # compiled before other threads are kept waiting
            if i.call is not None and i.call.library is None:
                self._device.function(i.call.source)
        with self._device.current():
            self._memory = Memory(self._device, plan.inputs, self.listing.outputs, self._constants(), self.listing)
            # What each instruction is run by. What a CUDA graph may not hold has `capturable`, which is False.
            self.calls = [self._bound(i) for i in self.listing.instructions]
        self._segments: list[Callable[[], None]] | None = None
        self._runs = self._timed = 0
        self._seconds = np.zeros(len(self.calls))

    def __call__(self, inputs: Sequence[Array]) -> list[Array]:
        """Run on arrays for `plan.inputs`, in order and of their specs.

        Raises RefusedError, KernelError; NotFiniteError if one of the outputs that must be finite is not.
        """
        return self._once(inputs, timed=False)

    def timed(self, inputs: Sequence[Array]) -> list[Array]:
        """Run with a clock around each instruction; `spent` has what it showed."""
        return self._once(inputs, timed=True)

    def spent(self) -> tuple[int, Array]:
        """How many runs were timed so far, and the seconds that each instruction took in all, float64 (n,)."""
        return self._timed, self._seconds.copy()

    @property
    def repeats(self) -> bool:
        """Whether `repeat` can be called: it is told of all that must be finite whether it is."""
        return not self._unwatched

    def repeat(
        self, count: int, inputs: Sequence[Array | list[Array]], carried: Mapping[int, int | None]
    ) -> tuple[int, list[Array]]:
        """Run up to `count` times: to the first time at which a value is refused or not finite. What is carried stays
        on the device.

        `inputs` has for each of the plan's one array, a list of one for each time, or those as one array with an axis
        more. What `carried` names is an output and the input that it is at the next time (None: none). Gives how many
        times were good, and for each output (times, ...) the values of those, or, if it is carried, the last. None was
        where there is no memory for what all of them read and give.
        """
        with self._device.current():
            try:
                made = Repeat(self._device, self._memory, self.listing.outputs, count, inputs, carried)
            except MemoryError:
                return 0, []
            return made.run(self._go)

    def _once(self, inputs: Sequence[Array], *, timed: bool) -> list[Array]:
        memory = self._memory
        with self._device.current():
            memory.give(inputs)
            self._go(timed=timed)
            refused, infinite, _ = memory.take()
            if refused:
                raise RefusedError
            if infinite:
                raise NotFiniteError
            results = memory.results()
        check_finite(results, self._unwatched)
        return results

    # ------------------------------------------------------------ running

    def _go(self, *, timed: bool = False) -> None:
        """Run all instructions once."""
        self._runs += 1
        if timed or self._runs == WARM:
            self._go_timed()
            return
        if self._segments is None and self._runs > WARM:
            self._segments = self._captured()
        with np.errstate(all="ignore"):
            for call in self._segments or self.calls:
                call()

    def _go_timed(self) -> None:
        events = [self._device.xp.cuda.Event() for _ in range(len(self.calls) + 1)]
        events[0].record(self._device.stream)
        with np.errstate(all="ignore"):
            for call, event in zip(self.calls, events[1:], strict=True):
                call()
                event.record(self._device.stream)
        self._device.stream.synchronize()
        elapsed = self._device.xp.cuda.get_elapsed_time  # milliseconds
        self._seconds += [elapsed(a, b) / 1e3 for a, b in pairwise(events)]
        self._timed += 1

    def _captured(self) -> list[Callable[[], None]]:
        """The calls, those that follow each other and may be captured as one CUDA graph; as they are, if that fails."""
        made: list[Callable[[], None]] = []
        try:
            for capturable, group in groupby(self.calls, key=lambda call: getattr(call, "capturable", True)):
                calls = list(group)
                made += [self._device.captured(calls)] if capturable and len(calls) > 1 else calls
        except MemoryError:
            raise
        except Exception as error:  # a library, or a driver, that does not allow it: each has an error of its own
            fall_back("what could be one CUDA graph", "single launches", error)
            return self.calls
        return made

    # ------------------------------------------------------------ binding

    def _constants(self) -> list[Expr]:
        places = [p for i in self.listing.instructions for p in i.reads]
        return list(dict.fromkeys(p.base for p in places if p.base.op is CONSTANT))

    def _bound(self, instruction: Instruction) -> Callable[[], None]:
        """The instruction with its addresses."""
        call = instruction.call
        assert call is not None
        if call.library is not None:
            arrays = [self._memory.array(a) for a in call.args if isinstance(a, Place)]
            return call.library(self._device, *arrays)
        kernel = self._device.function(call.source)
        types = parameter_types(call.source)
        args = tuple(self._argument(a, t.name) for a, t in zip(call.args, types, strict=True))
        blocks = 1 if not call.parallel else call.blocks or int(min(max(call.work / WORK, 1), 4096))
        return lambda: kernel(blocks, args)

    def _argument(self, a: Argument, kind: str) -> Any:
        if isinstance(a, Place):
            return np.uint64(self._memory.pointer(a).ptr)
        if isinstance(a, Flag):
            return np.uint64(self._memory.flags.ptr)
        if isinstance(a, int | float):
            return NUMBERS[kind](a)
        raise TypeError(f"{type(a).__name__} is not for GPUs")


def _watching(output: Expr) -> Instruction:
    """The instruction that tells whether an output is finite."""
    call = Call(
        _WATCH.replace("TYPE", WATCHED[output.dtype.name]),
        (own_place(output), output.spec.size, Flag()),
        (),
        True,
        output.spec.size,
    )
    return calling(call, (output,))
