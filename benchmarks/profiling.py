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
from flowloom.backends.native.step import NativeStep
from flowloom.training.step import TrainStep

# Steps in one round, and rounds. Short rounds in turns, of which others that use the machine leave most undisturbed.
TIMES = {"playground": (500, 400), "lenet": (1, 40)}
COUNTING = (
    "        began = cycles()\n",
    "            now = cycles()\n",
    "            cycles_of[i] = cycles_of[i] + (now - began)\n",
    "            began = now\n",
)


def without_counters() -> str:
    """The source of the driver's loop without the lines that count."""
    source = driver.LEAD
    for line in COUNTING:
        if source.count(line) != 1:
            raise RuntimeError("the driver's source has changed; say here which of its lines count")
        source = source.replace(line, "")
    return source


@cache
def plain_leader() -> Any:
    """The loop without counters."""
    address = machine().address(without_counters())
    return ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)(address)


@contextmanager
def uncounted(native: NativeStep) -> Iterator[None]:
    """While this is open, the step runs by the loop without counters."""
    holders: list[Any] = [s for s in native._table.segments if hasattr(s, "_lead")]
    if native.threads > 1:
        holders.append(driver.team(native.threads))
    if not holders:
        raise RuntimeError("the driver has changed; say here what holds its loop")
    for holder in holders:
        holder._lead = plain_leader()
    try:
        yield
    finally:
        for holder in holders:
            holder._lead = driver.leader()


def step_of(name: str) -> tuple[Callable[[int], Any], NativeStep]:
    """What runs so many training steps of a workload in one call, and the step that it runs."""
    workload = WORKLOADS[name]()
    _, loss = built(workload)
    step = TrainStep({"loss": loss}, fl.optimizers.adam(1e-3), backend="native")
    planned, inputs = step._ready({"x": workload.x, "label": workload.label})
    native = planned.step.compiled
    if native is None:
        raise RuntimeError(f"{name} does not run on the native backend")
    carried = dict.fromkeys(range(len(planned.step.plan.outputs)))

    def run(steps: int) -> None:
        if native.repeats:
            native.repeat(steps, inputs, carried)
        else:
            for _ in range(steps):
                native(inputs)

    return run, native


def compared(name: str) -> dict[str, Any]:
    """Of a workload: its instructions, the threads, microseconds a step with counters and without, and the ratio."""
    run, native = step_of(name)
    steps, rounds = TIMES[name]
    times: dict[bool, list[float]] = {True: [], False: []}
    for k in range(rounds + 1):
        for counted in (True, False) if k % 2 else (False, True):
            with nullcontext() if counted else uncounted(native):
                began = time.perf_counter()
                run(steps)
                if k:  # the first round warms up
                    times[counted].append((time.perf_counter() - began) / steps * 1e6)
    ratio = statistics.median(a / b for a, b in zip(times[True], times[False], strict=True))
    with_them, without = (statistics.median(times[counted]) for counted in (True, False))
    count = len(native.listing.instructions)
    return {"instructions": count, "threads": native.threads, "with": with_them, "without": without, "ratio": ratio}


def main() -> None:
    """Print one line for each workload."""
    print(f"{'':12}{'instructions':>14}{'threads':>9}{'with (us)':>14}{'without (us)':>14}{'ratio':>10}")
    for name in TIMES:
        found = compared(name)
        times = f"{found['with']:14.2f}{found['without']:14.2f}{found['ratio']:10.3f}"
        print(f"{name:12}{found['instructions']:14}{found['threads']:9}{times}")


if __name__ == "__main__":
    main()
