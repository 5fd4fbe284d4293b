"""Memory: one block of the GPU's memory for all that a step reads and writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from flowloom.backends.cuda.device import Device
from flowloom.backends.native.instructions import Place
from flowloom.backends.native.listing import Listing
from flowloom.compiler.expr import Expr
from flowloom.compiler.memory import aligned

Array = np.ndarray[Any, Any]
FLAGS = 64  # bytes: whether a value was refused, whether one is not finite, how many times of `repeat` were good


class Memory:
    """One block of the device's memory: inputs, flags and outputs, constants, and the arena of all else.

    Inputs come to the device in one copy, flags and outputs leave it in one.
    """

    def __init__(
        self, on: Device, inputs: Sequence[Expr], outputs: Sequence[Expr], constants: Sequence[Expr], listing: Listing
    ) -> None:
        self._device, self.inputs, self._outputs = on, inputs, outputs
        offsets: dict[Expr, int] = {}
        top = self._taken(offsets, inputs, 0)
        self._leaving = top
        top = self._taken(offsets, outputs, top + FLAGS)
        self._coming, self._going = on.staging(self._leaving), on.staging(top - self._leaving)
        fixed, top = top, self._taken(offsets, constants, top)
        self._offsets = {e: offset + top for e, offset in listing.offsets.items()} | offsets
        self._memory = on.memory(top + listing.arena_bytes)
        self.flags = self._memory + self._leaving
        values = on.staging(top - fixed)
        for c in constants:
            assert c.value is not None
            write(values, offsets[c] - fixed, c.value)
        on.upload(self._memory + fixed, values[: top - fixed])
        on.stream.synchronize()

    @staticmethod
    def _taken(offsets: dict[Expr, int], expressions: Sequence[Expr], top: int) -> int:
        for e in expressions:
            offsets[e] = top
            top += aligned(e.spec.nbytes)
        return top

    def pointer(self, place: Place) -> Any:
        """Where the first element of a place is."""
        return self._memory + (self._offsets[place.base] + place.offset * place.dtype.itemsize)

    def array(self, place: Place) -> Any:
        """The array that a place is."""
        return self._device.array(self.pointer(place), place.shape, place.dtype, place.strides)

    def start(self, e: Expr) -> Any:
        """Where an expression lies."""
        return self._memory + self._offsets[e]

    def give(self, inputs: Sequence[Array]) -> None:
        """Send all inputs, and take the flags down."""
        self._device.stream.synchronize()  # what was staged before may still be on its way, if that run failed
        for e, a in zip(self.inputs, inputs, strict=True):
            write(self._coming, self._offsets[e], a)
        self._device.upload(self._memory, self._coming[: self._leaving])
        self.flags.memset_async(0, FLAGS, self._device.stream)

    def take(self) -> tuple[int, int, int]:
        """Fetch flags and outputs, when all is done. The flags: see FLAGS."""
        self._device.download(self.flags, self._going)
        self._device.stream.synchronize()
        refused, infinite, good = self._going[:24].view(np.int64).tolist()
        return refused, infinite, good

    def results(self) -> list[Array]:
        """The outputs that were fetched, as arrays of their own."""
        return [read(self._going, self._offsets[o] - self._leaving, o) for o in self._outputs]


def write(memory: Array, offset: int, value: Array) -> None:
    """Put an array, in C order, into staging memory."""
    if value.nbytes:
        target = memory[offset : offset + value.nbytes].view(value.dtype).reshape(value.shape)
        target[...] = value


def read(memory: Array, offset: int, e: Expr) -> Array:
    """A copy of what staging memory has for an expression."""
    return memory[offset : offset + e.spec.nbytes].view(e.dtype).reshape(e.spec.sizes).copy()
