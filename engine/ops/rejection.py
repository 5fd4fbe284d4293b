"""Random numbers by rejection: a proposal is drawn and taken or refused, again and again, for each element by itself.

Attempt a at element i reads words of its own (`philox.attempts`), so what one element needs does not shift the others,
and the result is the same in any order. There are at most 64 attempts: an element that was refused so often (of 10**20
elements, none) takes the value at which the proposal is most likely. All is computed in float64 and then rounded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.inference import floating
from flowloom.ops.kernels import on_host, put
from flowloom.ops.philox import attempts
from flowloom.ops.random import Float, check_key, fractions, sample_key
from flowloom.params import Positive, Shape
from flowloom.spec import Spec

MOST_ATTEMPTS = 64
SMALL = 10.0  # below, a Poisson number is found by counting upwards


@op(family="random", differentiable=False, internal=True)
def random_gamma(key: Spec, *, shape: Shape, alpha: Positive, beta: Positive = 1.0, dtype: Float = "float32") -> Spec:
    """Numbers of the gamma distribution of shape `alpha` and rate `beta` (mean alpha / beta), in `shape` and `dtype`.

    Marsaglia and Tsang's method (2000): with d = alpha - 1/3, x normal and v = (1 + x / sqrt(9 d))**3, d v is taken
    where log u < x**2 / 2 + d (1 - v + log v). Below alpha = 1 it is drawn for alpha + 1 and multiplied by
    u**(1 / alpha). Raises SpecError unless `key` is uint64[2].
    """
    check_key(key)
    return Spec(shape, dtype)


@random_gamma.kernel
def _(xp: Any, key: Any, *, shape: tuple[int, ...], alpha: float, beta: float, dtype: str, out: Any = None) -> Any:
    count = math.prod(shape)
    d = (alpha if alpha >= 1 else alpha + 1) - 1 / 3
    c = 1 / math.sqrt(9 * d)

    def propose(drawn: Any, pending: Any) -> tuple[Any, Any]:
        radius = xp.sqrt(-2 * xp.log1p(-fractions(drawn[:, 0], "float64")))
        x = radius * xp.cos(2 * math.pi * fractions(drawn[:, 1], "float64"))
        v = (1 + c * x) ** 3
        inside = v > 0
        bound = x * x / 2 + d * (1 - v + xp.log(xp.where(inside, v, 1.0)))
        return d * v, inside & (xp.log1p(-fractions(drawn[:, 2], "float64")) < bound)

    numbers = _drawn(xp, key, xp.full(count, d), propose)
    if alpha < 1:
        u = 1 - fractions(attempts(xp, on_host(key), count, 1)[:, 3], "float64")  # the word that no proposal reads
        numbers = numbers * u ** (1 / alpha)
    return put((numbers / beta).astype(dtype).reshape(shape), out)


@random_gamma.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (sample_key(rng),), {"shape": (3, 4), "alpha": 2.5}
    yield (sample_key(rng),), {"shape": (5,), "alpha": 0.3, "beta": 2.0, "dtype": "float64"}
    yield (sample_key(rng),), {"shape": (), "alpha": 1.0}
    yield (sample_key(rng),), {"shape": (0, 2), "alpha": 1.0}


@op(family="random", differentiable=False, internal=True)
def random_poisson(key: Spec, lam: Spec) -> Spec:
    """A number of the Poisson distribution of mean `lam`, for each of its elements. A float dtype stays; integers give
    float32.

    Means below 10: the first k whose distribution function exceeds the fraction of a word. Others: Hörmann's
    transformed rejection (PTRS, 1993). Raises SpecError unless `key` is uint64[2], and ValueError, when it runs, for a
    mean that is negative, not finite or above 10**15.
    """
    check_key(key)
    return floating(lam)


@random_poisson.kernel
def _(xp: Any, key: Any, lam: Any, *, out: Any = None) -> Any:
    dtype = floating(Spec.of(lam)).dtype
    means = lam.reshape(-1).astype("float64")
    wrong = ~((means >= 0) & (means <= 1e15))
    if wrong.any():
        raise ValueError(f"a mean must be from 0 to 1e15; got {float(means[wrong][0])}")
    large = means >= SMALL
    counts = _counted(xp, fractions(attempts(xp, on_host(key), means.size, 1)[:, 0], "float64"), means, large)
    if large.any():
        counts = xp.where(large, _transformed(xp, key, means, xp.nonzero(large)[0]), counts)
    return put(counts.astype(dtype).reshape(lam.shape), out)


@random_poisson.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (sample_key(rng), rng.uniform(0, 9, (3, 4))), {}
    yield (sample_key(rng), rng.uniform(5, 500, (5,))), {}
    yield (sample_key(rng), np.array(0.0)), {}
    yield (sample_key(rng), rng.integers(0, 30, (2, 2))), {}
    yield (sample_key(rng), rng.uniform(size=(0, 2))), {}


def _counted(xp: Any, u: Any, means: Any, large: Any) -> Any:
    """The first k at which the distribution function exceeds `u`; 0 where the mean is `large`."""
    means = xp.where(large, 0.0, means)
    share = xp.exp(-means)
    below, counts = share, xp.zeros_like(means)
    for k in range(1, 100):  # the mean is below 10: what lies beyond has a probability of 10**-60
        open_ = u >= below
        if not open_.any():
            break
        counts = counts + open_
        share = share * means / k
        below = below + share
    return counts


def _transformed(xp: Any, key: Any, means: Any, places: Any) -> Any:
    """Poisson numbers for the means at `places`, all at least 10. Hörmann (1993), algorithm PTRS, in its notation."""
    log_mean = xp.log(xp.maximum(means, 1.0))
    b = 0.931 + 2.53 * xp.sqrt(means)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    v_r = 0.9277 - 3.6224 / (b - 2)

    def propose(drawn: Any, i: Any) -> tuple[Any, Any]:
        u = fractions(drawn[:, 0], "float64") - 0.5
        v = 1 - fractions(drawn[:, 1], "float64")
        us = 0.5 - xp.abs(u)
        k = xp.floor((2 * a[i] / us + b[i]) * u + means[i] + 0.43)
        at_once = (us >= 0.07) & (v <= v_r[i])
        hopeless = (k < 0) | ((us < 0.013) & (v > us))
        whole = xp.maximum(k, 0.0)
        bound = whole * log_mean[i] - means[i] - _log_factorial(xp, whole)
        taken = xp.log(v * inverse_alpha[i] / (a[i] / (us * us) + b[i])) <= bound
        return k, at_once | (taken & ~hopeless)

    return _drawn(xp, key, xp.floor(means), propose, places)


def _drawn(
    xp: Any,
    key: Any,
    otherwise: Any,
    propose: Callable[[Any, Any], tuple[Any, Any]],
    places: Any = None,
) -> Any:
    """For each of `places` (all, if None) the first proposal that is taken; `otherwise` in the others.

    `propose(words (n, 4), places (n,))` gives numbers and which of them are taken.
    """
    numbers = otherwise.copy()
    pending = xp.arange(numbers.size) if places is None else places
    for attempt in range(1, MOST_ATTEMPTS + 1):
        if not pending.size:
            break
        everything = pending.size == numbers.size
        drawn = attempts(xp, on_host(key), numbers.size if everything else pending, attempt)
        with np.errstate(all="ignore"):
            made, taken = propose(drawn, pending)
        numbers[pending[taken]] = made[taken]
        pending = pending[~taken]
    return numbers


def _log_factorial(xp: Any, k: Any) -> Any:
    """log(k!) by Stirling's series at k + 1, where that is at least 8, and by the product up to there below."""
    x = k + 1.0
    missing = xp.ones_like(x)
    for _ in range(7):
        short = x < 8
        missing = xp.where(short, missing * x, missing)
        x = xp.where(short, x + 1, x)
    inverse = 1 / (x * x)
    series = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse * (1 / 1680 - inverse / 1188)))) / x
    return (x - 0.5) * xp.log(x) - x + 0.5 * math.log(2 * math.pi) + series - xp.log(missing)
