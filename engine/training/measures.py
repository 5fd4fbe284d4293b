"""What is measured over many batches: means over samples, and the running totals that metrics are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from flowloom.compiler.expr import Expr, toposort
from flowloom.graph.expansion import Total

Array = np.ndarray[Any, Any]
Batch = Mapping[str, Array]


def size_of(batch: Batch) -> int:
    """How many samples are in a batch."""
    return len(next(iter(batch.values())))


class Means:
    """Means over samples, of values that are means over batches."""

    def __init__(self) -> None:
        self._totals: dict[str, float] = {}
        self._samples = 0

    def add(self, values: Mapping[str, ArrayLike], sizes: ArrayLike) -> None:
        """Count the values of one batch, or of several, each as often as its batch has samples."""
        self._samples += int(np.sum(sizes))
        for name, value in values.items():
            self._totals[name] = self._totals.get(name, 0.0) + float(np.sum(np.multiply(sizes, value)))

    @property
    def values(self) -> dict[str, float]:
        """The means so far, by name."""
        return {name: total / self._samples for name, total in self._totals.items()}


class Totals:
    """The running totals of a streaming lowering: fed to a step, fetched from it, and fed to the next."""

    def __init__(self) -> None:
        self._arrays: dict[str, Array] = {}

    def leaves(self, totals: Mapping[str, Total]) -> dict[Expr, Array]:
        """The arrays to feed: what came before, zeros at first."""
        return {
            total.before: self._arrays.get(key, np.zeros(total.before.spec.sizes, total.before.dtype))
            for key, total in totals.items()
        }

    def take(self, totals: Mapping[str, Total], arrays: Iterable[Array]) -> None:
        """Keep what was fetched, in the order of `totals`."""
        self._arrays |= zip(totals, arrays, strict=True)

    def clear(self) -> None:
        """Start from zeros again."""
        self._arrays.clear()


def streamed(outputs: Sequence[Expr], totals: Mapping[str, Total]) -> list[bool]:
    """Which of `outputs` are made of running totals: their last value is that of all batches."""
    before = {total.before for total in totals.values()}
    return [any(e in before for e in toposort([output])) for output in outputs]
