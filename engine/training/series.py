"""Series: a measured quantity over the steps of a run. One thread appends, any thread reads."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class Series:
    """Points (step, value), appended one by one; every one is kept."""

    def __init__(self) -> None:
        self._points = np.empty((2, 64))
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, step: int, value: float) -> None:
        """Add a point at the end."""
        if self._count == self._points.shape[1]:
            grown = np.empty((2, 2 * self._count))
            grown[:, : self._count] = self._points
            self._points = grown
        self._points[:, self._count] = step, value
        self._count += 1  # last, so that a reader never sees a point that is not whole

    def since(self, start: int = 0) -> tuple[Array, Array]:
        """Copies of the steps and values from point `start` on, float64 (n,) each."""
        count = self._count
        points = self._points[:, start:count].copy()
        return points[0], points[1]

    @property
    def last(self) -> float | None:
        """The newest value; None before there is one."""
        count = self._count  # before the points, which a moment later may be others, but no fewer
        return float(self._points[1, count - 1]) if count else None
