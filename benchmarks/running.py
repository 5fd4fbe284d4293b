"""Runs of the workloads: what people start with `Trainer.start`, on many batches in turning order."""

from __future__ import annotations

import numpy as np

import flowloom as fl
from benchmarks.peers.flowloom_graph import built
from benchmarks.workloads import WORKLOADS
from flowloom.backends.choice import Backend

BATCHES = 40


def prepared(workload: str, backend: Backend, batches: int = BATCHES) -> tuple[fl.Trainer, fl.data.Dataset]:
    """The trainer of a workload's graph, and its data: so many times its batch, shuffled."""
    made = WORKLOADS[workload]()
    _, loss = built(made)
    arrays = {"x": np.concatenate([made.x] * batches), "label": np.concatenate([made.label] * batches)}
    data = fl.data.from_arrays(arrays).shuffle(seed=0).batch(len(made.x))
    return fl.Trainer(loss, fl.optimizers.adam(1e-3), backend=backend), data
