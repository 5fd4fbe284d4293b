"""What batch and depth cost: training steps of dense layers of 128, more and more samples, more and more layers."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.report import Section, comparison_sections
from benchmarks.timing import Say, Task, compare, processes

COMPARED = ("flowloom", "torch", "jax", "numpy")
BATCHES = (1, 8, 64, 512)
DEPTHS = (1, 4, 16)
WIDTH, USUAL_BATCH, USUAL_DEPTH = 128, 64, 4


def measure(peers: Sequence[str], threads: int, rounds: int, steps: int, say: Say) -> list[Section]:
    """Two tables: by batch, and by depth."""
    by_batch = [_task(f"batch {batch}", steps, batch, USUAL_DEPTH) for batch in BATCHES]
    by_depth = [_task(f"depth {depth}", steps, USUAL_BATCH, depth) for depth in DEPTHS]
    with processes({p: (p, threads) for p in peers if p in COMPARED}, say) as made:
        batches, depths = compare(made, by_batch, rounds, say), compare(made, by_depth, rounds, say)
    text = f"A training step of dense layers of {WIDTH} units; in brackets the time as a multiple of flowloom's."
    return [
        comparison_sections("Cost of the batch", f"{text} {USUAL_DEPTH} hidden layers.", batches)[0],
        comparison_sections("Cost of depth", f"{text} Batch {USUAL_BATCH}.", depths)[0],
    ]


def _task(title: str, steps: int, batch: int, depth: int) -> Task:
    return Task(title, "train", "mnist", steps, {"sizes": [WIDTH] * (depth + 1) + [10], "batch": batch})
