"""Symbolic gradients: as SciPy and differences have them; to second order, through sharing, depth, several outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from flowloom.backends.portable import evaluate
from flowloom.compiler.expr import Expr, constant, placeholder, toposort
from flowloom.compiler.gradient import Origins, gradients
from flowloom.op import REGISTRY, Op, op
from flowloom.ops import (
    cast,
    cos,
    divide,
    exp,
    floor,
    matmul,
    maximum,
    mean,
    multiply,
    negative,
    one_hot,
    power,
    sin,
    softplus,
    square,
    subtract,
    take,
    tanh,
    where,
)
from flowloom.ops import sum as total
from flowloom.spec import Spec, SpecError

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(3)


def value(e: Expr, feeds: dict[Expr, Array]) -> Array:
    return evaluate([e], feeds)[0]


def assert_gradient(y: Expr, feeds: dict[Expr, Array]) -> None:
    """The gradient of `y` at `feeds` is what central differences along a random direction say, for each input."""
    for x, at in feeds.items():
        direction = RNG.normal(size=at.shape)
        step = 1e-6
        up, down = (value(y, feeds | {x: at + s * direction}) for s in (step, -step))
        expected = (up - down) / (2 * step)
        (slope,) = evaluate(gradients(y, [x]), feeds)
        assert np.sum(slope * direction) == pytest.approx(float(expected), rel=1e-5, abs=1e-7)


def double(*shape: int) -> Expr:
    return placeholder(f"x{shape}", Spec(shape, "float64"))


# ---------------------------------------------------------------- numbers from outside


def test_the_gradient_of_rosenbrock_is_scipys() -> None:
    x = double(6)
    head, tail = take(x, constant(np.arange(5)), axis=0), take(x, constant(np.arange(1, 6)), axis=0)
    y = total(100.0 * square(tail - square(head)) + square(1.0 - head))
    at = RNG.normal(size=6)

    (slope,) = gradients(y, [x])
    np.testing.assert_allclose(value(y, {x: at}), optimize.rosen(at), rtol=1e-12)
    np.testing.assert_allclose(value(slope, {x: at}), optimize.rosen_der(at), rtol=1e-12)


def test_the_second_derivative_of_rosenbrock_is_scipys_hessian() -> None:
    x, v = double(6), placeholder("v", Spec((6,), "float64"))
    head, tail = take(x, constant(np.arange(5)), axis=0), take(x, constant(np.arange(1, 6)), axis=0)
    y = total(100.0 * square(tail - square(head)) + square(1.0 - head))
    (slope,) = gradients(y, [x])
    (product,) = gradients(total(slope * v), [x])
    at, direction = RNG.normal(size=6), RNG.normal(size=6)

    expected = optimize.rosen_hess_prod(at, direction)
    np.testing.assert_allclose(value(product, {x: at, v: direction}), expected, rtol=1e-11)


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_derivatives_of_any_order_go_round_the_sine(order: int) -> None:
    x = double()
    y = sin(x)
    for _ in range(order):
        (y,) = gradients(y, [x])

    assert value(y, {x: np.array(0.7)}) == pytest.approx(np.sin(0.7 + order * np.pi / 2), rel=1e-12)


SMOOTH: list[Callable[..., Expr]] = [tanh, sin, cos, softplus, square, negative, lambda a: exp(tanh(a))]
JOINING: list[Callable[..., Expr]] = [lambda a, b: a + b, multiply, subtract, lambda a, b: divide(a, 2.0 + square(b))]
SHAPES = [(2, 3), (1, 3), (2, 1), (3,), ()]


@st.composite
def models(draw: st.DrawFn) -> tuple[Expr, list[Expr]]:
    """A random scalar of a few inputs that broadcast: a pool of expressions, of which any may be read again."""
    inputs = [placeholder(f"i{i}", Spec(shape, "float64")) for i, shape in enumerate(SHAPES)]
    pool = list(inputs)
    for _ in range(draw(st.integers(1, 12))):
        if draw(st.booleans()):
            pool.append(draw(st.sampled_from(SMOOTH))(draw(st.sampled_from(pool))))
        else:
            pool.append(draw(st.sampled_from(JOINING))(*(draw(st.sampled_from(pool)) for _ in range(2))))
    return mean(tanh(pool[-1]) + 0.1 * pool[-1]), inputs


@settings(max_examples=40)
@given(models())
def test_any_model_has_the_gradient_that_differences_show(model: tuple[Expr, list[Expr]]) -> None:
    y, inputs = model
    feeds = {x: RNG.normal(size=x.spec.sizes) * 0.5 for x in inputs}
    used = set(toposort([y]))

    for x, slope in zip(inputs, gradients(y, inputs), strict=True):
        assert slope.spec == x.spec
        if x not in used:
            np.testing.assert_array_equal(evaluate([slope], {})[0], np.zeros(x.spec.sizes))
    assert_gradient(y, {x: feeds[x] for x in inputs if x in used})


# ---------------------------------------------------------------- structure


def test_what_an_output_does_not_depend_on_has_a_gradient_of_zeros() -> None:
    x, unused = double(2, 3), double(4)
    named = placeholder("named", Spec(("batch", 3)))
    none, unknown = gradients(total(x), [unused, named])

    np.testing.assert_array_equal(value(none, {}), np.zeros(4))
    assert unknown.spec == named.spec


def test_an_expression_has_a_gradient_with_respect_to_itself_and_to_what_is_inside() -> None:
    x = double(3)
    inside = exp(x)
    y = total(square(inside))

    to_itself, to_inside = gradients(y, [y, inside])
    assert value(to_itself, {}) == 1.0
    np.testing.assert_allclose(value(to_inside, {x: np.ones(3)}), 2 * np.exp(np.ones(3)))


def test_a_shared_expression_is_differentiated_once() -> None:
    x = double(3)
    shared = exp(x)
    y = total(shared * shared)
    for _ in range(40):  # without sharing, 2**40 expressions
        y = y * y + y
    (slope,) = gradients(y, [x])

    assert len(toposort([slope])) < 1000


def test_the_same_target_may_be_asked_for_twice() -> None:
    x = double(3)
    one, other = gradients(total(square(x)), [x, x])

    assert one is other


def test_a_seed_gives_the_product_with_the_jacobian() -> None:
    x, seed = double(3), placeholder("seed", Spec((2,), "float64"))
    matrix = RNG.normal(size=(2, 3))
    (product,) = gradients(matmul(constant(matrix), x), [x], seed)

    np.testing.assert_allclose(value(product, {seed: np.array([2.0, -1.0])}), np.array([2.0, -1.0]) @ matrix)


def test_the_gradient_has_the_dtype_of_what_it_is_for() -> None:
    x = placeholder("x", Spec((3,), "float32"))
    (slope,) = gradients(total(square(cast(x, dtype="float64"))), [x])

    assert slope.spec == x.spec


def test_a_named_dimension_stays_in_the_gradient() -> None:
    x, w = placeholder("x", Spec(("batch", 4))), placeholder("w", Spec((4, 5)))
    bias = placeholder("b", Spec((5,)))
    made = gradients(mean(square(x @ w + bias)), [x, w, bias])

    assert [g.spec for g in made] == [x.spec, w.spec, bias.spec]


def test_where_the_way_is_not_differentiable_the_gradient_is_zero() -> None:
    x = double(3)
    (slope,) = gradients(total(where(x > 0.0, floor(x), x)), [x])

    np.testing.assert_array_equal(value(slope, {x: np.array([-1.5, 1.5, -0.5])}), [1, 0, 1])


# ---------------------------------------------------------------- several outputs


@pytest.fixture
def halves() -> Iterator[Op]:
    """An op with two outputs: the head and the tail of a vector."""

    @op(name="halves", outputs=("head", "tail"))
    def rule(x: Spec) -> tuple[Spec, Spec]:
        return (x.with_shape((x.sizes[0] // 2,)),) * 2

    @rule.kernel
    def _(xp: Any, x: Any) -> Any:
        return x[: len(x) // 2].copy(), x[len(x) // 2 :].copy()

    @rule.vjp
    def _(g: Any, y: Any, x: Any) -> Any:
        zero = constant(np.zeros(x.spec.sizes[0] // 2))
        head, tail = (zero if part is None else part for part in g)
        return (REGISTRY["concatenate"](head, tail, axis=0),)

    yield rule
    del REGISTRY["halves"]


def test_the_gradient_flows_through_each_output_of_an_op(halves: Op) -> None:
    x = double(4)
    head, tail = halves(x)
    at = np.arange(4.0)

    both, first = gradients(total(square(head) * tail), [x])[0], gradients(total(square(head)), [x])[0]
    np.testing.assert_allclose(value(both, {x: at}), [2 * 0 * 2, 2 * 1 * 3, 0, 1])
    np.testing.assert_allclose(value(first, {x: at}), [0, 2, 0, 0])
    assert_gradient(total(square(head) * tail + head), {x: at})


def test_the_gradient_with_respect_to_one_of_several_outputs(halves: Op) -> None:
    x = double(4)
    head, tail = halves(x)
    to_head, to_tail = gradients(total(head * tail), [head, tail])

    np.testing.assert_array_equal(value(to_head, {x: np.arange(4.0)}), [2, 3])
    np.testing.assert_array_equal(value(to_tail, {x: np.arange(4.0)}), [0, 1])


# ---------------------------------------------------------------- depth


def test_a_chain_of_fifty_thousand_ops_is_differentiated_and_run_without_recursion() -> None:
    x = double(2)
    y = x
    for _ in range(50_000):
        y = y * 0.99999
    (slope,) = gradients(total(y), [x])

    np.testing.assert_allclose(value(slope, {x: np.ones(2)}), 0.99999**50_000 * np.ones(2), rtol=1e-9)


# ---------------------------------------------------------------- refusals


def test_only_a_float_scalar_is_differentiated() -> None:
    x = double(3)
    with pytest.raises(SpecError, match=r"needs a scalar; got float64\[3\]. Take its mean or sum, or give a seed"):
        gradients(x, [x])
    with pytest.raises(SpecError, match=r"only a float can be differentiated; got int64\[\]"):
        gradients(placeholder("i", Spec((), "int64")), [x])


def test_integers_cannot_be_differentiated_by() -> None:
    label = placeholder("label", Spec((3,), "int64"))
    with pytest.raises(SpecError, match=r"only floats can be differentiated by; got int64\[3\]"):
        gradients(total(one_hot(label, depth=2) * 1.0), [label])


def test_an_op_without_a_rule_is_named() -> None:
    @op(name="ruleless")
    def ruleless(x: Spec) -> Spec:
        return x

    try:
        x = double(3)
        with pytest.raises(SpecError, match="ruleless has no gradient rule"):
            gradients(total(ruleless(x)), [x])
        assert len(gradients(total(ruleless(x) + maximum(x, 0.0)), [double(5)])) == 1
    finally:
        del REGISTRY["ruleless"]


# ---------------------------------------------------------------- origins


def test_everything_of_the_backward_pass_is_attributed_to_a_node() -> None:
    x, w = double(2, 3), placeholder("w", Spec((3, 4), "float64"))
    hidden = tanh(x @ w)
    loss = mean(power(hidden, 2.0))
    origins = Origins()
    origins.claim([x], ("x",))
    origins.claim([hidden], ("dense",))
    origins.claim([loss], ("loss",))
    (slope,) = gradients(loss, [w], origins=origins)

    assert origins.of(hidden) == ("dense",)
    assert origins.of(slope) == ("dense",)
    assert {origins.of(e) for e in toposort([slope])} == {("x",), ("dense",), ("loss",)}
