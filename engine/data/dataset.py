"""`Dataset`: arrays and the steps that lead through them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

from .errors import DataError, whole_number
from .features import Array, Feature, as_features, check_finite, check_labels, find_feature
from .steps import Batch, Order, Plan, Shuffle, Skip, Step, Take, follow


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Dataset:
    """Named arrays with one entry per sample, and the steps that order, choose and batch them.

    A value that never changes: every step returns a new dataset over the same arrays. They are not copied, and are
    read-only through the dataset. The same steps give the same batches on every platform, however often they are
    asked for; see `draws` for why. A dataset always holds at least one sample or batch.

    Iterating gives epoch 0 as dicts from feature name to array: one sample each, or one batch each after `batch`.
    `batches` gives any epoch from any batch.

    Raises DataError if `source` is empty, ragged, not numeric, or its arrays differ in length.
    """

    source: Mapping[str, Array]
    steps: tuple[Step, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "source", as_features(self.source))

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any] | None = None, /, **named: Any) -> Dataset:
        """A dataset of equally long arrays: `from_arrays(image=X, label=y)` or `from_arrays({"image": X, "label": y})`.

        Each array is (n, ...) and anything that NumPy takes; dtypes are kept. Raises DataError as the class says.
        """
        if arrays is None:
            return cls(named)
        if named:
            raise DataError("from_arrays: give either one dict of arrays or arrays by name, not both")
        return cls(arrays)

    # Steps

    def shuffle(self, seed: int = 0, *, each_epoch: bool = True) -> Dataset:
        """Random order over everything, not over a buffer: a pure function of `seed`, the epoch, and how many shuffles
        came before.

        Before `batch` it moves samples; after it, whole batches, of which a short one stays last. With
        `each_epoch=False` every epoch has the same order: use that before `take` and `skip` to cut a dataset in two,
        or samples will wander between the parts from epoch to epoch.
        """
        return self._then(Shuffle(whole_number("shuffle", "seed", seed, at_least=0), each_epoch))

    def batch(self, size: int, drop_remainder: bool = False) -> Dataset:
        """Batches of `size` samples, arrays (size, ...). The last may be shorter, unless `drop_remainder`.

        Raises DataError if the dataset is in batches already, or `size` is below 1.
        """
        if self.batch_size is not None:
            raise DataError(f"batch({size}): the dataset is in batches of {self.batch_size} already")
        return self._then(Batch(whole_number("batch", "size", size, at_least=1), drop_remainder))

    def take(self, n: int) -> Dataset:
        """The first `n` samples, or batches after `batch`; all of them if there are fewer."""
        return self._then(Take(whole_number("take", "n", n, at_least=1)))

    def skip(self, n: int) -> Dataset:
        """All but the first `n` samples, or batches after `batch`. Raises DataError if nothing is left."""
        return self._then(Skip(whole_number("skip", "n", n, at_least=0)))

    # What it holds

    @property
    def features(self) -> dict[str, Feature]:
        """Shape (without the sample axis) and dtype under each name."""
        return {name: Feature(array.shape[1:], array.dtype.name) for name, array in self.source.items()}

    @property
    def batch_size(self) -> int | None:
        """Samples in a full batch; None before `batch`."""
        return next((step.size for step in self.steps if isinstance(step, Batch)), None)

    @property
    def sample_count(self) -> int:
        """Samples in an epoch; the same in each."""
        return self._plan(None).row_count

    @property
    def batch_count(self) -> int:
        """Batches in an epoch; the same in each. Raises DataError before `batch`."""
        self._need_batches("batch_count")
        return len(self)

    def __len__(self) -> int:
        """Items in an epoch: batches after `batch`, else samples."""
        return len(self._plan(None).items)

    @property
    def arrays(self) -> dict[str, Array]:
        """All samples in the order of epoch 0, (sample_count, ...) each, whether in batches or not."""
        return self._gather(self._plan(0).all_rows)

    # Going through it

    def __iter__(self) -> Iterator[dict[str, Any]]:
        if self.batch_size is not None:
            return self.batches()
        return self._samples()

    def batches(self, *, epoch: int = 0, start: int = 0) -> Iterator[dict[str, Array]]:
        """The batches of one epoch, from the one numbered `start`: where an interrupted epoch goes on.

        Batches of a shuffled dataset are new arrays; others are read-only views. Raises DataError before `batch`, or
        if `start` lies past the end.
        """
        self._need_batches("batches()")
        epoch = whole_number("batches", "epoch", epoch, at_least=0)
        start = whole_number("batches", "start", start, at_least=0)
        if start > len(self):
            raise DataError(f"batches: start is {start}, but an epoch has {len(self)} batches")
        return self._batches(epoch, start)

    def check(self, *, finite: bool = True, labels: Mapping[str, int] | None = None) -> None:
        """Look through every sample that any epoch can reach, before training does.

        With `finite`, no feature may hold NaN or infinity. `labels` maps features to their number of classes: they
        must hold whole numbers from 0 up to it. Raises DataError naming the feature and its row in `source`.
        """
        rows = self._reachable_rows()
        if finite:
            for name, array in self.source.items():
                check_finite(name, array, rows)
        for name, class_count in (labels or {}).items():
            check_labels(name, find_feature(self.source, name), rows, class_count)

    def __repr__(self) -> str:
        features = ", ".join(f"{name}: {feature}" for name, feature in self.features.items())
        steps = "".join(f".{step}" for step in self.steps)
        return f"<Dataset {self.sample_count} samples of ({features}){steps}>"

    def _then(self, step: Step) -> Dataset:
        following = replace(self, steps=(*self.steps, step))
        if len(following) == 0:
            raise DataError(
                f"{step}: nothing is left of {len(self)} {'samples' if self.batch_size is None else 'batches'}"
            )
        return following

    def _plan(self, epoch: int | None) -> Plan:
        return follow(self.steps, self._row_count(), epoch)

    def _row_count(self) -> int:
        return len(next(iter(self.source.values())))

    def _reachable_rows(self) -> range:
        """The rows left by the steps before the first shuffle; from there on, any of them may come in some epoch."""
        before = tuple(takewhile(lambda step: not isinstance(step, Shuffle), self.steps))
        rows = follow(before, self._row_count(), None).all_rows
        assert isinstance(rows, range)
        return rows

    def _samples(self) -> Iterator[dict[str, Any]]:
        for row in self._plan(0).rows:
            yield {name: array[row] for name, array in self.source.items()}

    def _batches(self, epoch: int, start: int) -> Iterator[dict[str, Array]]:
        plan = self._plan(epoch)
        for place in range(start, len(plan.batches)):
            yield self._gather(plan.batch(place))

    def _gather(self, rows: Order) -> dict[str, Array]:
        if isinstance(rows, range):
            return {name: array[rows.start : rows.stop] for name, array in self.source.items()}
        return {name: array.take(rows, axis=0) for name, array in self.source.items()}

    def _need_batches(self, call: str) -> None:
        if self.batch_size is None:
            raise DataError(f"{call}: the dataset is not in batches; call .batch(size) first")
