"""Native matrix products: all ways that matrices lie, in sizes that leave rows, columns and terms over.

What is right is NumPy's product in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from flowloom.backends.native import products_sources
from flowloom.backends.native.step import NativeStep
from flowloom.compiler.expr import Expr, placeholder
from flowloom.compiler.plan import make_plan
from flowloom.ops import flip, matmul, transpose
from flowloom.spec import Spec

Array = np.ndarray[Any, Any]
FORMS: dict[str, Callable[[Any], Any]] = {
    "as it is": lambda x: x,
    "transposed": lambda x: transpose(x, axes=(*range(x.ndim - 2), x.ndim - 1, x.ndim - 2)),
    "every other": lambda x: x[..., ::2, ::3],
    "backwards": lambda x: flip(x, axis=-1),
}
SHAPES = {  # of what the form is made
    "as it is": lambda m, n: (m, n),
    "transposed": lambda m, n: (n, m),
    "every other": lambda m, n: (2 * m, 3 * n),
    "backwards": lambda m, n: (m, n),
}
SIZES = [(8, 32, 5), (17, 45, 33), (1, 70, 19), (70, 1, 19), (3, 2, 1), (40, 10, 64), (5, 16, 7), (33, 23, 1)]


def product(a: Array, b: Array, of: Callable[[Expr, Expr], Any], threads: int) -> tuple[Array, NativeStep]:
    """What `of` gives of two arrays, on so many threads."""
    x, y = (placeholder(name, Spec.of(array)) for name, array in (("a", a), ("b", b)))
    step = NativeStep(make_plan([of(x, y)]), threads=threads)
    feeds = {x: a, y: b}
    return step([feeds[e] for e in step.plan.inputs])[0].copy(), step


def drawn(*shape: int, dtype: str = "float32") -> Array:
    """Normal numbers."""
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(dtype)


def expect(made: Array, a: Array, b: Array) -> None:
    """That it is the product of these matrices, each sum as good as that many terms allow."""
    exact = np.matmul(a.astype(np.float64), b.astype(np.float64))
    size = np.matmul(np.abs(a).astype(np.float64), np.abs(b).astype(np.float64))
    assert made.shape == exact.shape
    bound = a.shape[-1] * float(np.finfo(made.dtype).eps)
    assert (np.abs(made - exact) <= bound * size).all()


@pytest.mark.parametrize("second", FORMS)
@pytest.mark.parametrize("first", FORMS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_matrices_are_read_where_they_lie(first: str, second: str, dtype: str) -> None:
    for m, n, k in SIZES:
        a, b = drawn(*SHAPES[first](m, k), dtype=dtype), drawn(*SHAPES[second](k, n), dtype=dtype)
        made, step = product(a, b, lambda x, y: matmul(FORMS[first](x), FORMS[second](y)), threads=1)
        assert len(step.listing.instructions) == 1
        expect(made, *(_numpy(form, x) for form, x in ((first, a), (second, b))))


def _numpy(form: str, x: Array) -> Array:
    return {"transposed": x.T, "every other": x[::2, ::3], "backwards": x[:, ::-1]}.get(form, x)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize(
    ("m", "n", "k"),
    [
        (products_sources.HEIGHT + 9, 40, products_sources.DEPTH + 3),
        (64, 1100, 70),  # the rows of b lie far apart
        (1100, 70, 65),
        (31, 97, 2 * products_sources.DEPTH),
        (1, 1000, 600),
        (1000, 1, 600),
    ],
)
def test_large_ones_are_taken_in_parts(m: int, n: int, k: int, threads: int) -> None:
    a, b = drawn(m, k), drawn(k, n)
    expect(product(a, b, matmul, threads)[0], a, b)
    for_a = product(np.ascontiguousarray(a.T), b, lambda x, y: matmul(transpose(x), y), threads)[0]
    expect(for_a, a, b)
    for_b = product(a, np.ascontiguousarray(b.T), lambda x, y: matmul(x, transpose(y)), threads)[0]
    expect(for_b, a, b)
    assert (
        for_a.tobytes() == product(np.ascontiguousarray(a.T), b, lambda x, y: matmul(transpose(x), y), 1)[0].tobytes()
    )


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(
    ("a", "b"),
    [((9, 20, 30), (9, 30, 10)), ((2, 3, 20, 30), (3, 30, 33)), ((5, 20, 30), (30, 7)), ((20, 30), (4, 30, 7))],
)
def test_batches(a: tuple[int, ...], b: tuple[int, ...], threads: int) -> None:
    x, y = drawn(*a), drawn(*b)
    expect(product(x, y, matmul, threads)[0], x, y)


def test_heads_beside_each_other() -> None:
    """Queries and keys of attention, of which each head reads every fourth part of a row."""
    q, k = drawn(3, 20, 4, 8), drawn(3, 24, 4, 8)
    heads = lambda x: transpose(x, axes=(0, 2, 1, 3))  # noqa: E731
    made, step = product(q, k, lambda x, y: matmul(heads(x), FORMS["transposed"](heads(y))), threads=2)
    expect(made, q.transpose(0, 2, 1, 3), k.transpose(0, 2, 3, 1))
    assert len(step.listing.instructions) == 1


def test_nan_and_infinity_stay_in_their_rows_and_columns() -> None:
    a, b = drawn(10, 20), drawn(20, 40)
    a[3, 5], b[7, 11] = np.nan, np.inf
    made, _ = product(a, b, matmul, threads=1)
    odd = ~np.isfinite(made)
    assert odd[3].all()
    assert odd[:, 11].all()
    assert odd.sum() == 40 + 10 - 1
