"""Feeds: arrays given for a graph's inputs, checked against what the graph declares, with named dimensions bound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from flowloom.params import unknown_name
from flowloom.spec import Spec, SpecError, as_array, shape_text

Array = np.ndarray[Any, Any]


class FeedError(ValueError):
    """An array that does not fit the input it is fed to, or an input without one."""


def bind(declared: Mapping[str, Spec], feeds: Mapping[str, Any]) -> dict[str, Array]:
    """An array for each declared input, in its dtype (a change within or towards floats is made, others are refused).

    Raises FeedError, naming the input, for a missing or unknown name, a shape or a dtype that does not fit, and for a
    named dimension with two sizes.
    """
    if not isinstance(feeds, Mapping):
        raise FeedError(f"feeds are a dict of arrays by input name ({', '.join(declared)}); got {type(feeds).__name__}")
    for name in feeds:
        if name not in declared:
            raise FeedError(unknown_name(name, list(declared), "there is no input"))
    sizes: dict[str, tuple[int, str]] = {}
    bound = {}
    for name, spec in declared.items():
        if name not in feeds:
            raise FeedError(f"input {name!r} ({spec}) is not fed")
        bound[name] = _converted(name, spec, feeds[name])
        _check_shape(name, spec, bound[name].shape, sizes)
    return bound


def _converted(name: str, spec: Spec, value: Any) -> Array:
    try:
        array = np.asarray(value)
    except ValueError:
        raise FeedError(f"input {name!r} takes {spec}; the rows given differ in length") from None
    if array.dtype == spec.dtype:
        return array
    if not np.can_cast(array.dtype, spec.dtype, "same_kind"):
        raise FeedError(f"input {name!r} takes {spec}; got {array.dtype} of shape {shape_text(array.shape)}")
    try:
        return as_array(array, spec.dtype)
    except SpecError:
        raise FeedError(f"input {name!r} takes {spec}; got {array.dtype} with values that it cannot hold") from None


def _check_shape(name: str, spec: Spec, shape: tuple[int, ...], sizes: dict[str, tuple[int, str]]) -> None:
    if len(shape) != spec.ndim:
        raise FeedError(f"input {name!r} takes {spec}; got {len(shape)} dimensions: {shape_text(shape)}")
    for axis, (dim, size) in enumerate(zip(spec.shape, shape, strict=True)):
        if isinstance(dim, int) and dim != size:
            raise FeedError(f"input {name!r} takes {spec}; axis {axis} has size {size}, not {dim}")
        if isinstance(dim, str):
            first, where = sizes.setdefault(dim, (size, name))
            if first != size:
                raise FeedError(f"{dim!r} is {first} in input {where!r} and {size} in input {name!r}")
