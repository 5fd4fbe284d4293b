"""Random numbers of a model: their shapes, dtypes and distributions; and dropout, which acts while learning."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import flowloom as fl
from tests.formats.onnx.networks import kinds, network, run


def drawn(node: str, feeds: dict[str, Any] | None = None, inputs: str = "", opset: int = 22) -> Any:
    graph = fl.formats.onnx.load(network(f"g ({inputs}) => (y) {{ y = {node} }}", opset=opset))
    return run(graph, feeds or {})[0]


def test_normal_and_uniform_numbers_of_a_shape() -> None:
    normal = drawn("RandomNormal <shape=[100, 50], mean=2.0, scale=3.0, dtype=11> ()")
    uniform = drawn("RandomUniform <shape=[100, 50], low=-1.0, high=3.0, dtype=10> ()")

    assert (normal.shape, normal.dtype, uniform.shape, uniform.dtype) == ((100, 50), float, (100, 50), np.float16)
    assert abs(normal.mean() - 2) < 0.2
    assert abs(normal.std() - 3) < 0.2
    assert abs(uniform.mean() - 1) < 0.1
    assert uniform.min() >= -1


def test_numbers_in_the_shape_of_an_input_that_is_known_when_it_runs() -> None:
    x = np.zeros((7, 3), np.float32)

    assert drawn("RandomNormalLike (x)", {"x": x}, "float[n, 3] x").shape == (7, 3)
    assert drawn("RandomUniformLike <dtype=11> (x)", {"x": x}, "float[n, 3] x").dtype == np.float64


def test_yes_and_no_with_given_probabilities() -> None:
    p = np.repeat(np.array([0.0, 0.25, 1.0], np.float32), 2000)
    made = drawn("Bernoulli <dtype=6> (x)", {"x": p}, "float[n] x").reshape(3, -1)

    assert made.dtype == np.int32
    assert (made[0] == 0).all()
    assert (made[2] == 1).all()
    assert abs(made[1].mean() - 0.25) < 0.05


def test_classes_drawn_by_their_log_probabilities() -> None:
    logits = np.log(np.array([[0.7, 0.1, 0.2], [1e-9, 1e-9, 1.0]], np.float32))
    made = drawn("Multinomial <sample_size=2000> (x)", {"x": logits}, "float[n, 3] x")

    assert (made.shape, made.dtype) == ((2, 2000), np.int32)
    assert abs((made[0] == 0).mean() - 0.7) < 0.05
    assert (made[1] == 2).all()


@pytest.mark.parametrize(
    ("opset", "node"), [(6, "Dropout <ratio=0.5, is_test=1> (x)"), (10, "Dropout (x)"), (22, "Dropout (x, half)")]
)
def test_dropout_acts_only_while_flowloom_learns(opset: int, node: str) -> None:
    body = f"g (float[n, 100] x) => (y) {{ y = {node} }}"
    graph = fl.formats.onnx.load(network(body, {"half": np.array(0.5, np.float32)} if "half" in node else None, opset))
    x = np.ones((20, 100), np.float32)
    with graph:
        noisy = fl.mean(fl.square(graph.outputs[0]))

    assert kinds(graph)[0] == "layers.dropout"
    np.testing.assert_array_equal(run(graph, {"x": x})[0], x)
    learning = fl.compile(noisy, training=True)({"x": x})
    assert learning == pytest.approx(2, abs=0.2)  # half of the elements, twice as large


def test_dropout_that_the_model_itself_turns_on_acts_always() -> None:
    body = """g (float[n] x, float ratio, bool training) => (y, kept) { y, kept = Dropout (x, ratio, training) }"""
    graph = fl.formats.onnx.load(network(body, opset=22))
    x = np.arange(1, 2001, dtype=np.float32)

    y, kept = run(graph, {"x": x, "ratio": np.array(0.75, np.float32), "training": np.array(True)})
    np.testing.assert_allclose(y, np.where(kept, 4 * x, 0))
    assert abs(kept.mean() - 0.25) < 0.05

    y, kept = run(graph, {"x": x, "ratio": np.array(0.75, np.float32), "training": np.array(False)})
    np.testing.assert_array_equal(y, x)
    assert kept.all()
