"""Models in every float dtype, and how dtypes meet: promotion, feeds, gradients."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

import flowloom as fl

X = np.random.default_rng(0).normal(size=(5, 4))
W = np.random.default_rng(1).normal(size=(4, 3))
EPSILON = {"float16": 2**-10, "bfloat16": 2**-7, "float32": 2**-23, "float64": 2**-52}


def model(dtype: str) -> list[Any]:
    """Row-wise probabilities, a loss, and its gradients by the input and the weights."""
    with fl.Graph() as g:
        x = fl.input("x", shape=("batch", 4), dtype=dtype)
        w = fl.variable("w", shape=(4, 3), dtype=dtype)
        g.variable("w").value = W
        y = fl.softmax(fl.tanh(x @ w) * 2.0 + 1, axis=-1)
        both = fl.concatenate([y, fl.sum(y, axis=1, keepdims=True)], axis=1)
        loss = fl.mean(fl.square(both))
        return [both, loss, *fl.gradients(loss, [x, g.variable("w")])]


@pytest.mark.parametrize("dtype", EPSILON)
def test_a_model_computes_in_the_dtype_of_its_input_and_variables(dtype: str) -> None:
    found = fl.compile(model(dtype))({"x": X.astype(dtype)})
    expected = fl.compile(model("float64"))({"x": X})

    assert {a.dtype.name for a in found} == {dtype}
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a.astype("float64"), b, rtol=8 * EPSILON[dtype], atol=8 * EPSILON[dtype])


@pytest.mark.parametrize("dtype", EPSILON)
def test_python_numbers_and_integers_do_not_change_a_float(dtype: str) -> None:
    x = np.ones(3, dtype)

    assert fl.add(x, 1.5).dtype == dtype
    assert fl.multiply(x, 2).dtype == dtype
    assert fl.add(x, np.arange(3)).dtype == dtype


@pytest.mark.parametrize(
    ("a", "b", "result"),
    [
        ("bfloat16", "float32", "float32"),
        ("float16", "float64", "float64"),
        ("bfloat16", "float16", "float32"),  # neither holds the other
        ("float8_e4m3fn", "bfloat16", "float32"),
        ("int4", "int4", "int4"),
        ("int4", "int32", "int32"),
        ("uint4", "float16", "float16"),
        ("bool", "int8", "int8"),
    ],
)
def test_dtypes_meet_in_one_that_holds_both(a: str, b: str, result: str) -> None:
    assert fl.add(np.ones(2, a), np.ones(2, b)).dtype == result


def test_a_narrow_float_is_rounded_at_every_op_as_hardware_does() -> None:
    a, b = np.array([1.0, 3.0], "bfloat16"), np.array([2**-9, 1 / 3], "bfloat16")
    expected = (a.astype("float32") + b.astype("float32")).astype("bfloat16")

    np.testing.assert_array_equal(fl.add(a, b), expected)
    assert fl.add(a, b)[0] == ml_dtypes.bfloat16(1.0)


def test_a_model_of_float16_is_trained() -> None:
    with fl.Graph() as g:
        x = fl.input("x", shape=("batch", 4), dtype="float16")
        y = fl.input("y", shape=("batch",), dtype="int64")
        w = fl.variable("w", shape=(4, 3), dtype="float16", initializer="glorot_uniform")
        loss = fl.losses.softmax_cross_entropy(x @ w, y)
    data = fl.data.Dataset({"x": X.astype("float16"), "y": np.arange(5) % 3})
    history = fl.Trainer(loss=loss, optimizer=fl.optimizers.sgd(0.5)).fit(data.batch(5), epochs=20).history

    assert history["loss"][-1] < 0.8 * history["loss"][0]
    assert g.variable("w").dtype == np.float16
