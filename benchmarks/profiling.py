"""What it costs that every step is profiled: the driver's loop with its counters, beside the same loop without them.

    python -m benchmarks.profiling

Both run the same table of instructions, in turns; many steps in one call, so that Python has no part in it, where all
instructions are native. Printed are the medians, and the median of the ratios of neighbours.
"""

from __future__ import annotations

import ctypes
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any

import flowloom as fl
from benchmarks.peers.flowloom_graph import built
from benchmarks.workloads import WORKLOADS
from flowloom.backends.native import driver
from flowloom.backends.native.machine import machine
from flowloom.training.step import TrainStep

# Steps in one round, and rounds. Short rounds in turns, of which others that use the machine leave most undisturbed.
TIMES = {"playground": (500, 400), "lenet": (1, 40)}
COUNTING = (
    "            began = cycles()\n",
    "                now = cycles()\n",
    "                cycles_of[i] = cycles_of[i] + (now - began)\n",
    "                began = now\n",
)


def without_counters() -> str:
    """The source of the driver's loop without the lines that count."""
    source = driver.SOURCE
    for line in COUNTING:
        if source.count(line) != 1:
            raise RuntimeError("the driver's source has changed; say here which of its lines count")
        source = source.replace(line, "")
    return source


@cache
def plain_driver() -> Any:
    """The loop without counters."""
    address = machine().address(without_counters())
    return ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)(address)


@cache
def plain_team(threads: int) -> driver.Team:
    """Threads that run it; made while `driver.driver` is `plain_driver`."""
    return driver.Team(threads)


@contextmanager
def uncounted() -> Iterator[None]:
    """While this is open, steps run by the loop without counters."""
    before = driver.driver, driver.team
    driver.driver, driver.team = plain_driver, plain_team
    try:
        yield
    finally:
        driver.driver, driver.team = before


def step_of(name: str) -> tuple[Callable[[int], Any], int, int]:
    """What runs so many training steps of a workload in one call; how many instructions a step has, and threads."""
    workload = WORKLOADS[name]()
    _, loss = built(workload)
    step = TrainStep({"loss": loss}, fl.optimizers.adam(1e-3), backend="native")
    planned, inputs = step._ready({"x": workload.x, "label": workload.label})
    native = planned.step.native  # type: ignore[attr-defined]
    carried = dict.fromkeys(range(len(planned.step.plan.outputs)))

    def run(steps: int) -> None:
        if native.repeats:
            native.repeat(steps, inputs, carried)
        else:
            for _ in range(steps):
                native(inputs)

    return run, len(native.listing.instructions), native.threads


def compared(name: str) -> str:
    """One line for a workload."""
    run, instructions, threads = step_of(name)
    steps, rounds = TIMES[name]
    times: dict[bool, list[float]] = {True: [], False: []}
    for k in range(rounds + 1):
        for counted in (True, False) if k % 2 else (False, True):
            with nullcontext() if counted else uncounted():
                began = time.perf_counter()
                run(steps)
                if k:  # the first round warms up
                    times[counted].append((time.perf_counter() - began) / steps * 1e6)
    ratio = statistics.median(a / b for a, b in zip(times[True], times[False], strict=True))
    with_them, without = (statistics.median(times[counted]) for counted in (True, False))
    return f"{name:12}{instructions:14}{threads:9}{with_them:14.2f}{without:14.2f}{ratio:10.3f}"


def main() -> None:
    """Print one line for each workload."""
    print(f"{'':12}{'instructions':>14}{'threads':>9}{'with (us)':>14}{'without (us)':>14}{'ratio':>10}")
    for name in TIMES:
        print(compared(name))


if __name__ == "__main__":
    main()
