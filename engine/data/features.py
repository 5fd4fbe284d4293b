"""Features: named arrays with one entry per sample, checked where they come in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowloom.spec import is_bool, is_float, is_integer

from .errors import DataError, did_you_mean

Array = NDArray[Any]

_CHUNK = 1 << 20  # elements looked at together, so that a check needs little memory


@dataclass(frozen=True, slots=True)
class Feature:
    """What a sample holds under one name: `shape` without the sample axis, `dtype`, and `classes` if it is a label."""

    shape: tuple[int, ...]
    dtype: str
    classes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.dtype}{list(self.shape) if self.shape else ''}"


def as_features(source: Mapping[str, Any]) -> dict[str, Array]:
    """Read-only, C-contiguous numeric arrays of one length, made from anything NumPy takes; copied only if need be.

    Raises DataError for no feature or no sample, a name that is no text, ragged rows, entries that are no numbers,
    and lengths that differ.
    """
    if not isinstance(source, Mapping):
        raise DataError(f"a dataset is made from named arrays, such as image=X, label=y; got {type(source).__name__}")
    if not source:
        raise DataError("a dataset needs at least one named array; got none")
    features = {name: _as_feature(name, values) for name, values in source.items()}
    first, count = next((name, len(array)) for name, array in features.items())
    for name, array in features.items():
        if len(array) != count:
            raise DataError(f"feature {name!r} has {len(array)} samples, but {first!r} has {count}")
    if count == 0:
        raise DataError(f"the dataset is empty: feature {first!r} has 0 samples")
    return features


def check_finite(name: str, array: Array, rows: range) -> None:
    """Raises DataError naming the first of `rows` where `array` holds NaN or infinity."""
    if not is_float(array.dtype):
        return
    step = max(1, _CHUNK * len(array) // max(1, array.size))
    for start in range(rows.start, rows.stop, step):
        chunk = array[start : min(start + step, rows.stop)].reshape(-1)
        finite = np.isfinite(chunk)
        if not finite.all():
            place = int(np.argmin(finite))
            row = start + place // max(1, array[0].size)
            raise DataError(f"feature {name!r} holds {chunk[place]} at row {row}")


def check_labels(name: str, array: Array, rows: range, class_count: int) -> None:
    """Raises DataError unless `rows` of `array` hold whole numbers from 0 to `class_count` - 1."""
    if not is_integer(array.dtype):
        raise DataError(f"feature {name!r} has dtype {array.dtype}; labels must be whole numbers")
    labels = array[rows.start : rows.stop].reshape(len(rows), -1)
    wrong = (labels < 0) | (labels >= class_count)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise DataError(
            f"feature {name!r} holds {labels[row, column]} at row {rows[int(row)]}; "
            f"labels must be from 0 to {class_count - 1}"
        )


def find_feature(features: Mapping[str, Array], name: str) -> Array:
    """The array called `name`. Raises DataError with the closest name."""
    if name not in features:
        raise DataError(f"unknown feature {name!r}{did_you_mean(name, features)}")
    return features[name]


def _as_feature(name: object, values: Any) -> Array:
    if not isinstance(name, str) or not name:
        raise DataError(f"a feature's name must be text; got {name!r}")
    try:
        array = np.asarray(values)
    except ValueError:  # NumPy refuses lists whose rows differ in length
        raise DataError(f"feature {name!r} {_what_is_wrong(values)}") from None
    if array.ndim == 0:
        raise DataError(f"feature {name!r} is a single {type(values).__name__}; it needs one entry per sample")
    if array.dtype.kind == "O":
        raise DataError(f"feature {name!r} {_what_is_wrong(array)}")
    if not _is_numeric(array.dtype):
        raise DataError(f"feature {name!r} has dtype {array.dtype}; it must hold real numbers")
    array = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("=")).view()
    array.flags.writeable = False
    return array


def _is_numeric(dtype: np.dtype[Any]) -> bool:
    return is_bool(dtype) or is_integer(dtype) or is_float(dtype)


def _what_is_wrong(rows: Sequence[Any] | Array) -> str:
    """Why `rows` make no numeric array: the first row of another shape, else the first that is no number."""
    first = _shape(rows[0])
    for row, values in enumerate(rows):
        shape = _shape(values)
        if shape is None:
            return f"is ragged: row {row} has parts of different lengths"
        if shape != first:
            return f"is ragged: row {row} has shape {shape}, row 0 has {first}"
    for row, values in enumerate(rows):
        if not _is_numeric(np.asarray(values).dtype):
            return f"holds {type(values).__name__} at row {row}; it must hold real numbers"
    return "has dtype object; convert it to numbers with .astype(...)"


def _shape(values: Any) -> tuple[int, ...] | None:
    """The shape of one row, None if it is ragged itself."""
    try:
        return tuple(np.shape(values))
    except ValueError:
        return None
