"""The driver: one compiled loop that runs a table of instructions, with the GIL free, on one thread or on several.

Around each instruction it reads the cycle counter, so what each one takes is always known. Threads run the same
table: an instruction that can be shared is run by all of them, each for its part, any other by the first. They wait
for each other where one may read what another wrote.
"""

from __future__ import annotations

import ctypes
import os
import threading
from functools import cache
from typing import Any

from flowloom.backends.native.machine import machine

# The table lies in memory that kernels read behind the compiler's back, so all of it is given by address.
SOURCE = """
def wait(arrived, generation, threads):
    mine = atomic_load(generation)
    if atomic_add(arrived, 1) + 1 == threads:
        atomic_store(arrived, 0)
        atomic_add(generation, 1)
    else:
        turns = 0
        while atomic_load(generation) == mine:
            turns = turns + 1
            if turns > 2000:
                give_way()


def kernel(functions: i64, blocks: i64, shared: i64, waits: i64, cycles_of: i64, count: i64, meeting: i64, flag: i64,
           steps: i64, patches: i64, where: i64, values: i64, done: i64):
    stopped = address(i64, flag)
    arrived = address(i64, meeting)
    generation = address(i64, meeting) + 8
    step = 0
    while step < steps:
        if thread == 0:
            for p in range(patches):
                target = address(i64, address(i64, where)[p])
                atomic_store(target, address(i64, values)[step * patches + p])
        for i in range(count):
            began = cycles()
            if threads > 1:
                if address(u8, waits)[i] != u8(0):
                    wait(arrived, generation, threads)
            if address(u8, shared)[i] != u8(0):
                invoke(address(i64, functions)[i], address(i64, address(i64, blocks)[i]), thread, threads)
            else:
                if thread == 0:
                    invoke(address(i64, functions)[i], address(i64, address(i64, blocks)[i]), 0, 1)
            if thread == 0:
                spent = address(i64, cycles_of) + i
                spent[0] = spent[0] + (cycles() - began)
        if threads > 1:
            wait(arrived, generation, threads)
        if atomic_load(stopped) + atomic_load(stopped + 1) != 0:
            step = steps
        else:
            if thread == 0:
                atomic_store(address(i64, done), step + 1)
        step = step + 1
"""


@cache
def driver() -> Any:
    """The compiled loop: `(address of its block of arguments, thread, threads)`. It does not hold the GIL."""
    address = machine().address(SOURCE)
    return ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)(address)


class Team:
    """Threads that run a table together: the caller's and others, which sleep in between."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._run = driver()
        self._busy = threading.Lock()
        self._job = 0
        self._calls = [threading.Lock() for _ in range(threads - 1)]
        for i, call in enumerate(self._calls):
            call.acquire()
            threading.Thread(target=self._serve, args=(i + 1, call), name=f"flowloom {i + 1}", daemon=True).start()

    def run(self, arguments: int) -> None:
        """Run the driver on its block of arguments, all threads together."""
        with self._busy:
            self._job = arguments
            for call in self._calls:
                call.release()
            self._run(arguments, 0, self.threads)

    def _serve(self, thread: int, call: threading.Lock) -> None:
        while True:
            call.acquire()
            self._run(self._job, thread, self.threads)


@cache
def team(threads: int) -> Team:
    """The team of so many threads."""
    return Team(threads)


def most_threads() -> int:
    """How many threads a step may use: FLOWLOOM_THREADS, or the processor's cores that this process may use, at most
    8.
    """
    if given := os.environ.get("FLOWLOOM_THREADS", ""):
        return max(1, int(given))
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, 8)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=team.cache_clear)  # a child has none of its parent's threads
