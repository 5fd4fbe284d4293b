"""Random draws that stay the same on every platform and in every NumPy release.

NumPy guarantees the raw integer stream of `PCG64` for a given seed, but keeps the right to change what `Generator`
makes of it (NEP 19). So everything here is made from the raw 64-bit integers: permutations and uniform numbers are
exact. Normal numbers also go through `log` and `cos`, whose last bit may differ between CPUs.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


class Draws:
    """An endless stream of draws, fixed by `seed` (an int of at least 0) and `key` (ints: which use of the seed)."""

    def __init__(self, seed: int, *key: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key))

    def permutation(self, count: int) -> NDArray[np.intp]:
        """The numbers 0 to `count` - 1 in random order: the order that sorts as many random 64-bit integers."""
        return np.argsort(self._raw(count), kind="stable")

    def uniform(self, low: float, high: float, count: int) -> NDArray[np.float64]:
        """`count` numbers spread evenly over [low, high), from the upper 53 bits of each integer."""
        unit = (self._raw(count) >> np.uint64(11)).astype(np.float64) * 2.0**-53
        return low + (high - low) * unit

    def normal(self, mean: float, variance: float, count: int) -> NDArray[np.float64]:
        """`count` normally distributed numbers, float64 (Box and Muller 1958)."""
        radius: NDArray[np.float64] = np.sqrt(-2.0 * np.log1p(-self.uniform(0.0, 1.0, count)))
        angle = self.uniform(0.0, 2.0 * np.pi, count)
        return mean + math.sqrt(variance) * radius * np.cos(angle)

    def _raw(self, count: int) -> NDArray[np.uint64]:
        return np.asarray(self._bits.random_raw(count), dtype=np.uint64)
