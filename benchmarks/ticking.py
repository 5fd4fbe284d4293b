"""Ticks: a Python thread on the side that wants to run every millisecond, and notes how long it had to wait."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Any

import numpy as np

EACH = 0.001  # seconds
KEPT = 1 << 17  # ticks: two minutes of them, in memory that does not grow


class Ticks:
    """Ticks while it is open: `with Ticks() as ticks: ...`. `worst` is the longest gap so far, in seconds."""

    def __init__(self) -> None:
        self.worst = 0.0
        self._gaps = np.zeros(KEPT)
        self._count = 0
        self._over = False
        self._thread = threading.Thread(target=self._tick, name="ticks", daemon=True)

    @property
    def gaps(self) -> np.ndarray[Any, Any]:
        """Seconds between one tick and the next, of the last KEPT of them at most, float64 (n,)."""
        return self._gaps[: self._count].copy()

    def _tick(self) -> None:
        last = time.perf_counter()
        while not self._over:
            time.sleep(EACH)
            now = time.perf_counter()
            self._gaps[self._count % KEPT] = gap = now - last
            self._count += 1
            self.worst = max(self.worst, gap)
            last = now

    def __enter__(self) -> Ticks:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over = True
        self._thread.join()
