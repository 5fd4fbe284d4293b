"""ONNX Runtime, with the model that flowloom saves. It only infers."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnxruntime

from benchmarks.workloads import Workload


def infer(workload: Workload) -> Callable[[int], Any]:
    """A session on the saved model."""
    from benchmarks.peers.flowloom_graph import built
    from flowloom.formats import onnx

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "0"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        onnx.save(built(workload)[0], path)
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feeds = {"x": workload.x}

    def ask(times: int) -> Any:
        for _ in range(times):
            (scores,) = session.run(None, feeds)
        return scores

    return ask
