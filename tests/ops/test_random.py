"""Random numbers: the published words, how they become numbers, their distributions, and keys."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from flowloom import ops
from flowloom.ops import philox
from flowloom.spec import Spec, SpecError

KEY = np.array([1, 2], np.uint64)

# Random123, tests/kat_vectors, "philox4x64 10": counter, key, words.
PUBLISHED = [
    (
        "0000000000000000 0000000000000000 0000000000000000 0000000000000000",
        "0000000000000000 0000000000000000",
        "16554d9eca36314c db20fe9d672d0fdc d7e772cee186176b 7e68b68aec7ba23b",
    ),
    (
        "ffffffffffffffff ffffffffffffffff ffffffffffffffff ffffffffffffffff",
        "ffffffffffffffff ffffffffffffffff",
        "87b092c3013fe90b 438c3c67be8d0224 9cc7d7c69cd777b6 a09caebf594f0ba0",
    ),
    (
        "243f6a8885a308d3 13198a2e03707344 a4093822299f31d0 082efa98ec4e6c89",
        "452821e638d01377 be5466cf34e90c6c",
        "a528f45403e61d95 38c72dbd566e9788 a5a1610e72fd18b5 57bd43b5e52b7fe6",
    ),
]


def numbers(text: str) -> np.ndarray:
    return np.array([int(word, 16) for word in text.split()], np.uint64)


@pytest.mark.parametrize(("counter", "key", "expected"), PUBLISHED)
def test_the_published_words(counter: str, key: str, expected: str) -> None:
    c = [np.array([word]) for word in numbers(counter)]

    found = philox.block(np, numbers(key), (c[0], c[1], c[2], c[3]))

    np.testing.assert_array_equal(np.concatenate(found), numbers(expected))


@pytest.mark.parametrize("key", [[0, 0], [1, 2], [2**64 - 1, 2**63]])
def test_draws_start_at_counter_one(key: list[int]) -> None:
    k = np.array(key, np.uint64)
    low = np.arange(1, 6, dtype=np.uint64)

    blocks = philox.block(np, k, (low, *[np.zeros(5, np.uint64)] * 3))

    np.testing.assert_array_equal(philox.words(np, k, 19), np.stack(blocks, axis=-1).reshape(-1)[:19])


@pytest.mark.parametrize("data", [0, 1, 2**40, 2**64 - 1])
def test_a_derived_key_is_a_block_that_no_draw_reaches(data: int) -> None:
    counter = [np.array([word], np.uint64) for word in (data, 0, 0, 2**63)]

    first, second, _, _ = philox.block(np, KEY, (counter[0], counter[1], counter[2], counter[3]))

    assert ops.fold_in(KEY, data=data).tolist() == [first[0], second[0]]


def test_uniform_numbers_are_the_upper_bits_of_their_words() -> None:
    words = philox.words(np, KEY, 5)

    narrow, wide = (ops.random_uniform(KEY, shape=(5,), dtype=d) for d in ("float32", "float64"))

    assert narrow.tolist() == [int(w) // 2**40 / 2**24 for w in words]
    assert wide.tolist() == [int(w) // 2**11 / 2**53 for w in words]


def test_normal_numbers_are_box_mullers() -> None:
    u, v = ops.random_uniform(KEY, shape=(2,), dtype="float64")
    r = np.sqrt(-2 * np.log1p(-u))

    found = ops.random_normal(KEY, shape=(2,), dtype="float64", mean=3.0, stddev=2.0)

    np.testing.assert_allclose(
        found, [3 + 2 * r * np.cos(2 * np.pi * v), 3 + 2 * r * np.sin(2 * np.pi * v)], rtol=1e-12
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_distributions(dtype: str) -> None:
    uniform = ops.random_uniform(KEY, shape=(20_000,), low=-1.0, high=3.0, dtype=dtype)
    normal = ops.random_normal(KEY, shape=(20_000,), mean=1.0, stddev=0.5, dtype=dtype)

    assert stats.kstest(uniform, stats.uniform(-1, 4).cdf).pvalue > 0.01
    assert stats.kstest(normal, stats.norm(1, 0.5).cdf).pvalue > 0.01
    assert abs(np.corrcoef(normal[::2], normal[1::2])[0, 1]) < 0.03


def test_bernoulli() -> None:
    drawn = ops.random_bernoulli(KEY, shape=(20_000,), p=0.3)

    assert drawn.dtype == np.float32
    assert stats.binomtest(int(drawn.sum()), 20_000, 0.3).pvalue > 0.01
    assert ops.random_bernoulli(KEY, shape=(100,), p=1.0).all()
    assert not ops.random_bernoulli(KEY, shape=(100,), p=0.0).any()


def test_a_longer_draw_begins_like_a_shorter_one() -> None:
    np.testing.assert_array_equal(
        ops.random_normal(KEY, shape=(7, 3))[:2], ops.random_normal(KEY, shape=(2, 3)), strict=True
    )


def test_derived_keys_differ_and_so_do_their_draws() -> None:
    keys = [ops.fold_in(KEY, data=i) for i in range(100)]
    draws = np.array([ops.random_uniform(k, shape=(1000,)) for k in keys])

    assert len({tuple(k) for k in keys}) == 100
    assert abs(np.corrcoef(draws) - np.eye(100)).max() < 0.2


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: ops.random_uniform(Spec((2,), "int64"), shape=(3,)),
            "random_uniform(key: int64[2]): the key must be uint64[2]; got int64[2]",
        ),
        (
            lambda: ops.fold_in(Spec((), "uint64"), data=1),
            "fold_in(key: uint64[]): the key must be uint64[2]; got uint64[]",
        ),
        (
            lambda: ops.random_normal(Spec((2,), "uint64"), shape=(3,), stddev=-1.0),
            "random_normal(key: uint64[2]): stddev must not be negative; got -1.0",
        ),
        (
            lambda: ops.random_bernoulli(Spec((2,), "uint64"), shape=(3,), p=1.5),
            "p=1.5 does not fit: it must be float <= 1.0",
        ),
    ],
)
def test_mistakes(call: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(SpecError, match=f"^{re.escape(sentence)}$"):
        call()
