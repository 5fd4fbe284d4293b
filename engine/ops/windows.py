"""Windows that slide over the height and width of images (batch, height, width, channels): convolution and pooling.

Padding is TensorFlow's: "valid" has none; "same" has `ceil(size / stride)` windows and splits the padding that they
need over both sides, the odd one behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, overload

from flowloom.params import Padding, Pair
from flowloom.spec import Dim, Spec, SpecError

Slices = tuple[slice, slice, slice]


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows of `size` (height, width) every `strides`, their elements `dilation` apart."""

    size: tuple[int, int]
    strides: tuple[int, int]
    padding: Padding
    dilation: tuple[int, int]

    @classmethod
    def of(cls, size: Pair, strides: Pair, padding: Padding, dilation: Pair = 1) -> Windows:
        """Windows with one number, or one for each axis, where a pair is meant."""
        return cls(_pair(size), _pair(strides), padding, _pair(dilation))

    @property
    def extent(self) -> tuple[int, int]:
        """How many rows and columns a window spans."""
        (h, w), (dh, dw) = self.size, self.dilation
        return (h - 1) * dh + 1, (w - 1) * dw + 1

    @property
    def overlap(self) -> bool:
        """Whether neighbouring windows share elements."""
        return self.extent[0] > self.strides[0] or self.extent[1] > self.strides[1]

    @overload
    def count(self, height: int, width: int) -> tuple[int, int]: ...
    @overload
    def count(self, height: Dim, width: Dim) -> tuple[Dim, Dim]: ...
    def count(self, height: Dim, width: Dim) -> tuple[Dim, Dim]:
        """How many windows lie below and beside one another. Raises SpecError if none fits."""
        (eh, ew), (sh, sw) = self.extent, self.strides
        return self._along("height", height, eh, sh), self._along("width", width, ew, sw)

    def _along(self, what: str, n: Dim, extent: int, stride: int) -> Dim:
        if stride == 1 and (self.padding == "same" or extent == 1):
            return n
        if not isinstance(n, int):
            return None
        if self.padding == "same":
            return -(-n // stride)
        if n < extent:
            raise SpecError(
                f'the window spans {extent} and the {what} is {n}; use a smaller one, or padding="same"',
                dimension=f"{what}: {extent} > {n}",
            )
        return (n - extent) // stride + 1

    def margins(self, height: int, width: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """The padding (top, bottom), (left, right)."""
        (eh, ew), (sh, sw) = self.extent, self.strides
        return self._margin(height, eh, sh), self._margin(width, ew, sw)

    def _margin(self, n: int, extent: int, stride: int) -> tuple[int, int]:
        if self.padding == "valid":
            return 0, 0
        total = max((-(-n // stride) - 1) * stride + extent - n, 0)
        return total // 2, total - total // 2

    def pad(self, xp: Any, x: Any, value: float = 0) -> Any:
        """`x` with its padding; `x` itself where it needs none."""
        (top, bottom), (left, right) = self.margins(*x.shape[1:3])
        if not (top or bottom or left or right):
            return x
        n, h, w, c = x.shape
        padded = xp.full((n, h + top + bottom, w + left + right, c), value, x.dtype)
        padded[:, top : top + h, left : left + w] = x
        return padded

    def crop(self, padded: Any, size: tuple[int, int], out: Any) -> Any:
        """The part of `padded` that is not padding, in `out` where there is one: what `canvas` made room for."""
        if padded is out:
            return out
        height, width = size
        (top, _), (left, _) = self.margins(height, width)
        inner = padded[:, top : top + height, left : left + width]
        if out is None:
            return inner
        out[...] = inner
        return out

    def canvas(self, xp: Any, shape: tuple[int, ...], dtype: Any, out: Any) -> Any:
        """Zeros in the shape of the padded images: `out` itself where there is no padding."""
        n, h, w, c = shape
        (top, bottom), (left, right) = self.margins(h, w)
        if out is not None and not (top or bottom or left or right):
            out.fill(0)
            return out
        return xp.zeros((n, h + top + bottom, w + left + right, c), dtype)

    def taps(self, rows: int, columns: int) -> Iterator[tuple[int, int, Slices]]:
        """For each place (i, j) in a window: where in the padded images the `rows` by `columns` windows have it."""
        (h, w), (sh, sw), (dh, dw) = self.size, self.strides, self.dilation
        for i in range(h):
            for j in range(w):
                top, left = i * dh, j * dw
                yield i, j, (slice(None), slice(top, top + rows * sh, sh), slice(left, left + columns * sw, sw))


def images(x: Spec, what: str) -> Spec:
    """`x`. Raises SpecError, calling it `what`, unless it is (batch, height, width, channels)."""
    if x.ndim != 4:
        raise SpecError(
            f"{what} must be (batch, height, width, channels); got {x.ndim} dimensions",
            dimension=f"{x.ndim} != 4 dimensions",
        )
    return x


def _pair(value: Pair) -> tuple[int, int]:
    first, second = (value, value) if isinstance(value, int) else value
    return first, second
