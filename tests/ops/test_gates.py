"""Gates and hardmax."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy import special

from flowloom import ops
from flowloom.spec import Spec, SpecError


def test_glu_gates_one_half_with_the_other() -> None:
    x = np.arange(-6.0, 6.0).reshape(2, 6)

    np.testing.assert_allclose(ops.glu(x), x[:, :3] * special.expit(x[:, 3:]))
    np.testing.assert_allclose(ops.glu(x, axis=0), x[:1] * special.expit(x[1:]))
    assert ops.glu(Spec(("batch", 6))) == Spec(("batch", 3))


def test_glu_needs_two_halves() -> None:
    with pytest.raises(
        SpecError, match=re.escape("glu(x: float32[2, 5]): the size along the axis must be known and even; got 5")
    ):
        ops.glu(Spec((2, 5)))


def test_swiglu_is_gated_by_its_first_operand() -> None:
    a, b = np.array([[-1.0, 2.0]]), np.array([[3.0, 4.0]])

    np.testing.assert_allclose(ops.swiglu(a, b), a * special.expit(a) * b)
    np.testing.assert_allclose(ops.swiglu(a, b, alpha=2.0), a * special.expit(2 * a) * b)


def test_hardmax_takes_the_first_of_equals() -> None:
    x = np.array([[1.0, 3.0, 3.0], [2.0, 0.0, 1.0]])

    assert ops.hardmax(x).tolist() == [[0, 1, 0], [1, 0, 0]]
    assert ops.hardmax(x, axis=0).tolist() == [[0, 1, 1], [1, 0, 0]]
    assert ops.hardmax(np.array([1, 5, 2])).dtype == np.float32
