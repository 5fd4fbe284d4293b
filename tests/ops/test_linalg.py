"""Products: named dimensions, one large product instead of many small ones, NumPy's results, and mistakes."""

from __future__ import annotations

import re

import numpy as np
import pytest

from flowloom import ops
from flowloom.spec import Spec, SpecError


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (("batch", 3), (3, 2), ("batch", 2)),
        (("batch", "time", 3), (3, 2), ("batch", "time", 2)),
        (("batch", "time", 3), ("batch", 3, "time"), ("batch", "time", "time")),
        (("batch", None), (3, 2), ("batch", 2)),
        (("n",), ("n",), ()),
        (("n",), ("n", 2), (2,)),
    ],
)
def test_names_pass_through(a: tuple, b: tuple, expected: tuple) -> None:
    assert ops.matmul(Spec(a), Spec(b)) == Spec(expected)


def test_a_stack_of_rows_is_written_where_it_should_be() -> None:
    rng = np.random.default_rng(0)
    a, b, out = rng.normal(size=(5, 3, 4)), rng.normal(size=(4, 2)), np.empty((5, 3, 2))

    assert ops.matmul.compute(np, a, b, out=out) is out
    np.testing.assert_allclose(out, a @ b)


@pytest.mark.parametrize(
    ("a", "b", "sentence"),
    [
        (
            Spec((3, 4)),
            Spec((5, 2)),
            "matmul(a: float32[3, 4], b: float32[5, 2]): inner sizes differ, 4 and 5",
        ),
        (
            Spec((3, "features")),
            Spec(("classes", 2)),
            "matmul(a: float32[3, features], b: float32[classes, 2]): inner sizes differ, features and classes",
        ),
        (
            Spec(()),
            Spec((2,)),
            "matmul(a: float32[], b: float32[2]): a scalar has no matrix product; use multiply",
        ),
        (
            Spec((2, 3, 4)),
            Spec((5, 4, 2)),
            "matmul(a: float32[2, 3, 4], b: float32[5, 4, 2]): shapes do not broadcast: axis -1 is 2 and 5; "
            "the sizes must be equal or 1",
        ),
    ],
)
def test_mistakes(a: Spec, b: Spec, sentence: str) -> None:
    with pytest.raises(SpecError, match=f"^{re.escape(sentence)}$"):
        ops.matmul(a, b)


def test_a_wrong_number_of_tensors() -> None:
    with pytest.raises(TypeError, match=r"^matmul\(a, b\) takes 2 tensors; got 1$"):
        ops.matmul(Spec((2, 2)))


@pytest.mark.parametrize(
    ("a", "b"), [((4,), (4,)), ((3, 4), (4,)), ((2, 3, 4), (4,)), ((2, 3, 4), (5, 4, 2)), ((4,), (5, 4, 2)), ((), (3,))]
)
def test_dot_and_outer_are_numpys(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=a), rng.normal(size=b)

    np.testing.assert_allclose(ops.dot(x, y), np.dot(x, y), rtol=1e-13)
    np.testing.assert_allclose(ops.outer(x, y), np.outer(x, y), rtol=1e-13)


@pytest.mark.parametrize("axes", [0, 1, (0, 1), ((2,), (0,)), ((0, -1), (1, 0))])
def test_tensordot_is_numpys(axes: object) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 3, 4)), rng.normal(size=(4, 2, 5))

    np.testing.assert_allclose(ops.tensordot(a, b, axes=axes), np.tensordot(a, b, axes), rtol=1e-13)


@pytest.mark.parametrize(
    ("axes", "rule"),
    [
        (1, "axis 1 of a has size 3, axis 0 of b 4"),
        (3, "axes must be in 0..2, what both have; got 3"),
        (((0, 1), (0,)), "axes must be a number, or as many axes of a as of b; got ((0, 1), (0,))"),
        ((2, 0), "axis 2 is outside a tensor of 2 dimensions"),
    ],
)
def test_axes_that_do_not_match(axes: object, rule: str) -> None:
    with pytest.raises(SpecError, match=f"^{re.escape(f'tensordot(a: float32[2, 3], b: float32[4, 3]): {rule}')}$"):
        ops.tensordot(Spec((2, 3)), Spec((4, 3)), axes=axes)
