"""The steps of a pipeline, and the plan they make: which rows come when.

A plan holds row numbers, never data. Until `batch`, steps act on rows; after it, on whole batches. An order is a
`range` while nothing was shuffled, so that batches can be slices of the arrays instead of copies.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .draws import Draws

Order = range | NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Shuffle:
    """Put everything in random order, anew in each epoch if `each_epoch`."""

    seed: int
    each_epoch: bool = True

    def __str__(self) -> str:
        return f"shuffle(seed={self.seed}{'' if self.each_epoch else ', each_epoch=False'})"


@dataclass(frozen=True, slots=True)
class Batch:
    """Put `size` samples together; a short last batch is kept unless `drop_remainder`."""

    size: int
    drop_remainder: bool = False

    def __str__(self) -> str:
        return f"batch({self.size}{', drop_remainder=True' if self.drop_remainder else ''})"


@dataclass(frozen=True, slots=True)
class Take:
    """Keep the first `count` samples or batches."""

    count: int

    def __str__(self) -> str:
        return f"take({self.count})"


@dataclass(frozen=True, slots=True)
class Skip:
    """Leave out the first `count` samples or batches."""

    count: int

    def __str__(self) -> str:
        return f"skip({self.count})"


Step = Shuffle | Batch | Take | Skip


@dataclass(frozen=True, slots=True)
class Plan:
    """`rows` in order; once in batches of `batch_size`, `batches` says which batch of those rows comes when."""

    rows: Order
    batch_size: int | None = None
    batches: Order = range(0)

    @property
    def items(self) -> Order:
        """What steps act on: rows, or batch numbers."""
        return self.rows if self.batch_size is None else self.batches

    def with_items(self, items: Order) -> Plan:
        """The same plan with other rows, or other batches."""
        return replace(self, rows=items) if self.batch_size is None else replace(self, batches=items)

    def batch(self, place: int) -> Order:
        """The rows of the batch that comes at `place`."""
        assert self.batch_size is not None
        start = int(self.batches[place]) * self.batch_size
        return self.rows[start : start + self.batch_size]

    @property
    def shortfall(self) -> int:
        """How many samples the last batch lacks. Only the last can be short: `_shuffled` keeps it there."""
        if self.batch_size is None or len(self.batches) == 0:
            return 0
        return max(0, (int(self.batches[-1]) + 1) * self.batch_size - len(self.rows))

    @property
    def row_count(self) -> int:
        """How many samples come, in all batches together."""
        return len(self.items) * (self.batch_size or 1) - self.shortfall

    @property
    def all_rows(self) -> Order:
        """The rows in the order in which they come, batch after batch."""
        if self.batch_size is None:
            return self.rows
        if isinstance(self.batches, range):
            return self.rows[self.batches.start * self.batch_size : self.batches.stop * self.batch_size]
        return np.concatenate([np.asarray(self.batch(place)) for place in range(len(self.batches))])


def follow(steps: tuple[Step, ...], row_count: int, epoch: int | None) -> Plan:
    """The plan of one epoch over `row_count` rows. With `epoch` None nothing is shuffled, which leaves all counts
    as they are."""
    plan = Plan(range(row_count))
    shuffles = 0
    for step in steps:
        match step:
            case Take(count):
                plan = plan.with_items(plan.items[:count])
            case Skip(count):
                plan = plan.with_items(plan.items[count:])
            case Batch(size, drop_remainder):
                count = len(plan.rows) // size if drop_remainder else -(-len(plan.rows) // size)
                plan = Plan(plan.rows, size, range(count))
            case Shuffle(seed, each_epoch):
                if epoch is not None:
                    plan = _shuffled(plan, Draws(seed, shuffles, epoch if each_epoch else 0))
                shuffles += 1
    return plan


def _shuffled(plan: Plan, draws: Draws) -> Plan:
    """All items in random order, except that a short batch stays last: so counts do not depend on the epoch."""
    items = np.arange(plan.items.start, plan.items.stop) if isinstance(plan.items, range) else plan.items
    last = len(items) - (plan.shortfall > 0)
    return plan.with_items(np.concatenate([items[:last][draws.permutation(last)], items[last:]]))
