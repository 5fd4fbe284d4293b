"""Random choices: classes drawn by their logits, and orders drawn at random."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.distributions import gumbels
from flowloom.ops.inference import not_empty, numeric
from flowloom.ops.kernels import put
from flowloom.ops.philox import words
from flowloom.ops.random import check_key, sample_key
from flowloom.params import Count, Size
from flowloom.spec import Spec


@op(family="random", differentiable=False, internal=True)
def random_categorical(key: Spec, logits: Spec, *, num_samples: Count | None = None) -> Spec:
    """Classes drawn with the probabilities softmax(logits): int64, (...) for `logits` (..., classes).

    With `num_samples` that many independent ones from each row: (..., num_samples). Each is the largest of the logits
    plus Gumbel noise (Gumbel 1954), one word for each class of each draw. Raises SpecError if `logits` are bool or
    have no classes, or unless `key` is uint64[2].
    """
    check_key(key)
    not_empty(numeric(logits), -1)
    return Spec((*logits.shape[:-1], *(() if num_samples is None else (num_samples,))), "int64")


@random_categorical.kernel
def _(xp: Any, key: Any, logits: Any, *, num_samples: int | None, out: Any = None) -> Any:
    *rows, classes = logits.shape
    draws = (*rows, *(() if num_samples is None else (num_samples,)), classes)
    noise = gumbels(xp, words(xp, key, math.prod(draws)), "float64").reshape(draws)
    scores = (logits if num_samples is None else logits[..., None, :]) + noise
    return put(xp.argmax(scores, axis=-1).astype("int64"), out)


@random_categorical.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (sample_key(rng), rng.normal(size=(4, 3))), {}
    yield (sample_key(rng), rng.normal(size=(2, 3))), {"num_samples": 5}
    yield (sample_key(rng), rng.normal(size=(3,))), {}
    yield (sample_key(rng), rng.integers(0, 3, (2, 2, 3))), {"num_samples": 1}
    yield (sample_key(rng), rng.normal(size=(0, 3))), {}


@op(family="random", differentiable=False, internal=True)
def random_permutation(key: Spec, *, size: Size) -> Spec:
    """The numbers 0 to `size` - 1 in random order, each order as likely as the others: int64 (size,).

    It is the order that sorts the words. Raises SpecError unless `key` is uint64[2].
    """
    check_key(key)
    return Spec((size,), "int64")


@random_permutation.kernel
def _(xp: Any, key: Any, *, size: int, out: Any = None) -> Any:
    return put(xp.argsort(words(xp, key, size), kind="stable").astype("int64"), out)


@random_permutation.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for size in (7, 1, 0):
        yield (sample_key(rng),), {"size": size}
