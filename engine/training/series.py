"""Series: a measured quantity over the steps of a run. One thread appends, any thread reads."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

Array = np.ndarray[Any, Any]


class Series:
    """Points (step, value); every one is kept."""

    def __init__(self) -> None:
        self._points = np.empty((2, 64))
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, step: int, values: ArrayLike) -> None:
        """Add the value at a step, or those (n,) at this step and the ones that follow."""
        values = np.atleast_1d(values)
        end = self._count + len(values)
        if end > self._points.shape[1]:
            grown = np.empty((2, 2 * end))
            grown[:, : self._count] = self._points[:, : self._count]
            self._points = grown
        self._points[0, self._count : end] = np.arange(step, step + len(values))
        self._points[1, self._count : end] = values
        self._count = end  # last, so that a reader never sees a point that is not whole

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
