"""Compiling beside: a process of its own turns sources into object code, so that no thread here waits for a compiler.

A thread would hold the GIL for most of that time, and LLVM's memory would stay with the user's process.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_PROGRAM = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from flowloom.backends.native.compiling import answer
answer(*sys.argv[2:])
"""
_SIZE = 8  # bytes that say how long the object code behind them is
_LONGEST = 600  # seconds


def compile_beside(sources: Sequence[str], folder: Path, identity: str) -> list[bytes]:
    """The object code of kernels, which is kept in `folder` too, by the compiler of that identity.

    Raises RuntimeError if the process fails, or is of another identity: flowloom was changed since it was imported.
    """
    paths = json.dumps([path for path in sys.path if isinstance(path, str)])
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as beside:
        result = Path(beside) / "code"
        command = [sys.executable, "-P", "-c", _PROGRAM, paths, str(folder), identity, str(result)]
        try:
            done = subprocess.run(
                command, input=json.dumps(sources).encode(), capture_output=True, timeout=_LONGEST, **_apart()
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise RuntimeError(f"no process to compile in: {error}") from error
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise RuntimeError(said[-1] if said else f"the compiler ended with {done.returncode}")
        return _parts(result.read_bytes())


def _apart() -> dict[str, Any]:
    """How the process is started: it is not meant by an interrupt of this one.

    Its priority is the usual one: at a lower one it waits for a core while BLAS keeps all of them, 11 s for GPT instead
    of 4 (once, by hand).
    """
    if sys.platform == "win32":
        flags = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
        return {"creationflags": flags}
    return {"process_group": 0}


def _parts(data: bytes) -> list[bytes]:
    parts, at = [], 0
    while at < len(data):
        end = at + _SIZE + int.from_bytes(data[at : at + _SIZE], "little")
        parts.append(data[at + _SIZE : end])
        at = end
    return parts


def answer(folder: str, identity: str, result: str) -> None:
    """What that process does: it reads sources and writes object code."""
    from flowloom.backends.native.machine import Machine

    machine = Machine(Path(folder))
    if machine.identity != identity:
        raise RuntimeError("flowloom was changed on disk since it was imported; restart Python")
    codes = [machine.code(source) for source in json.load(sys.stdin.buffer)]
    Path(result).write_bytes(b"".join(len(code).to_bytes(_SIZE, "little") + code for code in codes))
