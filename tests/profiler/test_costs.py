"""Operations and bytes, known by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import flowloom as fl
from flowloom.compiler.expr import Expr, placeholder
from flowloom.op import REGISTRY
from flowloom.ops.contraction import contract
from flowloom.profiler.costs import flops, moved
from flowloom.spec import Spec


def leaf(name: str, *shape: Any, dtype: str = "float32") -> Any:
    return placeholder(name, Spec(shape, dtype))


def bytes_of(e: Expr) -> int:
    return moved(e, [s for a in e.args for s in a.specs], e.specs)


def test_a_matrix_product_is_a_multiplication_and_an_addition_for_each_term() -> None:
    y = fl.matmul(leaf("a", 3, 5), leaf("b", 5, 7))

    assert flops(y) == 2 * 3 * 5 * 7
    assert bytes_of(y) == 4 * (3 * 5 + 5 * 7 + 3 * 7)


def test_a_batch_of_products_is_so_many_of_them() -> None:
    assert flops(fl.matmul(leaf("a", 4, 3, 5), leaf("b", 4, 5, 7))) == 4 * 2 * 3 * 5 * 7
    assert flops(contract(leaf("a", 4, 3, 5), leaf("b", 5, 7), equation="bij,jk->kib")) == 4 * 2 * 3 * 5 * 7
    assert flops(contract(leaf("a", 3), leaf("b", 7), equation="i,j->ij")) == 3 * 7


def test_a_convolution_is_two_for_each_result_and_weight() -> None:
    """3x3 of 16 channels to 8 over 10x10 results, as in He et al. 2015, who count multiply-adds: half as many."""
    conv2d = REGISTRY["conv2d"]
    x, kernel = leaf("x", 2, 12, 12, 16), leaf("kernel", 3, 3, 16, 8)

    assert flops(conv2d(x, kernel)) == 2 * (2 * 10 * 10 * 8) * (3 * 3 * 16)
    assert flops(conv2d(x, leaf("kernel", 3, 3, 4, 8), groups=4)) == 2 * (2 * 10 * 10 * 8) * (3 * 3 * 4)


def test_both_gradients_of_a_convolution_take_what_it_takes() -> None:
    from flowloom.compiler.gradient import gradients

    x, kernel = leaf("x", 2, 12, 12, 16), leaf("kernel", 3, 3, 16, 8)
    y = REGISTRY["conv2d"](x, kernel)
    dx, dk = gradients(fl.sum(y), [x, kernel])

    assert flops(dx) == flops(dk) == flops(y)


def test_elements_count_one_and_elementary_functions_ten() -> None:
    x = leaf("x", 6, 4)

    assert flops(x + x) == 24
    assert flops(fl.tanh(x)) == 240
    assert bytes_of(x + x) == 4 * 3 * 24
    assert flops(fl.sum(x, axis=0)) == 24
    assert flops(fl.transpose(x)) == 0


def test_a_transform_is_five_n_log_n() -> None:
    assert flops(fl.fft(leaf("x", 3, 8, 2))) == 3 * 5 * 8 * 3
    assert flops(fl.rfft(leaf("x", 3, 8))) == 3 * 5 * 8 * 3 / 2
    assert flops(fl.irfft(leaf("x", 3, 5, 2))) == 3 * 5 * 8 * 3 / 2


def test_factors_of_matrices_take_a_share_of_the_cube() -> None:
    """Golub & Van Loan: n^3 / 3 for Cholesky's, 2 n^3 / 3 for LU."""
    assert flops(REGISTRY["cholesky"](leaf("a", 2, 9, 9))) == pytest.approx(2 * 9**3 / 3)
    assert flops(REGISTRY["det"](leaf("a", 2, 9, 9))) == pytest.approx(2 * 2 * 9**3 / 3)


def test_a_pick_reads_no_more_than_it_gives() -> None:
    table, places = leaf("table", 10_000, 16), leaf("places", 5, dtype="int64")

    assert bytes_of(fl.take(table, places)) == 2 * (5 * 16 * 4) + 5 * 8


def test_a_loop_takes_its_body_so_many_times() -> None:
    from flowloom.compiler.control import scan

    x, start = leaf("x", 7, 3, 4), leaf("start", 3, 4)
    last, _ = scan(lambda _, state, each: (state * each + each, state), [start], [x])

    assert flops(last.args[0]) == 7 * 2 * 12


def test_what_is_not_known_beforehand_counts_nothing() -> None:
    assert flops(leaf("x", "batch", 3) + 1.0) == 0


@pytest.mark.parametrize("op", [op for op in REGISTRY.values() if not op.composite], ids=lambda op: op.name)
def test_every_op_has_a_finite_cost(op: Any) -> None:
    from flowloom.compiler.expr import build

    for args, params in op.cases(np.random.default_rng(0)):
        if not args:
            continue
        full = {p.name: params.get(p.name, p.default) for p in op.params.values()}
        full = {name: op.params[name].check(value) for name, value in full.items()}
        leaves = [placeholder(f"input {i}", Spec.of(np.asarray(a))) for i, a in enumerate(args)]
        made = build(op, tuple(leaves), full)
        e = made[0].args[0] if isinstance(made, tuple) else made

        assert np.isfinite(flops(e))
        assert flops(e) >= 0
