"""Where results of the native backend lie: one arena, with results written over operands that nobody reads later."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import flowloom as fl
from flowloom.backends.native.listing import Listing
from flowloom.backends.native.step import NativeStep
from flowloom.backends.portable import PortableStep
from flowloom.compiler.expr import Expr, placeholder
from flowloom.compiler.plan import make_plan
from flowloom.spec import Spec

SIZE = 24
SQUARE = SIZE * SIZE * 4  # bytes


def leaf(name: str) -> Any:
    return placeholder(name, Spec((SIZE, SIZE), "float32"))


def listed(*outputs: Expr) -> Listing:
    """The listing of a plan, whose results on both backends are compared."""
    plan = make_plan(outputs)
    step = NativeStep(plan, threads=1)
    rng = np.random.default_rng(0)
    inputs = [rng.standard_normal(e.spec.sizes).astype(e.dtype) for e in plan.inputs]
    for _ in range(2):  # the second time over what the first left
        for found, expected in zip(step(inputs), PortableStep(plan)(inputs), strict=True):
            np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-4)
    return step.listing


def over(listing: Listing) -> list[tuple[str, str]]:
    """Which results lie over which operands, by their ops."""
    calls = [i.call for i in listing.instructions if i.call is not None]
    return [(result.op.name, operand.op.name) for call in calls for result, operand in call.over]


def test_an_elementwise_result_is_written_over_what_nobody_reads_later() -> None:
    a, b = leaf("a"), leaf("b")
    listing = listed(fl.ops.tanh(a @ b) @ b)
    assert over(listing) == [("tanh", "matmul")]
    assert listing.arena_bytes == SQUARE


def test_not_over_what_is_read_later() -> None:
    a, b = leaf("a"), leaf("b")
    product = a @ b
    listing = listed(fl.ops.tanh(product) @ product)
    assert over(listing) == []
    assert listing.arena_bytes == 2 * SQUARE


def test_not_over_an_input_or_an_output() -> None:
    a, b = leaf("a"), leaf("b")
    product = a @ b
    assert over(listed(fl.ops.tanh(a) @ b, fl.ops.sigmoid(product) @ b, product)) == []


def test_an_output_is_never_written_over_an_operand() -> None:
    a, b = leaf("a"), leaf("b")
    assert over(listed(fl.ops.tanh(a @ b))) == []


def test_not_over_an_operand_that_is_read_in_another_order() -> None:
    a, b = leaf("a"), leaf("b")
    product = a @ b
    assert over(listed((product + fl.ops.transpose(product)) @ b)) == []


def test_not_over_an_operand_that_a_later_pass_over_the_row_reads_again() -> None:
    a, b = leaf("a"), leaf("b")
    product = a @ b
    scaled = product * 2.0
    shares = scaled / fl.ops.sum(product * product, axis=1, keepdims=True)
    listing = listed(scaled @ b, shares @ b)
    assert ("multiply", "matmul") not in over(listing)


def test_over_an_operand_in_the_last_pass_over_the_row() -> None:
    a, b = leaf("a"), leaf("b")
    product = a @ b
    shares = product / fl.ops.sum(product * product, axis=1, keepdims=True)
    assert ("divide", "matmul") in over(listed(shares @ b))


def test_beside_sums_down_the_columns_too() -> None:
    a, b = leaf("a"), leaf("b")
    squares = fl.ops.square(a @ b)
    assert ("square", "matmul") in over(listed(squares @ b, fl.ops.sum(squares, axis=0)))


def test_two_results_do_not_share_one_operand() -> None:
    a, b = leaf("a"), leaf("b")
    product = a @ b
    one = fl.ops.tanh(product)
    assert over(listed(one @ b, (one * product) @ b)) == [("tanh", "matmul")]


def test_not_over_what_the_kernel_that_adds_up_parts_reads() -> None:
    x, w, v = (placeholder(n, Spec(s, "float32")) for n, s in (("x", (2048, 8)), ("w", (8, 4)), ("v", (4, 4))))
    product = x @ w
    doubled = product * 2.0
    listing = listed(doubled @ v, fl.ops.sum(doubled, axis=0) + product[0])
    assert ("multiply", "matmul") not in over(listing)
