"""How much memory training takes at its peak, beyond that of the framework once imported; a fresh process for each."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.peers import PEERS
from benchmarks.processes import Process, WorkerError
from benchmarks.report import Section
from benchmarks.timing import Say
from benchmarks.workloads import WORKLOADS

COMPARED = ("flowloom", "portable", "torch", "torch-compile", "jax")
MEASURED = ("lenet", "cifar", "gpt")
STEPS = 10


def measure(peers: Sequence[str], threads: int, say: Say) -> Section:
    """A row for each workload."""
    names = [p for p in peers if p in COMPARED]
    rows = [["", *(PEERS[n].title for n in names)]]
    for workload in MEASURED:
        title = WORKLOADS[workload]().title
        say(f"Memory: {title}")
        rows.append([title, *(_cell(name, threads, workload) for name in names)])
    return Section(
        "Peak memory",
        f"What {STEPS} training steps add to the peak of a process that has imported the framework, compilation "
        "included; in brackets that peak before.",
        rows,
    )


def _cell(peer: str, threads: int, workload: str) -> str:
    try:
        with Process(peer, threads) as process:
            process.ask("load")
            before = process.ask("memory")
            process.ask("build", task="it", kind="train", workload=workload, options={})
            process.ask("run", task="it", steps=STEPS)
            after = process.ask("memory")
    except WorkerError as error:
        return str(error)
    return f"{(after - before) / 1e6:.0f} MB ({before / 1e6:.0f} MB)"
