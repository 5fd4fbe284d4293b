"""Roofline: what this machine can do at best, against which the instructions of a step are held.

Source: Williams, Waterman & Patterson, "Roofline: An Insightful Visual Performance Model", CACM 52(4), 2009.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from flowloom.backends.choice import has_native
from flowloom.compiler.expr import Expr, placeholder
from flowloom.compiler.plan import make_plan
from flowloom.ops import matmul
from flowloom.spec import Spec

Array = np.ndarray[Any, Any]
# Of the matrices that are multiplied: a run takes half a millisecond, so that a busy machine leaves some undisturbed.
# Beside others that took both cores, 384 gave 190 GFLOP/s and 1024, on the same processor, 60.
SIDE = 384
COPIED = 64 * 1024**2  # bytes, several times a cache
SECONDS = 0.25  # for each of both
_SQUARE, _LONG = (SIDE, SIDE), (COPIED // 4,)
_lock = threading.Lock()
_found: list[Peak] = []


@dataclass(frozen=True, slots=True)
class Peak:
    """The most that a machine attains: float32 operations a second, and bytes that memory reads and writes a second."""

    flops: float
    bandwidth: float

    def seconds(self, flops: float, bytes: float) -> float:
        """The least time for so many operations on so many bytes: the slower of both."""
        return max(flops / self.flops, bytes / self.bandwidth)

    def attainable(self, intensity: float) -> float:
        """Operations a second at best, where each byte that is moved takes part in so many of them."""
        return min(self.flops, intensity * self.bandwidth)


def peak(*, again: bool = False) -> Peak:
    """The peak of this machine, with all threads that a step may use: a product of large matrices, and a large copy.

    It is measured when it is first asked for, which takes about half a second, and kept beside the compiled kernels;
    with `again` it is measured anew, as it should be if the machine was busy then.
    """
    with _lock:
        if again or not _found:
            made = None if again else _read()
            if made is None:
                made = _measure()
                _write(made)
            _found[:] = [made]
        return _found[0]


def _measure() -> Peak:
    a, b, x = (placeholder("a", Spec(_SQUARE)), placeholder("b", Spec(_SQUARE)), placeholder("x", Spec(_LONG)))
    square, long = np.full(_SQUARE, 0.5, np.float32), np.ones(_LONG, np.float32)
    if has_native():
        multiply, copy = _native(matmul(a, b), [square, square]), _native(x, [long])
    else:
        multiply, copy = _portable(np.matmul, square, square), _portable(np.positive, long)
    return Peak(2 * SIDE**3 / _least(multiply), 2 * COPIED / _least(copy))


def _least(run: Callable[[], float]) -> float:
    """The shortest time of several runs after the first."""
    run()
    times: list[float] = []
    end = time.perf_counter() + SECONDS
    while len(times) < 3 or time.perf_counter() < end:
        times.append(run())
    return min(times)


def _native(e: Expr, arrays: Sequence[Array]) -> Callable[[], float]:
    """A run on the native backend, with the seconds that the instruction took."""
    from flowloom.backends.native.step import NativeStep

    step = NativeStep(make_plan([e]))

    def run() -> float:
        before = step.spent()[1].sum()
        step(arrays)
        return float(step.spent()[1].sum() - before)

    return run


def _portable(kernel: Callable[..., object], *arrays: Array) -> Callable[[], float]:
    out = np.ones_like(arrays[0])

    def run() -> float:
        began = time.perf_counter()
        kernel(*arrays, out=out)
        return time.perf_counter() - began

    return run


# ---------------------------------------------------------------- the file


def _path() -> Path:
    from flowloom.backends.native.driver import most_threads
    from flowloom.backends.native.machine import cache_folder, machine

    identity = machine().identity if has_native() else platform.processor()
    key = hashlib.sha256(repr((identity, most_threads(), SIDE, COPIED)).encode()).hexdigest()[:16]
    return cache_folder() / f"peak-{key}.json"


def _read() -> Peak | None:
    """What was measured before; None if that is nothing, or nothing that can be."""
    try:
        found = Peak(**json.loads(_path().read_text()))
        return found if all(isfinite(v) and v > 0 for v in (found.flops, found.bandwidth)) else None
    except (OSError, ValueError, TypeError):
        return None


def _write(made: Peak) -> None:
    path = _path()
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".part", delete=False) as part:
            json.dump(asdict(made), part)
        os.replace(part.name, path)
