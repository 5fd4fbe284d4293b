"""flowloom: the steps that a run takes, and a compiled program, on the native backend where it can run."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import flowloom as fl
from benchmarks.peers.adam import BETA_1, BETA_2, EPSILON, RATE
from benchmarks.workloads import Workload
from flowloom.backends.choice import Backend, has_native
from flowloom.training.run import at_once_after
from flowloom.training.snapshot import snapshot
from flowloom.training.step import TrainStep

BACKEND: Backend = "native" if has_native() else "portable"


def train(workload: Workload, backend: Backend = BACKEND) -> Callable[[int], float]:
    """What `fl.Trainer` runs: steps, as many at once as it takes where the backend can."""
    graph, loss = built(workload)
    optimizer = fl.optimizers.adam(RATE, beta_1=BETA_1, beta_2=BETA_2, epsilon=EPSILON)
    batch = {"x": workload.x, "label": workload.label}
    step: TrainStep | None = None
    at_once = 1

    def take(steps: int) -> float:
        nonlocal step, at_once
        if step is None:
            step = TrainStep(snapshot(graph, {"loss": loss}), optimizer, backend=backend)
        while steps:
            began = time.perf_counter()
            losses = step.some([batch] * min(steps, at_once))["loss"]
            steps -= len(losses)
            at_once = at_once_after(len(losses), time.perf_counter() - began)
        return float(losses[-1])

    return take


def infer(workload: Workload, backend: Backend = BACKEND) -> Callable[[int], Any]:
    """`fl.compile` of the scores."""
    graph, _ = built(workload)
    feeds = {"x": workload.x}
    program: fl.Program | None = None

    def ask(times: int) -> Any:
        nonlocal program
        if program is None:
            program = fl.compile(graph["scores"], backend=backend)
        for _ in range(times):
            scores = program(feeds)
        return scores

    return ask


def built(workload: Workload) -> tuple[fl.Graph, fl.Tensor]:
    """The graph with the workload's weights, and its loss. Its output is called "scores"."""
    with fl.Graph(workload.title) as graph:
        x = fl.input("x", shape=("batch", *workload.x.shape[1:]), dtype=workload.x.dtype.name)
        label = fl.input("label", shape=("batch", *workload.label.shape[1:]), dtype=workload.label.dtype.name)
        scores = workload.flowloom(x)
        fl.output(scores, "scores")
        entropy = {"softmax": fl.losses.softmax_cross_entropy, "sigmoid": fl.losses.sigmoid_cross_entropy}
        loss = entropy[workload.loss](scores, label)
    if unknown := {v.name for v in graph.variables} ^ set(workload.weights):
        raise ValueError(f"these variables are not in both the graph and the workload: {sorted(unknown)}")
    for variable in graph.variables:
        variable.value = workload.weights[variable.name]
    return graph, loss
