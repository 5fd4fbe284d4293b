"""Normalisation with statistics and weights as tensors: what layers, and models from elsewhere, make one node of.

Half floats are computed in float32 up to the scale, and rounded then. The names are Keras'.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import Annotated, Any, TypeAlias

import numpy as np
from msgspec import Meta

from flowloom.op import Sample, op
from flowloom.ops.composing import at_least_single, in_dtype, span
from flowloom.ops.elementwise import add, sqrt, square
from flowloom.ops.inference import floats, normalize_axes, shaped
from flowloom.ops.padding import pad
from flowloom.ops.reduction import mean
from flowloom.ops.shape import reshape
from flowloom.params import Axis, Count, NotNegative
from flowloom.spec import Dim, SpecError, normalize_axis, promote, quotient

Groups: TypeAlias = Annotated[int, Meta(ge=-1)]


@op(family="layer", composite=True, internal=True)
def batch_normalization(
    x: Any,
    mean: Any,
    variance: Any,
    offset: Any = None,
    scale: Any = None,
    *,
    axis: int = -1,
    epsilon: NotNegative = 1e-3,
) -> Any:
    """(x - mean) / sqrt(variance + epsilon) scale + offset, with a number of each for every channel along `axis`.

    `mean`, `variance`, `offset` and `scale` are (channels). Returns the shape and dtype of `x`. Source: Ioffe and
    Szegedy, arXiv 1502.03167. Raises SpecError if `x` is not of floats, or if the channels differ.
    """
    fine, at = _fine(x), normalize_axis(axis, x.ndim)
    for name, v in (("mean", mean), ("variance", variance), ("offset", offset), ("scale", scale)):
        _check(v, (x.shape[at],), name)
    factor = 1.0 / sqrt(in_dtype(_fine(variance), promote(fine.dtype, variance.dtype)) + epsilon)
    factor = factor if scale is None else factor * scale
    y = (fine - along(x, mean, (at,))) * along(x, factor, (at,))
    return in_dtype(y if offset is None else y + along(x, offset, (at,)), x.dtype)


@op(family="layer", composite=True, internal=True)
def layer_normalization(
    x: Any, gamma: Any = None, beta: Any = None, *, axis: Axis = -1, epsilon: NotNegative = 1e-3
) -> Any:
    """`x` with mean 0 and variance 1 along `axis`, one or several, then times `gamma` plus `beta`, which lie along it.

    Returns the shape and dtype of `x`. Source: Ba, Kiros and Hinton, arXiv 1607.06450. Raises SpecError if `x` is not
    of floats, or if `gamma` or `beta` are not in the sizes of the axes.
    """
    axes = normalize_axes(axis, x.ndim)
    return _scaled(x, _standardized(_fine(x), axes, epsilon), gamma, beta, axes)


@op(family="layer", composite=True, internal=True)
def rms_normalization(x: Any, scale: Any = None, *, axis: Axis = -1, epsilon: NotNegative = 1e-6) -> Any:
    """`x` divided by its root mean square along `axis`, one or several, then times `scale`, which lies along it.

    Returns the shape and dtype of `x`. Source: Zhang and Sennrich, arXiv 1910.07467. Raises SpecError if `x` is not of
    floats, or if `scale` is not in the sizes of the axes.
    """
    axes, fine = normalize_axes(axis, x.ndim), _fine(x)
    return _scaled(x, fine / sqrt(mean(square(fine), axis=axes, keepdims=True) + epsilon), scale, None, axes)


@op(family="layer", composite=True, internal=True)
def group_normalization(
    x: Any,
    gamma: Any = None,
    beta: Any = None,
    *,
    groups: Groups = 32,
    axis: int = -1,
    epsilon: NotNegative = 1e-3,
) -> Any:
    """Each group of channels of each example with mean 0 and variance 1, then each channel times `gamma` plus `beta`.

    `x` (batch, ..., channels), the channels along `axis` in `groups` of neighbours; -1 makes each channel a group of
    its own (instance normalization, Ulyanov et al., arXiv 1607.08022). `gamma` and `beta` are (channels). Returns the
    shape and dtype of `x`. Source: Wu and He, arXiv 1803.08494. Raises SpecError if `x` is not of floats, or unless the
    groups divide the channels.
    """
    at, fine = normalize_axis(axis, x.ndim), _fine(x)
    if at == 0 or groups == 0:
        raise SpecError(
            f"channels are not along the first axis, and groups are not 0; got axis={axis}, {groups} groups"
        )
    if groups == -1:
        y = _standardized(fine, tuple(a for a in range(1, x.ndim) if a != at), epsilon)
    else:
        shape = (*x.shape[:at], groups, _part(x.shape[at], groups), *x.shape[at + 1 :])
        apart = reshape(fine, shape=shape)
        centred = _standardized(apart, tuple(a for a in range(1, x.ndim + 1) if a != at), epsilon)
        y = reshape(centred, shape=x.shape)
    return _scaled(x, y, gamma, beta, (at,))


def _part(channels: Dim, groups: int) -> Dim:
    try:
        return quotient(channels, groups)
    except SpecError:
        raise SpecError(
            f"{channels} channels cannot be divided into {groups} groups", dimension=f"{channels} / {groups}"
        ) from None


@op(family="layer", composite=True)
def local_response_normalization(
    x: Any, *, size: Count = 5, bias: float = 1.0, alpha: float = 1e-4, beta: float = 0.75, axis: int = -1
) -> Any:
    """`x` divided by (bias + alpha m) ** beta, where m is the mean of the squares of `size` neighbouring channels.

    The channels lie along `axis`; beyond the first and the last there are zeros, and of an even `size` one channel more
    lies behind than in front (ONNX LRN). Returns the shape and dtype of `x`. Source: Krizhevsky, Sutskever and Hinton,
    "ImageNet Classification with Deep Convolutional Neural Networks", 2012. Raises SpecError if `x` is not of floats.
    """
    at, fine = normalize_axis(axis, x.ndim), _fine(x)
    margin = ((size - 1) // 2, size // 2)
    squares = pad(square(fine), pad_width=((0, 0),) * at + (margin,) + ((0, 0),) * (x.ndim - at - 1))
    shifted = [span(squares, first or None, first - size + 1 or None, at) for first in range(size)]
    total = reduce(add, shifted)
    return in_dtype(fine / (total * (alpha / size) + bias) ** beta, x.dtype)


# ---------------------------------------------------------------- parts


def _fine(x: Any) -> Any:
    """`x`, but half floats as float32. Raises SpecError unless it is of floats."""
    return at_least_single(floats(x, "x"))


def _standardized(x: Any, axes: tuple[int, ...], epsilon: float) -> Any:
    """`x` with mean 0 and variance 1 over `axes`; the variance is that of these elements, not an estimate."""
    centred = x - mean(x, axis=axes, keepdims=True)
    return centred / sqrt(mean(square(centred), axis=axes, keepdims=True) + epsilon)


def _scaled(x: Any, y: Any, gamma: Any, beta: Any, axes: tuple[int, ...]) -> Any:
    """`y` in the dtype of `x`, times `gamma` and plus `beta`, which lie along `axes`."""
    y = in_dtype(y, x.dtype)
    for name, v in (("gamma", gamma), ("beta", beta)):
        _check(v, tuple(x.shape[a] for a in axes), name)
    y = y if gamma is None else y * along(x, gamma, axes)
    return in_dtype(y if beta is None else y + along(x, beta, axes), x.dtype)


def _check(values: Any, sizes: tuple[Dim, ...], name: str) -> None:
    """Raise SpecError unless `values` are left open or have these sizes."""
    if values is not None:
        shaped(values, sizes, name)


def along(x: Any, values: Any, axes: tuple[int, ...]) -> Any:
    """`values`, in the sizes of `axes`, so that they broadcast against `x`."""
    if axes == tuple(range(x.ndim - len(axes), x.ndim)):
        return values
    sizes = iter(values.shape)
    return reshape(values, shape=tuple(next(sizes) if a in axes else 1 for a in range(x.ndim)))


# ---------------------------------------------------------------- samples


def _channels(rng: np.random.Generator, count: int) -> Any:
    return rng.uniform(0.5, 2, count)


@batch_normalization.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    x, weights = rng.normal(size=(2, 4, 3)), [_channels(rng, 3) for _ in range(4)]
    yield (x, *weights), {}
    yield (x, *weights[:2]), {"epsilon": 0.1}
    yield (rng.normal(size=(2, 3, 4, 2)), *weights), {"axis": 1}
    yield (rng.normal(size=(0, 3)), *weights), {}


@layer_normalization.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(2, 4, 3)),), {}
    yield (rng.normal(size=(2, 4, 3)), _channels(rng, 3), rng.normal(size=3)), {}
    yield (rng.normal(size=(2, 4, 3)), rng.normal(size=(4, 3))), {"axis": (-1, 1), "epsilon": 0.1}
    yield (rng.normal(size=(2, 4, 3)), _channels(rng, 4), rng.normal(size=4)), {"axis": 1}


@rms_normalization.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(2, 4, 3)),), {}
    yield (rng.normal(size=(2, 4, 3)), _channels(rng, 3)), {"epsilon": 0.1}
    yield (rng.normal(size=(2, 4, 3)), rng.normal(size=(2, 4))), {"axis": (0, 1)}


@group_normalization.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(2, 3, 4)), _channels(rng, 4), rng.normal(size=4)), {"groups": 2}
    yield (rng.normal(size=(2, 4, 3, 2)), _channels(rng, 4)), {"groups": 2, "axis": 1}
    yield (rng.normal(size=(2, 3, 4)), _channels(rng, 4), rng.normal(size=4)), {"groups": -1}


@local_response_normalization.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(2, 3, 6)),), {}
    yield (rng.normal(size=(2, 5, 3)),), {"size": 4, "axis": 1, "alpha": 0.5, "beta": 0.5, "bias": 2.0}
    yield (rng.normal(size=(2, 2)),), {"size": 5, "alpha": 1.0}
