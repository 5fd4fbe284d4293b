"""Interleaved timings: in every round each entrant runs once, in turning order, so that all meet the same weather."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from benchmarks.peers import PEERS
from benchmarks.processes import NothingThereError, Process, WorkerError
from benchmarks.quiet import QUIET, timed

# Of a result from the exact one, as a share of the first loss, or of the largest score. In float32 five steps of batch
# normalisation leave 1e-4, PyTorch's among them; an epsilon that is added elsewhere in Adam 2.3e-4 and more.
TOLERANCE = 2e-4
REFERENCE = "torch"  # computes the exact results

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Task:
    """What is timed: training or inference with a workload, `steps` at a time."""

    title: str
    kind: Literal["train", "infer"]
    workload: str
    steps: int
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Figure:
    """What one entrant did: seconds to its first result, its results to compare, and seconds a step in each round.

    `others` are the cores that other programs took in each round. `absent` says why there is nothing to time, `failure`
    what went wrong.
    """

    first: float = 0.0
    results: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)
    absent: str | None = None
    failure: str | None = None

    @property
    def quiet(self) -> list[bool]:
        """Which rounds were quiet."""
        return [others <= QUIET for others in self.others]

    @property
    def median(self) -> float:
        """Seconds a step, in quiet rounds if there are any."""
        return statistics.median(_of(self.quiet, self.seconds))


@dataclass(slots=True)
class Comparison:
    """A task, and what each entrant did, by name."""

    task: Task
    figures: dict[str, Figure]
    exact: list[float] = field(default_factory=list)  # the results in float64, where PyTorch is there to compute them

    def ratio(self, name: str, to: str) -> float:
        """How many times as long one entrant takes as another: the median over rounds, each of them side by side.

        Rounds that were quiet for both count, or all if there is none.
        """
        one, other = self.figures[name], self.figures[to]
        ratios = [a / b for a, b in zip(one.seconds, other.seconds, strict=True)]
        return statistics.median(_of([a and b for a, b in zip(one.quiet, other.quiet, strict=True)], ratios))

    def differences(self) -> dict[str, float]:
        """How far the results of each are from the exact ones, as a share; see TOLERANCE. Without these, {}."""
        if not self.exact:
            return {}
        there = {name: np.array(f.results) for name, f in self.figures.items() if f.results}
        reference = np.array(self.exact)
        size = abs(reference[0]) if self.task.kind == "train" else abs(reference).max()
        return {name: float(abs(results - reference).max() / size) for name, results in there.items()}

    def disagreeing(self) -> dict[str, float]:
        """Those whose results are too far from the exact ones (or are no numbers), with the difference."""
        return {name: d for name, d in self.differences().items() if not d <= TOLERANCE}


@contextmanager
def processes(entrants: Mapping[str, tuple[str, int]], say: Say) -> Iterator[dict[str, Process]]:
    """A process for each entrant, given as peer and number of threads. One that cannot load its peer is left out."""
    with ExitStack() as stack:
        made = {}
        for name, (peer, threads) in entrants.items():
            process = stack.enter_context(Process(peer, threads))
            try:
                process.ask("load")
                made[name] = process
            except WorkerError as error:
                say(f"{name} is left out: {error}")
        yield made


def compare(entrants: Mapping[str, Process], tasks: Sequence[Task], rounds: int, say: Say) -> list[Comparison]:
    """Time all tasks; an entrant that fails at one, or has nothing for it, says so in its figure."""
    return [_compared(entrants, task, rounds, say) for task in tasks]


def _compared(entrants: Mapping[str, Process], task: Task, rounds: int, say: Say) -> Comparison:
    say(f"{task.title}: {task.steps} steps, {rounds} rounds")
    figures = {name: _built(process, task) for name, process in entrants.items() if _takes(process.peer, task)}
    comparison = Comparison(task, figures, _exact(entrants, task))
    for start in range(rounds):
        names = [name for name, figure in figures.items() if figure.results]
        for name in names[start % len(names) :] + names[: start % len(names)] if names else []:
            _run(entrants[name], task, figures[name])
    for name, figure in figures.items():
        if figure.results:
            entrants[name].ask("drop", task=task.title)
        say(f"    {name:14}{_line(figure)}")
    for name, difference in comparison.disagreeing().items():
        say(f"    ERROR: the results of {name} are off by {difference:.1e}")
    return comparison


def _run(process: Process, task: Task, figure: Figure) -> None:
    """One round of one entrant; with one that fails it is over."""
    try:
        seconds, others = timed(process, task.title, task.steps)
    except WorkerError as error:
        figure.failure, figure.results, figure.seconds, figure.others = str(error), [], [], []
    else:
        figure.seconds.append(seconds)
        figure.others.append(others)


def _line(figure: Figure) -> str:
    if not figure.results:
        return figure.absent or f"ERROR: {figure.failure}"
    times = f"{1e3 * figure.median:10.3f} ms, at best {1e3 * min(figure.seconds):.3f} ms"
    return f"{times}; {sum(figure.quiet)} of {len(figure.quiet)} rounds quiet"


def _of(counts: Sequence[bool], values: Sequence[float]) -> list[float]:
    """Those values that count, or all if none does."""
    return [value for value, counting in zip(values, counts, strict=True) if counting] or list(values)


def _exact(entrants: Mapping[str, Process], task: Task) -> list[float]:
    if REFERENCE not in entrants:
        return []
    process, what = entrants[REFERENCE], {"kind": task.kind, "workload": task.workload, "options": task.options}
    try:
        results: list[float] = process.ask("exact", **what)
    except WorkerError:
        return []
    return results


def _takes(peer: str, task: Task) -> bool:
    return PEERS[peer].trains if task.kind == "train" else PEERS[peer].infers


def _built(process: Process, task: Task) -> Figure:
    try:
        made = process.ask("build", task=task.title, kind=task.kind, workload=task.workload, options=task.options)
    except NothingThereError as reason:
        return Figure(absent=str(reason))
    except WorkerError as error:
        return Figure(failure=str(error))
    return Figure(made["first"], made["results"])
