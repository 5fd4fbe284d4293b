"""Triangles, and matrices from diagonals: NumPy's answers."""

from __future__ import annotations

import numpy as np
import pytest

from flowloom import ops
from flowloom.spec import Spec, SpecError


@pytest.mark.parametrize("k", [-9, -1, 0, 2, 9])
def test_triangles_are_numpys(k: int) -> None:
    x = np.arange(24.0).reshape(2, 3, 4)

    np.testing.assert_array_equal(ops.tril(x, k=k), np.tril(x, k))
    np.testing.assert_array_equal(ops.triu(x, k=k), np.triu(x, k))
    np.testing.assert_array_equal(ops.triangle_by(x, np.array(k)), np.triu(x, k))
    np.testing.assert_array_equal(ops.triangle_by(x, np.array(k), upper=False), np.tril(x, k))


@pytest.mark.parametrize("k", [-2, 0, 1])
def test_diag_is_numpys(k: int) -> None:
    for x in (np.arange(3), np.arange(12.0).reshape(3, 4)):
        np.testing.assert_array_equal(ops.diag(x, k=k), np.diag(x, k))


def test_shapes() -> None:
    assert ops.diag(Spec((3,)), k=-1).shape == (4, 4)
    assert ops.diag(Spec(("n",))).shape == ("n", "n")
    assert ops.diag(Spec(("n", "n"))).shape == ("n",)
    with pytest.raises(SpecError, match="x must be a vector or a matrix; got 3 dimensions"):
        ops.diag(Spec((2, 2, 2)))
