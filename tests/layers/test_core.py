"""Dense, embedding, flatten and activations give what their formulas say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special

import flowloom as fl

Array = np.ndarray[Any, Any]

# The formulas of the papers that the ops name, in SciPy's functions.
REFERENCE: dict[str, Callable[[Array], Array]] = {
    "linear": lambda x: x,
    "relu": lambda x: np.where(x > 0, x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x),
    "elu": lambda x: np.where(x > 0, x, special.expm1(x)),
    "gelu": lambda x: x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "silu": lambda x: x * special.expit(x),
    "sigmoid": special.expit,
    "tanh": np.tanh,
    "softplus": lambda x: -special.log_expit(-x),
    "softmax": lambda x: special.softmax(x, axis=-1),
}


@pytest.mark.parametrize("name", REFERENCE)
def test_an_activation_is_the_function_of_that_name(name: str) -> None:
    x = np.random.default_rng(0).normal(scale=4, size=(6, 5))
    with fl.Graph("activation") as g:
        alone = fl.layers.activation(fl.input("x", shape=("batch", 5), dtype="float64"), activation=name)
        in_dense = fl.layers.dense(g["x"], units=5, activation=name, name="dense")
    kernel = g.variables[0]
    kernel.value = np.eye(5)

    results = fl.compile([alone, in_dense])({"x": x})

    for result in results:
        np.testing.assert_allclose(result, REFERENCE[name](x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("leading", [(7,), (7, 2), (7, 2, 3)])
def test_dense_multiplies_the_last_axis_and_adds_the_bias(leading: tuple[int, ...]) -> None:
    x = np.random.default_rng(1).normal(size=(*leading, 4))
    with fl.Graph("dense") as g:
        y = fl.layers.dense(fl.input("x", shape=("batch", *leading[1:], 4), dtype="float64"), units=3)
    kernel, bias = g.variables
    kernel.value, bias.value = np.arange(12).reshape(4, 3) / 8, [1, 2, 3]

    expected = np.einsum("...i,ij->...j", x, kernel.value) + np.array([1, 2, 3])
    np.testing.assert_allclose(fl.compile(y)({"x": x}), expected)
    assert [v.name for v in g.variables] == ["dense/kernel", "dense/bias"]


def test_dense_reads_integers_as_numbers() -> None:
    with fl.Graph("pixels") as g:
        y = fl.layers.dense(fl.input("x", shape=("batch", 2), dtype="uint8"), units=1)
    g.variables[0].value = [[0.5], [0.25]]

    np.testing.assert_array_equal(fl.compile(y)({"x": np.array([[200, 4]], "uint8")}), np.float32([[101]]))


def test_dense_refuses_a_vector_and_an_unknown_width() -> None:
    with fl.Graph("wrong"):
        with pytest.raises(fl.SpecError, match=r"rows of features.*float32\[batch\].*In node 'dense'"):
            fl.layers.dense(fl.input("x"))
        with pytest.raises(fl.SpecError, match="kernel needs known sizes"):
            fl.layers.dense(fl.input("wide", shape=("batch", "width")))
        with pytest.raises(fl.SpecError, match="units=0"):
            fl.layers.dense(fl.input("z", shape=("batch", 2)), units=0)


def test_embedding_gives_the_row_of_each_index() -> None:
    with fl.Graph("words") as g:
        y = fl.layers.embedding(fl.input("word", shape=("batch", 2), dtype="int64"), input_dim=4, output_dim=3)
    table = np.arange(12, dtype="float32").reshape(4, 3)
    g.variables[0].value = table
    words = np.array([[3, 0], [1, 1]])

    np.testing.assert_array_equal(fl.compile(y)({"word": words}), table[words])


def test_the_gradient_of_embedding_counts_how_often_a_row_was_read() -> None:
    with fl.Graph("words") as g:
        y = fl.layers.embedding(fl.input("word", dtype="int64"), input_dim=4, output_dim=2)
        total = fl.sum(y)

    (gradient,) = fl.compile(fl.gradients(total, g.trainable_variables))({"word": [1, 1, 3]})

    np.testing.assert_array_equal(gradient, [[0, 0], [2, 2], [0, 0], [1, 1]])


@pytest.mark.parametrize("word", [4, -1])
def test_an_index_without_a_row_is_named_with_its_node(word: int) -> None:
    with fl.Graph("words") as g:
        fl.layers.embedding(fl.input("word", dtype="int64"), input_dim=4, name="lookup")

    with pytest.raises(fl.RunError, match=rf"'lookup'.*{word}") as caught:
        fl.compile(g["lookup"])({"word": [0, word]})

    assert caught.value.node == g["lookup"].id


def test_flatten_keeps_the_batch_and_the_order() -> None:
    x = np.arange(24, dtype="float32").reshape(2, 3, 4)
    with fl.Graph("flat"):
        y = fl.layers.flatten(fl.input("x", shape=("batch", 3, 4)))

    assert y.shape == ("batch", 12)
    np.testing.assert_array_equal(fl.compile(y)({"x": x}), x.reshape(2, 12))
