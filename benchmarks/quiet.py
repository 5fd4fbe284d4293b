"""Whether the machine is quiet: how many cores other programs take while something is timed.

Threads that wait for each other wait long where another program has one of their cores: a step of PyTorch with two
threads then takes up to a hundred times as long, one of XLA twice. Such a timing says nothing, and is taken again.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from benchmarks.processes import Process

STAT = Path("/proc/stat")
QUIET = 0.1  # cores
TRIES, PAUSE = 4, 0.3


def timed(process: Process, task: str, steps: int) -> tuple[float, float]:
    """Seconds a step, and how many cores others took meanwhile: the quietest of a few runs, or the first quiet one."""
    best = _once(process, task, steps)
    for _ in range(TRIES - 1):
        if best[1] <= QUIET:
            break
        time.sleep(PAUSE)
        best = min(best, _once(process, task, steps), key=lambda run: run[1])
    return best


def _once(process: Process, task: str, steps: int) -> tuple[float, float]:
    start, before = time.perf_counter(), busy()
    ran: dict[str, Any] = process.ask("run", task=task, steps=steps)
    others = busy() - before - ran["cpu"]
    return ran["seconds"], max(0.0, others / (time.perf_counter() - start))


def busy() -> float:
    """Seconds that all cores together have worked so far; 0 where the system does not say."""
    if not STAT.is_file():
        return 0.0
    user, nice, system, _idle, _waiting, *interrupts = map(int, STAT.read_text().split("\n", 1)[0].split()[1:8])
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")
