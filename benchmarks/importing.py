"""How long an import takes beyond NumPy's, in a fresh process with everything in byte code."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Sequence

from benchmarks.peers import PEERS
from benchmarks.report import Section, milliseconds

CODE = "import time, numpy; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"


def measure(peers: Sequence[str], rounds: int) -> Section:
    """The median over the rounds, interleaved; a first round, not counted, writes byte code and fills file caches."""
    packages = list(dict.fromkeys(PEERS[p].package for p in peers if p != "numpy"))
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    seconds: dict[str, list[float]] = {package: [] for package in packages}
    for start in range(rounds + 1):
        for package in packages:
            command = [sys.executable, "-c", CODE.format(package)]
            took = float(subprocess.check_output(command, text=True, env=environment))
            if start:
                seconds[package].append(took)
    rows = [[package, milliseconds(statistics.median(seconds[package]))] for package in packages]
    return Section(
        "Import", "`import` in a fresh process that has imported NumPy, byte code cached.", [["", "time"], *rows]
    )
