"""Padding: more around a tensor, or less of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.inference import numeric
from flowloom.ops.kernels import blank
from flowloom.ops.slicing import slice_
from flowloom.spec import Dim, Spec, SpecError

Widths: TypeAlias = int | tuple[tuple[int, int], ...]
PadMode: TypeAlias = Literal["constant", "reflect", "edge", "wrap"]


@op(family="shape", narrow=True)
def pad(x: Spec, *, pad_width: Widths, mode: PadMode = "constant", value: float = 0.0) -> Spec:
    """`x` with more around it. `pad_width` is (before, after) for each axis, or one number for all sides.

    What is added is `value` ("constant"), the nearest element ("edge"), what lies on the other side of the first or
    last one, as in a mirror there ("reflect"), or `x` again ("wrap"). A negative width cuts off. Raises SpecError
    unless there is a pair for each axis, if more is cut off than there is, or if there is nothing to repeat.
    """
    widths = _pairs(pad_width, x.ndim)
    return x.with_shape(_padded(d, width, mode) for d, width in zip(x.shape, widths, strict=True))


def _pairs(pad_width: Widths, ndim: int) -> tuple[tuple[int, int], ...]:
    """A pair for each of `ndim` axes. Raises SpecError unless that is what there is."""
    widths = ((pad_width, pad_width),) * ndim if isinstance(pad_width, int) else pad_width
    if len(widths) != ndim:
        raise SpecError(
            f"pad_width needs a (before, after) for each of the {ndim} axes; got {len(widths)}",
            dimension=f"{len(widths)} pairs for {ndim} dimensions",
        )
    return widths


def _padded(d: Dim, width: tuple[int, int], mode: str) -> Dim:
    """The size of an axis of size `d` with these widths added. Raises SpecError if there is none."""
    if not isinstance(d, int):
        return None if sum(width) else d
    if d + sum(width) < 0:
        raise SpecError(f"an axis of size {d} cannot lose {-sum(width)}", dimension=f"size {d}")
    if d == 0 and mode != "constant" and d + sum(width):
        raise SpecError(f"mode {mode!r} has nothing to repeat along an axis of size 0", dimension="size 0")
    return d + sum(width)


@pad.kernel
def _(xp: Any, x: Any, *, pad_width: Widths, mode: str, value: float, out: Any = None) -> Any:
    return padded(xp, x, _pairs(pad_width, x.ndim), mode, value, out)


@pad.vjp
def _(g: Any, y: Any, x: Any, *, pad_width: Widths, mode: str, value: float) -> Any:
    widths = _pairs(pad_width, x.ndim)
    if mode == "constant" and all(before >= 0 and after >= 0 for before, after in widths):
        return (slice_(g, start=tuple(b for b, _ in widths), stop=tuple(-a or None for _, a in widths)),)
    if mode == "constant":
        return (pad(g, pad_width=tuple((-before, -after) for before, after in widths)),)
    return (fold_pad(g, pad_width=widths, mode=mode),)


@pad.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 2)),), {"pad_width": ((1, 2), (0, 3)), "value": 0.5}
    yield (rng.normal(size=(2, 3)),), {"pad_width": 1}
    yield (rng.normal(size=(4, 3)),), {"pad_width": ((-1, 2), (1, -2)), "value": 2.0}
    yield (rng.normal(size=(3, 2)),), {"pad_width": ((2, 1), (5, 0)), "mode": "reflect"}
    yield (rng.normal(size=(3, 2)),), {"pad_width": ((2, -1), (0, 3)), "mode": "edge"}
    yield (rng.normal(size=(3, 1)),), {"pad_width": ((4, 2), (-1, 2)), "mode": "wrap"}
    yield (rng.integers(0, 9, (0, 2)),), {"pad_width": ((1, 0), (0, 0)), "value": 7.0}
    yield (rng.normal(size=()),), {"pad_width": ()}


@op(family="shape", internal=True)
def fold_pad(x: Spec, *, pad_width: Widths, mode: PadMode) -> Spec:
    """`x` with its margins added to where `pad` of this mode takes them from: the reverse of `pad`.

    `pad_width` is that of the `pad`. Raises SpecError unless there is a pair for each axis, if `x` is smaller than
    its margins, or for bool.
    """
    widths = _pairs(pad_width, numeric(x).ndim)
    return x.with_shape(_padded(d, (-b, -a), "constant") for d, (b, a) in zip(x.shape, widths, strict=True))


@fold_pad.kernel
def _(xp: Any, x: Any, *, pad_width: Widths, mode: str, out: Any = None) -> Any:
    return folded(xp, x, _pairs(pad_width, x.ndim), mode, out)


@fold_pad.vjp
def _(g: Any, y: Any, x: Any, *, pad_width: Widths, mode: PadMode) -> Any:
    return (pad(g, pad_width=pad_width, mode=mode),)


@fold_pad.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(6, 7)),), {"pad_width": ((2, 1), (5, 0)), "mode": "reflect"}
    yield (rng.normal(size=(4, 5)),), {"pad_width": ((2, -1), (0, 3)), "mode": "edge"}
    yield (rng.normal(size=(9, 2)),), {"pad_width": ((4, 2), (-1, 2)), "mode": "wrap"}
    yield (rng.normal(size=(4,)),), {"pad_width": 1, "mode": "constant"}


# ---------------------------------------------------------------- kernels, also for widths known when it runs


def padded(xp: Any, x: Any, widths: Sequence[tuple[int, int]], mode: str, value: float, out: Any = None) -> Any:
    """`x` with margins of these widths."""
    for d, width in zip(x.shape, widths, strict=True):
        _padded(d, width, mode)
    shape = tuple(d + before + after for d, (before, after) in zip(x.shape, widths, strict=True))
    out = blank(xp, out, shape, x.dtype, value)
    if mode == "constant":
        inner, source = zip(*map(_inside, x.shape, widths), strict=True) if widths else ((), ())
        out[(*inner, ...)] = x[(*source, ...)]
        return out
    for axis, width in enumerate(widths):
        if any(width):
            x = xp.take(x, xp.asarray(sources(x.shape[axis], width, mode)), axis=axis)
    out[...] = x
    return out


def folded(xp: Any, x: Any, widths: Sequence[tuple[int, int]], mode: str, out: Any = None) -> Any:
    """`x` with its margins of these widths folded in, one axis after the other."""
    for axis, width in enumerate(widths):
        if any(width):
            x = xp.moveaxis(_fold_first(xp, xp.moveaxis(x, axis, 0), width, mode), 0, axis)
    if out is None:
        return xp.array(x, order="C")
    out[...] = x
    return out


def _fold_first(xp: Any, x: Any, width: tuple[int, int], mode: str) -> Any:
    """`x` with the margins along its first axis folded in: what lies inside is copied, slice by slice what does not."""
    size = x.shape[0] - sum(width)
    folded = xp.zeros((size, *x.shape[1:]), x.dtype)
    inner, target = _inside(size, width)
    folded[target] = x[inner]
    if mode != "constant":
        origin = sources(size, width, mode)
        for place in (*range(inner.start), *range(inner.stop, x.shape[0])):
            folded[origin[place]] += x[place]
    return folded


def _inside(size: int, width: tuple[int, int]) -> tuple[slice, slice]:
    """Where in the padded axis there are elements of the axis itself, and which of its own those are."""
    before, total = width[0], size + sum(width)
    start = min(max(0, before), total)
    stop = max(start, min(total, size + before))
    return slice(start, stop), slice(start - before, stop - before) if stop > start else slice(0, 0)


def sources(size: int, width: tuple[int, int], mode: str) -> np.ndarray[Any, Any]:
    """From which place on an axis of this size each place on the padded axis takes its element."""
    _padded(size, width, mode)
    place = np.arange(-width[0], size + width[1])
    if mode == "edge":
        return np.clip(place, 0, size - 1)
    period = size if mode == "wrap" else max(1, 2 * size - 2)
    place %= period
    return place if mode == "wrap" else np.minimum(place, period - place)
