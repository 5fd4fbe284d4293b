"""How a dataset of the collection is declared: what is known about it, and the function that loads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .dataset import Dataset
from .features import Feature


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """The card of a dataset.

    `features` holds shapes, dtypes and class names by feature, `sizes` the samples by part ("train", "test").
    `checksum` is the SHA-256 of the arrays, None for data that is generated.
    """

    name: str
    description: str
    features: Mapping[str, Feature]
    sizes: Mapping[str, int]
    licence: str
    citation: str
    source: str
    checksum: str | None = None


@dataclass(frozen=True, slots=True)
class LoadedData:
    """What `load` returns: samples to learn from, samples held out, and the card."""

    train: Dataset
    test: Dataset
    info: DatasetInfo

    def __repr__(self) -> str:
        return f"<{self.info.name}: {self.train.sample_count} train and {self.test.sample_count} test samples>"


@dataclass(frozen=True, slots=True)
class Declaration:
    """One dataset of the collection. The keyword arguments of `load` are its options."""

    info: DatasetInfo
    load: Callable[..., LoadedData]
