"""Reductions against NumPy and SciPy, ties, zeros, named dimensions, and mistakes."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy import special

from flowloom import ops
from flowloom.backends.portable import evaluate
from flowloom.compiler.expr import Expr, placeholder
from flowloom.compiler.gradient import gradients
from flowloom.spec import Spec, SpecError


def gradient_at(y: Expr, x: Expr, value: np.ndarray) -> np.ndarray:
    return evaluate(gradients(y, [x]), {x: value})[0]


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), ()])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "prod"])
def test_they_are_numpys(name: str, axis: int | tuple[int, ...] | None, keepdims: bool) -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 4))

    found = getattr(ops, name)(x, axis=axis, keepdims=keepdims)

    np.testing.assert_allclose(found, getattr(np, name)(x, axis=axis, keepdims=keepdims), rtol=1e-14)


def test_logsumexp_is_scipys() -> None:
    x = np.array([[1000.0, 1000.5], [-1000.0, -np.inf], [3.0, np.inf]])

    np.testing.assert_allclose(ops.logsumexp(x, axis=1), special.logsumexp(x, axis=1), rtol=1e-15)
    with np.errstate(divide="ignore"):
        assert ops.logsumexp(np.full(3, -np.inf)) == -np.inf


def test_small_integers_are_summed_in_64_bits() -> None:
    x = np.full(300, 100, np.int8)

    assert ops.sum(x) == 30000
    assert ops.sum(x > 0) == 300
    assert ops.sum(Spec((3,), "uint8")).dtype == np.uint64


def test_the_mean_of_nothing_is_nan() -> None:
    with np.errstate(invalid="ignore"):
        assert np.isnan(ops.mean(np.zeros((0, 3)), axis=0)).all()


@pytest.mark.parametrize("name", ["max", "min"])
def test_equal_elements_share_the_gradient(name: str) -> None:
    x = placeholder("x", Spec((2, 3), "float64"))
    value = np.array([[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]])
    value[1, 0] = 3.0 if name == "max" else 1.0

    g = gradient_at(ops.sum(getattr(ops, name)(x, axis=1)), x, value)

    np.testing.assert_allclose(g, [[1 / 3, 1 / 3, 1 / 3], [1, 0, 0]])


@pytest.mark.parametrize(
    ("value", "expected"), [([2.0, 3.0, 4.0], [12, 8, 6]), ([2.0, 0.0, 4.0], [0, 8, 0]), ([0.0, 0.0, 4.0], [0, 0, 0])]
)
def test_the_gradient_of_a_product_with_zeros(value: list[float], expected: list[float]) -> None:
    x = placeholder("x", Spec((3,), "float64"))

    assert gradient_at(ops.prod(x), x, np.array(value)).tolist() == expected


def test_the_second_derivatives_of_a_product_with_zeros() -> None:
    x = placeholder("x", Spec((4,), "float64"))
    value = np.array([2.0, 0.0, 3.0, 0.0])
    rows = gradients(ops.prod(x), [x])[0]

    hessian = [gradient_at(ops.sum(ops.slice(rows, start=(i,), stop=(i + 1,))), x, value).tolist() for i in range(4)]

    # d2/dx1 dx3 is the product of the other two, 2 * 3; every other pair leaves a 0.
    assert hessian == [[0, 0, 0, 0], [0, 0, 0, 6], [0, 0, 0, 0], [0, 6, 0, 0]]


def test_the_gradient_of_a_mean_over_a_named_dimension() -> None:
    x = placeholder("x", Spec(("batch", 3), "float64"))

    (g,) = gradients(ops.mean(x), [x])

    assert g.spec == x.spec


def test_sum_to_undoes_broadcast_to() -> None:
    x = np.random.default_rng(0).normal(size=(3, 1))
    wide = ops.broadcast_to(x, shape=(2, 3, 4))

    np.testing.assert_allclose(ops.sum_to(wide, shape=(3, 1)), 8 * x)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("sum", 0.0), ("prod", 1.0), ("max", -np.inf), ("min", np.inf), ("logsumexp", -np.inf), ("count_nonzero", 0)],
)
@pytest.mark.parametrize("keepdims", [False, True])
def test_of_no_elements(name: str, expected: float, keepdims: bool) -> None:
    found = getattr(ops, name)(np.zeros((2, 0, 3), np.float32), axis=1, keepdims=keepdims)

    np.testing.assert_array_equal(found, np.full((2, 1, 3) if keepdims else (2, 3), expected))


def test_of_no_integers() -> None:
    assert ops.max(np.zeros(0, np.int8)) == -128
    assert ops.min(np.zeros(0, np.uint8)) == 255
    assert not ops.max(np.zeros(0, bool))
    assert ops.min(np.zeros(0, bool))


def test_shares_of_elements_that_are_all_minus_infinity() -> None:
    x = placeholder("x", Spec((2,), "float64"))

    assert gradient_at(ops.logsumexp(x), x, np.full(2, -np.inf)).tolist() == [0, 0]


@pytest.mark.parametrize("axis", [None, 1, (0, 2)])
def test_truths_are_numpys(axis: int | tuple[int, ...] | None) -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 4)) > 0.8

    for name in ("any", "all", "count_nonzero"):
        found = getattr(ops, name)(x, axis=axis, keepdims=True)
        np.testing.assert_array_equal(found, getattr(np, name)(x, axis=axis, keepdims=True))


def test_nan_is_not_zero() -> None:
    assert ops.count_nonzero(np.array([0.0, -0.0, np.nan, 1e-300])) == 2


def test_the_mean_of_many_small_floats() -> None:
    x = placeholder("x", Spec((100_000,), "float16"))

    mean, slope = evaluate([y := ops.mean(x), *gradients(y, [x])], {x: np.full(100_000, 2.0)})

    assert mean == 2
    np.testing.assert_allclose(slope.astype(float), 1e-5, rtol=0.01)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: ops.sum(Spec((3, 4)), axis=2),
            "sum(x: float32[3, 4]): axis 2 is outside a tensor of 2 dimensions",
        ),
        (lambda: ops.sum(Spec((3, 4)), axis=(0, -2)), "sum(x: float32[3, 4]): an axis is given twice in (0, -2)"),
        (
            lambda: ops.argmax(Spec((0, 4)), axis=0),
            "argmax(x: float32[0, 4]): there is no element along an axis of size 0",
        ),
        (
            lambda: ops.any(Spec((3,))),
            "any(x: float32[3]): the elements must be bool; got float32. Compare them first",
        ),
        (
            lambda: ops.broadcast_to(Spec((3,)), shape=(2, 4)),
            "broadcast_to(x: float32[3]): [3] does not broadcast to [2, 4]: axis -1 is 3 and 4",
        ),
        (
            lambda: ops.sum_to(Spec((4,)), shape=(2, 4)),
            "sum_to(x: float32[4]): [2, 4] does not broadcast to [4]: it has more dimensions",
        ),
        (
            lambda: ops.sum(Spec((3,)), axis="rows"),
            "axis='rows' does not fit: it must be int or list or none, got text",
        ),
    ],
)
def test_mistakes(call: object, sentence: str) -> None:
    with pytest.raises(SpecError, match=f"^{re.escape(sentence)}$"):
        call()  # type: ignore[operator]
