"""Memory: arrays that begin at a cache line, and the intervals of an arena.

An array that begins anywhere has every second vector of its numbers in two cache lines: a product of one row and a
matrix of 784 x 256 takes a third longer (benchmarks/products.py).
"""

from __future__ import annotations

from ctypes import addressof, c_char
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
ALIGNMENT = 64  # bytes: one cache line, and the widest vector register


def aligned(nbytes: int) -> int:
    """So many bytes, rounded up to the alignment."""
    return -(-nbytes // ALIGNMENT) * ALIGNMENT


def empty(shape: tuple[int, ...], dtype: Any) -> Array:
    """An array with nothing in it yet. It is a view: its base owns the memory, and is the base of its views, too."""
    dtype = np.dtype(dtype)
    count = dtype.itemsize
    for n in shape:
        count *= n
    memory = np.empty(count + ALIGNMENT, np.uint8)
    return np.ndarray(shape, dtype, memory, -start_of(memory) % ALIGNMENT)


def on_a_line(a: Array) -> Array:
    """The array itself if it begins at a cache line and is in C order, else a copy that is."""
    if a.flags.c_contiguous and start_of(a) % ALIGNMENT == 0:
        return a
    copy = empty(a.shape, a.dtype)
    copy[...] = a
    return copy


def start_of(a: Array) -> int:
    """The address of its first element."""
    try:
        return addressof(c_char.from_buffer(a))  # type: ignore[arg-type]  # in a third of the time of what follows, which is for any array
    except (TypeError, ValueError):
        return a.ctypes.data


class FreeList:
    """Free intervals of a growing arena, merged with their neighbours."""

    def __init__(self) -> None:
        self.top = 0
        self._holes: dict[int, int] = {}  # offset -> size

    def take(self, size: int) -> int:
        """The offset of an interval of that size."""
        if size == 0:
            return 0
        fits = [(s, o) for o, s in self._holes.items() if s >= size]
        if fits:
            found, offset = min(fits)
            del self._holes[offset]
            if found > size:
                self._holes[offset + size] = found - size
            return offset
        offset, self.top = self.top, self.top + size
        return offset

    def give(self, offset: int, size: int) -> None:
        """Give an interval back."""
        if size == 0:
            return
        after = self._holes.pop(offset + size, 0)
        for before, extent in self._holes.items():
            if before + extent == offset:
                self._holes[before] = extent + size + after
                return
        self._holes[offset] = size + after
