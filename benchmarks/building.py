"""What it costs to build, lower and differentiate a graph, in microseconds for each op, at growing depth.

    python benchmarks/building.py [depth ...]

A chain of ops, each on the one before, so nothing but depth grows. `build` adds nodes from Python (`x = fl.tanh(x)`),
`lower` turns the graph into expressions, `differentiate` makes the gradient by the first input, `plan` orders the steps
and gives every result its place. Beside it PyTorch, if installed, builds and differentiates the same chain eagerly.
Medians over three runs.
"""

from __future__ import annotations

import gc
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import flowloom as fl
from flowloom.compiler.gradient import gradients
from flowloom.compiler.plan import make_plan
from flowloom.graph.lower import lower

DEPTHS = (5_000, 10_000, 50_000)
RUNS = 3
STAGES = ("build", "lower", "differentiate", "plan")


def chain(depth: int) -> dict[str, float]:
    """Seconds for each stage of a chain of `depth` ops."""
    seconds: dict[str, float] = {}

    def timed(stage: str, work: Callable[[], Any]) -> Any:
        gc.collect()
        start = time.perf_counter()
        result = work()
        seconds[stage] = time.perf_counter() - start
        return result

    def build() -> Any:
        with fl.Graph():
            x = y = fl.input("x", shape=("batch", 4))
            for _ in range(depth // 2):
                y = fl.tanh(y + x)
            return fl.mean(y)

    loss = timed("build", build)
    lowered = timed("lower", lambda: lower(loss.graph, [loss]))
    (slope,) = timed("differentiate", lambda: gradients(lowered.outputs[0], [lowered.inputs["x"]]))
    concrete = lower(loss.graph, [loss], {"x": fl.Spec((8, 4))})
    (slope,) = gradients(concrete.outputs[0], [concrete.inputs["x"]])
    timed("plan", lambda: make_plan([concrete.outputs[0], slope]))
    return seconds


def torch_chain(depth: int) -> float | None:
    """Seconds for the same chain and its gradient in PyTorch, which runs it as it builds it; None without PyTorch."""
    try:
        import torch
    except ImportError:
        return None
    x = torch.zeros((8, 4), requires_grad=True)
    start = time.perf_counter()
    y = x
    for _ in range(depth // 2):
        y = torch.tanh(y + x)
    y.mean().backward()
    return time.perf_counter() - start


def main() -> None:
    """Print one line for each depth."""
    depths = [int(a) for a in sys.argv[1:]] or list(DEPTHS)
    print(f"{'ops':>8}" + "".join(f"{stage:>15}" for stage in (*STAGES, "all", "PyTorch")) + "   (us an op)")
    for depth in depths:
        runs = [chain(depth) for _ in range(RUNS)]
        each = {stage: statistics.median(r[stage] for r in runs) / depth * 1e6 for stage in STAGES}
        peers = [torch_chain(depth) for _ in range(RUNS)]
        peer = statistics.median(p for p in peers if p is not None) / depth * 1e6 if None not in peers else np.nan
        figures = (*each.values(), sum(each.values()), peer)
        print(f"{depth:>8}" + "".join(f"{v:>15.1f}" for v in figures))


if __name__ == "__main__":
    main()
