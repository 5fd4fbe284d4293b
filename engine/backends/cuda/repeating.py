"""Repeating: several runs of a step without the host in between."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from flowloom.backends.cuda.device import Device
from flowloom.backends.cuda.language import BLOCK
from flowloom.backends.cuda.memory import Memory, read, write
from flowloom.compiler.expr import Expr
from flowloom.compiler.memory import aligned

Array = np.ndarray[Any, Any]
MOST_BLOCKS = 1024  # of threads that copy

_KEEP = """
def keep(y: [TYPE], x: [TYPE], n: i64, flag: [i64]):
    if (flag[0] == 0) & (flag[1] == 0):
        for i in range(thread, n, threads):
            y[i] = x[i]
"""
_COUNT = """
def count(flag: [i64]):
    if (flag[0] == 0) & (flag[1] == 0) & (thread == 0):
        flag[2] = flag[2] + 1
"""


class Repeat:
    """Several runs without the host in between: what one gives is what the next one reads, as long as all goes well.

    What is measured is stacked up. A run that is not good leaves what is carried as the one before gave it, and so do
    those after it: their flags stay up.
    """

    def __init__(
        self,
        on: Device,
        memory: Memory,
        outputs: Sequence[Expr],
        count: int,
        inputs: Sequence[Array | list[Array]],
        carried: Mapping[int, int | None],
    ) -> None:
        self._device, self._memory, self._count = on, memory, count
        leaves = memory.inputs
        each = {k: a for k, (a, e) in enumerate(zip(inputs, leaves, strict=True)) if _varies(a, e)}
        first: list[Any] = [a[0] if k in each else a for k, a in enumerate(inputs)]
        memory.give(first)
        self._coming = _Stacks(on, [leaves[k] for k in each], count)
        self._coming.send(list(each.values()))
        spare = [outputs[k] for k, target in carried.items() if target is None]
        self._kept = _Stacks(on, spare, 1)
        self._measured = _Stacks(on, [o for k, o in enumerate(outputs) if k not in carried], count)
        lost = iter(range(len(spare)))
        self._carried = {
            k: self._kept.at(next(lost), 0) if target is None else memory.start(leaves[target])
            for k, target in carried.items()
        }
        self._outputs = outputs

    def run(self, go: Callable[[], None]) -> tuple[int, list[Array]]:
        """Run with `go`; how many times were good, and what `CudaStep.repeat` gives."""
        memory = self._memory
        keeps = [self._keeping(self._outputs[k], target) for k, target in self._carried.items()]
        counted = self._device.function(_COUNT)
        for turn in range(self._count):
            self._coming.unpack(turn, memory)
            try:
                go()
            except Exception:  # a library's kernel refused a value; the run alone, later, says which
                break
            self._measured.pack(turn, memory)
            for keep in keeps:
                keep()
            counted(1, (np.uint64(memory.flags.ptr),))
        self._measured.download()
        staged = {k: self._downloaded(self._outputs[k], pointer) for k, pointer in self._carried.items()}
        _, _, good = memory.take()
        measured = iter(self._measured.values())
        return good, [
            read(staged[k], 0, o) if k in staged else next(measured)[:good] for k, o in enumerate(self._outputs)
        ]

    def _keeping(self, output: Expr, target: Any) -> Callable[[], None]:
        """The launch that copies an output to where it is read next, if all is well."""
        kind, n = _words(output)
        kernel = self._device.function(_KEEP.replace("TYPE", kind))
        flags, source = self._memory.flags, self._memory.start(output)
        args = (np.uint64(target.ptr), np.uint64(source.ptr), np.int64(n), np.uint64(flags.ptr))
        return lambda: kernel(min(max(n // BLOCK, 1), MOST_BLOCKS), args)

    def _downloaded(self, output: Expr, pointer: Any) -> Array:
        staged = self._device.staging(output.spec.nbytes, pooled=True)
        self._device.download(pointer, staged[: output.spec.nbytes])
        return staged


class _Stacks:
    """So many values of each of some expressions, one after the other, on the device."""

    def __init__(self, on: Device, expressions: Sequence[Expr], count: int) -> None:
        self._device, self._expressions, self._count = on, expressions, count
        self._starts = [0]
        for e in expressions:
            self._starts.append(self._starts[-1] + aligned(e.spec.nbytes * count))
        self._memory = on.memory(self._starts[-1])
        self._staged = on.staging(self._starts[-1], pooled=True)

    def at(self, k: int, turn: int) -> Any:
        """Where the value of expression `k` at a turn is."""
        return self._memory + (self._starts[k] + turn * self._expressions[k].spec.nbytes)

    def send(self, values: Sequence[Array | list[Array]]) -> None:
        """Copy all values to the device: for each expression an array, or a list, of one for each turn."""
        for k, each in enumerate(values):
            for turn in range(self._count):
                write(self._staged, self._starts[k] + turn * self._expressions[k].spec.nbytes, each[turn])
        if self._starts[-1]:
            self._device.upload(self._memory, self._staged[: self._starts[-1]])

    def unpack(self, turn: int, memory: Memory) -> None:
        """Put the values of one turn to where they are read."""
        for k, e in enumerate(self._expressions):
            self._device.copy(memory.start(e), self.at(k, turn), e.spec.nbytes)

    def pack(self, turn: int, memory: Memory) -> None:
        """Take the values of one turn from where they were written."""
        for k, e in enumerate(self._expressions):
            self._device.copy(self.at(k, turn), memory.start(e), e.spec.nbytes)

    def download(self) -> None:
        """Have all values copied to the host."""
        self._device.download(self._memory, self._staged[: self._starts[-1]])

    def values(self) -> list[Array]:
        """What was downloaded, when that is done: (turns, ...) of each expression."""
        parts = zip(self._starts, self._expressions, strict=False)
        flat = [(e, self._staged[start : start + e.spec.nbytes * self._count]) for start, e in parts]
        return [part.view(e.dtype).reshape(self._count, *e.spec.sizes).copy() for e, part in flat]


def _words(e: Expr) -> tuple[str, int]:
    """The widest words that an expression is made of, and how many."""
    width = next(w for w in (8, 4, 2, 1) if e.spec.nbytes % w == 0)
    return f"u{8 * width}", e.spec.nbytes // width


def _varies(given: Array | list[Array], e: Expr) -> bool:
    return isinstance(given, list) or given.ndim > e.spec.ndim
