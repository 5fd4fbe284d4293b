"""Whether memory is flat: the line of least squares through the later samples, and what it says of the whole time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MOST_SHARE, MOST_BYTES = 0.02, 5e6  # what it may grow in the whole time
FROM = 0.25  # of the whole time; before, caches fill


@dataclass(frozen=True, slots=True)
class Trend:
    """The line through the later samples: bytes at its middle, bytes a second, and what that may be off by (95 %)."""

    level: float
    slope: float
    spread: float
    middle: float
    seconds: float

    @property
    def growth(self) -> float:
        """Bytes that the whole time would bring at this slope."""
        return self.slope * self.seconds

    @property
    def is_flat(self) -> bool:
        """Whether it grows neither by MOST_SHARE of the level nor by MOST_BYTES."""
        return self.growth < self._most

    @property
    def is_certain(self) -> bool:
        """Whether the spread leaves no doubt about that."""
        return abs(self.growth - self._most) > self.spread * self.seconds

    @property
    def _most(self) -> float:
        return min(MOST_SHARE * self.level, MOST_BYTES)

    def at(self, second: float) -> float:
        """Bytes on the line."""
        return self.level + self.slope * (second - self.middle)


def trend(seconds: Sequence[float], sizes: Sequence[float]) -> Trend:
    """The line through those samples that are later than FROM of the time. Raises ValueError for fewer than three.

    The spread takes the samples to be independent; what comes and goes slowly makes it too small.
    """
    t, y = np.asarray(seconds, np.float64), np.asarray(sizes, np.float64)
    later = t >= FROM * t[-1]
    t, y = t[later], y[later]
    if len(t) < 3:
        raise ValueError(f"a trend needs three samples or more; there are {len(t)} late enough")
    from_middle = t - t.mean()
    squares = float(from_middle @ from_middle)
    slope = float(from_middle @ y) / squares
    left = y - y.mean() - slope * from_middle
    error = math.sqrt(float(left @ left) / (len(t) - 2) / squares)
    return Trend(float(y.mean()), slope, 1.96 * error, float(t.mean()), float(seconds[-1]))
