"""Compiling beside: a process of its own turns sources into object code, so that no thread here waits for a compiler.

A thread would hold the GIL for most of that time, and LLVM's memory would stay with the user's process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_PROGRAM = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from flowloom.backends.native.compiling import answer
answer(sys.argv[2])
"""
_SIZE = 8  # bytes that say how long the object code behind them is


def compile_beside(sources: Sequence[str], folder: Path) -> list[bytes]:
    """The object code of kernels, which is kept in `folder` too. Raises RuntimeError if the process fails."""
    command = [sys.executable, "-c", _PROGRAM, json.dumps(sys.path), str(folder)]
    # On Windows: no console opens, and as by `os.nice` below what runs already goes before.
    flags = getattr(subprocess, "CREATE_NO_WINDOW", 0) | getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0)
    try:
        done = subprocess.run(command, input=json.dumps(sources).encode(), capture_output=True, creationflags=flags)
    except OSError as error:
        raise RuntimeError(f"no process to compile in: {error}") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise RuntimeError(said[-1] if said else f"the compiler ended with {done.returncode}")
    codes, rest = [], memoryview(done.stdout)
    while rest:
        end = _SIZE + int.from_bytes(rest[:_SIZE], "little")
        codes.append(bytes(rest[_SIZE:end]))
        rest = rest[end:]
    return codes


def answer(folder: str) -> None:
    """What that process does: it reads sources and writes object code."""
    from flowloom.backends.native.machine import Machine

    if hasattr(os, "nice"):
        os.nice(5)
    machine = Machine(Path(folder))
    for source in json.load(sys.stdin.buffer):
        code = machine.code(source)
        sys.stdout.buffer.write(len(code).to_bytes(_SIZE, "little") + code)
