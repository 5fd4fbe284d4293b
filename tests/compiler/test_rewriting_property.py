"""Random trees of expressions, and random loops, compute the same after rewriting as before: the reference is the
portable evaluation of what was not rewritten, in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowloom import ops
from flowloom.backends.portable import evaluate
from flowloom.compiler.control import scan
from flowloom.compiler.expr import Expr, constant, placeholder
from flowloom.compiler.gradient import gradients
from flowloom.compiler.rewriting import rewrite
from flowloom.spec import Spec, SpecError

Array = np.ndarray[Any, Any]
SHAPES = [(), (1,), (3,), (4,), (1, 1), (1, 4), (4, 1), (2, 3), (3, 4), (2, 1, 4), (2, 3, 4)]
NUMBERS = [0.0, 1.0, -1.0, 2.0, 0.5, 3.0, -0.25, 1e3]
LARGEST = 300
FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

# Each makes an expression of two others, a number and a small choice.
MOVES: list[Callable[[Any, Any, float, int], Any]] = [
    lambda a, b, c, i: a + b,
    lambda a, b, c, i: a - b,
    lambda a, b, c, i: a * b,
    lambda a, b, c, i: a / (ops.square(b) + 1.0),
    lambda a, b, c, i: -a,
    lambda a, b, c, i: ops.square(a),
    lambda a, b, c, i: ops.tanh(a),
    lambda a, b, c, i: ops.exp(ops.sin(a)),
    lambda a, b, c, i: ops.log(ops.sigmoid(a)),
    lambda a, b, c, i: ops.log(1.0 + ops.square(a)),
    lambda a, b, c, i: ops.log(ops.softmax(a, axis=i % a.ndim)),
    lambda a, b, c, i: ops.exp(a - ops.max(a)) / ops.sum(ops.exp(a - ops.max(a)), axis=i % a.ndim, keepdims=True),
    lambda a, b, c, i: a * c,
    lambda a, b, c, i: c - a,
    lambda a, b, c, i: a / (c or 2.0),
    lambda a, b, c, i: a + c,
    lambda a, b, c, i: ops.maximum(a, b),
    lambda a, b, c, i: ops.where(ops.greater(a, b), a, c),
    lambda a, b, c, i: ops.where(ops.logical_not(ops.less(c, a)), b, b * 1.0),
    lambda a, b, c, i: ops.power(ops.square(a) + 0.5, float(i - 1)),
    lambda a, b, c, i: ops.sum(a, axis=i % a.ndim, keepdims=c > 0),
    lambda a, b, c, i: ops.mean(a, axis=i % a.ndim, keepdims=c > 0),
    lambda a, b, c, i: ops.max(a, axis=i % a.ndim, keepdims=c > 0),
    lambda a, b, c, i: a - ops.mean(a, axis=i % a.ndim, keepdims=True),
    lambda a, b, c, i: ops.layer_normalization(a, axis=i % a.ndim, epsilon=0.1),
    lambda a, b, c, i: ops.var(a),
    lambda a, b, c, i: ops.transpose(a) if i % 2 else ops.moveaxis(a, source=0, destination=-1),
    lambda a, b, c, i: ops.reshape(a, shape=[(-1,), (-1, 1), (1, -1), (1, 1, -1)][i % 4]),
    lambda a, b, c, i: ops.expand_dims(a, axis=i % (a.ndim + 1)) if a.ndim < 3 else ops.squeeze(a),
    lambda a, b, c, i: ops.broadcast_to(a, shape=[(2, 3, 4), (2, *a.shape), a.shape][i % 3]),
    lambda a, b, c, i: ops.matmul(a, b),
    lambda a, b, c, i: ops.matmul(a, ops.transpose(b)),
    lambda a, b, c, i: ops.ones_like(a) * c,
    lambda a, b, c, i: ops.cast(ops.cast(a, dtype="float64"), dtype="float64"),
    lambda a, b, c, i: ops.slice(a, start=(0,), stop=(1 + i,)),
    lambda a, b, c, i: ops.take(a, np.arange(min(1 + i % 2, a.shape[0])), axis=0),
    lambda a, b, c, i: ops.stop_gradient(a),
]


def moved(move: int, a: Expr, b: Expr, number: float, choice: int) -> Expr | None:
    """What a move makes; None where it does not fit, or becomes large."""
    try:
        made: Expr = MOVES[move](a, b, number, choice)
    except (SpecError, ZeroDivisionError, IndexError):
        return None
    return made if made.spec.size <= LARGEST and made.dtype == "float64" else None


@st.composite
def trees(draw: st.DrawFn) -> tuple[list[Expr], list[Expr]]:
    """Up to three random expressions, and the leaves that they are made of."""
    leaves = [placeholder(f"x{i}", Spec(draw(st.sampled_from(SHAPES)), "float64")) for i in range(3)]
    pool = list(leaves)
    steps = st.tuples(
        st.integers(0, len(MOVES) - 1),
        st.integers(0, 99),
        st.integers(0, 99),
        st.sampled_from(NUMBERS),
        st.integers(0, 5),
    )
    for move, one, other, number, choice in draw(st.lists(steps, min_size=2, max_size=20)):
        made = moved(move, pool[-1 - one % len(pool)], pool[other % len(pool)], number, choice)
        if made is not None:
            pool.append(made)
    return pool[-3:], leaves


def compare(outputs: Sequence[Expr], feeds: dict[Expr, Any], phases: Sequence[str] | None = None) -> None:
    """The outputs have their specs and values, rewritten; those that are finite to rounding of the largest."""
    made = rewrite(outputs).outputs if phases is None else rewrite(outputs, phases=phases).outputs
    assert [e.spec for e in made] == [e.spec for e in outputs]
    for before, after in zip(evaluate(outputs, feeds), evaluate(made, feeds), strict=True):
        finite = np.isfinite(before)
        assert np.isfinite(after[finite]).all()
        if phases is not None:
            assert not np.isfinite(after[~finite]).any()
        largest = np.abs(before[finite]).max(initial=0.0)
        np.testing.assert_allclose(after[finite], before[finite], rtol=1e-7, atol=1e-9 * largest + 1e-11)


def drawn(leaves: Sequence[Expr], seed: int) -> dict[Expr, Array]:
    rng = np.random.default_rng(seed)
    return {e: np.asarray(rng.normal(size=e.shape)) for e in leaves}


@given(trees(), st.integers(0, 1000))
@FEW
def test_random_expressions_keep_their_values(made: tuple[list[Expr], list[Expr]], seed: int) -> None:
    outputs, leaves = made

    compare(outputs, drawn(leaves, seed))


@given(trees(), st.integers(0, 1000))
@FEW
def test_their_gradients_keep_their_values(made: tuple[list[Expr], list[Expr]], seed: int) -> None:
    outputs, leaves = made
    loss = ops.sum(ops.tanh(outputs[-1]))

    compare([loss, *gradients(loss, leaves)], drawn(leaves, seed))


@given(trees(), st.integers(0, 1000))
@FEW
def test_what_is_not_finite_stays_so(made: tuple[list[Expr], list[Expr]], seed: int) -> None:
    """Without the stable forms, which give a finite answer where there is one."""
    outputs, leaves = made
    rng = np.random.default_rng(seed)
    special = [np.nan, np.inf, -np.inf, 0.0, 1.0]
    feeds = {
        e: np.where(rng.random(x.shape) < 0.2, rng.choice(special, x.shape), x) for e, x in drawn(leaves, seed).items()
    }

    compare(outputs, feeds, ["canonicalise", "fold", "algebra"])


@given(trees())
@FEW
def test_rewriting_makes_nothing_larger_and_again_neither(made: tuple[list[Expr], list[Expr]]) -> None:
    once = rewrite(made[0])
    again = rewrite(once.outputs)

    assert once.phases[-1].after <= once.phases[0].before
    assert again.phases[-1].after <= once.phases[-1].after


# ---------------------------------------------------------------- loops

H = placeholder("h", Spec((2, 3), "float64"))
S = placeholder("s", Spec((3, 3), "float64"))
XS = placeholder("xs", Spec((4, 2, 3), "float64"))
ROWS = placeholder("rows", Spec((4, 3), "float64"))
W = placeholder("w", Spec((3, 3), "float64"))
LOOP = (H, S, XS, ROWS, W)


@given(st.data())
@FEW
def test_random_loops_and_their_gradients_keep_their_values(data: st.DataObject) -> None:
    steps = data.draw(
        st.lists(
            st.tuples(st.integers(0, len(MOVES) - 1), st.integers(0, 99), st.integers(0, 99), st.integers(0, 5)),
            min_size=2,
            max_size=10,
        )
    )
    adds, wanted = data.draw(st.integers(0, 3)), data.draw(st.integers(1, 15))

    def body(index: Any, h: Any, s: Any, x: Any, row: Any) -> list[Any]:
        pool: list[Any] = [h, x, row, W, ops.cast(index, dtype="float64")]
        for move, one, other, choice in steps:
            made = moved(move, pool[-1 - one % len(pool)], pool[other % len(pool)], 0.5, choice)
            if made is not None:
                pool.append(made)
        full = [e for e in pool if e.shape == h.shape]
        gain = [0.1 * s, ops.matmul(ops.transpose(x), full[-1]), ops.matmul(ops.transpose(full[0]), x), row][adds]
        return [ops.tanh(full[-1]), s + gain if adds else gain, pool[-1], full[0]]

    made = scan(body, [H, S], [XS, ROWS])
    outputs = [e for i, e in enumerate(made) if wanted >> i & 1]
    loss: Any = constant(0.0, "float64")
    for e in outputs:
        loss = loss + ops.sum(ops.tanh(e))

    compare([*outputs, loss, *gradients(loss, LOOP)], drawn(LOOP, 0))
