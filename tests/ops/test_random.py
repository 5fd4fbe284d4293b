"""Random numbers: the published words, how they become numbers, their distributions, and keys."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import permutations
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy import special, stats

from flowloom import ops
from flowloom.op import REGISTRY, Op
from flowloom.ops import philox
from flowloom.ops.distributions import normal_quantile
from flowloom.params import complete
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


def test_a_draw_for_one_attempt_reads_counters_of_its_own() -> None:
    """Attempt a at element i is counter i + a * 2**64, so the elements may be asked for one by one."""
    counter = [np.array([word], np.uint64) for word in (5, 3, 0, 0)]
    expected = np.concatenate(philox.block(np, KEY, (counter[0], counter[1], counter[2], counter[3])))

    np.testing.assert_array_equal(philox.attempts(np, KEY, 8, 3)[5], expected)
    np.testing.assert_array_equal(philox.attempts(np, KEY, np.array([5]), 3)[0], expected)


def test_the_normal_quantile_is_scipys() -> None:
    centred = np.linspace(-0.478, 0.478, 100_001)

    with np.errstate(all="ignore"):
        found = normal_quantile(np, centred)

    np.testing.assert_allclose(found, special.ndtri(0.5 + centred), rtol=1e-12, atol=1e-15)


DISTRIBUTIONS = {
    "random_truncated_normal": ({"mean": 1.0, "stddev": 0.5}, stats.truncnorm(-2, 2, 1.0, 0.5)),
    "random_exponential": ({"scale": 2.0}, stats.expon(scale=2)),
    "random_laplace": ({"loc": 1.0, "scale": 2.0}, stats.laplace(1, 2)),
    "random_gumbel": ({"loc": 1.0, "scale": 2.0}, stats.gumbel_r(1, 2)),
}
GAMMAS = [(0.1, 1.0), (0.8, 2.0), (1.0, 1.0), (2.5, 3.0), (60.0, 0.5)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_further_distributions_are_those_of_scipy(name: str, dtype: str) -> None:
    params, expected = DISTRIBUTIONS[name]

    drawn = getattr(ops, name)(KEY, shape=(20_000,), dtype=dtype, **params)

    assert drawn.dtype == dtype
    assert stats.kstest(drawn, expected.cdf).pvalue > 0.01


@pytest.mark.parametrize(("alpha", "beta"), GAMMAS)
def test_gamma_numbers_are_distributed_as_scipys(alpha: float, beta: float) -> None:
    drawn = ops.random_gamma(KEY, shape=(20_000,), alpha=alpha, beta=beta, dtype="float64")

    assert stats.kstest(drawn, stats.gamma(alpha, scale=1 / beta).cdf).pvalue > 0.01


@pytest.mark.parametrize("mean", [0.0, 0.2, 3.0, 9.9, 10.0, 40.0, 1e6])
def test_poisson_numbers_are_distributed_as_scipys(mean: float) -> None:
    drawn = ops.random_poisson(KEY, np.full(20_000, mean))
    expected = stats.poisson(mean)

    assert (drawn == np.floor(drawn)).all()
    edges = np.unique(expected.ppf(np.linspace(0.02, 0.98, 25)))
    seen = np.bincount(np.searchsorted(edges, drawn), minlength=len(edges) + 1)
    shares = np.diff(expected.cdf(edges), prepend=0, append=1)
    likely = shares > 1e-3
    assert seen[~likely].sum() < 100
    if likely.sum() > 1:
        scaled = shares[likely] / shares[likely].sum() * seen[likely].sum()
        assert stats.chisquare(seen[likely], scaled).pvalue > 0.01


def test_poisson_numbers_have_the_dtype_and_shape_of_their_means() -> None:
    means = np.array([[0.0, 1.0], [20.0, 300.0]])

    assert ops.random_poisson(KEY, means.astype("float32")).dtype == np.float32
    assert ops.random_poisson(KEY, means.astype("int64")).dtype == np.float32
    assert ops.random_poisson(KEY, means).shape == (2, 2)
    for wrong in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match=f"a mean must be from 0 to 1e15; got {wrong}"):
            ops.random_poisson(KEY, np.array([1.0, wrong]))


@pytest.mark.parametrize(("low", "high", "dtype"), [(0, 6, "int64"), (-3, 4, "int8"), (250, 256, "uint8")])
def test_every_whole_number_is_as_likely_as_the_others(low: int, high: int, dtype: str) -> None:
    drawn = ops.random_integers(KEY, shape=(20_000,), low=low, high=high, dtype=dtype)

    assert drawn.dtype == dtype
    assert (int(drawn.min()), int(drawn.max())) == (low, high - 1)
    assert stats.chisquare(np.bincount(drawn.astype("int64") - low)).pvalue > 0.01


def test_whole_numbers_reach_both_ends_of_their_dtype() -> None:
    whole = ops.random_integers(KEY, shape=(1000,), low=-(2**63), high=2**63 - 1)

    assert whole.min() < -(2**62)
    assert whole.max() > 2**62


def test_classes_are_drawn_as_often_as_the_softmax_says() -> None:
    logits = np.array([[0.0, 1.0, -np.inf, 2.0], [3.0, 0.0, 0.0, 0.0]])

    drawn = ops.random_categorical(KEY, logits, num_samples=20_000)

    assert drawn.shape == (2, 20_000)
    for row, classes in zip(logits, drawn, strict=True):
        seen, likely = np.bincount(classes, minlength=4), special.softmax(row)
        assert seen[likely == 0].sum() == 0
        assert stats.chisquare(seen[likely > 0], 20_000 * likely[likely > 0]).pvalue > 0.01
    assert ops.random_categorical(KEY, logits).shape == (2,)


def test_every_order_is_as_likely_as_the_others() -> None:
    keys = [ops.fold_in(KEY, data=i) for i in range(3000)]
    orders = [tuple(int(i) for i in ops.random_permutation(k, size=3)) for k in keys]

    assert stats.chisquare([orders.count(o) for o in permutations(range(3))]).pvalue > 0.01
    assert sorted(ops.random_permutation(KEY, size=100)) == list(range(100))


@pytest.mark.parametrize("op", [o for o in REGISTRY.values() if o.family == "random"], ids=lambda o: o.name)
def test_another_array_library_draws_the_same_numbers(op: Op) -> None:
    """NumPy under another name, so that the words come from the published function and not from NumPy's generator."""
    other = SimpleNamespace(**vars(np))
    assert op.cases is not None
    for args, given in op.cases(np.random.default_rng(3)):
        params = complete(op.params, given, op.name)

        np.testing.assert_array_equal(op.compute(other, *args, **params), op.compute(np, *args, **params), strict=True)


def test_what_an_element_is_drawn_as_does_not_depend_on_the_others() -> None:
    np.testing.assert_array_equal(
        ops.random_gamma(KEY, shape=(50,), alpha=1.5)[:20], ops.random_gamma(KEY, shape=(20,), alpha=1.5)
    )
    np.testing.assert_array_equal(
        ops.random_poisson(KEY, np.full(50, 30.0))[:20], ops.random_poisson(KEY, np.full(20, 30.0))
    )


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
        (
            lambda: ops.random_integers(Spec((2,), "uint64"), shape=(3,), low=3, high=3),
            "random_integers(key: uint64[2]): low must be below high; got low=3, high=3",
        ),
        (
            lambda: ops.random_integers(Spec((2,), "uint64"), shape=(3,), high=300, dtype="uint8"),
            "random_integers(key: uint64[2]): uint8 does not hold all of 0..299",
        ),
        (
            lambda: ops.random_categorical(Spec((2,), "uint64"), Spec((4, 0))),
            "random_categorical(key: uint64[2], logits: float32[4, 0]): there is no element along an axis of size 0",
        ),
    ],
)
def test_mistakes(call: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(SpecError, match=f"^{re.escape(sentence)}$"):
        call()
