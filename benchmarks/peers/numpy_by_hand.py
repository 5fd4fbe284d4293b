"""NumPy, for the workloads whose gradients were written by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.peers.adam import NumpyAdam
from benchmarks.workloads import Workload


def train(workload: Workload) -> Callable[[int], float]:
    """Loss and gradients by hand, Adam in place."""
    gradients_of = workload.numpy
    if gradients_of is None:
        raise NotImplementedError("not written in NumPy")
    weights = {name: w.copy() for name, w in workload.weights.items()}
    adam = NumpyAdam(weights)

    def take(steps: int) -> float:
        for _ in range(steps):
            loss, gradients = gradients_of(weights, workload.x, workload.label)
            adam(gradients)
        return loss

    return take


def infer(workload: Workload) -> Callable[[int], Any]:
    """The scores by hand."""
    scores_of = workload.numpy_scores
    if scores_of is None:
        raise NotImplementedError("not written in NumPy")

    def ask(times: int) -> Any:
        for _ in range(times):
            scores = scores_of(workload.weights, workload.x)
        return scores

    return ask
