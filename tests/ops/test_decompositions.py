"""Factors multiply back to the matrix, and are orthonormal; values are NumPy's; equal values have a gradient."""

from __future__ import annotations

import numpy as np
import pytest

from flowloom import ops
from flowloom.backends.portable import evaluate
from flowloom.compiler.expr import placeholder
from flowloom.compiler.gradient import gradients
from flowloom.spec import Spec


def turned(x: np.ndarray) -> np.ndarray:
    return np.swapaxes(x, -1, -2)


@pytest.mark.parametrize("shape", [(3, 3), (5, 3), (2, 3, 5)])
def test_the_factors_multiply_back(shape: tuple[int, ...]) -> None:
    a = np.random.default_rng(0).normal(size=shape)

    q, r = ops.qr(a)
    u, s, vh = ops.svd(a)

    np.testing.assert_allclose(q @ r, a, atol=1e-13)
    np.testing.assert_allclose((u * s[..., None, :]) @ vh, a, atol=1e-13)
    np.testing.assert_allclose(r, np.triu(r))
    np.testing.assert_allclose(s, np.linalg.svd(a, compute_uv=False), rtol=1e-13)
    for columns in (q, u, turned(vh)):
        identity = np.eye(min(shape[-2:]))
        np.testing.assert_allclose(
            turned(columns) @ columns, np.broadcast_to(identity, (*shape[:-2], *identity.shape)), atol=1e-13
        )


def test_only_the_lower_triangle_has_eigenvalues() -> None:
    a = np.random.default_rng(0).normal(size=(2, 3, 3))
    symmetric = np.tril(a) + turned(np.tril(a, -1))

    values, vectors = ops.eigh(a)

    np.testing.assert_allclose(values, np.linalg.eigvalsh(symmetric), rtol=1e-12)
    np.testing.assert_allclose((vectors * values[:, None, :]) @ turned(vectors), symmetric, atol=1e-13)


def test_the_sum_of_equal_eigenvalues_has_a_gradient() -> None:
    x = placeholder("x", Spec((2, 2), "float64"))
    values, vectors = ops.eigh(x)

    (g,) = evaluate(gradients(ops.sum(values) + 0.0 * ops.sum(vectors), [x]), {x: np.eye(2)})

    np.testing.assert_allclose(g, np.eye(2), atol=1e-15)


def test_named_dimensions() -> None:
    assert ops.qr(Spec(("batch", 5, 3))) == (Spec(("batch", 5, 3)), Spec(("batch", 3, 3)))
    assert ops.svd(Spec(("m", "n"))) == (Spec(("m", None)), Spec((None,)), Spec((None, "n")))
