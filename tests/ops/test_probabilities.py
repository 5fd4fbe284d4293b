"""Softmax against SciPy, for logits of any size."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy import special

from flowloom import ops
from flowloom.spec import Spec, SpecError

LOGITS = np.array([[1.0, 2.0, 3.0], [1000.0, 1001.0, -1000.0], [-1e5, 0.0, 1e5], [0.1, 0.1, 0.1]])


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_they_are_scipys(axis: int) -> None:
    np.testing.assert_allclose(ops.softmax(LOGITS, axis=axis), special.softmax(LOGITS, axis=axis), rtol=1e-14)
    np.testing.assert_allclose(ops.log_softmax(LOGITS, axis=axis), special.log_softmax(LOGITS, axis=axis), rtol=1e-14)


def test_an_axis_outside() -> None:
    with pytest.raises(
        SpecError, match=re.escape("softmax(x: float32[]): axis -1 is outside a tensor of 0 dimensions")
    ):
        ops.softmax(Spec(()), axis=-1)
