"""How many windows there are, and what padding they need, as TensorFlow, ONNX and PyTorch say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from flowloom.ops.windows import Windows
from flowloom.spec import SpecError


@pytest.mark.parametrize(
    ("size", "window", "stride", "count", "margin"),
    [  # TensorFlow, "Notes on padding": ceil(size / stride) outputs; the odd element of padding comes last.
        (6, 3, 2, 3, (0, 1)),
        (5, 3, 2, 3, (1, 1)),
        (4, 2, 1, 4, (0, 1)),
        (13, 6, 5, 3, (1, 2)),
        (7, 1, 3, 3, (0, 0)),
        (224, 7, 2, 112, (2, 3)),
    ],
)
def test_same_padding_is_tensorflows(size: int, window: int, stride: int, count: int, margin: tuple[int, int]) -> None:
    windows = Windows.of(2, window, stride, "same")

    assert windows.count((size, size)) == (count, count)
    assert windows.margins((size, size)) == (margin, margin)
    assert Windows.of(1, window, stride, "same_lower").margins((size,)) == (margin[::-1],)


def test_causal_padding_is_all_in_front() -> None:
    windows = Windows.of(1, 3, 2, "causal", 4)

    assert windows.margins((7,)) == ((8, 0),)
    assert windows.count((7,)) == (4,)


@pytest.mark.parametrize(
    ("size", "window", "stride", "padding", "dilation", "ceil", "count"),
    [  # PyTorch, MaxPool1d: (size + padding - dilation * (window - 1) - 1) / stride + 1, rounded down, or up with ceil;
        # then windows that would start in the padding behind are left out.
        (7, 3, 2, (0, 0), 1, False, 3),
        (8, 3, 2, (0, 0), 1, False, 3),
        (8, 3, 2, (0, 0), 1, True, 4),
        (8, 3, 2, (1, 1), 2, True, 4),
        (2, 1, 2, (0, 0), 1, True, 1),
        (2, 3, 3, (1, 1), 1, True, 1),
        (1, 2, 2, (0, 0), 1, True, 1),
        (6, 2, 1, (-1, 0), 1, False, 4),
    ],
)
def test_counts(size: int, window: int, stride: int, padding: Any, dilation: int, ceil: bool, count: int) -> None:
    assert Windows.of(1, window, stride, (padding,), dilation, ceil).count((size,)) == (count,)


@pytest.mark.parametrize(
    ("padding", "sizes", "expected"),
    [
        ("same", ("height", None), ("height", None)),
        ("valid", ("height", 5), (None, 3)),
        (((1, 1), (2, 0)), ("height", "width"), ("height", "width")),
        (((1, 1), (1, 0)), ("height", "width"), ("height", None)),
    ],
)
def test_a_name_stays_where_the_size_does(padding: Any, sizes: Any, expected: Any) -> None:
    assert Windows.of(2, 3, 1, padding).count(sizes) == expected


@pytest.mark.parametrize("margins", [((1, 2), (0, 1)), ((0, 0), (0, 0)), ((-1, 2), (0, -2)), ((-2, -1), (3, -4))])
def test_padding_and_cropping(margins: Any) -> None:
    x = np.arange(1.0, 25).reshape(1, 4, 3, 2)
    widths = [(0, 0), *((max(a, 0), max(b, 0)) for a, b in margins), (0, 0)]
    cut = [slice(None), *(slice(max(-a, 0), -max(-b, 0) or None) for a, b in margins)]
    windows = Windows.of(2, 1, 1, margins)

    padded = windows.pad(np, x, -1)

    np.testing.assert_array_equal(padded, np.pad(x, widths, constant_values=-1)[tuple(cut)])

    out = np.full_like(x, np.nan)
    canvas = windows.canvas(np, out)
    assert canvas.shape == padded.shape
    canvas[...] = padded
    found = windows.crop(canvas, out)
    kept = np.isin(x, padded)
    np.testing.assert_array_equal(found, np.where(kept, x, 0))


def test_as_many_numbers_as_axes() -> None:
    with pytest.raises(SpecError, match=r"strides needs one for each of the 2 axes .*; got \(1, 2, 3\)"):
        Windows.of(2, 3, (1, 2, 3), "valid")
    with pytest.raises(SpecError, match="padding needs one for each of the 3 axes"):
        Windows.of(3, 2, 1, ((1, 1),))
