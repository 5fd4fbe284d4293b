"""Copies: a result in parts that do not overlap, each copied from memory of any strides, or filled with a value.

Elements are moved as words of their width, so that one kernel serves all dtypes of that width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any, TypeAlias

import numpy as np

from flowloom.backends.native.instructions import Argument, Call, Place

Part: TypeAlias = tuple[Place, Place | int]  # where it goes; where it comes from, or the bits that fill it
MOST_PARTS = 8  # in one kernel
SHORT = 8  # a loop of so few steps is not worth sharing; the innermost is then written with its length, and unrolled
TILE = 16  # elements: the side of the squares in which rows and columns are exchanged
WORDS = {1: "u8", 2: "u16", 4: "u32", 8: "u64"}


def word(dtype: np.dtype[Any]) -> str | None:
    """The type, in a kernel, of the bits of an element; None for strings, which are references."""
    return None if dtype.hasobject else WORDS.get(dtype.itemsize)


def bits(value: Any, dtype: np.dtype[Any]) -> int:
    """The bits of `value` in that dtype, as a signed number of 64 bits."""
    with np.errstate(all="ignore"):
        return int(np.asarray(value).astype(dtype).reshape(1).view(f"i{dtype.itemsize}")[0])


def seen(place: Place, shape: Sequence[int], strides: Sequence[int], offset: int = 0) -> Place:
    """The memory of a place, from the element `offset` on, with another shape and other strides."""
    return replace(place, offset=place.offset + offset, shape=tuple(shape), strides=tuple(strides))


def part(place: Place, axis: int, start: int, count: int, step: int = 1) -> Place:
    """`count` slices of a place along `axis`, from `start` on, `step` apart."""
    shape, strides = list(place.shape), list(place.strides)
    shape[axis], strides[axis] = count, strides[axis] * step
    return seen(place, shape, strides, start * place.strides[axis] if count else 0)


def copies(result: Place, parts: Sequence[Part]) -> list[Call] | None:
    """The calls that make `parts` of a result. None for strings, and where there is nothing to make."""
    kind = word(result.dtype)
    if kind is None or not result.size:
        return None
    there = [p for p in parts if 0 not in p[0].shape]
    return [_call(result, kind, there[i : i + MOST_PARTS]) for i in range(0, len(there), MOST_PARTS)]


def _call(result: Place, kind: str, parts: Sequence[Part]) -> Call:
    names, args, lines = list[str](), list[Argument](), list[str]()
    for i, (target, source) in enumerate(parts):
        names += [f"y{i}: [{kind}]", f"x{i}: [{kind}]" if isinstance(source, Place) else f"x{i}: i64"]
        args += [target, source]
        nest, body = _moved(i, target, source, kind)
        names += nest.names
        args += nest.args
        lines += [*nest.lines, *body]
    text = "\n".join([f"def copies({', '.join(names)}):", *lines, ""])
    return Call(text, tuple(args), (result.base,), work=sum(prod(target.shape) for target, _ in parts))


def _moved(i: int, target: Place, source: Place | int, kind: str) -> tuple[Nest, list[str]]:
    """The loops over a part, and what they do."""
    y, x = f"y{i}", f"x{i}"
    if not isinstance(source, Place):
        sizes, ys = merged(target.shape, target.strides)
        nest = nested(sizes, {y: ys}, f"_{i}")
        return nest, [f"{nest.indent}{y}[{nest.at[y]}] = {kind}({x})"]
    sizes, ys, xs = merged(target.shape, target.strides, source.strides)
    if ys[-1] != 1 or xs[-1] == 1 or 1 not in xs or sizes[-1] < TILE or sizes[xs.index(1)] < TILE:
        nest = nested(sizes, {y: ys, x: xs}, f"_{i}")
        return nest, [f"{nest.indent}{y}[{nest.at[y]}] = {x}[{nest.at[x]}]"]
    return _exchanged(i, sizes, ys, xs)


def _exchanged(i: int, sizes: Sequence[int], ys: Sequence[int], xs: Sequence[int]) -> tuple[Nest, list[str]]:
    """A copy in squares, where what lies side by side in the source does not in the target."""
    y, x, a, c = f"y{i}", f"x{i}", xs.index(1), len(sizes) - 1
    tiled = [-(-n // TILE) if axis in (a, c) else n for axis, n in enumerate(sizes)]
    steps = {y: [s * TILE if k in (a, c) else s for k, s in enumerate(ys)]}
    steps[x] = [s * TILE if k in (a, c) else s for k, s in enumerate(xs)]
    nest = nested(tiled, steps, f"_{i}")
    names = [f"rows_{i}", f"columns_{i}", f"down_{i}", f"across_{i}"]
    rows, columns, down, across = names
    nest.names += [f"{n}: i64" for n in names]
    nest.args += [sizes[a], sizes[c], ys[a], xs[c]]
    return nest, [
        nest.indent + line
        for line in (
            f"y_{i} = {nest.at[y]}",
            f"x_{i} = {nest.at[x]}",
            f"h_{i} = min({TILE}, {rows} - {nest.index[a]} * {TILE})",
            f"w_{i} = min({TILE}, {columns} - {nest.index[c]} * {TILE})",
            f"for a_{i} in range(h_{i}):",
            f"    for c_{i} in range(w_{i}):",
            f"        {y}[y_{i} + a_{i} * {down} + c_{i}] = {x}[x_{i} + a_{i} + c_{i} * {across}]",
        )
    ]


# ---------------------------------------------------------------- loops over axes


@dataclass(slots=True)
class Nest:
    """Nested loops in a kernel: the parameters they need with their arguments, their lines, and where one then is."""

    names: list[str]
    args: list[Argument]
    lines: list[str]
    indent: str
    index: list[str]  # the variable of each loop
    at: dict[str, str]  # the position of the element in each array


def nested(sizes: Sequence[int], strides: Mapping[str, Sequence[int]], suffix: str = "") -> Nest:
    """Loops over axes of these sizes, one inside the other, of which the threads share one.

    `strides` are those of the arrays by name; a step of 1 along the last axis is written out, so that LLVM sees it.
    """
    last, split = len(sizes) - 1, shared(sizes)
    nest = Nest([], [], [], "    ", [f"i{axis}{suffix}" for axis in range(len(sizes))], dict.fromkeys(strides, ""))
    for axis, n in enumerate(sizes):
        count = str(n) if axis == last and n <= SHORT else f"n{axis}{suffix}"
        if not count.isdecimal():
            nest.names.append(f"{count}: i64")
            nest.args.append(n)
        bounds = f"{count} * thread // threads, {count} * (thread + 1) // threads" if axis == split else count
        nest.lines.append(f"{nest.indent}for {nest.index[axis]} in range({bounds}):")
        nest.indent += "    "
        for name, steps in strides.items():
            step = nest.index[axis]
            if axis != last or steps[axis] != 1:
                nest.names.append(f"s{axis}_{name}: i64")
                nest.args.append(steps[axis])
                step += f" * s{axis}_{name}"
            position = f"{nest.at[name]} + {step}" if nest.at[name] else step
            nest.at[name] = position
            if axis != last:
                nest.lines.append(f"{nest.indent}at{axis}_{name} = {position}")
                nest.at[name] = f"at{axis}_{name}"
    return nest


def merged(shape: Sequence[int], *strides: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """The shape, and the strides of some places, without axes of size 1, and neighbours joined where all can be."""
    sizes, steps = list[int](), [list[int]() for _ in strides]
    for axis, n in enumerate(shape):
        if n == 1:
            continue
        if sizes and all(s[-1] == t[axis] * n for s, t in zip(steps, strides, strict=True)):
            sizes[-1] *= n
            for s, t in zip(steps, strides, strict=True):
                s[-1] = t[axis]
        else:
            sizes.append(n)
            for s, t in zip(steps, strides, strict=True):
                s.append(t[axis])
    return (tuple(sizes), *map(tuple, steps)) if sizes else ((1,), *((1,) for _ in strides))


def shared(sizes: Sequence[int]) -> int:
    """Which of nested loops the threads share: the first with enough steps, else the longest."""
    longest = max(range(len(sizes)), key=lambda axis: sizes[axis])
    return next((axis for axis, n in enumerate(sizes) if n > SHORT), longest)
