"""Dense, embedding, flatten and activations give what their formulas say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pytest
from scipy import special

import flowloom as fl
from flowloom.layers.activations import Activation

Array = np.ndarray[Any, Any]

# The formulas of the papers that the ops name, in SciPy's functions.
REFERENCE: dict[str, Callable[[Array], Array]] = {
    "linear": lambda x: x,
    "relu": lambda x: np.where(x > 0, x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x),
    "elu": lambda x: np.where(x > 0, x, special.expm1(x)),
    "relu6": lambda x: np.clip(x, 0, 6),
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * special.expm1(x)),
    "celu": lambda x: np.where(x > 0, x, special.expm1(x)),
    "mish": lambda x: x * np.tanh(-special.log_expit(-x)),
    "log_sigmoid": special.log_expit,
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "hard_silu": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "squareplus": lambda x: (x + np.sqrt(x**2 + 4)) / 2,
    "hard_shrink": lambda x: np.where(np.abs(x) > 0.5, x, 0),
    "soft_shrink": lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0),
    "exponential": np.exp,
    "log_softmax": lambda x: special.log_softmax(x, axis=-1),
    "gelu": lambda x: x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "silu": lambda x: x * special.expit(x),
    "sigmoid": special.expit,
    "tanh": np.tanh,
    "softplus": lambda x: -special.log_expit(-x),
    "softmax": lambda x: special.softmax(x, axis=-1),
}


def test_every_activation_has_a_formula_here() -> None:
    assert set(REFERENCE) == set(get_args(Activation))


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


def alone(layer: str, x: Array, **params: Any) -> tuple[fl.Graph, Array]:
    with fl.Graph(layer) as g:
        y = getattr(fl.layers, layer)(fl.input("x", shape=("batch", *x.shape[1:]), dtype="float64"), **params)
    return g, fl.compile(y)({"x": x})


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, [0, 0, 0, 0.5, 2, 7]),
        ({"max_value": 6.0}, [0, 0, 0, 0.5, 2, 6]),
        ({"negative_slope": 0.1}, [-0.3, -0.05, 0, 0.5, 2, 7]),
        ({"threshold": 1.0}, [0, 0, 0, 0, 2, 7]),
        ({"threshold": 1.0, "negative_slope": 0.5, "max_value": 3.0}, [-2, -0.75, -0.5, -0.25, 2, 3]),
    ],
)
def test_relu_has_a_knee_a_slope_and_an_end(params: dict[str, float], expected: list[float]) -> None:
    """Keras' formula: max_value from there on, x from threshold on, else negative_slope * (x - threshold)."""
    _, result = alone("relu", np.array([[-3.0, -0.5, 0.0, 0.5, 2.0, 7.0]]), **params)

    np.testing.assert_allclose(result, [expected])


def test_relu_cannot_end_below_its_knee() -> None:
    with pytest.raises(fl.SpecError, match=r"max_value must not be below threshold; got 1\.0 and 2\.0"):
        alone("relu", np.zeros((1, 2)), max_value=1.0, threshold=2.0)


def test_leaky_relu_has_the_slope_of_keras() -> None:
    _, result = alone("leaky_relu", np.array([[-2.0, 3.0]]))

    np.testing.assert_allclose(result, [[-0.6, 3.0]])


@pytest.mark.parametrize(("shared", "shape"), [((), (2, 3)), ((1,), (1, 3)), ((1, 2), (1, 1)), ((-1,), (2, 1))])
def test_prelu_learns_slopes(shared: tuple[int, ...], shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=(4, 2, 3))
    with fl.Graph("prelu") as g:
        y = fl.layers.prelu(fl.input("x", shape=("batch", 2, 3), dtype="float64"), shared_axes=shared)
    slope = g.variables[0].value = np.random.default_rng(1).normal(size=shape).astype("float32")

    np.testing.assert_allclose(fl.compile(y)({"x": x}), np.where(x > 0, x, slope * x))


def test_softmax_gives_no_share_to_what_is_masked() -> None:
    x, mask = np.random.default_rng(0).normal(size=(4, 3)), np.array([True, False, True])
    with fl.Graph("softmax"):
        y = fl.layers.softmax(fl.input("x", shape=("batch", 3), dtype="float64"), mask)

    result = fl.compile(y)({"x": x})

    np.testing.assert_allclose(result[:, [0, 2]], special.softmax(x[:, [0, 2]], axis=1))
    assert (result[:, 1] == 0).all()


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
        with pytest.raises(fl.SpecError, match=r"rows of features.*float32\[batch\].*node 'dense'"):
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

    with pytest.raises(fl.RunError, match=rf"index {word} is outside 0..3, .*node 'lookup'") as caught:
        fl.compile(g["lookup"])({"word": [0, word]})

    assert caught.value.node == g["lookup"].id


def test_flatten_keeps_the_batch_and_the_order() -> None:
    x = np.arange(24, dtype="float32").reshape(2, 3, 4)
    with fl.Graph("flat"):
        y = fl.layers.flatten(fl.input("x", shape=("batch", 3, 4)))

    assert y.shape == ("batch", 12)
    np.testing.assert_array_equal(fl.compile(y)({"x": x}), x.reshape(2, 12))
