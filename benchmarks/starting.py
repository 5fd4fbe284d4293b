"""How long one waits, in a fresh process: for a first result, and for full speed; with a cache and without."""

from __future__ import annotations

import math
import statistics
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from benchmarks.peers import PEERS
from benchmarks.processes import Process, WorkerError
from benchmarks.report import Section, milliseconds
from benchmarks.timing import Say, Task

COMPARED = ("auto", "flowloom", "torch", "torch-compile", "jax")
TASKS = (
    Task("Digits CNN, scores, batch 1", "infer", "digits", 1, {"batch": 1}),
    Task("LeNet, scores, batch 1", "infer", "lenet", 1, {"batch": 1}),
    Task("Digits CNN, a training step", "train", "digits", 1),
    Task("LeNet, a training step", "train", "lenet", 1),
    Task("GPT, a training step", "train", "gpt", 1),
)
FULL = 1.1  # of the time of a step in the end
TOGETHER = 5  # steps of which the median counts
SECONDS = 3.0  # of steps after the first
BESIDE = 10.0  # the same where another process compiles meanwhile, with an empty cache


def measure(peers: Sequence[str], threads: int, rounds: int, say: Say) -> list[Section]:
    """Medians over rounds, each of which begins with an empty cache: first results, and full speed."""
    names = [p for p in peers if p in COMPARED]
    header = ["", *(f"{PEERS[n].title}, {state}" for n in names for state in ("cold", "warm"))]
    first, full = [header], [header]
    for task in TASKS:
        say(f"First result: {task.title}")
        found = [cell for name in names for cell in _cells(name, threads, task, rounds)]
        first.append([task.title, *(cell[0] for cell in found)])
        if task.kind == "train":
            full.append([task.title, *(cell[1] for cell in found)])
    return [
        Section(
            "First result",
            "From a model that is made to its first result, in a fresh process that has imported all it needs: "
            "compilation and one run. Cold: nothing is kept on disk; warm: what a process before it kept is there. "
            "flowloom auto is what one gets without naming a backend: it begins on the portable one.",
            first,
        ),
        Section(
            "Full speed",
            f"From a model that is made to steps that take at most {FULL - 1:.0%} more than in the end (medians of "
            f"{TOGETHER} steps; the end of the faster of both runs), and in brackets how many steps are taken before.",
            full,
        ),
    ]


def late(ends: Sequence[float]) -> float:
    """Seconds that a step takes in the end: the median in the last quarter of the time."""
    times = [after - before for before, after in pairwise([0.0, *ends])]
    return statistics.median(t for t, end in zip(times, ends, strict=True) if end >= 0.75 * ends[-1])


def full_speed(ends: Sequence[float], final: float) -> int | None:
    """After how many steps a step takes `final` seconds, from when each of them was done; None if they never do.

    It is the first step from which the median of TOGETHER steps is at most FULL of that, and which is like them.
    """
    times = [after - before for before, after in pairwise([0.0, *ends])]
    for k, first in enumerate(times):
        if first <= 2 * final and statistics.median(times[k : k + TOGETHER]) <= FULL * final:
            return k
    return None


def _cells(peer: str, threads: int, task: Task, rounds: int) -> list[tuple[str, str]]:
    """For a cold and a warm start: the first result, and full speed."""
    try:
        runs = [_cold_and_warm(peer, threads, task) for _ in range(rounds)]
    except WorkerError as error:
        return [(str(error), str(error)), ("", "")]
    finals = [min(late(cold), late(warm)) for cold, warm in runs]
    return [(_first(ends), _full(ends, finals)) for ends in zip(*runs, strict=True)]


def _first(runs: Sequence[Sequence[float]]) -> str:
    return milliseconds(statistics.median(ends[0] for ends in runs))


def _full(runs: Sequence[Sequence[float]], finals: Sequence[float]) -> str:
    """The median over runs; those that never came to it count as longest."""
    found = []
    for ends, final in zip(runs, finals, strict=True):
        steps = full_speed(ends, final)
        found.append((math.inf, 0) if steps is None else ([0.0, *ends][steps], steps))
    seconds, steps = statistics.median_low(found)
    return f"not within {min(e[-1] for e in runs):.0f} s" if math.isinf(seconds) else f"{seconds:.2f} s ({steps})"


def _cold_and_warm(peer: str, threads: int, task: Task) -> tuple[list[float], list[float]]:
    """When steps were done in a process with an empty cache, and in a second one after it."""
    after = SECONDS if task.kind == "train" else 0.0
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        cold = _ends(peer, threads, task, folder, BESIDE if PEERS[peer].begins and after else after)
        return cold, _ends(peer, threads, task, folder, after)


def _ends(peer: str, threads: int, task: Task, folder: str, seconds: float) -> list[float]:
    with Process(peer, threads, caches(Path(folder))) as process:
        process.ask("load")
        what = {"kind": task.kind, "workload": task.workload, "options": task.options}
        ends: list[float] = process.ask("begin", **what, seconds=seconds)
        return ends


def caches(folder: Path) -> dict[str, str]:
    """What makes each peer keep what it compiles in a folder, and all of it."""
    return {
        "FLOWLOOM_CACHE": str(folder / "flowloom"),
        "TORCHINDUCTOR_CACHE_DIR": str(folder / "inductor"),
        "JAX_COMPILATION_CACHE_DIR": str(folder / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
