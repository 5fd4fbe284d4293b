"""Random numbers as pure functions of a key: the same key gives the same numbers, on every backend and in any order.

The words are those of Philox4x64-10 (`philox.py`), one for each element in C order; how they become numbers is said
with each op. A key is uint64[2]; `fold_in` makes one for each use. Further distributions: `distributions.py` (by
inverting the distribution function), `rejection.py` (gamma, Poisson), `choosing.py` (classes and orders).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.kernels import on_host, put
from flowloom.ops.philox import derived_key, upper_product, words
from flowloom.params import DType, Shape, Share, Whole
from flowloom.spec import Spec, SpecError

Float: TypeAlias = Literal["float32", "float64"]
Integer: TypeAlias = Literal["int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8"]


@op(family="random", differentiable=False, internal=True)
def fold_in(key: Spec, *, data: Whole) -> Spec:
    """The key that `key` has for the number `data`: one for each node, step or worker, unrelated to the others.

    Returns uint64[2]. Raises SpecError unless `key` is uint64[2] and `data` fits 64 bits.
    """
    if data >> 64:
        raise SpecError(f"data must fit 64 bits; got {data}", dimension="data >= 2**64")
    return check_key(key)


@fold_in.kernel
def _(xp: Any, key: Any, *, data: int, out: Any = None) -> Any:
    return put(xp.asarray(derived_key(on_host(key), data)), out)


@fold_in.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for data in (0, 1, 2**40):
        yield (sample_key(rng),), {"data": data}


@op(family="random", differentiable=False, internal=True)
def fold_in_index(key: Spec, index: Spec) -> Spec:
    """The key that `key` has for the number `index`, an int64 scalar of 0 or more: `fold_in` for what is computed.

    Returns uint64[2]. Raises SpecError unless `key` is uint64[2] and `index` one int64.
    """
    if index.ndim or index.dtype != np.int64:
        raise SpecError(f"the index must be one int64; got {index}", dimension=str(index))
    return check_key(key)


@fold_in_index.kernel
def _(xp: Any, key: Any, index: Any, *, out: Any = None) -> Any:
    return put(xp.asarray(derived_key(on_host(key), int(index))), out)


@fold_in_index.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for index in (0, 3):
        yield (sample_key(rng), np.array(index)), {}


@op(family="random", differentiable=False, internal=True)
def random_uniform(key: Spec, *, shape: Shape, low: float = 0.0, high: float = 1.0, dtype: Float = "float32") -> Spec:
    """Numbers spread evenly over [low, high), in `shape` and `dtype`.

    Each is the upper 24 bits of its word (53 for float64) as a fraction, scaled; so the scaled result may round to
    `high`. Raises SpecError if low exceeds high, or unless `key` is uint64[2].
    """
    if not low <= high:
        raise SpecError(f"low must not exceed high; got low={low}, high={high}", dimension="low > high")
    check_key(key)
    return Spec(shape, dtype)


@random_uniform.kernel
def _(xp: Any, key: Any, *, shape: tuple[int, ...], low: float, high: float, dtype: str, out: Any = None) -> Any:
    spread = fractions(words(xp, key, math.prod(shape)), dtype).reshape(shape)
    return xp.add(xp.multiply(spread, high - low, out=out), low, out=out)


@random_uniform.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (sample_key(rng),), {"shape": (3, 4)}
    yield (sample_key(rng),), {"shape": (5,), "low": -2.0, "high": 3.0, "dtype": "float64"}
    yield (sample_key(rng),), {"shape": ()}
    yield (sample_key(rng),), {"shape": (0, 2)}


@op(family="random", differentiable=False, internal=True)
def random_normal(key: Spec, *, shape: Shape, mean: float = 0.0, stddev: float = 1.0, dtype: Float = "float32") -> Spec:
    """Normally distributed numbers, in `shape` and `dtype`.

    Made by Box and Muller's method from pairs of words: with u and v the fractions of words 2i and 2i + 1, numbers 2i
    and 2i + 1 are r cos(2 pi v) and r sin(2 pi v), r = sqrt(-2 log(1 - u)). Raises SpecError if stddev is negative, or
    unless `key` is uint64[2].
    """
    if not stddev >= 0:
        raise SpecError(f"stddev must not be negative; got {stddev}", dimension="stddev < 0")
    check_key(key)
    return Spec(shape, dtype)


@random_normal.kernel
def _(xp: Any, key: Any, *, shape: tuple[int, ...], mean: float, stddev: float, dtype: str, out: Any = None) -> Any:
    count = math.prod(shape)
    pairs = fractions(words(xp, key, count + count % 2), dtype).reshape(-1, 2)
    radius = xp.sqrt(xp.log(1 - pairs[:, 0]) * -2)
    angle = pairs[:, 1] * (2 * math.pi)
    numbers = xp.stack((radius * xp.cos(angle), radius * xp.sin(angle)), axis=-1)
    return xp.add(xp.multiply(numbers.reshape(-1)[:count].reshape(shape), stddev, out=out), mean, out=out)


@random_normal.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (sample_key(rng),), {"shape": (3, 5)}
    yield (sample_key(rng),), {"shape": (4,), "mean": -2.0, "stddev": 0.5, "dtype": "float64"}
    yield (sample_key(rng),), {"shape": ()}
    yield (sample_key(rng),), {"shape": (0,)}


@op(family="random", differentiable=False, internal=True)
def random_bernoulli(key: Spec, *, shape: Shape, p: Share = 0.5, dtype: DType = "float32") -> Spec:
    """1 with probability `p`, else 0, in `shape` and `dtype`: 1 where the upper 53 bits of the word, as a fraction,
    are below `p`. Raises SpecError unless `key` is uint64[2].
    """
    check_key(key)
    return Spec(shape, dtype)


@random_bernoulli.kernel
def _(xp: Any, key: Any, *, shape: tuple[int, ...], p: float, dtype: str, out: Any = None) -> Any:
    upper = words(xp, key, math.prod(shape)) >> xp.uint64(11)
    drawn = (upper < xp.uint64(math.ceil(p * 2**53))).reshape(shape)
    return put(drawn.astype(dtype), out)


@random_bernoulli.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (sample_key(rng),), {"shape": (3, 5)}
    yield (sample_key(rng),), {"shape": (8,), "p": 0.1, "dtype": "bool"}
    yield (sample_key(rng),), {"shape": (0, 2)}


@op(family="random", differentiable=False, internal=True)
def random_integers(key: Spec, *, shape: Shape, low: int = 0, high: int, dtype: Integer = "int64") -> Spec:
    """Whole numbers from `low` to `high` - 1, each as likely as the others, in `shape` and `dtype`.

    Each is `low` plus the upper 64 bits of its word times `high - low` (Lemire 2019, without the rejection: with n
    numbers to choose from, two probabilities differ by at most 2**-64). Raises SpecError unless low < high and `dtype`
    holds both ends, or unless `key` is uint64[2].
    """
    limits = np.iinfo(dtype)
    if not low < high:
        raise SpecError(f"low must be below high; got low={low}, high={high}", dimension="low >= high")
    if low < limits.min or high - 1 > limits.max or high - low >= 1 << 64:
        raise SpecError(f"{dtype} does not hold all of {low}..{high - 1}", dimension=f"dtype {dtype}")
    check_key(key)
    return Spec(shape, dtype)


@random_integers.kernel
def _(xp: Any, key: Any, *, shape: tuple[int, ...], low: int, high: int, dtype: str, out: Any = None) -> Any:
    above = upper_product(xp, high - low, words(xp, key, math.prod(shape)))
    drawn = (above + xp.uint64(low % (1 << 64))).reshape(shape)  # modulo 2**64, which the cast reads as signed
    return put(drawn.astype(dtype), out)


@random_integers.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (sample_key(rng),), {"shape": (3, 5), "high": 10}
    yield (sample_key(rng),), {"shape": (8,), "low": -3, "high": 4, "dtype": "int8"}
    yield (sample_key(rng),), {"shape": (), "low": 5, "high": 6, "dtype": "uint16"}
    yield (sample_key(rng),), {"shape": (0, 2), "high": 2}


def check_key(key: Spec) -> Spec:
    """The spec of a key. Raises SpecError unless `key` is uint64[2]."""
    if key.ndim != 1 or key.shape[0] not in (2, None) or key.dtype != "uint64":
        raise SpecError(f"the key must be uint64[2]; got {key}", dimension=str(key))
    return key.with_shape((2,))


def fractions(drawn: Any, dtype: str) -> Any:
    """Words as fractions in [0, 1): as many of the upper bits as the dtype holds."""
    bits = 24 if dtype == "float32" else 53
    return (drawn >> drawn.dtype.type(64 - bits)).astype(dtype) * np.dtype(dtype).type(2.0**-bits)


def sample_key(rng: np.random.Generator) -> Any:
    """Any key, for samples."""
    return rng.integers(0, 2**64, 2, dtype=np.uint64)
