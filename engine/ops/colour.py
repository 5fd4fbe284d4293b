"""Colours of images (..., 3) in 0..1: greys, hue and saturation, and the adjustments that augmentation makes.

The formulas are TensorFlow's (`tf.image`). Hue, saturation and value are Smith's hexcone model (SIGGRAPH 1978), all
three in 0..1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.comparison import equal, greater, less
from flowloom.ops.composing import beside, span
from flowloom.ops.elementwise import abs_, clip, where
from flowloom.ops.inference import numeric
from flowloom.ops.joining import concatenate
from flowloom.ops.linalg import matmul
from flowloom.ops.reduction import max_, mean, min_
from flowloom.ops.rounding import floor
from flowloom.spec import SpecError, is_float

_LUMA = [[0.2989], [0.5870], [0.1140]]  # red, green and blue in the luma of ITU-R BT.601, rounded as in TensorFlow


@op(family="layer", composite=True)
def rgb_to_grayscale(x: Any) -> Any:
    """The luma of colours: 0.2989 red + 0.587 green + 0.114 blue.

    `x` (..., 3). Returns (..., 1). A float dtype stays; integers give float32. Raises SpecError unless there are three
    channels.
    """
    _three(x)
    return matmul(numeric(x), beside(_LUMA, x))


@op(family="layer", composite=True)
def rgb_to_hsv(x: Any) -> Any:
    """Hue, saturation and value of colours. A grey has hue 0, and black saturation 0.

    `x` (..., 3) of floats in 0..1. Keeps shape and dtype. Raises SpecError unless there are three channels of floats.
    """
    red, green, blue = _channels(x)
    value = max_(x, axis=-1, keepdims=True)
    spread = value - min_(x, axis=-1, keepdims=True)
    coloured = greater(spread, 0)
    unit = where(coloured, spread, 1.0)
    sixths = where(
        equal(red, value),
        (green - blue) / unit,
        where(equal(green, value), (blue - red) / unit + 2.0, (red - green) / unit + 4.0),
    )
    hue = where(coloured, where(less(sixths, 0), sixths + 6.0, sixths) / 6.0, 0.0)
    bright = greater(value, 0)
    saturation = where(bright, spread / where(bright, value, 1.0), 0.0)
    return concatenate(hue, saturation, value, axis=-1)


@op(family="layer", composite=True)
def hsv_to_rgb(x: Any) -> Any:
    """Colours of hue, saturation and value: the reverse of `rgb_to_hsv`.

    `x` (..., 3) of floats in 0..1. Keeps shape and dtype. Raises SpecError unless there are three channels of floats.
    """
    hue, saturation, value = _channels(x)
    # Each of the three rises and falls around its own place on the hue circle of six: red 0 (a valley at 3), 2, 4.
    distance = abs_(hue * 6.0 - beside([3.0, 2.0, 4.0], x))
    pure = clip(distance * beside([1.0, -1.0, -1.0], x) + beside([-1.0, 2.0, 2.0], x))
    return ((pure - 1.0) * saturation + 1.0) * value


@op(family="layer", composite=True)
def adjust_brightness(x: Any, delta: Any) -> Any:
    """`x` with `delta` added to every channel. `delta` broadcasts: (batch, 1, 1, 1) is one for each image.

    Raises SpecError unless `x` is of floats.
    """
    return _floats(x) + delta


@op(family="layer", composite=True)
def adjust_contrast(x: Any, factor: Any) -> Any:
    """`x` with every channel's distance to its mean over height and width times `factor`, which broadcasts.

    `x` (..., height, width, channels). Raises SpecError unless `x` is of floats, in 3 or more dimensions.
    """
    if x.ndim < 3:
        raise SpecError(f"x must be (..., height, width, channels); got {x.ndim} dimensions")
    middle = mean(_floats(x), axis=(-3, -2), keepdims=True)
    return (x - middle) * factor + middle


@op(family="layer", composite=True)
def adjust_saturation(x: Any, factor: Any) -> Any:
    """Colours with their saturation times `factor`, which broadcasts with (..., 1), and limited to 1.

    `x` (..., 3) of floats in 0..1. Raises SpecError unless there are three channels of floats.
    """
    hue, saturation, value = _channels(rgb_to_hsv(x))
    return hsv_to_rgb(concatenate(hue, clip(saturation * factor), value, axis=-1))


@op(family="layer", composite=True)
def adjust_hue(x: Any, delta: Any) -> Any:
    """Colours with `delta` added to their hue, a circle of length 1. `delta` broadcasts with (..., 1).

    `x` (..., 3) of floats in 0..1. Raises SpecError unless there are three channels of floats.
    """
    hue, saturation, value = _channels(rgb_to_hsv(x))
    turned = hue + delta
    return hsv_to_rgb(concatenate(turned - floor(turned), saturation, value, axis=-1))


def _three(x: Any) -> None:
    if not x.ndim or x.shape[-1] not in (3, None):
        raise SpecError(
            f"x must have three channels, red, green and blue, as its last axis; got {x.shape}",
            dimension=f"channels {x.shape[-1] if x.ndim else 'missing'}",
        )


def _floats(x: Any) -> Any:
    if not is_float(x.dtype):
        raise SpecError(
            f"colours are floats in 0..1; got {x.dtype}. Cast them and divide by 255", dimension=f"dtype {x.dtype}"
        )
    return x


def _channels(x: Any) -> tuple[Any, Any, Any]:
    """The three channels of `x`, each (..., 1)."""
    _three(_floats(x))
    return span(x, 0, 1), span(x, 1, 2), span(x, 2, 3)


def _colours(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.uniform(0.05, 0.95, (2, 3, 2, 3)),), {}
    yield (rng.uniform(0.05, 0.95, (3,)),), {}
    yield (rng.uniform(size=(0, 3)),), {}


for _colour in (rgb_to_hsv, hsv_to_rgb):
    _colour.samples(_colours)


@rgb_to_grayscale.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield from _colours(rng)
    yield (rng.integers(0, 255, (2, 4, 3)),), {}


for _adjustment, _amount in ((adjust_brightness, 0.3), (adjust_saturation, 0.6), (adjust_hue, 0.35)):

    @_adjustment.samples
    def _(rng: np.random.Generator, amount: float = _amount) -> Iterator[Sample]:
        yield (rng.uniform(0.05, 0.95, (2, 3, 2, 3)), np.array(amount)), {}
        yield (rng.uniform(0.05, 0.95, (2, 3, 2, 3)), amount * rng.uniform(0.5, 1, (2, 1, 1, 1))), {}


@adjust_contrast.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.uniform(size=(2, 3, 2, 3)), np.array(1.4)), {}
    yield (rng.uniform(size=(2, 3, 2, 1)), rng.uniform(0.5, 2, (2, 1, 1, 1))), {}
