"""flowloom as it is without naming a backend: it begins portable, and goes over to native when that is compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.peers import flowloom_graph
from benchmarks.workloads import Workload


def train(workload: Workload) -> Callable[[int], float]:
    """The steps of a run."""
    return flowloom_graph.train(workload, "auto")


def infer(workload: Workload) -> Callable[[int], Any]:
    """A compiled program."""
    return flowloom_graph.infer(workload, "auto")
