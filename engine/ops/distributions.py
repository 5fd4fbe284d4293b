"""Random numbers of further distributions, each by inverting the distribution function on one word an element."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.kernels import polynomial, put
from flowloom.ops.philox import words
from flowloom.ops.random import Float, check_key, fractions, sample_key
from flowloom.params import NotNegative, Shape
from flowloom.spec import Spec

TAIL = 0.022750131948179207  # the share of a normal distribution that is below -2


@op(family="random", differentiable=False, internal=True)
def random_truncated_normal(
    key: Spec, *, shape: Shape, mean: float = 0.0, stddev: NotNegative = 1.0, dtype: Float = "float32"
) -> Spec:
    """Normally distributed numbers, none further from `mean` than twice `stddev`, in `shape` and `dtype`.

    What is further away is not drawn at all: the standard deviation of the result is 0.8796 times `stddev`. Each is
    the normal quantile (Wichura 1988) of the upper 53 bits of its word, brought to the probabilities between the cuts.
    Raises SpecError unless `key` is uint64[2].
    """
    check_key(key)
    return Spec(shape, dtype)


@random_truncated_normal.kernel
def _(xp: Any, key: Any, *, shape: tuple[int, ...], mean: float, stddev: float, dtype: str, out: Any = None) -> Any:
    centred = (fractions(words(xp, key, math.prod(shape)), "float64") - 0.5) * (1 - 2 * TAIL)
    numbers = xp.clip(normal_quantile(xp, centred), -2.0, 2.0).reshape(shape)
    return put((numbers * stddev + mean).astype(dtype), out)


@op(family="random", differentiable=False, internal=True)
def random_exponential(key: Spec, *, shape: Shape, scale: NotNegative = 1.0, dtype: Float = "float32") -> Spec:
    """Exponentially distributed numbers of mean `scale`, in `shape` and `dtype`: -scale log(1 - u), u the fraction of
    the word. Raises SpecError unless `key` is uint64[2].
    """
    check_key(key)
    return Spec(shape, dtype)


@random_exponential.kernel
def _(xp: Any, key: Any, *, shape: tuple[int, ...], scale: float, dtype: str, out: Any = None) -> Any:
    waits = -xp.log1p(-fractions(words(xp, key, math.prod(shape)), dtype))
    return xp.multiply(waits.reshape(shape), np.dtype(dtype).type(scale), out=out)


@op(family="random", differentiable=False, internal=True)
def random_laplace(
    key: Spec, *, shape: Shape, loc: float = 0.0, scale: NotNegative = 1.0, dtype: Float = "float32"
) -> Spec:
    """Numbers with density exp(-|x - loc| / scale) / (2 scale), in `shape` and `dtype`.

    The upper bits of each word give the exponentially distributed distance, its lowest bit the side. Raises SpecError
    unless `key` is uint64[2].
    """
    check_key(key)
    return Spec(shape, dtype)


@random_laplace.kernel
def _(xp: Any, key: Any, *, shape: tuple[int, ...], loc: float, scale: float, dtype: str, out: Any = None) -> Any:
    drawn = words(xp, key, math.prod(shape))
    distance = -xp.log1p(-fractions(drawn, dtype))
    signed = xp.where((drawn & xp.uint64(1)).astype(bool), distance, -distance).reshape(shape)
    kind = np.dtype(dtype).type
    return xp.add(xp.multiply(signed, kind(scale), out=out), kind(loc), out=out)


@op(family="random", differentiable=False, internal=True)
def random_gumbel(
    key: Spec, *, shape: Shape, loc: float = 0.0, scale: NotNegative = 1.0, dtype: Float = "float32"
) -> Spec:
    """Numbers of the Gumbel distribution, loc - scale log(-log(u)), in `shape` and `dtype`: u is the middle of one of
    2**23 (float64: 2**52) equal parts of 0..1, told by the upper bits of the word. Raises SpecError unless `key` is
    uint64[2].
    """
    check_key(key)
    return Spec(shape, dtype)


@random_gumbel.kernel
def _(xp: Any, key: Any, *, shape: tuple[int, ...], loc: float, scale: float, dtype: str, out: Any = None) -> Any:
    extremes = gumbels(xp, words(xp, key, math.prod(shape)), dtype).reshape(shape)
    kind = np.dtype(dtype).type
    return xp.add(xp.multiply(extremes, kind(scale), out=out), kind(loc), out=out)


def gumbels(xp: Any, drawn: Any, dtype: str) -> Any:
    """Words as numbers of the standard Gumbel distribution."""
    bits = 23 if dtype == "float32" else 52  # one bit less than the dtype holds, so that the middle is exact too
    kind = np.dtype(dtype).type
    middle = ((drawn >> drawn.dtype.type(64 - bits)).astype(dtype) + kind(0.5)) * kind(2.0**-bits)
    return -xp.log(-xp.log(middle))


def normal_quantile(xp: Any, centred: Any) -> Any:
    """The number below which a normal one is with probability 0.5 + `centred` (float64, |centred| <= 0.4999997).

    Source: Wichura, "Algorithm AS 241: The Percentage Points of the Normal Distribution", 1988, PPND16; accurate to
    about 1 part in 10**16. Its third part, for the last 10**-10 of either tail, is left out.
    """
    near = 0.180625 - xp.minimum(centred * centred, 0.180625)
    middle = centred * polynomial(xp, near, A) / polynomial(xp, near, B)
    r = xp.sqrt(-xp.log(0.5 - xp.abs(centred))) - 1.6
    tail = xp.sign(centred) * polynomial(xp, r, C) / polynomial(xp, r, D)
    return xp.where(xp.abs(centred) <= 0.425, middle, tail)


# Highest power first.
A = (
    *(2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4),
    *(1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0),
)
B = (
    *(5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4),
    *(5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0),
)
C = (
    *(7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e0),
    *(3.64784832476320460504e0, 5.76949722146069140550e0, 4.63033784615654529590e0, 1.42343711074968357734e0),
)
D = (
    *(1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1),
    *(6.89767334985100004550e-1, 1.67638483018380384940e0, 2.05319162663775882187e0, 1.0),
)


def _samples(**params: float) -> Any:
    def samples(rng: np.random.Generator) -> Iterator[Sample]:
        yield (sample_key(rng),), {"shape": (3, 4)}
        yield (sample_key(rng),), {"shape": (5,), "dtype": "float64", **params}
        yield (sample_key(rng),), {"shape": ()}
        yield (sample_key(rng),), {"shape": (0, 2)}

    return samples


random_truncated_normal.samples(_samples(mean=-2.0, stddev=0.5))
random_exponential.samples(_samples(scale=3.0))
random_laplace.samples(_samples(loc=1.0, scale=2.0))
random_gumbel.samples(_samples(loc=-1.0, scale=0.5))
