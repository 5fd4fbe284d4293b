"""Gradients that people declare themselves: a composite op with a rule of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import flowloom as fl
from flowloom.op import REGISTRY

X = np.array([-2.0, -0.4, 0.3, 1.7], np.float32)


@pytest.fixture
def rounded() -> Iterator[Any]:
    """Rounding whose gradient passes as if it were not there (Bengio et al. 2013: straight-through)."""

    @fl.op(composite=True)
    def rounded(x: Any, scale: Any = None) -> Any:
        """x rounded to whole numbers, times `scale`."""
        y = fl.round(x)
        return y if scale is None else y * scale

    @rounded.vjp
    def _(g: Any, y: Any, x: Any, scale: Any) -> Any:
        return (g, None) if scale is None else (g * scale, fl.sum(g * x))

    yield rounded
    del REGISTRY["rounded"]


def test_it_replaces_the_gradient_and_leaves_the_value(rounded: Any) -> None:
    with fl.Graph() as g:
        x = fl.input("x", shape=("n",))
        y = rounded(x * 2.0)
        (slope,) = fl.gradients(fl.sum(fl.square(y)), [x])
    value, found = fl.compile([y, slope])({"x": X})

    np.testing.assert_array_equal(value, np.round(2 * X))
    np.testing.assert_array_equal(found, 4 * np.round(2 * X))
    assert [n.kind for n in g.nodes.values()] == [
        "input",
        "constant",
        "multiply",
        "rounded",
        "square",
        "sum",
        "gradients",
    ]


def test_it_may_have_operands_that_stay_open(rounded: Any) -> None:
    with fl.Graph():
        x, scale = fl.input("x", shape=("n",)), fl.input("scale", shape=())
        slopes = fl.gradients(fl.sum(rounded(x, scale=scale)), [x, scale])
    by_x, by_scale = fl.compile(slopes)({"x": X, "scale": 3.0})

    np.testing.assert_array_equal(by_x, [3, 3, 3, 3])
    assert by_scale == pytest.approx(X.sum())


def test_it_has_a_second_derivative_by_its_own_rule(rounded: Any) -> None:
    with fl.Graph():
        x = fl.input("x", shape=("n",))
        (slope,) = fl.gradients(fl.sum(rounded(x) ** 3.0), [x])
        (curvature,) = fl.gradients(fl.sum(slope), [x])

    np.testing.assert_allclose(fl.compile(curvature)({"x": X}), 6 * np.round(X))


def test_it_computes_on_arrays_and_infers_on_specs(rounded: Any) -> None:
    np.testing.assert_array_equal(rounded(X, np.float32(2)), 2 * np.round(X))
    assert rounded(fl.Spec(("batch", 3))) == fl.Spec(("batch", 3))


def test_stop_gradient_ends_it_here() -> None:
    with fl.Graph():
        x = fl.input("x", shape=("n",))
        (slope,) = fl.gradients(fl.sum(x * fl.stop_gradient(x)), [x])

    np.testing.assert_array_equal(fl.compile(slope)({"x": X}), X)
