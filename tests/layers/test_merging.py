"""Layers that make one tensor of several give what NumPy gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import flowloom as fl

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(0)
A, B, C = (RNG.normal(size=(4, 3, 2)) for _ in range(3))


def run(layer: Any, *arrays: Array, **params: Any) -> Array:
    with fl.Graph("merge"):
        tensors = [fl.input(f"x{i}", shape=("batch", *a.shape[1:]), dtype="float64") for i, a in enumerate(arrays)]
        y = layer(*tensors, **params)
    result = fl.compile(y)({f"x{i}": a for i, a in enumerate(arrays)})
    assert y.shape == ("batch", *result.shape[1:])
    return np.asarray(result)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("add", A + B + C),
        ("multiply", A * B * C),
        ("average", (A + B + C) / 3),
        ("maximum", np.maximum(np.maximum(A, B), C)),
        ("minimum", np.minimum(np.minimum(A, B), C)),
        ("concatenate", np.concatenate([A, B, C], axis=-1)),
    ],
)
def test_several_tensors_become_one(name: str, expected: Array) -> None:
    np.testing.assert_allclose(run(getattr(fl.layers, name), A, B, C), expected, rtol=1e-12)


def test_they_may_come_as_one_list() -> None:
    with fl.Graph("list"):
        tensors = [fl.input(n, shape=("batch", 3, 2), dtype="float64") for n in "abc"]
        y = fl.layers.add(tensors)

    np.testing.assert_allclose(fl.compile(y)({"a": A, "b": B, "c": C}), A + B + C)


def test_a_row_for_each_example_stands_for_all_steps() -> None:
    row = RNG.normal(size=(4, 2))

    np.testing.assert_allclose(run(fl.layers.add, A, row), A + row[:, None])


def test_another_axis_may_be_joined() -> None:
    np.testing.assert_array_equal(run(fl.layers.concatenate, A, B, axis=1), np.concatenate([A, B], axis=1))


@pytest.mark.parametrize(
    ("a", "b", "axes", "equation"),
    [
        ((4, 3), (4, 3), -1, "ba,ba->b"),
        ((4, 3, 2), (4, 5, 2), 2, "bia,bja->bij"),
        ((4, 3, 2), (4, 3, 5), 1, "bai,baj->bij"),
        ((4, 3, 2), (4, 5, 3), (1, 2), "bai,bja->bij"),
        ((4, 3, 2, 5), (4, 2), (2, 1), "biaj,ba->bij"),
    ],
)
@pytest.mark.parametrize("normalize", [False, True])
def test_dot_sums_over_an_axis_of_each(a: Any, b: Any, axes: Any, equation: str, normalize: bool) -> None:
    x, y = RNG.normal(size=a), RNG.normal(size=b)
    of_x, of_y = (axes, axes) if isinstance(axes, int) else axes
    unit_x, unit_y = x / np.linalg.norm(x, axis=of_x, keepdims=True), y / np.linalg.norm(y, axis=of_y, keepdims=True)
    expected = np.einsum(equation, *((unit_x, unit_y) if normalize else (x, y)))

    result = run(fl.layers.dot, x, y, axes=axes, normalize=normalize)

    np.testing.assert_allclose(result, expected[:, None] if expected.ndim == 1 else expected, rtol=1e-10, atol=1e-12)


def test_dot_leaves_the_examples_apart_and_needs_equal_sizes() -> None:
    with pytest.raises(fl.SpecError, match="axis 0 is that of the examples"):
        run(fl.layers.dot, A, B, axes=0)
    with pytest.raises(fl.SpecError, match="sizes differ, 3 and 2"):
        run(fl.layers.dot, A, B, axes=(1, 2))
