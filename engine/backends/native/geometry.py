"""Geometry: the axes that windows slide over, and the tables of where windows and their elements lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, TypeAlias

import numpy as np

from flowloom.backends.native.instructions import Place, dense
from flowloom.compiler.expr import constant
from flowloom.ops.windows import Windows

Numbers: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]

TYPES = {"float32": "f32", "float64": "f64"}


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis that windows slide over: `size` elements in, `count` windows out."""

    size: int = 1
    count: int = 1
    window: int = 1
    stride: int = 1
    dilation: int = 1
    before: int = 0  # padding; negative cuts off

    @property
    def reach(self) -> int:
        """How many elements, with padding, all windows together reach over."""
        return (self.count - 1) * self.stride + (self.window - 1) * self.dilation + 1

    @property
    def lag(self) -> int:
        """In which phase of the strides the first element of the tensor is."""
        return self.before % self.stride

    @property
    def most(self) -> int:
        """How many windows, at most, before the last one that an element is under, another one is."""
        return (self.window - 1) * self.dilation // self.stride


def axes_of(sizes: Sequence[int], windows: Windows) -> list[Axis] | None:
    """Three axes, the last of which are those of a tensor of `sizes`; None if they are more."""
    each = zip(
        sizes,
        windows.count(sizes),
        windows.size,
        windows.strides,
        windows.dilation,
        (before for before, _ in windows.margins(sizes)),
        strict=True,
    )
    made = [Axis(*numbers) for numbers in each]
    return None if len(made) > 3 else [Axis()] * (3 - len(made)) + made


@dataclass(frozen=True, slots=True)
class Phase:
    """Results that have the same taps. For each axis: which taps these are and how far from a window's beginning each
    lies; which results they are and where their windows begin.
    """

    taps: tuple[Numbers, ...]
    shifts: tuple[Numbers, ...]
    results: tuple[Numbers, ...]
    starts: tuple[Numbers, ...]


def forward(axes: Sequence[Axis]) -> list[Phase]:
    """Windows over a tensor: all in one phase."""
    taps = tuple(np.arange(a.window) for a in axes)
    results = tuple(np.arange(a.count) for a in axes)
    shifts = tuple(k * a.dilation for k, a in zip(taps, axes, strict=True))
    return [Phase(taps, shifts, results, tuple(i * a.stride for i, a in zip(results, axes, strict=True)))]


def backward(axes: Sequence[Axis]) -> list[Phase]:
    """Elements of a tensor as windows over the gradient of the windows over it.

    An element i takes part, at tap k, in window (i + padding - k dilation) / stride, where that is a whole number. With
    i + padding = stride q + phase it is q - (k dilation - phase) / stride: the taps run backwards.
    """
    each = product(*([_phase(a, r) for r in range(a.stride)] for a in axes))
    return [Phase(*zip(*along, strict=True)) for along in each]


def _phase(a: Axis, phase: int) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    taps = np.arange(a.window)[::-1]
    taps = taps[(taps * a.dilation - phase) % a.stride == 0]
    results = np.arange(a.size)
    results = results[(results + a.lag) % a.stride == phase]
    return taps, a.most - (taps * a.dilation - phase) // a.stride, results, (results + a.lag) // a.stride


def lying(along: Sequence[Numbers], steps: Sequence[int], within: Numbers | None = None) -> Numbers:
    """Where the points of a grid lie: those `along` each axis, so many steps apart, and those `within` each of them."""
    made = np.zeros(1, np.int64)
    for points, step in zip(along, steps, strict=True):
        made = (made[:, None] + points * step).reshape(-1)
    return made if within is None else (made[:, None] + within).reshape(-1)


def table(numbers: Numbers) -> Place:
    """Numbers as an argument of a kernel."""
    held = constant(np.ascontiguousarray(numbers, np.int64))
    return Place(held, 0, numbers.shape, dense(numbers.shape), np.dtype(np.int64))


def named(name: str, numbers: Sequence[int], **more: int) -> dict[str, int]:
    """Numbers for the axes d, h and w, by name: xd, xh, xw."""
    along = {f"{name}{axis}": n for axis, n in zip("dhw", numbers, strict=True)}
    return along | {f"{name}{k}": n for k, n in more.items()}


def spread(strides: Sequence[int], last: int, first: int = 0) -> list[int]:
    """Strides with zeros for the axes that lack to three, between the `first` and the `last` ones."""
    lacking = 3 - (len(strides) - first - last)
    return [*strides[:first], *[0] * lacking, *strides[first:]]


def aligned(count: int) -> int:
    """`count` rounded up to whole cache lines of numbers."""
    return -(-count // 16) * 16


def arguments(numbers: dict[str, int]) -> str:
    """The parameters of a kernel that takes these numbers."""
    return ", ".join(f"{name}: i64" for name in numbers)
