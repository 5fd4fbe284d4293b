"""A process of one peer: `python -m benchmarks.worker PEER THREADS`. Commands and replies are lines of JSON.

A process of its own keeps a peer's threads, allocator and settings away from the others; whoever is not asked sleeps.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.peers import PEERS, Peer
from benchmarks.workloads import WORKLOADS

COMPARED_STEPS = 5
SHORTEST = 0.2  # seconds
STATUS = Path("/proc/self/status")


class Worker:
    """Answers commands: a command is a method, its arguments are the other keys."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.runners: dict[str, Any] = {}

    def load(self) -> float:
        """Import the peer; seconds."""
        start = time.perf_counter()
        import_module(f"benchmarks.peers.{self.peer.module}")
        return time.perf_counter() - start

    def build(self, task: str, kind: str, workload: str, options: dict[str, Any]) -> dict[str, Any]:
        """Make a model and run it for the first times: seconds to the first result, and what came out.

        The clock starts when the model is made, and before anything is compiled or planned for it.
        """
        made = WORKLOADS[workload](**options)
        runner = self.peer.trainer(made) if kind == "train" else self.peer.asker(made)
        start = time.perf_counter()
        first = runner(1)
        seconds = time.perf_counter() - start
        self.runners[task] = runner
        return {"first": seconds, "results": _compared(runner, first)}

    def exact(self, kind: str, workload: str, options: dict[str, Any]) -> list[float]:
        """What should come out: the results in float64."""
        runner = self.peer.exact(WORKLOADS[workload](**options), kind)
        return _compared(runner, runner(1))

    def run(self, task: str, steps: int) -> dict[str, float]:
        """Run it so many times, and again until SHORTEST has passed: seconds for each, and all time of processors.

        A few runs before wake threads and caches.
        """
        runner, processors = self.runners[task], time.process_time()
        runner(max(1, steps // 10))
        start, count, seconds = time.perf_counter(), 0, 0.0
        while seconds < SHORTEST:
            runner(steps)
            count += steps
            seconds = time.perf_counter() - start
        return {"seconds": seconds / count, "cpu": time.process_time() - processors}

    def begin(self, kind: str, workload: str, options: dict[str, Any], seconds: float) -> list[float]:
        """Make a model and run it step by step for so long after its first result: when each step was done, in seconds.

        The clock starts when the model is made, and before anything is compiled or planned for it.
        """
        made = WORKLOADS[workload](**options)
        runner = self.peer.trainer(made) if kind == "train" else self.peer.asker(made)
        ends: list[float] = []
        start = time.perf_counter()
        while not ends or ends[-1] < ends[0] + seconds:
            runner(1)
            ends.append(time.perf_counter() - start)
        return ends

    def call(self, module: str, function: str, arguments: dict[str, Any]) -> Any:
        """What a function of a module of these benchmarks gives."""
        return getattr(import_module(module), function)(**arguments)

    def drop(self, task: str) -> None:
        """Forget a model."""
        self.runners.pop(task, None)

    def memory(self) -> float:
        """The most memory that this process ever had, in bytes.

        Linux hands `ru_maxrss` on from the process that starts another, so there it is not what it seems to be.
        """
        if STATUS.is_file():
            found = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
            return 1024 * float(found.split()[1])
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _compared(runner: Any, first: Any) -> list[float]:
    """The first scores, or the losses of the first steps."""
    if isinstance(first, float):
        return [first, *(runner(1) for _ in range(COMPARED_STEPS - 1))]
    scores: list[float] = first.ravel().tolist()
    return scores


def main() -> None:
    """Answer until there are no more commands."""
    name, threads = sys.argv[1], int(sys.argv[2])
    if hasattr(os, "sched_setaffinity"):  # XLA has as many threads as there are cores to run on
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no reply
    worker = Worker(PEERS[name])
    for line in sys.stdin:
        command = json.loads(line)
        try:
            reply = {"value": getattr(worker, command.pop("command"))(**command)}
        except NotImplementedError as reason:
            reply = {"absent": str(reason)}
        except Exception as error:
            traceback.print_exc()
            reply = {"failure": f"{type(error).__name__}: {error}".splitlines()[0]}
        print(json.dumps(reply), file=replies, flush=True)


if __name__ == "__main__":
    main()
