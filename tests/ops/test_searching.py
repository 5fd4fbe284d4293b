"""Results whose size depends on the values: known answers, gradients, and mistakes."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from flowloom import ops
from flowloom.backends.portable import evaluate
from flowloom.compiler.expr import placeholder
from flowloom.compiler.gradient import gradients
from flowloom.spec import Spec, SpecError


def test_sizes_are_unknown_before() -> None:
    x = Spec(("batch", 3))

    assert ops.nonzero(x) == Spec((2, None), "int64")
    assert ops.compress(x, Spec(("batch",), "bool"), axis=0) == Spec((None, 3))
    assert ops.boolean_mask(x, Spec(("batch", 3), "bool")) == Spec((None,))
    assert [s.shape for s in ops.unique(x, axis=0)] == [(None, 3), (None,), ("batch",), (None,)]


def test_a_mask_takes_what_numpy_takes() -> None:
    x = np.arange(24).reshape(2, 3, 4)

    for mask in (x % 5 == 0, x[..., 0] > 4, np.array([False, True])):
        np.testing.assert_array_equal(ops.boolean_mask(x, mask), x[mask])


def test_the_gradient_of_distinct_values_goes_to_the_first_of_each() -> None:
    x = placeholder("x", Spec((5,), "float64"))
    values, _, inverse, counts = ops.unique(x)
    [gradient] = gradients(ops.sum(values * values), [x])

    found = evaluate([gradient, inverse, counts], {x: np.array([3.0, 1.0, 3.0, 2.0, 1.0])})

    assert [f.tolist() for f in found] == [[6, 2, 0, 4, 0], [2, 0, 2, 1, 0], [2, 1, 2]]


@pytest.mark.parametrize("side", ["left", "right"])
def test_places_in_order_are_numpys(side: Any) -> None:
    ascending, values = np.array([1.0, 2, 2, 5]), np.array([[0.0, 2, 9], [1, 4, 5]])

    np.testing.assert_array_equal(
        ops.searchsorted(ascending, values, side=side), np.searchsorted(ascending, values, side)
    )
    rows = np.stack([ascending, ascending - 3])
    expected = [np.searchsorted(r, v, side) for r, v in zip(rows, values, strict=True)]
    np.testing.assert_array_equal(ops.searchsorted(rows, values, side=side), expected)


def test_mistakes() -> None:
    with pytest.raises(SpecError, match="the elements must be bool; got int64"):
        ops.compress(Spec((3, 2)), Spec((3,), "int64"), axis=0)
    with pytest.raises(SpecError, match="condition must have 1 dimensions; got 2"):
        ops.compress(Spec((3, 2)), Spec((3, 2), "bool"))
    with pytest.raises(SpecError, match=re.escape("the mask must have from 1 to 2 dimensions; got 3")):
        ops.boolean_mask(Spec((3, 2)), Spec((3, 2, 1), "bool"))
    with pytest.raises(SpecError, match="sorted must be a vector, or like values but for the last axis"):
        ops.searchsorted(Spec((3, 2)), Spec((3,)))
