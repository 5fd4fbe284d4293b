"""Whether a training gives the same bits again: two processes each, all variables and losses compared by their hash."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmarks.processes import Process, WorkerError
from benchmarks.report import Section
from benchmarks.timing import Say
from benchmarks.workloads import WORKLOADS

if TYPE_CHECKING:
    from flowloom.backends.choice import Backend

CASES: tuple[tuple[Backend, int], ...] = (("native", 1), ("native", 2), ("portable", 1), ("portable", 2))
BATCHES = 10


def measure(workloads: Sequence[str], threads: int, epochs: int, say: Say) -> Section:
    """A row for each workload, a column for each backend and number of threads. What differs is an error."""
    cases = [case for case in CASES if case[1] <= threads]
    rows = [["", *(f"{backend}, {count} thread{'s' * (count > 1)}" for backend, count in cases)]]
    errors = []
    for workload in workloads:
        title = WORKLOADS[workload]().title
        say(f"The same bits: {title}")
        rows.append([title])
        for backend, count in cases:
            try:
                first, second = (_asked(workload, backend, count, epochs) for _ in range(2))
            except WorkerError as error:
                rows[-1].append("failed")
                errors.append(f"{title}, {backend} with {count} threads: {error}")
                continue
            rows[-1].append("yes" if first == second else "no")
            if first != second:
                errors.append(f"{title}, {backend} with {count} threads gives other numbers the second time")
    return Section(
        "The same bits",
        f"Whether {epochs * BATCHES} steps of a run give the same variables and losses, to the bit, in two processes.",
        rows,
        errors,
    )


def _asked(workload: str, backend: str, threads: int, epochs: int) -> str:
    arguments = {"workload": workload, "backend": backend, "epochs": epochs}
    with Process("flowloom", threads) as process:
        process.ask("load")
        found: str = process.ask("call", module="benchmarks.identity", function="digest", arguments=arguments)
        return found


def digest(workload: str, backend: Backend, epochs: int) -> str:
    """The hash over all variables after a run, and over the loss of each of its steps."""
    from benchmarks.running import prepared

    trainer, data = prepared(workload, backend, BATCHES)
    run = trainer.start(data, epochs=epochs).wait()
    found = hashlib.sha256(run.scalars("loss")[1].tobytes())
    for variable in sorted(trainer.graph.variables, key=lambda v: v.name):
        found.update(variable.name.encode() + variable.value.tobytes())
    return found.hexdigest()
