"""Layers that arrange the same elements otherwise, cut some off, or repeat them. Keras' names and defaults."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta

from flowloom import ops
from flowloom.compiler.expr import Expr
from flowloom.graph.kinds import NodeContext
from flowloom.layers.layer import layer
from flowloom.layers.shapes import dimensions
from flowloom.params import Count, Pair, Triple, Whole
from flowloom.spec import SpecError, product

Ends: TypeAlias = Whole | Annotated[tuple[Whole, ...], Meta(min_length=2, max_length=2)]
Sides: TypeAlias = Whole | Annotated[tuple[Ends, ...], Meta(min_length=2, max_length=2)]
Faces: TypeAlias = Whole | Annotated[tuple[Ends, ...], Meta(min_length=3, max_length=3)]
Interpolation: TypeAlias = Literal["nearest", "bilinear", "bicubic"]
MODES = {"nearest": "nearest", "bilinear": "linear", "bicubic": "cubic"}
# The cubic of Keys (1981) that TensorFlow, JAX and Pillow have, and no weight for what lies outside of the image.
SMOOTH = {"cubic_coefficient": -0.5, "exclude_outside": True}


@layer()
def flatten(node: NodeContext, x: Expr) -> Expr:
    """Join all dimensions of `x` but the first: (batch, a, b, ...) becomes (batch, a*b*...)."""
    dimensions(x, 1, "what has a first dimension to keep")
    flat: Expr = ops.reshape(x, shape=(x.shape[0], product(x.shape[1:])))
    return flat


@layer()
def reshape(node: NodeContext, x: Expr, *, target_shape: tuple[Annotated[int, Meta(ge=-1)], ...] = (-1,)) -> Expr:
    """Each example in another shape, in the same order. One size may be -1: what the others leave.

    `x` is (batch, ...); returns (batch, *target_shape). Raises SpecError if the sizes do not match.
    """
    dimensions(x, 1, "what has a first dimension to keep")
    if -1 in target_shape and (total := product(x.shape[1:])) is not None:  # the first dimension has no part in it
        shape = ops.reshape(x.spec.with_shape((total,)), shape=target_shape).shape
    else:
        shape = target_shape
    y: Expr = ops.reshape(x, shape=(x.shape[0], *shape))
    return y


@layer()
def permute(node: NodeContext, x: Expr, *, dims: tuple[Count, ...] = (2, 1)) -> Expr:
    """Each example with its axes in the order `dims`, which counts from 1: the axes of the result as they were before.

    `x` is (batch, ...); returns (batch, ...) in the new order. Raises SpecError unless each axis is named once.
    """
    if sorted(dims) != list(range(1, x.ndim)):
        raise SpecError(f"dims must name each of the axes 1 to {x.ndim - 1} once; got {dims}", dimension=f"dims {dims}")
    y: Expr = ops.transpose(x, axes=(0, *dims))
    return y


@layer()
def repeat_vector(node: NodeContext, x: Expr, *, n: Count = 1) -> Expr:
    """Each row `n` times: `x` (batch, features) becomes (batch, n, features)."""
    dimensions(x, 2, "rows (batch, features)", 2)
    y: Expr = ops.tile(ops.expand_dims(x, axis=1), reps=(1, n, 1))
    return y


@layer()
def zero_padding1d(node: NodeContext, x: Expr, *, padding: Ends = 1) -> Expr:
    """Zeros before and after each sequence. `x` (batch, time, channels); returns that shape with more steps.

    `padding` is one number for both ends, or (before, after).
    """
    return _padded(x, _ends(padding, 1))


@layer()
def zero_padding2d(node: NodeContext, x: Expr, *, padding: Sides = 1) -> Expr:
    """Zeros around each image. `x` (batch, height, width, channels); returns that shape, higher and wider.

    `padding` is one number for all sides, (rows, columns), or ((top, bottom), (left, right)).
    """
    return _padded(x, _ends(padding, 2))


@layer()
def zero_padding3d(node: NodeContext, x: Expr, *, padding: Faces = 1) -> Expr:
    """Zeros around each volume. `x` (batch, depth, height, width, channels); returns that shape, larger.

    `padding` is one number for all sides, one for each axis, or a (before, after) for each.
    """
    return _padded(x, _ends(padding, 3))


@layer()
def cropping1d(node: NodeContext, x: Expr, *, cropping: Ends = 1) -> Expr:
    """Each sequence without its ends. `x` (batch, time, channels); returns that shape with fewer steps.

    `cropping` is one number for both ends, or (before, after). Raises SpecError if nothing is left.
    """
    return _cropped(x, _ends(cropping, 1))


@layer()
def cropping2d(node: NodeContext, x: Expr, *, cropping: Sides = 1) -> Expr:
    """Each image without its rims. `x` (batch, height, width, channels); returns that shape, smaller.

    `cropping` is one number for all sides, (rows, columns), or ((top, bottom), (left, right)). Raises SpecError if
    nothing is left.
    """
    return _cropped(x, _ends(cropping, 2))


@layer()
def cropping3d(node: NodeContext, x: Expr, *, cropping: Faces = 1) -> Expr:
    """Each volume without its faces. `x` (batch, depth, height, width, channels); returns that shape, smaller.

    `cropping` is one number for all sides, one for each axis, or a (before, after) for each. Raises SpecError if
    nothing is left.
    """
    return _cropped(x, _ends(cropping, 3))


@layer()
def up_sampling1d(node: NodeContext, x: Expr, *, size: Count = 2) -> Expr:
    """Each step `size` times. `x` (batch, time, channels); returns (batch, size * time, channels)."""
    return _upsampled(x, (size,), "nearest")


@layer()
def up_sampling2d(node: NodeContext, x: Expr, *, size: Pair = 2, interpolation: Interpolation = "nearest") -> Expr:
    """Images `size` times as high and wide, by repeating pixels or by interpolating between them.

    `x` (batch, height, width, channels); returns that shape, larger.
    """
    return _upsampled(x, (size, size) if isinstance(size, int) else size, interpolation)


@layer()
def up_sampling3d(node: NodeContext, x: Expr, *, size: Triple = 2) -> Expr:
    """Volumes `size` times as large along each axis, by repeating elements.

    `x` (batch, depth, height, width, channels); returns that shape, larger.
    """
    return _upsampled(x, (size, size, size) if isinstance(size, int) else size, "nearest")


def _ends(given: Any, axes: int) -> list[tuple[int, int]]:
    """(before, after) for each of the axes."""
    each = [given] * axes if isinstance(given, int) or axes == 1 else given
    return [(e, e) if isinstance(e, int) else e for e in each]


def _padded(x: Any, ends: list[tuple[int, int]]) -> Expr:
    _check(x, len(ends))
    y: Expr = ops.pad(x, pad_width=((0, 0), *ends, (0, 0)))
    return y


def _cropped(x: Any, ends: list[tuple[int, int]]) -> Expr:
    _check(x, len(ends))
    for d, cut in zip(x.shape[1:], ends, strict=False):
        if isinstance(d, int) and d <= sum(cut):
            raise SpecError(f"nothing is left of a size of {d} without {cut}", dimension=f"{d} <= {sum(cut)}")
    starts, stops = (before for before, _ in ends), (-after or None for _, after in ends)
    y: Expr = ops.slice(x, start=(None, *starts), stop=(None, *stops))
    return y


def _upsampled(x: Any, size: tuple[int, ...], interpolation: Interpolation) -> Expr:
    _check(x, len(size))
    scales, axes = tuple(float(n) for n in size), tuple(range(1, 1 + len(size)))
    nearest = {"nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"}
    how: dict[str, Any] = nearest if interpolation == "nearest" else SMOOTH
    y: Expr = ops.resize(x, scales=scales, axes=axes, mode=MODES[interpolation], **how)
    return y


def _check(x: Any, axes: int) -> None:
    dimensions(x, axes + 2, f"a batch with {axes} axes before the channels: {axes + 2} dimensions", axes + 2)
