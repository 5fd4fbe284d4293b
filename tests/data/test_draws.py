"""Draws are NumPy's guaranteed PCG64 integers, and what is made from them has the distribution it should."""

import numpy as np
import pytest
from scipy import stats

from flowloom.data.draws import Draws


def test_uniform_numbers_are_those_of_numpys_generator():
    expected = np.random.Generator(np.random.PCG64(7)).random(1000)

    assert Draws(7).uniform(0.0, 1.0, 1000).tolist() == expected.tolist()


def test_uniform_numbers_keep_to_their_interval():
    numbers = Draws(1).uniform(-2.0, 3.0, 10_000)

    assert numbers.min() >= -2.0
    assert numbers.max() < 3.0
    assert stats.kstest(numbers, stats.uniform(-2.0, 5.0).cdf).pvalue > 0.01


def test_normal_numbers_have_the_mean_and_variance_asked_for():
    numbers = Draws(2).normal(2.0, 4.0, 10_000)

    assert stats.kstest(numbers, stats.norm(2.0, 2.0).cdf).pvalue > 0.01


@pytest.mark.parametrize("count", [0, 1, 2, 1000])
def test_a_permutation_has_every_number_once(count):
    assert sorted(Draws(3).permutation(count)) == list(range(count))


def test_all_permutations_come_equally_often():
    orders = [tuple(Draws(seed).permutation(3).tolist()) for seed in range(3000)]

    counts = [orders.count(order) for order in set(orders)]

    assert len(counts) == 6
    assert stats.chisquare(counts).pvalue > 0.01


def test_seed_and_key_each_make_another_stream():
    firsts = [Draws(*key).uniform(0, 1, 1)[0] for key in [(0,), (1,), (0, 0), (0, 1), (1, 0), (0, 0, 0), (2**32,)]]

    assert len(set(firsts)) == len(firsts)
