"""Worker processes as seen from the one that compares: start, ask, stop."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class WorkerError(RuntimeError):
    """A command that failed in a worker, or a worker that ended."""


class NothingThereError(WorkerError):
    """A workload that a peer does not have."""


class Process:
    """A worker for one peer with so many threads; `with` ends it. `variables` are set in its environment."""

    def __init__(self, peer: str, threads: int, variables: Mapping[str, str] | None = None) -> None:
        self.peer = peer
        environment = os.environ | dict.fromkeys(THREAD_VARIABLES, str(threads)) | dict(variables or {})
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", peer, str(threads)],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, command: str, **arguments: Any) -> Any:
        """The reply to a command. Raises WorkerError if it fails."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            print(json.dumps({"command": command, **arguments}), file=self._process.stdin, flush=True)
        except BrokenPipeError:
            raise WorkerError("its process has ended") from None
        line = self._process.stdout.readline()
        if not line:
            raise WorkerError(f"its process ended with status {self._process.wait()}")
        reply = json.loads(line)
        if "absent" in reply:
            raise NothingThereError(reply["absent"])
        if "failure" in reply:
            raise WorkerError(reply["failure"])
        return reply["value"]

    def __enter__(self) -> Process:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
