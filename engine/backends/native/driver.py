"""The driver: one compiled loop that runs a table of instructions, with the GIL free, alone or with helpers.

After each instruction it reads the cycle counter, so what each one takes is always known. An instruction that can be
shared is cut into as many parts as there are threads. The thread that leads offers them, and helpers, which watch for
that, take what they can; the leader takes the rest and goes on when all parts are done. So it never waits for a helper
that has not woken yet, or that another program has taken the core from, and since the parts are always the same, so are
the results. Each thread takes the part of its own number first: what it reads again in the next step, such as its share
of the weights, is then in its own core's cache.
"""

from __future__ import annotations

import ctypes
import os
import threading
from functools import cache
from typing import Any

import numpy as np

from flowloom.backends.native.machine import machine

# What a team shares lies in memory of its own, which is never freed, so that a helper may look at it at any time. The
# first word says what there is to do: which parts are taken (a bit of its lower 16 for each; IDLE between tables) of
# which instruction (all above, counted over all tables). Who takes a part changes this word, and only then looks at the
# rest: the leader does not change that before all parts are done.
OFFER, DONE, AWAKE, BEGAN, FUNCTIONS, BLOCKS, COUNT = 0, 8, 16, 24, 25, 26, 27  # a cache line has 8 words
WORDS = 32
IDLE = 65535
MOST = 15  # threads

# There are three blocks of arguments for each instruction: for the first step, for those of an odd number, and for the
# others, so that steps can write to two sets of arrays in turn.
_TOGETHER = """
def version(step):
    return step if step < 2 else 2 - step % 2


def free(word, threads):
    return ((1 << threads) - 1) & (word ^ 65535)


def chosen(parts, thread):
    part = thread
    while (parts >> part) & 1 == 0:
        part = part + 1 if part < 15 else 0
    return part


def relaxed(turns):
    relax()
    if turns > 2000:
        give_way()

"""

# Takes parts until there has been no table for `patience` turns.
HELP = (
    _TOGETHER
    + f"""
def kernel(team: [i64], patience: i64):
    atomic_add(team + {AWAKE}, 1)
    turns = 0
    while turns < patience:
        word = atomic_load(team)
        parts = free(word, threads)
        turns += 1
        if parts != 0:
            part = chosen(parts, thread)
            if compare_and_swap(team, word, word | (1 << part)):
                position = (word >> 16) - team[{BEGAN}]
                count = team[{COUNT}]
                i = position % count
                function = address(i64, team[{FUNCTIONS}])[i]
                block = address(i64, team[{BLOCKS}])[version(position // count) * count + i]
                invoke(function, address(i64, block), part, threads)
                atomic_add(team + {DONE}, 1)
                turns = 0
        else:
            relaxed(turns)
            if word & 65535 != {IDLE}:
                turns = min(turns, 3000)
    atomic_add(team + {AWAKE}, -1)
"""
)

# Runs a table. Kernels read it behind the compiler's back, so all of it is given by address; `where`
# leads to those arguments that change each time. Without a team it takes all parts itself.
LEAD = (
    _TOGETHER
    + f"""
def alone(function, block, threads):
    for part in range(threads):
        invoke(function, address(i64, block), part, threads)


def together(function, block, team, position, threads):
    atomic_store(team + {DONE}, 0)
    atomic_store(team, position << 16)
    mine = 0
    parts = 1
    while parts != 0:
        word = atomic_load(team)
        parts = free(word, threads)
        if parts != 0:
            part = chosen(parts, 0)
            if compare_and_swap(team, word, word | (1 << part)):
                invoke(function, address(i64, block), part, threads)
                mine += 1
    turns = 0
    while atomic_load(team + {DONE}) + mine < threads:
        turns += 1
        relaxed(turns)


def kernel(functions_at: i64, blocks_at: i64, shared_at: i64, cycles_at: i64, count: i64, team_at: i64, flag_at: i64,
           steps: i64, patches: i64, where_at: i64, values_at: i64, finished_at: i64):
    functions = address(i64, functions_at)
    all_blocks = address(i64, blocks_at)
    shared = address(u8, shared_at)
    cycles_of = address(i64, cycles_at)
    flag = address(i64, flag_at)
    team = address(i64, team_at)
    began_at = 0
    if team_at != 0:
        began_at = (atomic_load(team) >> 16) + 1
        atomic_store(team + {BEGAN}, began_at)
        atomic_store(team + {FUNCTIONS}, functions_at)
        atomic_store(team + {BLOCKS}, blocks_at)
        atomic_store(team + {COUNT}, count)
        atomic_store(team, (began_at << 16) | ((1 << threads) - 1))
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
            if shared[i] == u8(0):
                invoke(functions[i], address(i64, blocks[i]), 0, 1)
            else:
                if team_at == 0:
                    alone(functions[i], blocks[i], threads)
                else:
                    together(functions[i], blocks[i], team, began_at + step * count + i, threads)
            now = cycles()
            cycles_of[i] = cycles_of[i] + (now - began)
            began = now
        step += 1
        if atomic_load(flag) + atomic_load(flag + 1) != 0:
            steps = 0
        else:
            atomic_store(address(i64, finished_at), step)
    if team_at != 0:
        atomic_store(team, ((began_at + step * count) << 16) | {IDLE})
"""
)
TEAM = 5  # where the team stands among the arguments of LEAD
PATIENCE = 4000  # turns, about a millisecond where nothing else runs, in which the next table finds its helpers awake


def _function(source: str) -> Any:
    """A compiled loop: `(address of its block of arguments, thread, threads)`. It does not hold the GIL."""
    return ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)(machine().address(source))


@cache
def leader() -> Any:
    """The loop that runs a table."""
    return _function(LEAD)


class Team:
    """Helpers, which fall asleep soon after the last table. Raises ValueError for more than MOST threads."""

    def __init__(self, threads: int) -> None:
        if threads > MOST:
            raise ValueError(f"a step uses at most {MOST} threads; got {threads}")
        self.threads = threads
        self._lead = leader()
        self._help = _function(HELP)
        self._words = np.zeros(WORDS, np.int64)
        self._words[OFFER] = IDLE
        self._shared = self._words.data
        self._address: int = self._words.ctypes.data
        self._arguments = np.array([self._address, PATIENCE], np.int64)
        self._taken = threading.Lock()
        self._calls = [threading.Lock() for _ in range(threads - 1)]
        for i, call in enumerate(self._calls):
            call.acquire()
            threading.Thread(target=self._watch, args=(i + 1, call), name=f"flowloom {i + 1}", daemon=True).start()

    def run(self, arguments: memoryview, address: int) -> None:
        """Run a table, given the arguments of LEAD and their address. Where two are run at once, one gets no help."""
        taken = False
        try:
            taken = self._taken.acquire(False)
            arguments[TEAM] = self._address if taken else 0
            if taken and self._shared[AWAKE] < self.threads - 1:
                for call in self._calls:
                    if call.locked():
                        call.release()
            self._lead(address, 0, self.threads)
        finally:
            if taken:
                self._taken.release()

    def _watch(self, thread: int, call: threading.Lock) -> None:
        while True:
            call.acquire()
            self._help(self._arguments.ctypes.data, thread, self.threads)


@cache
def team(threads: int) -> Team:
    """The team of so many threads."""
    return Team(threads)


def most_threads() -> int:
    """How many threads a step may use: FLOWLOOM_THREADS, or the processor's cores that this process may use, at most
    8.
    """
    if given := os.environ.get("FLOWLOOM_THREADS", ""):
        if not given.isdecimal() or not 1 <= int(given) <= MOST:
            raise ValueError(f"FLOWLOOM_THREADS is how many threads a step may use, 1 to {MOST}; got {given!r}")
        return int(given)
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, 8)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=team.cache_clear)  # a child has none of its parent's threads
