"""Initializers: the first values of a variable, as a pure function of its shape and a key.

Keras' names, variances and limits; the normal ones are not truncated. Sources: Glorot & Bengio 2010 (glorot), He et
al. 2015 (he), LeCun et al. 1998 (lecun).
"""

from __future__ import annotations

import hashlib
import math
from typing import Any, Literal, TypeAlias

import numpy as np

from flowloom.ops import random_normal, random_uniform
from flowloom.spec import Spec

Initializer: TypeAlias = Literal[
    "glorot_uniform",
    "glorot_normal",
    "he_uniform",
    "he_normal",
    "lecun_uniform",
    "lecun_normal",
    "random_normal",
    "random_uniform",
    "zeros",
    "ones",
]


def initialize(initializer: Initializer, spec: Spec, *, seed: int, name: str) -> np.ndarray[Any, Any]:
    """The first value of the variable `name` in a graph of this seed, an array of `spec`: the same on every machine."""
    if initializer in ("zeros", "ones"):
        return np.full(spec.sizes, initializer == "ones", spec.dtype)
    dtype = "float64" if spec.dtype == np.float64 else "float32"
    draw: dict[str, Any] = {"shape": spec.sizes, "dtype": dtype}
    key = key_of(seed, name)
    if initializer == "random_normal":
        values = random_normal(key, mean=0.0, stddev=0.05, **draw)
    elif initializer == "random_uniform":
        values = random_uniform(key, low=-0.05, high=0.05, **draw)
    else:
        method, distribution = initializer.split("_")
        variance = 1.0 / _fan(method, spec.sizes)
        if distribution == "uniform":
            limit = math.sqrt(3 * variance)
            values = random_uniform(key, low=-limit, high=limit, **draw)
        else:
            values = random_normal(key, mean=0.0, stddev=math.sqrt(variance), **draw)
    return np.asarray(values, spec.dtype)


def key_of(seed: int, name: str) -> np.ndarray[Any, Any]:
    """The random key of `name` under `seed`: two 64-bit words."""
    return np.frombuffer(hashlib.sha256(f"{seed}:{name}".encode()).digest()[:16], "<u8").astype(np.uint64)


def _fan(method: str, shape: tuple[int, ...]) -> float:
    """What the variance is divided by. The last axis is the outputs, the one before the inputs, the rest the window."""
    window = math.prod(shape[:-2])
    fan_in = window * (shape[-2] if len(shape) > 1 else shape[0] if shape else 1)
    fan_out = window * shape[-1] if shape else 1
    fan = {"glorot": (fan_in + fan_out) / 2, "he": fan_in / 2, "lecun": fan_in}[method]
    return max(fan, 1.0)
