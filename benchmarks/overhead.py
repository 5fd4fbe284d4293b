"""The section on what profiling costs, which `benchmarks.profiling` measures."""

from __future__ import annotations

from benchmarks.processes import Process, WorkerError
from benchmarks.report import Section
from benchmarks.timing import Say
from benchmarks.workloads import WORKLOADS

MEASURED = ("playground", "lenet")


def measure(threads: int, say: Say) -> Section:
    """A row for each workload, each in a process of its own."""
    rows = [["", "instructions", "threads", "with counters", "without", "ratio"]]
    for name in MEASURED:
        title = WORKLOADS[name]().title
        say(f"Profiling: {title}")
        with Process("flowloom", threads) as process:
            try:
                found = process.ask(
                    "call", module="benchmarks.profiling", function="compared", arguments={"name": name}
                )
            except WorkerError as error:
                rows.append([title, str(error)])
                continue
        times = [f"{found[key]:.2f} us" for key in ("with", "without")]
        rows.append([title, str(found["instructions"]), str(found["threads"]), *times, f"{found['ratio']:.3f}"])
    return Section(
        "What profiling costs",
        "Every training step counts the cycles of each of its instructions. Here is the same step with counters and "
        "without, in turns, whoever else uses the machine; the ratio is the median of the ratios of neighbours.",
        rows,
    )
