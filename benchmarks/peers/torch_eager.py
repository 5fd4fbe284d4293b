"""PyTorch, op by op, with its fused Adam."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from benchmarks.peers.adam import BETA_1, BETA_2, EPSILON, RATE
from benchmarks.workloads import Workload

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", torch.get_num_threads())))


def train(workload: Workload, *, compiled: bool = False, exact: bool = False) -> Callable[[int], float]:
    """Forward, backward and Adam; the forward and backward pass through `torch.compile`, or in float64, if wished."""
    model, x = _made(workload, exact)
    model.train()
    learned = [p for p in model.parameters() if p.requires_grad]
    adam = torch.optim.Adam(learned, lr=RATE, betas=(BETA_1, BETA_2), eps=EPSILON, fused=True)
    label = torch.from_numpy(workload.label)
    label = label.to(x.dtype) if label.is_floating_point() else label

    def objective(x: Any, label: Any) -> Any:
        scores = model(x)
        if workload.loss == "sigmoid":
            return functional.binary_cross_entropy_with_logits(scores, label)
        return functional.cross_entropy(scores.flatten(0, -2), label.flatten())

    forward = torch.compile(objective) if compiled else objective

    count = 0

    def take(steps: int) -> float:
        nonlocal count
        for _ in range(steps):
            count += 1
            # PyTorch adds epsilon after the correction, the others before: sqrt(v / c) + e / sqrt(c) is the same.
            adam.param_groups[0]["eps"] = EPSILON / math.sqrt(1 - BETA_2**count)
            adam.zero_grad(set_to_none=True)
            loss = forward(x, label)
            loss.backward()
            adam.step()
        return float(loss.item())

    return take


def infer(workload: Workload, *, compiled: bool = False, exact: bool = False) -> Callable[[int], Any]:
    """The module in inference mode, through `torch.compile`, or in float64, if wished."""
    model, x = _made(workload, exact)
    model.eval()
    forward = torch.compile(model) if compiled else model

    def ask(times: int) -> Any:
        with torch.inference_mode():
            for _ in range(times):
                scores = forward(x)
        return scores.numpy()

    return ask


def _made(workload: Workload, exact: bool) -> tuple[torch.nn.Module, torch.Tensor]:
    """The module and the input, an image's axes in PyTorch's order, in memory as it is faster."""
    model: torch.nn.Module = workload.torch(workload.weights)
    x = torch.from_numpy(workload.x)
    if exact:
        model, x = model.double(), x.double() if x.is_floating_point() else x
    if x.ndim < 4:
        return model, x
    layout = torch.channels_last if workload.torch_channels_last else torch.contiguous_format
    return model.to(memory_format=layout), x.permute(0, 3, 1, 2).contiguous(memory_format=layout)
