"""The collection: datasets to be had by name."""

from __future__ import annotations

import inspect
from typing import Any

from .declaration import DatasetInfo, Declaration, LoadedData
from .digits import DIGITS
from .errors import DataError, did_you_mean
from .playground import PLAYGROUND

_COLLECTION = {declaration.info.name: declaration for declaration in (DIGITS, *PLAYGROUND)}


def load(name: str, **options: Any) -> LoadedData:
    """The dataset called `name`, as `.train`, `.test` and `.info`.

    "circle", "xor", "gaussians" and "spiral" take `samples`, `noise` and `seed`. Raises DataError for an unknown name
    or option, and for data that is not what it should be.
    """
    declaration = _find("load", name)
    known = inspect.signature(declaration.load).parameters
    for option in options:
        if option not in known:
            raise DataError(
                f"load({name!r}): unknown option {option!r}"
                + (did_you_mean(option, known) if known else "; this dataset takes none")
            )
    return declaration.load(**options)


def info(name: str) -> DatasetInfo:
    """The card of a dataset, without loading it. Raises DataError for an unknown name."""
    return _find("info", name).info


def names() -> list[str]:
    """The names that `load` and `info` take."""
    return list(_COLLECTION)


def _find(call: str, name: str) -> Declaration:
    if not isinstance(name, str) or name not in _COLLECTION:
        raise DataError(f"{call}: unknown dataset {name!r}{did_you_mean(name, _COLLECTION)}")
    return _COLLECTION[name]
