"""Updates at rows that come several times: in an order that is always the same, also where nothing has an order."""

from __future__ import annotations

import types

import numpy as np
import pytest

from flowloom.ops.rows import combine_rows, write_rows

SORTING = types.SimpleNamespace(**vars(np))  # what any other module than NumPy, as CuPy, is led to
RNG = np.random.default_rng(0)


@pytest.mark.parametrize("count", [1, 2, 300])
@pytest.mark.parametrize("ufunc", ["add", "multiply", "maximum", "minimum"])
def test_all_updates_at_a_place_are_combined(ufunc: str, count: int) -> None:
    total, places = RNG.normal(size=(9, 3)), RNG.integers(0, 7, count)
    updates = RNG.normal(size=(count, 3))
    expected = total.copy()
    for place, update in zip(places, updates, strict=True):
        expected[place] = getattr(np, ufunc)(expected[place], update)
    for xp in (np, SORTING):
        found = total.copy()
        combine_rows(xp, found, places, updates.copy(), ufunc)

        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_what_is_not_finite_stays_at_its_place() -> None:
    total = np.zeros((3, 1))
    combine_rows(SORTING, total, np.array([1, 0, 1, 2]), np.array([[np.inf], [1.0], [2.0], [np.nan]]))

    np.testing.assert_array_equal(total[:, 0], [1.0, np.inf, np.nan])


def test_of_several_updates_the_last_one_stays() -> None:
    places, updates = RNG.integers(0, 7, 300), RNG.normal(size=(300, 2))
    for xp in (np, SORTING):
        total = np.zeros((9, 2))
        write_rows(xp, total, places, updates)
        for row in range(9):
            expected = updates[places == row][-1] if row in places else [0, 0]

            assert total[row].tolist() == list(expected)
