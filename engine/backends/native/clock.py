"""Clock: how long a cycle of the counter is that the driver reads around each instruction."""

from __future__ import annotations

import ctypes
import time
from functools import cache

import numpy as np

from flowloom.backends.native.machine import machine

INTERVAL = 0.02  # seconds: the clock is read within a microsecond or so, which is 1 part in 10,000 of it
_SOURCE = """
def kernel(now: [i64]):
    now[0] = cycles()
"""


@cache
def seconds_per_cycle() -> float:
    """How long a cycle of the counter takes, measured once a process against `time.perf_counter`."""
    began = _read()
    time.sleep(INTERVAL)
    ended = _read()
    return (ended[0] - began[0]) / max(1, ended[1] - began[1])


def _read() -> tuple[float, int]:
    """The time and the counter at one moment: of a few readings, the one that took least."""
    now = np.zeros(1, np.int64)
    block = np.array([now.ctypes.data], np.int64)
    read = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)(machine().address(_SOURCE))
    found = []
    for _ in range(5):
        before = time.perf_counter()
        read(block.ctypes.data, 0, 1)
        after = time.perf_counter()
        found.append((after - before, (before + after) / 2, int(now[0])))
    _, moment, count = min(found)
    return moment, count
