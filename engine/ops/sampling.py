"""Sample calls that many ops share. Floats are float64; the conformance test casts them to the other float dtypes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, Samples
from flowloom.spec import Array


def away_from_zero(rng: np.random.Generator, *shape: int) -> Array:
    """Numbers of either sign with a magnitude in 0.2..2, where kinks at 0 do not disturb finite differences."""
    return np.asarray(rng.choice([-1.0, 1.0], shape) * rng.uniform(0.2, 2.0, shape))


def distinct(rng: np.random.Generator, *shape: int) -> Array:
    """A shuffle of evenly spaced numbers: no two nearer than 0.1, so that maxima stay where they are."""
    return np.asarray((rng.permutation(int(np.prod(shape))) * 0.1 - 0.73).reshape(shape))


def unary(low: float | None = None, high: float = 2.0, **params: Any) -> Samples:
    """A matrix, a scalar and an empty tensor, with elements in low..high, or away from zero without `low`.

    And a vector for the call with `params`, where there are any.
    """

    def draw(rng: np.random.Generator, *shape: int) -> Array:
        return away_from_zero(rng, *shape) if low is None else np.asarray(rng.uniform(low, high, shape))

    def samples(rng: np.random.Generator) -> Iterator[Sample]:
        yield (draw(rng, 3, 4),), {}
        yield (draw(rng),), {}
        yield (draw(rng, 0, 3),), {}
        if params:
            yield (draw(rng, 7),), params

    return samples


def binary(low: float = 0.3, high: float = 2.0, *, integers: bool = True) -> Samples:
    """Equal shapes, three broadcasts, an empty tensor; and integers, alone and beside floats, unless declined."""

    def samples(rng: np.random.Generator) -> Iterator[Sample]:
        for a, b in [((3, 4), (3, 4)), ((3, 4), (4,)), ((2, 1), (1, 3)), ((), (3,)), ((0, 3), (3,))]:
            yield (rng.uniform(low, high, a), -rng.uniform(low, high, b) if low < 0 else rng.uniform(low, high, b)), {}
        if integers:
            yield (rng.integers(1, 9, (2, 1)), rng.integers(1, 5, (1, 3))), {}
            yield (rng.uniform(low, high, (2, 3)), rng.integers(1, 5, (3,))), {}

    return samples


def quotients(rng: np.random.Generator) -> Iterator[Sample]:
    """Dividends and divisors of either sign in several broadcasts, and integers, alone and beside floats."""
    for a, b in [((3, 4), (3, 4)), ((3, 4), (4,)), ((2, 1), (1, 3)), ((), (3,)), ((0, 3), (3,))]:
        yield (3.0 * away_from_zero(rng, *a), away_from_zero(rng, *b)), {}
    yield (rng.integers(-9, 9, (2, 1)), rng.choice([-3, -2, 1, 2, 5], (1, 3))), {}
    yield (away_from_zero(rng, 2, 3), rng.integers(3, 5, (3,))), {}
