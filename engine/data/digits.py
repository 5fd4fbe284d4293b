"""The 1,797 handwritten digits that scikit-learn ships."""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np

from .dataset import Dataset
from .declaration import DatasetInfo, Declaration, LoadedData
from .draws import Draws
from .errors import DataError
from .features import Array, Feature

_SPLIT_SEED = 0
_TEST_EVERY = 5  # every fifth sample is held out

_INFO = DatasetInfo(
    name="digits",
    description=(
        "1,797 handwritten digits as 8x8 grey images, brightness from 0 to 1. A fixed fifth is held out for testing, "
        "in equal parts from each digit. Each of the 13 writers appears in both parts, so the test says how well a "
        "model knows these hands, not new ones."
    ),
    features={
        "image": Feature((8, 8, 1), "float32"),
        "label": Feature((), "int64", tuple("0123456789")),
    },
    sizes={"train": 1437, "test": 360},
    licence="CC BY 4.0",
    citation=(
        "Alpaydin, E. and Kaynak, C. (1998). Optical Recognition of Handwritten Digits. "
        "UCI Machine Learning Repository. doi:10.24432/C50P49"
    ),
    source="scikit-learn's copy of the UCI test set, sklearn.datasets.load_digits",
    checksum="8b3b6ae90863430bdef06a3f7d1ec2f6a905a53d3375655b18cf63780ad98772",
)


def checksum(image: Array, label: Array) -> str:
    """SHA-256 of the images (float32) and then the labels (int64), little-endian, sample after sample."""
    digest = hashlib.sha256(image.astype("<f4").tobytes())
    digest.update(label.astype("<i8").tobytes())
    return digest.hexdigest()


def split(label: Array) -> tuple[Array, Array]:
    """Row numbers for training and for testing, each ascending: (4n/5,) and (n/5,).

    Stratified: the rows are put in order of label, within a label in random order, and every fifth is held out. So
    each label's share differs by less than one sample from a fifth. The seed is fixed.
    """
    shuffled = Draws(_SPLIT_SEED).permutation(len(label))
    by_label = shuffled[np.argsort(label[shuffled], kind="stable")]
    test = np.zeros(len(label), dtype=bool)
    test[by_label[::_TEST_EVERY]] = True
    return np.flatnonzero(~test), np.flatnonzero(test)


@cache
def _load() -> LoadedData:
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise DataError(
            "load('digits'): the digits come with scikit-learn; install it: pip install scikit-learn"
        ) from None
    raw = load_digits()
    image = (raw.images[..., np.newaxis] / 16.0).astype(np.float32)
    label = raw.target.astype(np.int64)
    found = checksum(image, label)
    if found != _INFO.checksum:
        raise DataError(f"load('digits'): scikit-learn's copy has SHA-256 {found}, expected {_INFO.checksum}")
    train, test = (Dataset({"image": image[rows], "label": label[rows]}) for rows in split(label))
    return LoadedData(train, test, _INFO)


DIGITS = Declaration(_INFO, _load)
