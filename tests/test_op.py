"""Ops as users call and declare them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import flowloom as fl
from flowloom.compiler.expr import constant, placeholder
from flowloom.op import REGISTRY, Op, Port, get_op
from flowloom.ops import add, concatenate, exp, matmul, one_hot, relu, stack
from flowloom.spec import Spec, SpecError


@pytest.fixture
def registry() -> Iterator[dict[str, Op]]:
    """The registry, put back as it was."""
    before = dict(REGISTRY)
    yield REGISTRY
    REGISTRY.clear()
    REGISTRY.update(before)


def declare() -> Op:
    """What a cell of a notebook might declare."""

    @fl.op(family="elementwise")
    def nearer(x: Spec, *, by: float = 2.0) -> Spec:
        """Divide `x`. Returns the shape and dtype of `x`."""
        return x

    @nearer.kernel
    def _(xp: Any, x: Any, *, by: float, out: Any = None) -> Any:
        return xp.divide(x, by, out=out)

    @nearer.vjp
    def _(g: Any, y: Any, x: Any, *, by: float) -> Any:
        return (nearer(g, by=by),)

    return nearer


# ---------------------------------------------------------------- four ways to call one op


def test_on_specs_it_infers() -> None:
    assert matmul(Spec(("batch", 4)), Spec((4, 5))) == Spec(("batch", 5))
    assert add(Spec((3,)), 1.0) == add(1.0, Spec((3,))) == Spec((3,))


def test_on_arrays_it_computes() -> None:
    a, b = np.arange(6.0).reshape(2, 3), np.arange(3.0)

    np.testing.assert_array_equal(matmul(a, b[:, None]), a @ b[:, None])


def test_on_expressions_it_builds() -> None:
    y = add(placeholder("x", Spec(("batch", 3))), constant([1.0, 2.0, 3.0]))

    assert (y.op, y.spec) == (add, Spec(("batch", 3)))


def test_on_tensors_it_adds_a_node() -> None:
    with fl.Graph() as g:
        y = relu(fl.input("x", shape=("batch", 3)), name="hidden")

    assert (g["hidden"].spec, y.name) == (Spec(("batch", 3)), "hidden")


def test_a_python_number_beside_an_array_takes_its_dtype_as_in_a_graph() -> None:
    assert add(np.float32([1]), 2.0).dtype == np.float32
    assert add(np.float32([1]), np.float64([2])).dtype == np.float64
    assert exp([0.0, 1.0]).dtype == np.float32


def test_an_op_on_many_operands_takes_them_as_a_list_as_numpy_does() -> None:
    a, b = np.float32([[1, 2]]), np.float32([[3, 4]])

    np.testing.assert_array_equal(concatenate([a, b], axis=1), np.concatenate([a, b], axis=1))
    np.testing.assert_array_equal(stack((a, b)), np.stack((a, b)))
    with fl.Graph():
        x = fl.input("x", shape=("batch", 2))
        assert concatenate([x, x], axis=1).shape == ("batch", 4)


# ---------------------------------------------------------------- wrong calls


def test_operands_that_do_not_fit_are_named_with_their_specs_and_the_dimension() -> None:
    with pytest.raises(SpecError, match=r"^add\(a: float32\[2, 3\], b: float32\[4\]\): .*3 and 4") as caught:
        add(Spec((2, 3)), Spec((4,)))

    assert caught.value.dimension == "axis -1: 3 != 4"


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_wrong_number_of_operands_is_said(count: int) -> None:
    with pytest.raises(TypeError, match=rf"add\(a, b\) takes 2 tensors; got {count}"):
        add(*[np.zeros(2)] * count)


def test_an_unknown_parameter_is_met_with_the_nearest_name() -> None:
    with pytest.raises(TypeError, match=r"one_hot\(\) has no parameter 'dept'; did you mean 'depth'\?"):
        one_hot(np.array([1]), dept=3)


@pytest.mark.parametrize("value", [None, "abc", {}, [1, [2]], 1j, object()])
def test_an_operand_that_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises(SpecError, match=r"exp\(\): .* is not an array of numbers"):
        exp(value)


def test_a_misspelt_op_is_met_with_the_nearest_name() -> None:
    with pytest.raises(KeyError, match="there is no op 'matmull'; did you mean 'matmul'"):
        get_op("matmull")


# ---------------------------------------------------------------- declaring


@pytest.mark.usefixtures("registry")
def test_a_declared_op_can_be_inferred_computed_built_trained_and_saved() -> None:
    nearer = declare()

    assert (nearer.ports, list(nearer.params), nearer.takes_out) == ((Port("x"),), ["by"], True)
    np.testing.assert_array_equal(nearer(np.array([3.0]), by=3), [1.0])
    with fl.Graph() as g:
        x = fl.input("x", shape=("batch",))
        loss = fl.sum(nearer(x * x, by=4.0))
        slope = fl.gradients(loss, [x])
    np.testing.assert_array_equal(fl.compile(slope)({"x": [2.0, 4.0]})[0], [1.0, 2.0])
    assert fl.formats.flow.decode(fl.formats.flow.encode(g)).problems == []


@pytest.mark.usefixtures("registry")
def test_a_cell_that_declares_an_op_can_run_again() -> None:
    declare()
    again = declare()

    assert get_op("nearer") is again


@pytest.mark.usefixtures("registry")
def test_a_name_that_another_op_has_is_refused() -> None:
    with pytest.raises(ValueError, match="an op named 'exp' is declared already"):

        @fl.op(name="exp")
        def other(x: Spec) -> Spec:
            return x


@pytest.mark.usefixtures("registry")
def test_an_op_without_a_kernel_says_so_when_it_runs() -> None:
    @fl.op
    def unfinished(x: Spec) -> Spec:
        return x

    assert unfinished(Spec((3,))) == Spec((3,))
    with pytest.raises(NotImplementedError, match="unfinished has no kernel"):
        unfinished(np.zeros(3))


def test_help_and_signature_are_those_of_the_declaration() -> None:
    assert inspect.getdoc(fl.clip) == fl.clip.doc
    assert fl.clip.__name__ == "clip"
    assert list(inspect.signature(fl.clip).parameters) == ["x", "low", "high", "name"]
    assert list(inspect.signature(fl.layers.dense).parameters)[:2] == ["x", "units"]
