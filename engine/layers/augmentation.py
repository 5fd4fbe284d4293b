"""Image augmentation: layers that change images at random while the model learns, and hand them on otherwise.

Each image of a batch is changed on its own. Keras' names and defaults; angles are shares of a full turn, shifts and
zooms shares of the image's size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta

from flowloom import ops
from flowloom.graph.kinds import NodeContext
from flowloom.layers.layer import layer
from flowloom.layers.preprocessing import images
from flowloom.layers.regularization import key_for
from flowloom.layers.shapes import known
from flowloom.ops.composing import as_floats, in_dtype
from flowloom.params import Count
from flowloom.spec import SpecError

Range: TypeAlias = float | Annotated[tuple[float, ...], Meta(min_length=2, max_length=2)]
Values: TypeAlias = Annotated[tuple[float, ...], Meta(min_length=2, max_length=2)]
Flips: TypeAlias = Literal["horizontal", "vertical", "horizontal_and_vertical"]
Fill: TypeAlias = Literal["reflect", "constant", "nearest"]
Between: TypeAlias = Literal["nearest", "bilinear"]
PADDING = {"reflect": "reflection", "constant": "zeros", "nearest": "border"}
MODES = {"nearest": "nearest", "bilinear": "linear"}


@layer()
def random_flip(node: NodeContext, x: Any, *, mode: Flips = "horizontal_and_vertical") -> Any:
    """While learning, mirror images: half of them left to right, half of them top to bottom, as `mode` says.

    `x` (batch, height, width, channels). Returns floats in the shape of `x`.
    """
    images(x)
    y = as_floats(x)
    if node.training and mode != "vertical":
        y = ops.where(_draw(node, x, (0.0, 1.0), 0, ndim=4) < 0.5, ops.flip(y, axis=2), y)
    if node.training and mode != "horizontal":
        y = ops.where(_draw(node, x, (0.0, 1.0), 1, ndim=4) < 0.5, ops.flip(y, axis=1), y)
    return y


@layer()
def random_rotation(
    node: NodeContext,
    x: Any,
    *,
    factor: Range = 0.1,
    fill_mode: Fill = "reflect",
    interpolation: Between = "bilinear",
    fill_value: float = 0.0,
) -> Any:
    """While learning, turn each image around its middle by up to `factor` of a full turn, in either direction.

    A pair (least, most) gives the range itself; counter-clockwise is positive. What comes from outside of the image is
    its reflection, its rim, or the constant `fill_value`. `x` (batch, height, width, channels). Returns floats in the
    shape of `x`.
    """
    images(x)
    y = as_floats(x)
    if not node.training:
        return y
    low, high = _range(factor)
    angle = _draw(node, x, (low * 2 * math.pi, high * 2 * math.pi), 0)
    moved = ops.rotate(y - fill_value, angle, mode=MODES[interpolation], padding_mode=PADDING[fill_mode])
    return _filled(moved, fill_value, y)


@layer()
def random_translation(
    node: NodeContext,
    x: Any,
    *,
    height_factor: Range = 0.1,
    width_factor: Range = 0.1,
    fill_mode: Fill = "reflect",
    interpolation: Between = "bilinear",
    fill_value: float = 0.0,
) -> Any:
    """While learning, shift each image by up to `height_factor` of its height and `width_factor` of its width.

    A pair (least, most) gives the range itself; down and right are positive. What comes from outside as in
    `random_rotation`. `x` (batch, height, width, channels). Returns floats in the shape of `x`.
    """
    images(x)
    y = as_floats(x)
    if not node.training:
        return y
    down, right = (_draw(node, x, _range(f), i) for i, f in enumerate((height_factor, width_factor)))
    one, nothing = down * 0.0 + 1.0, down * 0.0
    rows = ((one, nothing, right * -2.0), (nothing, one, down * -2.0))
    return _warped(y, rows, fill_mode, interpolation, fill_value)


@layer()
def random_zoom(
    node: NodeContext,
    x: Any,
    *,
    height_factor: Range = 0.1,
    width_factor: Range | None = None,
    fill_mode: Fill = "reflect",
    interpolation: Between = "bilinear",
    fill_value: float = 0.0,
) -> Any:
    """While learning, show up to `height_factor` more or less of each image; positive is more: it zooms out.

    `width_factor` None keeps the proportions. A pair (least, most) gives the range itself. What comes from outside as
    in `random_rotation`. `x` (batch, height, width, channels). Returns floats in the shape of `x`.
    """
    images(x)
    y = as_floats(x)
    if not node.training:
        return y
    tall = _draw(node, x, _range(height_factor), 0) + 1.0
    wide = tall if width_factor is None else _draw(node, x, _range(width_factor), 1) + 1.0
    nothing = tall * 0.0
    return _warped(y, ((wide, nothing, nothing), (nothing, tall, nothing)), fill_mode, interpolation, fill_value)


@layer()
def random_crop(node: NodeContext, x: Any, *, height: Count = 32, width: Count = 32) -> Any:
    """While learning, a part of each image from anywhere in it; otherwise the middle.

    `x` (batch, rows, columns, channels); returns floats (batch, height, width, channels). Raises SpecError if the
    images are smaller.
    """
    images(x)
    y = as_floats(x)
    room = [
        known(d, what) - n
        for d, what, n in zip(x.shape[1:3], ("the height", "the width"), (height, width), strict=True)
    ]
    if min(room) < 0:
        raise SpecError(
            f"images of {x.shape[1]} by {x.shape[2]} have no part of {height} by {width}; use resizing",
            dimension=f"{x.shape[1]} < {height}" if room[0] < 0 else f"{x.shape[2]} < {width}",
        )
    if not node.training:
        return ops.center_crop_pad(y, sizes=(height, width), axes=(1, 2))
    # A place u in -1..1 of the part, which begins at `start`, is (u n + 2 start + n) / size - 1 of the whole.
    theta: list[Any] = []
    for i, n in enumerate((height, width)):
        start = ops.floor(_draw(node, x, (0.0, room[i] + 1.0), i))
        size, nothing = x.shape[1 + i], start * 0.0
        scale, shift = nothing + n / size, (start * 2.0 + (n - size)) * (1 / size)
        theta.insert(0, (scale, nothing, shift) if i else (nothing, scale, shift))
    return ops.affine_transform(y, _matrix(theta), sizes=(height, width), mode="nearest", padding_mode="border")


@layer()
def random_brightness(node: NodeContext, x: Any, *, factor: Range = 0.2, value_range: Values = (0.0, 255.0)) -> Any:
    """While learning, make each image lighter or darker by up to `factor` of `value_range`, and cut it to that.

    A pair (least, most) says itself by how much. `x` (batch, height, width, channels). Returns floats in the shape of
    `x`.
    """
    images(x)
    y = as_floats(x)
    if not node.training:
        return y
    low, high = value_range
    return _cut(y + ops.cast(_draw(node, x, _range(factor), 0, ndim=4) * (high - low), dtype=y.dtype.name), value_range)


@layer()
def random_contrast(node: NodeContext, x: Any, *, factor: Range = 0.2, value_range: Values = (0.0, 255.0)) -> Any:
    """While learning, scale the distance of each pixel from its channel's mean by up to 1 - `factor` to 1 + `factor`.

    A pair (less, more) gives 1 - less to 1 + more. The result is cut to `value_range`. `x` (batch, height, width,
    channels). Returns floats in the shape of `x`.
    """
    images(x)
    y = as_floats(x)
    if not node.training:
        return y
    less, more = (factor, factor) if isinstance(factor, float) else factor
    by = ops.cast(_draw(node, x, (1 - less, 1 + more), 0, ndim=4), dtype=y.dtype.name)
    centre = ops.mean(y, axis=(1, 2), keepdims=True)
    return _cut((y - centre) * by + centre, value_range)


def _range(factor: Range) -> tuple[float, float]:
    """The range that a factor stands for. Raises SpecError if it is turned around."""
    low, high = (-factor, factor) if isinstance(factor, int | float) else factor
    if low > high:
        raise SpecError(f"the least must not exceed the most; got {factor}", dimension=f"{low} > {high}")
    return low, high


def _draw(node: NodeContext, x: Any, within: tuple[float, float], use: int, ndim: int = 1) -> Any:
    """A number for each image: (batch,), or with sizes of 1 behind."""
    low, high = within
    shape = (x.shape[0], *(1,) * (ndim - 1))
    return ops.random_uniform(key_for(node, use), shape=shape, low=low, high=high)


def _matrix(rows: Sequence[Sequence[Any]]) -> Any:
    """An affine map for each image: (batch, 2, 3)."""
    return ops.stack(*(ops.stack(*row, axis=-1) for row in rows), axis=1)


def _warped(x: Any, rows: Sequence[Sequence[Any]], fill_mode: Fill, interpolation: Between, fill_value: float) -> Any:
    """`x` with every place taken from where the affine map sends it."""
    how = {"mode": MODES[interpolation], "padding_mode": PADDING[fill_mode]}
    return _filled(ops.affine_transform(x - fill_value, _matrix(rows), **how), fill_value, x)


def _filled(moved: Any, fill_value: float, x: Any) -> Any:
    """What was moved with its fill at 0, back where it was, in the dtype of `x`."""
    return in_dtype(moved + fill_value, x.dtype)


def _cut(y: Any, values: Values) -> Any:
    low, high = values
    if low > high:
        raise SpecError(f"value_range is (least, most); got {values}", dimension=f"{low} > {high}")
    return ops.clip(y, low=low, high=high)
