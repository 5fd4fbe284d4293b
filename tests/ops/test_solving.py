"""Equations, determinants and factors against NumPy and SciPy, singular matrices, and mistakes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import linalg

from flowloom import ops
from flowloom.backends.portable import KernelError, evaluate
from flowloom.compiler.expr import placeholder
from flowloom.spec import Spec, SpecError

rng = np.random.default_rng(0)
A, B = rng.normal(size=(2, 3, 3)), rng.normal(size=(3, 4))
SYMMETRIC = A @ np.swapaxes(A, 1, 2) + np.eye(3)
SINGULAR = np.stack([np.eye(2), np.ones((2, 2))])


def test_they_are_numpys() -> None:
    np.testing.assert_allclose(ops.solve(A, B), np.linalg.solve(A, B), rtol=1e-12)
    np.testing.assert_allclose(ops.solve(A, B[:, 0]), np.linalg.solve(A, B[:, 0]), rtol=1e-12)
    np.testing.assert_allclose(ops.inv(A), np.linalg.inv(A), rtol=1e-12)
    np.testing.assert_allclose(ops.det(A), np.linalg.det(A), rtol=1e-12)
    np.testing.assert_allclose(ops.slogdet(-A), np.linalg.slogdet(-A), rtol=1e-12)
    np.testing.assert_allclose(ops.cholesky(SYMMETRIC), np.linalg.cholesky(SYMMETRIC), rtol=1e-12)


@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("unit_diagonal", [False, True])
@pytest.mark.parametrize("size", [1, 2, 7])
def test_triangular_equations_are_scipys(lower: bool, transpose: bool, unit_diagonal: bool, size: int) -> None:
    a = np.random.default_rng(1).normal(size=(size, size)) + 2 * np.eye(size)
    how = {"lower": lower, "unit_diagonal": unit_diagonal}
    b = np.arange(2.0 * size).reshape(size, 2)

    found = ops.triangular_solve(a, b, transpose=transpose, **how)

    np.testing.assert_allclose(found, linalg.solve_triangular(a, b, trans=int(transpose), **how), rtol=1e-9)


def test_a_batch_of_vectors_against_one_triangle() -> None:
    lower = np.tril(A)
    expected = np.stack([linalg.solve_triangular(one, B[:, 0], lower=True) for one in lower])

    np.testing.assert_allclose(ops.triangular_solve(A, B[:, 0]), expected, rtol=1e-10)


def test_small_floats_pass_through_float32() -> None:
    found = ops.solve(np.eye(2, dtype=np.float16) * 2, np.ones(2, np.float16))

    assert found.dtype == np.float16
    assert found.tolist() == [0.5, 0.5]


def test_the_logarithm_of_a_determinant_that_overflows() -> None:
    sign, logarithm = ops.slogdet(np.diag(np.full(200, 1e3)))

    assert (sign, logarithm) == (1, pytest.approx(600 * np.log(10)))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: ops.inv(SINGULAR), "the matrix is singular, at position (1,)"),
        (lambda: ops.inv(SINGULAR[1]), "the matrix is singular"),
        (lambda: ops.solve(SINGULAR, np.ones(2)), "the matrix is singular, at position (1,)"),
        (lambda: ops.cholesky(SINGULAR - 1), "the matrix is not positive definite, at position (0,)"),
        (lambda: ops.triangular_solve(SINGULAR - 1, np.ones(2)), "there is a 0 on the diagonal, at position (0,)"),
    ],
)
def test_matrices_that_cannot_be(call: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(np.linalg.LinAlgError, match=f"^{re.escape(sentence)}$"):
        call()


def test_a_plan_names_the_op_that_refused() -> None:
    x = placeholder("x", Spec((2, 2, 2), "float64"))

    with pytest.raises(KernelError, match=r"^inv: the matrix is singular, at position \(1,\)$"):
        evaluate([ops.inv(x)], {x: SINGULAR})


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: ops.inv(Spec(("batch", 2, 3))),
            "inv(a: float32[batch, 2, 3]): the matrix must be square; got 2 rows and 3 columns",
        ),
        (lambda: ops.det(Spec((3,))), "det(a: float32[3]): a matrix has 2 dimensions or more; got 1"),
        (
            lambda: ops.solve(Spec((3, 3)), Spec((4,))),
            "solve(a: float32[3, 3], b: float32[4]): there are 3 equations and 4 right sides",
        ),
    ],
)
def test_mistakes(call: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(SpecError, match=f"^{re.escape(sentence)}$"):
        call()
