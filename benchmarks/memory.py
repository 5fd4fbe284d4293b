"""How much memory training takes at its peak, in a fresh process for each: all of it, and what imports leave of it."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers import PEERS
from benchmarks.processes import Process, WorkerError
from benchmarks.report import Section
from benchmarks.starting import BESIDE, SECONDS, caches
from benchmarks.timing import Say
from benchmarks.workloads import WORKLOADS

COMPARED = ("auto", "flowloom", "portable", "torch", "torch-compile", "jax")
COMPILED = ("auto", "flowloom", "torch-compile", "jax")  # measured with an empty cache, and then with a filled one
MEASURED = ("lenet", "cifar", "gpt")


def measure(peers: Sequence[str], threads: int, say: Say) -> Section:
    """A row for each peer, and state of its cache; a column for each workload."""
    titles = [WORKLOADS[workload]().title for workload in MEASURED]
    found: dict[str, list[str]] = {}
    for workload, title in zip(MEASURED, titles, strict=True):
        say(f"Memory: {title}")
        for name in (p for p in peers if p in COMPARED):
            for state, cell in _cells(name, threads, workload).items():
                found.setdefault(f"{PEERS[name].title}{state}", []).append(cell)
    return Section(
        "Peak memory",
        "The most memory that a process has had after a while of training on one batch, and in brackets what of it was "
        "there once the framework was imported. flowloom imports its compiler only when it needs it, so that "
        "counts as training. Cold: nothing is kept on disk, so all is compiled; warm: what a process before it "
        "kept is there. Other processes that compile (those of flowloom auto, the C++ compiler of torch.compile) do "
        "not count.",
        [["", *titles], *([name, *cells] for name, cells in found.items())],
    )


def _cells(peer: str, threads: int, workload: str) -> dict[str, str]:
    """By the state of the cache, in words to put behind the peer's title."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        if peer not in COMPILED:
            return {"": _cell(peer, threads, workload, folder, SECONDS)}
        seconds = BESIDE if PEERS[peer].begins else SECONDS
        return {f", {state}": _cell(peer, threads, workload, folder, seconds) for state in ("cold", "warm")}


def _cell(peer: str, threads: int, workload: str, folder: str, seconds: float) -> str:
    try:
        with Process(peer, threads, caches(Path(folder))) as process:
            process.ask("load")
            before = process.ask("memory")
            process.ask("begin", kind="train", workload=workload, options={}, seconds=seconds)
            after = process.ask("memory")
    except WorkerError as error:
        return str(error)
    return f"{after / 1e6:.0f} MB ({before / 1e6:.0f} MB)"
