"""What a second core brings: the training steps with one thread and with two, interleaved."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.peers import PEERS
from benchmarks.report import Section, milliseconds
from benchmarks.timing import Say, Task, compare, processes

COMPARED = ("flowloom", "torch", "jax", "numpy")


def measure(peers: Sequence[str], tasks: Sequence[Task], rounds: int, say: Say) -> Section:
    """A row for each task, a column for each peer."""
    names = [p for p in peers if p in COMPARED]
    entrants = {f"{name} on {threads}": (name, threads) for name in names for threads in (1, 2)}
    with processes(entrants, say) as made:
        comparisons = compare(made, tasks, rounds, say)
    rows = [["", *(PEERS[n].title for n in names)]]
    for comparison in comparisons:
        rows.append([comparison.task.title])
        for name in names:
            one, two = (comparison.figures.get(f"{name} on {threads}") for threads in (1, 2))
            if one is None or two is None or not (one.seconds and two.seconds):
                rows[-1].append("")
                continue
            gain = comparison.ratio(f"{name} on 1", f"{name} on 2")
            rows[-1].append(f"{gain:.2f} ({milliseconds(one.median)} to {milliseconds(two.median)})")
    return Section("From one core to two", "How many times as fast a training step is with a second core.", rows)
