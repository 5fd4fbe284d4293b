"""Diagonals against NumPy, and the triangles."""

from __future__ import annotations

import numpy as np
import pytest

from flowloom import ops
from flowloom.spec import Spec, SpecError

X = np.random.default_rng(0).normal(size=(2, 3, 4))


@pytest.mark.parametrize("offset", [-2, 0, 1, 9])
@pytest.mark.parametrize(("axis1", "axis2"), [(0, 1), (-2, -1), (2, 0)])
def test_they_are_numpys(offset: int, axis1: int, axis2: int) -> None:
    how = {"offset": offset, "axis1": axis1, "axis2": axis2}

    np.testing.assert_array_equal(ops.diagonal(X, **how), np.diagonal(X, **how))
    np.testing.assert_allclose(ops.trace(X, **how), np.trace(X, **how), rtol=1e-14)


@pytest.mark.parametrize("offset", [-1, 0, 2])
def test_triangles_are_numpys(offset: int) -> None:
    np.testing.assert_array_equal(ops.triangle(X, lower=True, offset=offset), np.tril(X, offset))
    np.testing.assert_array_equal(ops.triangle(X, lower=False, offset=offset), np.triu(X, offset))


def test_the_diagonal_of_a_square_of_a_name() -> None:
    assert ops.diagonal(Spec(("n", "n", 3))) == Spec((3, "n"))
    assert ops.diagonal(Spec(("n", 4))) == Spec((None,))


def test_one_axis_twice() -> None:
    with pytest.raises(SpecError, match=r"an axis is given twice in \(1, 1\)$"):
        ops.diagonal(Spec((3, 3)), axis1=1, axis2=1)
