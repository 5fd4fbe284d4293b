"""Sizes that are known only when it runs: results, gradients and their gradients are those of known sizes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from flowloom import ops
from flowloom.backends.portable import evaluate
from flowloom.compiler.expr import Expr, constant, placeholder
from flowloom.compiler.gradient import gradients, pull_back
from flowloom.op import REGISTRY, Op
from flowloom.spec import Spec
from tests.ops.test_conformance import SIZES_NEEDED, samples, several

Array = np.ndarray[Any, Any]
MODULES = {
    "along",
    "blocks",
    "broadcasting",
    "coordinates",
    "creation",
    "dynamic",
    "dynamic_parts",
    "indexing",
    "joining",
    "padding",
    "reordering",
    "repeating",
    "searching",
    "sequences",
    "shape",
    "slicing",
    "triangles",
}
OPS = sorted(
    (op for op in REGISTRY.values() if op.rule.__module__.rpartition(".")[2] in MODULES), key=lambda op: op.name
)
GIVEN_SIZES = {"squeeze", "unstack"}  # squeeze counts the axes of size 1, unstack the outputs

every_op = pytest.mark.parametrize("op", [op for op in OPS if op.name not in GIVEN_SIZES], ids=lambda op: op.name)


def leaves(op: Op, args: Sequence[Any], *, known: bool) -> list[Any]:
    """A leaf for each operand, its sizes unknown but where the op must know them."""
    kept = SIZES_NEEDED.get(op.name, ())
    return [
        None
        if a is None
        else placeholder(f"x{i}", Spec.of(a) if known or i in kept else Spec((None,) * a.ndim, a.dtype))
        for i, a in enumerate(args)
    ]


def pulled(ys: Sequence[Expr], seeds: Sequence[Array], xs: Sequence[Expr]) -> list[Expr]:
    """The gradients that these seeds give at `xs`, where there are any."""
    found = pull_back(ys, [constant(s, y.dtype) for s, y in zip(seeds, ys, strict=True)], xs)
    return [g for g in found if g is not None]


def results(op: Op, args: Sequence[Any], params: dict[str, Any], *, known: bool) -> Iterator[list[Array]]:
    """What the op gives; its gradients; and the gradients of those."""
    inputs = leaves(op, args, known=known)
    feeds = {x: a for x, a in zip(inputs, args, strict=True) if x is not None}
    rng = np.random.default_rng(5)
    made: Sequence[Any] = several(op(*inputs, **params))
    floats = [x for x in inputs if x is not None and x.dtype.kind == "f"]
    for _ in range(3):
        if not made or not all(isinstance(y, Expr) for y in made):
            return
        values = evaluate(made, feeds)
        yield values
        made = [y for y in made if y.dtype.kind == "f"]
        values = [v for v in values if v.dtype.kind == "f"]
        made = pulled(made, [rng.normal(size=v.shape) for v in values], floats) if op.differentiable else []


@every_op
def test_unknown_sizes_change_nothing(op: Op) -> None:
    for args, params in samples(op):
        known, unknown = (list(results(op, args, params, known=k)) for k in (True, False))
        assert len(known) == len(unknown)
        for one, other in zip(known, unknown, strict=True):
            for a, b in zip(one, other, strict=True):
                np.testing.assert_allclose(b, a, rtol=1e-12, atol=1e-14)


def test_a_choice_made_when_it_runs_has_a_gradient() -> None:
    """Rows above a threshold, scaled: how many there are is known to nobody before."""
    x = placeholder("x", Spec((4, 3), "float64"))
    kept = ops.compress(x, ops.greater(ops.sum(x, axis=1), 0.0), axis=0)
    [gradient] = gradients(ops.sum(ops.square(kept) * 0.5), [x])
    rows = np.array([[1.0, 2, 3], [-1, -2, 1], [4, -1, 0], [-5, 0, 0]])

    found = evaluate([kept, gradient], {x: rows})

    np.testing.assert_array_equal(found[0], rows[[0, 2]])
    np.testing.assert_array_equal(found[1], rows * [[1], [0], [1], [0]])


def test_the_shape_of_one_tensor_shapes_another() -> None:
    x, y = placeholder("x", Spec((None, None), "float64")), placeholder("y", Spec((None, None), "float64"))
    z = ops.reshape_to(x, ops.shape_of(y))
    [gradient] = gradients(ops.sum(z * y), [x])
    a, b = np.arange(6.0).reshape(2, 3), np.arange(6.0).reshape(3, 2) ** 2

    found = evaluate([z, gradient], {x: a, y: b})

    np.testing.assert_array_equal(found[0], a.reshape(3, 2))
    np.testing.assert_array_equal(found[1], b.reshape(2, 3))


def test_a_size_that_is_one_when_it_runs_is_broadcast_and_summed_back() -> None:
    x, y = placeholder("x", Spec((None, None), "float64")), placeholder("y", Spec((None, 4), "float64"))
    found = gradients(ops.sum(x * y), [x, y])
    a, b = np.array([[2.0], [3.0]]), np.arange(4.0)[None]

    gx, gy = evaluate(found, {x: a, y: b})

    np.testing.assert_array_equal(gx, [[6.0], [6.0]])
    np.testing.assert_array_equal(gy, [[5.0] * 4])
