"""Who is compared: for each peer, what it needs, and the module that trains and asks its models.

A module has `train(workload)`, which gives a function that takes so many steps and gives the loss before the last of
them, and `infer(workload)`, which gives a function that asks so many times and gives the scores. Both wait until the
last result is there.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

import numpy as np

from benchmarks.workloads import Workload


@dataclass(frozen=True, slots=True)
class Peer:
    """A framework as it is used in one way. `package` is what must be installed, `needs` one of these programs.

    One that `begins` goes over to another one while it runs: it is measured only at the beginning.
    """

    title: str
    module: str
    package: str
    needs: tuple[str, ...] = ()
    trains: bool = True
    infers: bool = True
    begins: bool = False

    def lack(self) -> str | None:
        """Why it cannot run here, or None."""
        if find_spec(self.package) is None:
            return f"{self.package} is not installed"
        if self.needs and not any(map(shutil.which, self.needs)):
            return f"it needs a C++ compiler ({', '.join(self.needs)}), and none was found"
        return None

    def version(self) -> str:
        """The version of its package; that of a checkout which is not installed is unknown."""
        try:
            return version(self.package)
        except PackageNotFoundError:
            return "of a checkout"

    def trainer(self, workload: Workload) -> Callable[[int], float]:
        """Takes steps of training; see above."""
        made: Callable[[int], float] = import_module(f"benchmarks.peers.{self.module}").train(workload)
        return made

    def asker(self, workload: Workload) -> Callable[[int], np.ndarray[Any, Any]]:
        """Gives scores; see above."""
        made: Callable[[int], np.ndarray[Any, Any]] = import_module(f"benchmarks.peers.{self.module}").infer(workload)
        return made

    def exact(self, workload: Workload, kind: str) -> Callable[[int], Any]:
        """What trains or asks in float64; only PyTorch has it."""
        made: Callable[[int], Any] = getattr(import_module(f"benchmarks.peers.{self.module}"), kind)(
            workload, exact=True
        )
        return made


PEERS = {
    "flowloom": Peer("flowloom", "flowloom_graph", "flowloom"),
    "portable": Peer("flowloom portable", "flowloom_portable", "flowloom"),
    "auto": Peer("flowloom auto", "flowloom_auto", "flowloom", begins=True),
    "torch": Peer("PyTorch", "torch_eager", "torch"),
    "torch-compile": Peer("torch.compile", "torch_compiled", "torch", needs=("c++", "g++", "clang++", "cl")),
    "jax": Peer("JAX jit", "jax_jit", "jax"),
    "jax-loop": Peer("JAX loop", "jax_loop", "jax", infers=False),
    "numpy": Peer("NumPy by hand", "numpy_by_hand", "numpy"),
    "onnxruntime": Peer("ONNX Runtime", "onnx_runtime", "onnxruntime", trains=False),
}
