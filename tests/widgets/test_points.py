"""Thinning keeps what a person would see: the extremes, the order, and the last point."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from flowloom.widgets.points import thinned


@given(st.integers(1, 5000), st.integers(5, 400), st.integers(0, 2**32 - 1))
def test_extremes_order_and_last_point_survive(count: int, most: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=count)
    steps = np.arange(count, dtype=float)

    x, y = thinned(steps, values, most)

    assert len(x) <= max(most, 1)
    assert (np.diff(x) > 0).all()
    assert (y == values[x.astype(int)]).all()
    assert y.min() == values.min()
    assert y.max() == values.max()
    assert x[-1] == steps[-1]


def test_values_that_are_not_finite_do_not_hide_the_others() -> None:
    values = np.sin(np.arange(10_000.0))
    values[5000:7000] = np.nan

    x, y = thinned(np.arange(10_000.0), values, 100)

    assert np.nanmax(y) == np.nanmax(values)
    assert x[-1] == 9999
