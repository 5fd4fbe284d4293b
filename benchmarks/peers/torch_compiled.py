"""PyTorch through `torch.compile`, with its fused Adam."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.peers import torch_eager
from benchmarks.workloads import Workload


def train(workload: Workload) -> Callable[[int], float]:
    """Forward and backward pass compiled."""
    return torch_eager.train(workload, compiled=True)


def infer(workload: Workload) -> Callable[[int], Any]:
    """The module compiled."""
    return torch_eager.infer(workload, compiled=True)
