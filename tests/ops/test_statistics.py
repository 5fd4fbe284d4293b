"""Variance and quantiles against NumPy, elements that are all equal, and mistakes."""

from __future__ import annotations

import re

import numpy as np
import pytest

from flowloom import ops
from flowloom.backends.portable import evaluate
from flowloom.compiler.expr import placeholder
from flowloom.compiler.gradient import gradients
from flowloom.spec import Spec, SpecError

X = np.random.default_rng(0).normal(size=(3, 4, 5))


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_they_are_numpys(axis: int | tuple[int, ...] | None, keepdims: bool) -> None:
    how = {"axis": axis, "keepdims": keepdims}

    np.testing.assert_allclose(ops.var(X, ddof=1, **how), np.var(X, ddof=1, **how), rtol=1e-13)
    np.testing.assert_allclose(ops.std(X, **how), np.std(X, **how), rtol=1e-13)
    np.testing.assert_allclose(ops.median(X, **how), np.median(X, **how), rtol=1e-13)
    for q in (0.0, 0.3, 1.0):
        np.testing.assert_allclose(ops.quantile(X, q=q, **how), np.quantile(X, q, **how), rtol=1e-12)


def test_nan_makes_the_median_nan() -> None:
    np.testing.assert_array_equal(ops.median(np.array([[1.0, np.nan, 3.0], [4.0, 6.0, 5.0]]), axis=1), [np.nan, 5])


def test_the_slope_at_equal_elements_is_zero() -> None:
    x = placeholder("x", Spec((3,), "float64"))

    assert evaluate(gradients(ops.std(x), [x]), {x: np.full(3, 2.0)})[0].tolist() == [0, 0, 0]


def test_too_few_to_estimate_from() -> None:
    with np.errstate(invalid="ignore"):
        assert np.isnan(ops.var(np.array([2.0]), ddof=1))


def test_named_dimensions() -> None:
    assert ops.var(Spec(("batch", 3)), ddof=1) == Spec(())
    assert ops.median(Spec(("batch", 3)), axis=0) == Spec((3,))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: ops.quantile(Spec((3,)), q=1.5), "q=1.5 does not fit: it must be float <= 1.0"),
        (
            lambda: ops.median(Spec((2, 0)), axis=1),
            "median(x: float32[2, 0]): there is no element along an axis of size 0",
        ),
    ],
)
def test_mistakes(call: object, sentence: str) -> None:
    with pytest.raises(SpecError, match=f"^{re.escape(sentence)}$"):
        call()  # type: ignore[operator]
