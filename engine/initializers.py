"""Initializers: the first values of a variable, as a pure function of its shape and a key.

Keras' names, variances and limits; its normal distributions are truncated at two standard deviations. A layer takes
one for each of its variables: by name, as `fl.initializers.constant(0.5)`, or as a file has it,
`{"name": "constant", "value": 0.5}`. The classes are lower case because people call them like functions.

Sources: Glorot & Bengio 2010 (glorot), He et al. 2015 (he), LeCun et al. 1998 (lecun), Saxe et al. 2014 (orthogonal).
"""

from __future__ import annotations

import hashlib
import math
from typing import Any, Literal, TypeAlias

import numpy as np
from msgspec import Struct

from flowloom.ops import random_normal as draw_normal
from flowloom.ops import random_truncated_normal as draw_truncated_normal
from flowloom.ops import random_uniform as draw_uniform
from flowloom.params import NotNegative, Positive
from flowloom.spec import Spec, SpecError

__all__ = [
    "Initializer",
    "constant",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "ones",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "truncated_normal",
    "variance_scaling",
    "zeros",
]

Array = np.ndarray[Any, Any]
TRUNCATED = 0.87962566103423978  # the standard deviation of a normal distribution that is cut off at 2


class _Initializer(Struct, frozen=True, tag_field="name", tag=True, forbid_unknown_fields=True):
    """An initializer; calling it with a key gives first values, in float32 or float64."""

    def __call__(self, key: Array, shape: tuple[int, ...], dtype: str) -> Array:
        raise NotImplementedError


class constant(_Initializer, frozen=True):
    """`value` everywhere."""

    value: float = 0.0

    def __call__(self, key: Array, shape: tuple[int, ...], dtype: str) -> Array:
        """An array of `shape`."""
        return np.full(shape, self.value)


class random_normal(_Initializer, frozen=True):
    """Normally distributed values."""

    mean: float = 0.0
    stddev: NotNegative = 0.05

    def __call__(self, key: Array, shape: tuple[int, ...], dtype: str) -> Array:
        """An array of `shape` and `dtype`."""
        return _array(draw_normal(key, shape=shape, mean=self.mean, stddev=self.stddev, dtype=dtype))


class random_uniform(_Initializer, frozen=True):
    """Values spread evenly over `minval` to `maxval`."""

    minval: float = -0.05
    maxval: float = 0.05

    def __post_init__(self) -> None:
        if self.minval > self.maxval:
            raise ValueError(f"minval must not exceed maxval; got {self.minval} and {self.maxval}")

    def __call__(self, key: Array, shape: tuple[int, ...], dtype: str) -> Array:
        """An array of `shape` and `dtype`."""
        return _array(draw_uniform(key, shape=shape, low=self.minval, high=self.maxval, dtype=dtype))


class truncated_normal(_Initializer, frozen=True):
    """Normally distributed values, none further from `mean` than twice `stddev`."""

    mean: float = 0.0
    stddev: NotNegative = 0.05

    def __call__(self, key: Array, shape: tuple[int, ...], dtype: str) -> Array:
        """An array of `shape` and `dtype`."""
        return _array(draw_truncated_normal(key, shape=shape, mean=self.mean, stddev=self.stddev, dtype=dtype))


class variance_scaling(_Initializer, frozen=True):
    """Values of mean 0 and variance `scale` over the number of inputs, of outputs, or the mean of both."""

    scale: Positive = 1.0
    mode: Literal["fan_in", "fan_out", "fan_avg"] = "fan_in"
    distribution: Literal["truncated_normal", "untruncated_normal", "uniform"] = "truncated_normal"

    def __call__(self, key: Array, shape: tuple[int, ...], dtype: str) -> Array:
        """An array of `shape` and `dtype`."""
        fan_in, fan_out = _fans(shape)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        stddev = math.sqrt(self.scale / max(fan, 1.0))
        if self.distribution == "truncated_normal":
            return truncated_normal(0.0, stddev / TRUNCATED)(key, shape, dtype)
        if self.distribution == "untruncated_normal":
            return random_normal(0.0, stddev)(key, shape, dtype)
        limit = math.sqrt(3) * stddev
        return random_uniform(-limit, limit)(key, shape, dtype)


class orthogonal(_Initializer, frozen=True):
    """`gain` times a random matrix whose columns (or rows, if there are fewer) are orthogonal and of length 1.

    A variable of more than two dimensions is such a matrix of (all others, last). Its values are those of every
    machine up to the rounding of its linear algebra.
    """

    gain: float = 1.0

    def __call__(self, key: Array, shape: tuple[int, ...], dtype: str) -> Array:
        """An array of `shape` and `dtype`."""
        rows, columns = math.prod(shape[:-1]), shape[-1]
        drawn = random_normal(0.0, 1.0)(key, (max(rows, columns), min(rows, columns)), "float64")
        q, r = np.linalg.qr(drawn)
        q = q * np.where(np.diagonal(r) < 0, -1.0, 1.0)  # unique, and uniform among all of them (Mezzadri 2007)
        return _array((q if rows >= columns else q.T).reshape(shape) * self.gain)


class identity(_Initializer, frozen=True):
    """`gain` times the identity matrix, cut to the variable's shape."""

    gain: float = 1.0

    def __call__(self, key: Array, shape: tuple[int, ...], dtype: str) -> Array:
        """An array of `shape`."""
        return np.eye(shape[0], shape[1]) * self.gain


def zeros() -> constant:
    """0 everywhere."""
    return constant(0.0)


def ones() -> constant:
    """1 everywhere."""
    return constant(1.0)


def glorot_uniform() -> variance_scaling:
    """Even, of variance 2 / (inputs + outputs)."""
    return variance_scaling(1.0, "fan_avg", "uniform")


def glorot_normal() -> variance_scaling:
    """Normal, truncated, of variance 2 / (inputs + outputs)."""
    return variance_scaling(1.0, "fan_avg", "truncated_normal")


def he_uniform() -> variance_scaling:
    """Even, of variance 2 / inputs."""
    return variance_scaling(2.0, "fan_in", "uniform")


def he_normal() -> variance_scaling:
    """Normal, truncated, of variance 2 / inputs."""
    return variance_scaling(2.0, "fan_in", "truncated_normal")


def lecun_uniform() -> variance_scaling:
    """Even, of variance 1 / inputs."""
    return variance_scaling(1.0, "fan_in", "uniform")


def lecun_normal() -> variance_scaling:
    """Normal, truncated, of variance 1 / inputs."""
    return variance_scaling(1.0, "fan_in", "truncated_normal")


Name: TypeAlias = Literal[
    "glorot_uniform",
    "glorot_normal",
    "he_uniform",
    "he_normal",
    "lecun_uniform",
    "lecun_normal",
    "random_normal",
    "random_uniform",
    "truncated_normal",
    "variance_scaling",
    "orthogonal",
    "identity",
    "constant",
    "zeros",
    "ones",
]
Initializer: TypeAlias = (
    Name | constant | random_normal | random_uniform | truncated_normal | variance_scaling | orthogonal | identity
)
_MAKERS = (
    *(glorot_uniform, glorot_normal, he_uniform, he_normal, lecun_uniform, lecun_normal, zeros, ones),
    *(constant, random_normal, random_uniform, truncated_normal, variance_scaling, orthogonal, identity),
)
_BY_NAME: dict[str, _Initializer] = {make.__name__: make() for make in _MAKERS}


def initialize(initializer: Initializer, spec: Spec, *, seed: int, name: str) -> Array:
    """The first value of the variable `name` in a graph of this seed, an array of `spec`: the same on every machine."""
    dtype = "float64" if spec.dtype == np.float64 else "float32"
    return _found(initializer)(key_of(seed, name), spec.sizes, dtype).astype(spec.dtype)


def check_fit(initializer: Initializer, spec: Spec) -> None:
    """Raise SpecError if `initializer` cannot fill a variable of `spec`."""
    found = _found(initializer)
    if isinstance(found, identity) and spec.ndim != 2:
        raise SpecError(
            f"the identity fills a matrix; the variable is {spec}", dimension=f"{spec.ndim} != 2 dimensions"
        )
    if isinstance(found, orthogonal) and spec.ndim < 2:
        raise SpecError(
            f"an orthogonal matrix has 2 dimensions or more; the variable is {spec}",
            dimension=f"{spec.ndim} < 2 dimensions",
        )


def key_of(seed: int, name: str) -> Array:
    """The random key of `name` under `seed`: two 64-bit words."""
    return np.frombuffer(hashlib.sha256(f"{seed}:{name}".encode()).digest()[:16], "<u8").astype(np.uint64)


def _found(initializer: Initializer) -> _Initializer:
    return _BY_NAME[initializer] if isinstance(initializer, str) else initializer


def _fans(shape: tuple[int, ...]) -> tuple[float, float]:
    """How many inputs and outputs there are. The last axis is the outputs, the one before the inputs, the rest the
    window.
    """
    window = math.prod(shape[:-2])
    fan_in = window * (shape[-2] if len(shape) > 1 else shape[0] if shape else 1)
    return fan_in, window * shape[-1] if shape else 1


def _array(values: Any) -> Array:
    return np.asarray(values)
