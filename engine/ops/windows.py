"""Windows that slide over the axes between batch and channels, one or more: convolution, pooling and patches.

The padding "valid" is none. "same" (TensorFlow's) gives `ceil(size / stride)` windows and splits the padding that they
need over both sides, the odd one behind; "same_lower" (ONNX's) puts that one in front, and "causal" all of it. Or it is
widths, (before, after) for each axis, where a negative one cuts off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any, TypeAlias, overload

from flowloom.ops.inference import T
from flowloom.params import AnyPadding, Each
from flowloom.spec import Dim, SpecError

Slices: TypeAlias = tuple[slice, ...]

AXES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows of `size` every `strides`, their elements `dilation` apart: one number of each for every axis.

    With `ceil`, a last window that starts on the tensor may reach beyond the padding.
    """

    size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: AnyPadding
    dilation: tuple[int, ...]
    ceil: bool = False

    @classmethod
    @lru_cache(maxsize=512)  # the same few, at every step of a run
    def of(
        cls, rank: int, size: Each, strides: Each, padding: AnyPadding, dilation: Each = 1, ceil: bool = False
    ) -> Windows:
        """Windows over `rank` axes, where one number stands for that many. Raises SpecError for another count."""
        if not isinstance(padding, str):
            _counted(padding, rank, "padding")
        return cls(
            _each(size, rank, "the size of a window"),
            _each(strides, rank, "strides"),
            padding,
            _each(dilation, rank, "dilation_rate"),
            ceil,
        )

    @property
    def extent(self) -> tuple[int, ...]:
        """How far a window reaches along each axis."""
        return tuple(map(self._extent, range(len(self.size))))

    @property
    def overlap(self) -> bool:
        """Whether neighbouring windows may share elements."""
        return any(e > s for e, s in zip(self.extent, self.strides, strict=True))

    # ------------------------------------------------------------ sizes

    @overload
    def count(self, sizes: Sequence[int]) -> tuple[int, ...]: ...
    @overload
    def count(self, sizes: Sequence[Dim]) -> tuple[Dim, ...]: ...
    def count(self, sizes: Sequence[Dim]) -> tuple[Dim, ...]:
        """How many windows lie along each axis of `sizes`. Raises SpecError if none fits."""
        return tuple(self._along(axis, n) for axis, n in enumerate(sizes))

    def _along(self, axis: int, n: Dim) -> Dim:
        extent, stride, margin = self._extent(axis), self.strides[axis], self._given(axis)
        if stride == 1 and (margin is None or sum(margin) == extent - 1):
            return n
        if not isinstance(n, int):
            return None
        if margin is None:
            return -(-n // stride)
        room = n + sum(margin)
        count = (room - extent + (stride - 1 if self.ceil else 0)) // stride + 1
        if self.ceil and (count - 1) * stride >= n + margin[0]:
            count -= 1
        if count < 1:
            what = axis_name(axis, len(self.size))
            padded = "" if room == n else f", {room} with its padding"
            raise SpecError(
                f'the window spans {extent} and the {what} is {n}{padded}; use a smaller one, or padding="same"',
                dimension=f"{what}: {extent} > {room}",
            )
        return count

    def margins(self, sizes: Sequence[int]) -> tuple[tuple[int, int], ...]:
        """The padding (before, after) that the windows need along each axis of `sizes`."""
        return tuple(self._margin(axis, n) for axis, n in enumerate(sizes))

    def filled(self, count: Sequence[int], sizes: Sequence[int | None]) -> tuple[int, ...]:
        """`sizes`, and for None one that `count` windows fill; times the stride where padding depends on the size."""
        made = []
        for axis, (n, size) in enumerate(zip(count, sizes, strict=True)):
            given = self._given(axis)
            whole = (n - 1) * self.strides[axis] + self._extent(axis)
            filled = n * self.strides[axis] if given is None else whole - sum(given)
            made.append(max(filled, 0) if size is None else size)
        return tuple(made)

    def _extent(self, axis: int) -> int:
        return (self.size[axis] - 1) * self.dilation[axis] + 1

    def _given(self, axis: int) -> tuple[int, int] | None:
        """The padding of an axis; None where it depends on the size."""
        if isinstance(self.padding, str):
            return (0, 0) if self.padding == "valid" else None
        return self.padding[axis]

    def _margin(self, axis: int, n: int) -> tuple[int, int]:
        extent, stride, given = self._extent(axis), self.strides[axis], self._given(axis)
        if given is not None:
            if not self.ceil:
                return given
            before, after = given
            count = self.count_along(axis, n)
            return before, max(after, (count - 1) * stride + extent - n - before)
        total = max((-(-n // stride) - 1) * stride + extent - n, 0)
        if self.padding == "causal":
            return extent - 1, 0
        less = total // 2
        return (less, total - less) if self.padding == "same" else (total - less, less)

    def count_along(self, axis: int, n: int) -> int:
        """How many windows lie along one axis of size `n`."""
        count = self._along(axis, n)
        assert isinstance(count, int)
        return count

    def places(self, xp: Any, sizes: Sequence[int], count: Sequence[int]) -> list[Any]:
        """Where the elements of `count` windows lie along each axis, 0 for its first: (windows, elements)."""
        made = []
        for axis, n in enumerate(sizes):
            starts = xp.arange(count[axis]) * self.strides[axis] - self._margin(axis, n)[0]
            made.append(starts[:, None] + xp.arange(self.size[axis]) * self.dilation[axis])
        return made

    def populations(self, xp: Any, sizes: Sequence[int], *, padding: bool) -> list[Any]:
        """How many elements each window has along each axis of `sizes`; those in the padding too with `padding`.

        At least 1: a dilated window may have nothing but its gaps on the tensor. What `ceil` reaches beyond the padding
        never counts.
        """
        made = []
        for axis, places in enumerate(self.places(xp, sizes, self.count(sizes))):
            given = self._given(axis)
            before, after = (self._margin(axis, sizes[axis]) if given is None else given) if padding else (0, 0)
            made.append(xp.maximum(((places >= -before) & (places < sizes[axis] + after)).sum(1), 1))
        return made

    # ------------------------------------------------------------ arrays (batch, *sizes, channels)

    def pad(self, xp: Any, x: Any, value: float = 0) -> Any:
        """`x` with its padding; `x` itself where it needs none."""
        margins = self.margins(x.shape[1:-1])
        if not any(map(any, margins)):
            return x
        padded = xp.full((x.shape[0], *_grown(x.shape[1:-1], margins), x.shape[-1]), value, x.dtype)
        inner, outer = _common(x.shape[1:-1], margins)
        padded[inner] = x[outer]
        return padded

    def canvas(self, xp: Any, out: Any, *, turned: bool = False) -> Any:
        """Zeros in the shape of `out` with its padding: `out` itself where it needs none.

        A `turned` one is never `out`: in memory its channels come first.
        """
        margins = self.margins(out.shape[1:-1])
        sizes = _grown(out.shape[1:-1], margins)
        if turned:
            return xp.moveaxis(xp.zeros((out.shape[-1], out.shape[0], *sizes), out.dtype), 0, -1)
        if not any(map(any, margins)):
            out.fill(0)
            return out
        return xp.zeros((out.shape[0], *sizes, out.shape[-1]), out.dtype)

    def crop(self, canvas: Any, out: Any) -> Any:
        """`out`, with the part of `canvas` in it that is not padding: what `canvas` made room for."""
        if canvas is out:
            return out
        margins = self.margins(out.shape[1:-1])
        if min(map(min, margins)) < 0:
            out.fill(0)
        inner, outer = _common(out.shape[1:-1], margins)
        out[outer] = canvas[inner]
        return out

    def taps(self, count: tuple[int, ...]) -> tuple[tuple[tuple[int, ...], Slices], ...]:
        """For each place in a window: where in the padded tensor `count` windows have it."""
        return _taps(self, count)

    def view(self, xp: Any, padded: Any, count: Sequence[int]) -> Any:
        """`count` windows of the `padded` tensor, not copied: (batch, *count, *size, channels)."""
        batch, *steps, channel = padded.strides
        shape = (padded.shape[0], *count, *self.size, padded.shape[-1])
        between = (step * s for step, s in zip(steps, self.strides, strict=True))
        within = (step * d for step, d in zip(steps, self.dilation, strict=True))
        return xp.lib.stride_tricks.as_strided(padded, shape, (batch, *between, *within, channel))


@lru_cache(maxsize=512)
def _taps(windows: Windows, count: tuple[int, ...]) -> tuple[tuple[tuple[int, ...], Slices], ...]:
    made = []
    for place in product(*map(range, windows.size)):
        starts = (i * d for i, d in zip(place, windows.dilation, strict=True))
        along = (slice(a, a + n * s, s) for a, n, s in zip(starts, count, windows.strides, strict=True))
        made.append((place, (slice(None), *along)))
    return tuple(made)


def axis_name(axis: int, rank: int) -> str:
    """What people call one of the `rank` axes between batch and channels."""
    return AXES[rank][axis] if rank in AXES else f"size {axis}"


def layout(rank: int) -> str:
    """The axes of a tensor with `rank` of them between batch and channels: "(batch, height, width, channels)"."""
    return f"(batch, {', '.join(axis_name(i, rank) for i in range(rank))}, channels)"


def images(x: T, what: str, rank: int | None = None) -> T:
    """`x`. Raises SpecError, calling it `what`, unless it is (batch, ..., channels), with `rank` axes between them."""
    if x.ndim < 3 if rank is None else x.ndim != rank + 2:
        wanted = "(batch, one or more axes, channels)" if rank is None else layout(rank)
        needed = "3 or more" if rank is None else rank + 2
        raise SpecError(
            f"{what} must be {wanted}; got {x.ndim} dimensions", dimension=f"{x.ndim} != {needed} dimensions"
        )
    return x


def _each(value: Each, rank: int, what: str) -> tuple[int, ...]:
    return (value,) * rank if isinstance(value, int) else _counted(value, rank, what)


def _counted(value: tuple[Any, ...], rank: int, what: str) -> tuple[Any, ...]:
    if len(value) != rank:
        raise SpecError(
            f"{what} needs one for each of the {rank} axes between batch and channels; got {value}",
            dimension=f"{len(value)} != {rank} axes",
        )
    return value


def _grown(sizes: Sequence[int], margins: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    return tuple(n + before + after for n, (before, after) in zip(sizes, margins, strict=True))


def _common(sizes: Sequence[int], margins: Sequence[tuple[int, int]]) -> tuple[Slices, Slices]:
    """Where a tensor lies in its padded form, and what of it lies there."""
    inner, outer = [slice(None)], [slice(None)]
    for n, (before, after) in zip(sizes, margins, strict=True):
        first, last = max(-before, 0), n - max(-after, 0)
        empty = first >= last
        outer.append(slice(0, 0) if empty else slice(first, last))
        inner.append(slice(0, 0) if empty else slice(first + before, last + before))
    return tuple(inner), tuple(outer)
