"""The driver: one compiled loop that runs a table of instructions, with the GIL free, alone or with helpers.

After each instruction it reads the cycle counter, so what each one takes is always known. An instruction that can be
shared is cut into as many parts as there are threads. The thread that leads offers them one after the other, and
helpers, which watch for that, take what they can; the leader takes the rest and goes on when all parts are done. So it
never waits for a helper that has not woken yet, or that another program has taken the core from, and since the parts
are always the same, so are the results.
"""

from __future__ import annotations

import ctypes
import os
import threading
from functools import cache
from typing import Any, Protocol

from flowloom.backends.native.machine import machine

# The table lies in memory that kernels read behind the compiler's back, so all of it is given by address. `offer` holds
# which part is next (its lower 16 bits) of which instruction (all above), and -1 when there is nothing to do any more.
# There are three blocks of arguments for each instruction: for the first step, for those of an odd number, and for the
# others, so that steps can write to two sets of arrays in turn. `where` leads to those arguments that change each time.
SOURCE = """
def version(step):
    return step if step < 2 else 2 - step % 2


def relaxed(turns):
    relax()
    if turns > 2000:
        give_way()


def help(functions, blocks, offer, done, count, threads):
    turns = 0
    word = atomic_load(offer)
    while word >= 0:
        part = word & 65535
        turns += 1
        if part < threads:
            if compare_and_swap(offer, word, word + 1):
                position = word >> 16
                i = position % count
                block = blocks[version(position // count) * count + i]
                invoke(functions[i], address(i64, block), part, threads)
                atomic_add(done, 1)
                turns = 0
        else:
            relaxed(turns)
        word = atomic_load(offer)


def lead(function, block, offer, done, position, threads):
    atomic_store(done, 0)
    atomic_store(offer, position << 16)
    mine = 0
    part = 0
    while part < threads:
        word = atomic_load(offer)
        part = word & 65535
        if part < threads:
            if compare_and_swap(offer, word, word + 1):
                invoke(function, address(i64, block), part, threads)
                mine += 1
    turns = 0
    while atomic_load(done) + mine < threads:
        turns += 1
        relaxed(turns)


def kernel(functions_at: i64, blocks_at: i64, shared_at: i64, cycles_at: i64, count: i64, offer_at: i64, flag_at: i64,
           steps: i64, patches: i64, where_at: i64, values_at: i64, finished_at: i64):
    functions = address(i64, functions_at)
    all_blocks = address(i64, blocks_at)
    shared = address(u8, shared_at)
    cycles_of = address(i64, cycles_at)
    flag = address(i64, flag_at)
    offer = address(i64, offer_at)
    done = offer + 8
    if thread > 0:
        help(functions, all_blocks, offer, done, count, threads)
    else:
        step = 0
        while step < steps:
            blocks = all_blocks + version(step) * count
            where = address(i64, where_at) + version(step) * patches
            values = address(i64, values_at) + step * patches
            for p in range(patches):
                argument = address(i64, where[p])
                argument[0] = values[p]
            began = cycles()
            for i in range(count):
                if threads > 1 and shared[i] != u8(0):
                    lead(functions[i], blocks[i], offer, done, step * count + i, threads)
                else:
                    invoke(functions[i], address(i64, blocks[i]), 0, 1)
                now = cycles()
                cycles_of[i] = cycles_of[i] + (now - began)
                began = now
            step += 1
            if atomic_load(flag) + atomic_load(flag + 1) != 0:
                steps = 0
            else:
                atomic_store(address(i64, finished_at), step)
        atomic_store(offer, -1)
"""


class Job(Protocol):
    """A table to run: the address of the driver's arguments. It holds all the memory that the table names."""

    arguments: int


@cache
def driver() -> Any:
    """The compiled loop: `(address of its block of arguments, thread, threads)`. It does not hold the GIL."""
    address = machine().address(SOURCE)
    return ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)(address)


class Team:
    """Helpers, which sleep until there is a table to run."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._run = driver()
        self._job: Job | None = None
        self._calls = [threading.Lock() for _ in range(threads - 1)]
        for i, call in enumerate(self._calls):
            call.acquire()
            threading.Thread(target=self._help, args=(i + 1, call), name=f"flowloom {i + 1}", daemon=True).start()

    def run(self, job: Job) -> None:
        """Run a table. Where two are run at once, the helpers go to one of them."""
        self._job = job
        for call in self._calls:
            if call.locked():  # else it has been called already, and will find the newest job
                call.release()
        self._run(job.arguments, 0, self.threads)
        self._job = None

    def _help(self, thread: int, call: threading.Lock) -> None:
        while True:
            call.acquire()
            job = self._job  # which keeps the table's memory alive for as long as this thread looks at it
            if job is not None:
                self._run(job.arguments, thread, self.threads)
            del job


@cache
def team(threads: int) -> Team:
    """The team of so many threads."""
    return Team(threads)


def most_threads() -> int:
    """How many threads a step may use: FLOWLOOM_THREADS, or the processor's cores that this process may use, at most
    8.
    """
    if given := os.environ.get("FLOWLOOM_THREADS", ""):
        if not given.isdecimal() or int(given) < 1:
            raise ValueError(f"FLOWLOOM_THREADS is how many threads a step may use, 1 or more; got {given!r}")
        return int(given)
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, 8)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=team.cache_clear)  # a child has none of its parent's threads
