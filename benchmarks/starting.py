"""How long one waits for a first result, in a fresh process: with an empty cache on disk, and with a filled one."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Sequence

from benchmarks.peers import PEERS
from benchmarks.processes import Process, WorkerError
from benchmarks.report import Section, milliseconds
from benchmarks.timing import Say, Task

COMPARED = ("flowloom", "portable", "torch", "torch-compile", "jax")
TASKS = (
    Task("MNIST MLP, scores, batch 1", "infer", "mnist", 1, {"batch": 1}),
    Task("LeNet, scores, batch 1", "infer", "lenet", 1, {"batch": 1}),
    Task("LeNet, a training step", "train", "lenet", 1),
    Task("GPT, a training step", "train", "gpt", 1),
)


def measure(peers: Sequence[str], threads: int, rounds: int, say: Say) -> Section:
    """The median over rounds; each round begins with an empty cache."""
    names = [p for p in peers if p in COMPARED]
    rows = [["", *(f"{PEERS[n].title}, {state}" for n in names for state in ("cold", "warm"))]]
    for task in TASKS:
        say(f"First result: {task.title}")
        rows.append([task.title])
        for name in names:
            try:
                pairs = [_cold_and_warm(name, threads, task) for _ in range(rounds)]
            except WorkerError as error:
                rows[-1] += [str(error), ""]
                continue
            rows[-1] += [milliseconds(statistics.median(each)) for each in zip(*pairs, strict=True)]
    return Section(
        "First result",
        "From a model that is made to its first result, in a fresh process that has imported all it needs: compilation "
        "and one run. Cold: nothing is kept on disk; warm: what a process before it kept is there.",
        rows,
    )


def _cold_and_warm(peer: str, threads: int, task: Task) -> tuple[float, float]:
    """Seconds to the first result in a process with an empty cache, and in a second one after it."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        return _first(peer, threads, task, folder), _first(peer, threads, task, folder)


def _first(peer: str, threads: int, task: Task, folder: str) -> float:
    variables = {
        "FLOWLOOM_CACHE": f"{folder}/flowloom",
        "TORCHINDUCTOR_CACHE_DIR": f"{folder}/inductor",
        "JAX_COMPILATION_CACHE_DIR": f"{folder}/jax",
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    with Process(peer, threads, variables) as process:
        process.ask("load")
        made = process.ask("build", task=task.title, kind=task.kind, workload=task.workload, options=task.options)
        seconds: float = made["first"]
        return seconds
