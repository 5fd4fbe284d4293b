"""Einstein's summation against NumPy, for equations of every kind, and equations that do not fit."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowloom import ops
from flowloom.compiler.expr import placeholder, toposort
from flowloom.spec import Spec, SpecError


@given(st.data())
@settings(max_examples=150)
def test_it_is_numpys(data: st.DataObject) -> None:
    sizes = {letter: data.draw(st.integers(1, 3)) for letter in "abcd"}
    dots = data.draw(st.lists(st.integers(2, 3), max_size=2))
    terms, operands = [], []
    for i in range(data.draw(st.integers(1, 4))):
        term = "".join(data.draw(st.lists(st.sampled_from("abcd"), max_size=3)))
        shape = [1 if term.count(c) == 1 and data.draw(st.integers(0, 5)) == 0 else sizes[c] for c in term]
        front = dots[data.draw(st.integers(0, len(dots))) :]
        terms.append("..." + term)
        operands.append(np.random.default_rng(i).normal(size=(*front, *shape)))
    letters = sorted({*"".join(terms)} - {"."})
    kept = data.draw(st.lists(st.sampled_from(letters), unique=True)) if letters else []
    equation = ",".join(terms) + data.draw(st.sampled_from(["", "->..." + "".join(kept)]))

    expected = np.einsum(equation, *operands)

    np.testing.assert_allclose(ops.einsum(*operands, equation=equation), expected, rtol=1e-9, atol=1e-12)


def test_names_pass_through() -> None:
    scores = ops.einsum(Spec(("batch", "query", 2, 8)), Spec(("batch", "key", 2, 8)), equation="bqhd,bkhd->bhqk")

    assert scores == Spec(("batch", 2, "query", "key"))


def test_what_leaves_least_is_multiplied_first() -> None:
    a, b, c = (placeholder(n, Spec(s)) for n, s in [("a", (2, 500)), ("b", (500, 500)), ("c", (500, 1))])

    steps = [e.spec.shape for e in toposort([ops.einsum(a, b, c, equation="ij,jk,kl->il")]) if e.args]

    assert (2, 500) not in steps
    assert steps[-1] == (2, 1)


def test_small_integers_stay() -> None:
    assert ops.einsum(np.full((2, 3), 100, np.int16), equation="ij->i").dtype == np.int16


@pytest.mark.parametrize(
    ("equation", "rule"),
    [
        ("ij,jk->ik", "the letter 'j' has sizes 3 and 4"),
        ("ij", "the equation 'ij' has 1 terms for 2 tensors"),
        ("ijk,jk", "the term 'ijk' does not fit a tensor of 2 dimensions"),
        ("i,jk", "the term 'i' does not fit a tensor of 2 dimensions"),
        ("ij,kl->im", "the letter 'm' of no operand stands in the result 'im'"),
        ("ij,kl->ii", "the letter 'i' stands twice in the result 'ii'"),
        ("...j,kl->jk", "the result must have the '...' that the operands have"),
        ("i2,kl", "a term is made of letters and one '...'; got 'i2'"),
        ("ij,kl->i->j", "a term is made of letters and one '...'; got 'i->j'"),
    ],
)
def test_mistakes(equation: str, rule: str) -> None:
    call = "einsum(operands.0: float32[2, 3], operands.1: float32[4, 5]): "

    with pytest.raises(SpecError, match=f"^{re.escape(call + rule)}$"):
        ops.einsum(Spec((2, 3)), Spec((4, 5)), equation=equation)
