"""Layers that prepare numbers and images, the same way at every time. Keras' names and defaults."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np

from flowloom import ops
from flowloom.compiler.expr import Expr
from flowloom.graph.kinds import NodeContext
from flowloom.layers.layer import layer
from flowloom.layers.shapes import dimensions
from flowloom.layers.shaping import MODES, SMOOTH, Interpolation
from flowloom.ops.composing import as_floats
from flowloom.params import Count
from flowloom.spec import SpecError, normalize_axis

Numbers: TypeAlias = float | tuple[float, ...]
TINY = 1e-7  # keeps a feature that never changes from being divided by 0


@layer()
def rescaling(node: NodeContext, x: Any, *, scale: Numbers = 1.0, offset: Numbers = 0.0) -> Expr:
    """`x * scale + offset`, each a number or one for each channel (the last axis): 1/255 brings bytes to 0..1.

    Returns floats in the shape of `x`.
    """
    x = as_floats(x)
    y: Expr = x * np.asarray(scale, x.dtype) + np.asarray(offset, x.dtype)
    if y.shape != x.shape:
        raise SpecError(f"scale and offset are one number, or one for each channel of {x.spec}; got {scale}, {offset}")
    return y


@layer()
def normalization(
    node: NodeContext,
    x: Any,
    *,
    axis: int | None = -1,
    mean: Numbers = 0.0,
    variance: Numbers = 1.0,
    invert: bool = False,
) -> Expr:
    """`(x - mean) / sqrt(variance)` with numbers known beforehand; `invert` takes that back.

    `mean` and `variance` are one number, or one for each place along `axis`; None is one number for all of `x`. Returns
    floats in the shape of `x`. Raises SpecError if there are not as many numbers, or a variance is negative.
    """
    x = as_floats(x)
    centre, spread = (_along(x, np.asarray(v, x.dtype), axis) for v in (mean, variance))
    if (spread < 0).any():
        raise SpecError(f"a variance is not negative; got {variance}", dimension="variance < 0")
    width = np.maximum(np.sqrt(spread), TINY).astype(x.dtype)
    y: Expr = x * width + centre if invert else (x - centre) / width
    return y


@layer()
def resizing(
    node: NodeContext,
    x: Any,
    *,
    height: Count = 32,
    width: Count = 32,
    interpolation: Interpolation = "bilinear",
    crop_to_aspect_ratio: bool = False,
    antialias: bool = False,
) -> Expr:
    """Images in another size. `x` (batch, rows, columns, channels); returns floats (batch, height, width, channels).

    `crop_to_aspect_ratio` first cuts off what is too wide or too high, from both sides, so that nothing is stretched;
    it needs a known size. `antialias` averages where images become smaller.
    """
    images(x)
    x = as_floats(x)
    if crop_to_aspect_ratio:
        x = _in_proportion(x, height, width)
    nearest = {"nearest_mode": "round_prefer_ceil"}
    how: dict[str, Any] = nearest if interpolation == "nearest" else {"antialias": antialias, **SMOOTH}
    y: Expr = ops.resize(x, sizes=(height, width), axes=(1, 2), mode=MODES[interpolation], **how)
    return y


@layer()
def center_crop(node: NodeContext, x: Any, *, height: Count = 32, width: Count = 32) -> Expr:
    """The middle of each image, with zeros around what is smaller.

    `x` (batch, rows, columns, channels); returns (batch, height, width, channels).
    """
    images(x)
    y: Expr = ops.center_crop_pad(x, sizes=(height, width), axes=(1, 2))
    return y


# ---------------------------------------------------------------- for other layers


def images(x: Any) -> None:
    """Raise SpecError unless `x` is a batch of images."""
    dimensions(x, 4, "images (batch, height, width, channels)", 4)


def _along(x: Any, values: np.ndarray[Any, Any], axis: int | None) -> np.ndarray[Any, Any]:
    """`values`, so that they lie along `axis` of `x`."""
    if not values.ndim:
        return values
    size = None if axis is None else x.shape[normalize_axis(axis, x.ndim)]
    if axis is None or (isinstance(size, int) and size != len(values)):
        raise SpecError(
            f"there are {len(values)} numbers for {'one' if axis is None else size} along axis {axis}",
            dimension=f"{len(values)} != {size}",
        )
    return values.reshape([-1 if i == normalize_axis(axis, x.ndim) else 1 for i in range(x.ndim)])


def _in_proportion(x: Any, height: int, width: int) -> Any:
    """The middle of images `x`, as large as may be in the proportion of `height` to `width`."""
    rows, columns = x.shape[1:3]
    if not isinstance(rows, int) or not isinstance(columns, int):
        raise SpecError(f"crop_to_aspect_ratio needs images of a known size; got {x.spec}")
    scale = min(rows / height, columns / width)
    sizes = (min(rows, max(1, math.floor(height * scale))), min(columns, max(1, math.floor(width * scale))))
    return ops.center_crop_pad(x, sizes=sizes, axes=(1, 2))
