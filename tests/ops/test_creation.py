"""Tensors made from parameters: NumPy's answers, as arrays and in a plan."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from flowloom import ops
from flowloom.backends.portable import evaluate
from flowloom.compiler.expr import build, placeholder
from flowloom.params import complete
from flowloom.spec import Spec, SpecError


@pytest.mark.parametrize(
    ("rows", "columns", "k"), [(3, None, 0), (2, 4, 1), (4, 2, -2), (2, 2, 5), (3, 3, -9), (0, 2, 0)]
)
def test_eye_is_numpys(rows: int, columns: int | None, k: int) -> None:
    np.testing.assert_array_equal(ops.eye(rows=rows, columns=columns, k=k), np.eye(rows, columns, k))


@pytest.mark.parametrize("bounds", [(0, 5, 1), (5, 0, -2), (0.5, 2, 0.5), (1, 1, 3), (0, 1, 0.3), (3, -7, -3)])
def test_arange_is_numpys(bounds: Any) -> None:
    start, stop, step = bounds
    found = ops.arange(start=start, stop=stop, step=step)

    assert found.dtype == ("int64" if all(isinstance(b, int) for b in bounds) else "float32")
    np.testing.assert_allclose(found, np.arange(start, stop, step), rtol=1e-7)
    np.testing.assert_array_equal(
        ops.arange_of(np.array(start), np.array(stop), np.array(step)).astype(found.dtype), found
    )


@pytest.mark.parametrize("endpoint", [True, False])
def test_linspace_is_numpys(endpoint: bool) -> None:
    found = ops.linspace(start=-1.0, stop=2.0, num=7, endpoint=endpoint, dtype="float64")

    np.testing.assert_array_equal(found, np.linspace(-1, 2, 7, endpoint=endpoint))


def test_what_has_no_operands_runs_in_a_plan() -> None:
    x = placeholder("x", Spec((3, 3)))
    unit = build(ops.eye, (), complete(ops.eye.params, {"rows": 3}, "eye()"))

    found = evaluate([ops.add(x, unit), unit], {x: np.ones((3, 3), np.float32)})

    np.testing.assert_array_equal(found[0], np.ones((3, 3)) + np.eye(3))
    np.testing.assert_array_equal(found[1], np.eye(3))


def test_like_another() -> None:
    x = np.full((2, 3), 7, np.int16)

    assert ops.zeros_like(x).dtype == np.int16
    np.testing.assert_array_equal(ops.ones_like(x, dtype="float32"), np.ones((2, 3), np.float32))
    np.testing.assert_array_equal(ops.full_like(x, value=2.0), np.full((2, 3), 2, np.int16))
    assert ops.zeros_like(Spec(("batch", 3), "bool")) == Spec(("batch", 3), "bool")


def test_mistakes() -> None:
    with pytest.raises(SpecError, match="the step cannot be 0"):
        ops.arange(stop=3, step=0)
    with pytest.raises(SpecError, match="x must have 2 dimensions; got 1"):
        ops.eye_like(Spec((3,)))
