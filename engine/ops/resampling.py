"""Resampling along one axis: every element of the result is a weighted sum of a few elements, its taps.

The taps depend on sizes and settings alone, so they are made once, in NumPy, and kept. A resampling is linear; turned
around, the taps say what each input element contributed to, which is the gradient.

Coordinates, filters and edges are those of ONNX's Resize (opset 19).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, TypeAlias

import numpy as np

from flowloom.spec import Array

Mode: TypeAlias = Literal["nearest", "linear", "cubic"]
Coordinates: TypeAlias = Literal[
    "half_pixel",
    "half_pixel_symmetric",
    "pytorch_half_pixel",
    "align_corners",
    "asymmetric",
    "tf_half_pixel_for_nn",
    "tf_crop_and_resize",
]
Nearest: TypeAlias = Literal["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]


@dataclass(frozen=True, slots=True)
class Resampling:
    """How `size` elements become `count`, which are `scale` times as dense; `start` and `end` are those of a crop."""

    size: int
    count: int
    scale: float
    start: float
    end: float
    mode: Mode
    coordinates: Coordinates
    nearest: Nearest
    coefficient: float
    exclude_outside: bool
    antialias: bool


@dataclass(frozen=True, slots=True)
class Taps:
    """For each of the results: the positions (count, taps) of its elements and their weights; which lie `outside`."""

    index: Array
    weight: Array
    outside: Array

    @property
    def copies(self) -> bool:
        """Whether every result is one element as it is."""
        return self.index.shape[1] == 1 and bool((self.weight == 1).all())


@lru_cache(maxsize=256)
def taps(r: Resampling) -> Taps:
    """The taps of a resampling. Those of an element outside of a crop have no weight."""
    if not r.count:
        return Taps(np.zeros((0, 1), np.int64), np.zeros((0, 1)), np.zeros(0, bool))
    x = _coordinates(r)
    outside = (x < 0) | (x > r.size - 1) if r.coordinates == "tf_crop_and_resize" else np.zeros(r.count, bool)
    index, weight = (_nearest(x, r.nearest), np.ones((r.count, 1))) if r.mode == "nearest" else _filtered(x, r)
    if r.exclude_outside:
        weight = _normalized(np.where((index < 0) | (index >= r.size), 0.0, weight))
    weight[outside] = 0.0
    return _pruned(np.clip(index, 0, r.size - 1), weight, outside)


@lru_cache(maxsize=256)
def turned(r: Resampling) -> Taps:
    """The taps of the gradient: for each of `size` elements, the results that have it among their taps."""
    forward = taps(r)
    result, tap = np.nonzero(forward.weight)
    element = forward.index[result, tap]
    order = np.argsort(element, kind="stable")
    element, result, weight = element[order], result[order], forward.weight[result, tap][order]
    uses = np.bincount(element, minlength=r.size)
    place = np.arange(len(element)) - (np.cumsum(uses) - uses)[element]
    widest = max(int(uses.max(initial=0)), 1)
    # What fills a short row has no weight; it repeats a result of the row, so that no stranger's infinity becomes NaN.
    first = np.zeros(r.size, np.int64)
    first[element[::-1]] = result[::-1]
    index, weights = np.repeat(first[:, None], widest, axis=1), np.zeros((r.size, widest))
    index[element, place], weights[element, place] = result, weight
    return Taps(index, weights, np.zeros(r.size, bool))


def resample(xp: Any, x: Any, axis: int, by: Taps) -> Any:
    """`x` with the sums that the taps describe along `axis`, in the dtype of `x`."""
    if not x.shape[axis]:
        return xp.zeros((*x.shape[:axis], len(by.index), *x.shape[axis + 1 :]), x.dtype)
    index = xp.asarray(by.index)
    if by.copies:
        return xp.take(x, index[:, 0], axis=axis)
    weight = xp.asarray(by.weight.astype(x.dtype)).reshape(-1, *by.weight.shape[1:], *(1,) * (x.ndim - 1 - axis))
    y = None
    for tap in range(index.shape[1]):
        part = xp.take(x, index[:, tap], axis=axis)
        part = xp.multiply(part, weight[:, tap], out=part)
        y = part if y is None else xp.add(y, part, out=y)
    return y


def _coordinates(r: Resampling) -> Array:
    """Where each result lies among the input elements."""
    i, exact = np.arange(r.count, dtype=np.float64), r.scale * r.size
    match r.coordinates:
        case "half_pixel":
            return (i + 0.5) / r.scale - 0.5
        case "half_pixel_symmetric":
            return r.size / 2 * (1 - r.count / exact) + (i + 0.5) / r.scale - 0.5
        case "pytorch_half_pixel":
            return (i + 0.5) / r.scale - 0.5 if r.count > 1 else np.zeros(r.count)
        case "align_corners":
            return i * (r.size - 1) / (exact - 1) if exact != 1 else np.zeros(r.count)
        case "asymmetric":
            return i / r.scale
        case "tf_half_pixel_for_nn":
            return (i + 0.5) / r.scale
        case "tf_crop_and_resize":
            if r.count == 1:
                return np.full(1, (r.start + r.end) * (r.size - 1) / 2)
            return np.asarray(r.start * (r.size - 1) + i * (r.end - r.start) * (r.size - 1) / (exact - 1))


def _nearest(x: Array, how: Nearest) -> Array:
    below = np.floor(x)
    up = {
        "round_prefer_floor": x - below > 0.5,
        "round_prefer_ceil": x - below >= 0.5,
        "floor": np.zeros(x.shape, bool),
        "ceil": x > below,
    }[how]
    return np.asarray((below + up).astype(np.int64)[:, None])


def _filtered(x: Array, r: Resampling) -> tuple[Array, Array]:
    """The elements under the filter around each of `x`, and the filter there. A smaller scale widens an antialias."""
    narrow = min(r.scale, 1.0) if r.antialias else 1.0
    radius = (1 if r.mode == "linear" else 2) / narrow
    index = np.floor(x - radius)[:, None] + 1 + np.arange(int(np.ceil(2 * radius)))
    distance = np.abs(index - x[:, None]) * narrow
    weight = np.maximum(1 - distance, 0) if r.mode == "linear" else _cubic(distance, r.coefficient)
    return index.astype(np.int64), _normalized(weight) if r.antialias else weight


def _cubic(d: Array, a: float) -> Array:
    """Keys' cubic convolution kernel at distance `d` (IEEE Trans. ASSP 29, 1981, equation 4)."""
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


def _normalized(weight: Array) -> Array:
    total = weight.sum(axis=1, keepdims=True)
    return np.asarray(weight / np.where(total == 0, 1, total))


def _pruned(index: Array, weight: Array, outside: Array) -> Taps:
    """The taps without those that weigh nothing in any result; at least one stays."""
    used = np.asarray(weight.any(axis=0))
    used[0] |= not used.any()
    return Taps(index[:, used], weight[:, used], outside)
