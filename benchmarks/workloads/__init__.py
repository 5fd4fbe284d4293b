"""The workloads by name."""

from collections.abc import Callable

from benchmarks.workloads.cifar import cifar
from benchmarks.workloads.digits import digits
from benchmarks.workloads.gpt import gpt
from benchmarks.workloads.language_lstm import language_lstm
from benchmarks.workloads.lenet import lenet
from benchmarks.workloads.mlp import mnist, playground
from benchmarks.workloads.workload import Workload

WORKLOADS: dict[str, Callable[..., Workload]] = {
    "playground": playground,
    "mnist": mnist,
    "digits": digits,
    "lenet": lenet,
    "cifar": cifar,
    "lstm": language_lstm,
    "gpt": gpt,
}

__all__ = ["WORKLOADS", "Workload"]
