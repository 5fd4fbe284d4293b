"""Normalization of a model: on whichever axis the channels are, with statistics that training leaves alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import flowloom as fl
from flowloom.formats.onnx import OnnxError
from tests.formats.onnx.networks import check, count, floats, kinds, network

X = floats(2, 4, 3, 5)
STATISTICS = {"s": floats(4), "b": floats(4, seed=1), "m": floats(4, seed=2), "v": np.abs(floats(4, seed=3)) + 0.1}


def one(node: str, weights: dict[str, Any], opset: int = 17) -> Any:
    return network(f"g (float[n, 4, 3, 5] x) => (y) {{ y = {node} }}", weights, opset)


@pytest.mark.parametrize("opset", [7, 9, 14, 15])
def test_batch_normalization_of_any_version(opset: int) -> None:
    graph = check(one("BatchNormalization <epsilon=0.01> (x, s, b, m, v)", STATISTICS, opset), {"x": X})

    assert kinds(graph) == ["batch_normalization"]
    assert {v.name for v in graph.trainable_variables} == {"s", "b"}


def test_batch_normalization_in_training_mode_gives_the_running_statistics() -> None:
    body = """g (float[n, 4, 3, 5] x) => (y, mean, variance) {
        y, mean, variance = BatchNormalization <training_mode=1, momentum=0.7> (x, s, b, m, v)
    }"""
    check(network(body, STATISTICS), {"x": X})


def test_batch_normalization_of_a_single_number_for_each_example() -> None:
    body = "g (float[n] x) => (y) { y = BatchNormalization (x, s, b, m, v) }"
    one_channel = {k: v[:1] for k, v in STATISTICS.items()}
    graph = fl.formats.onnx.load(network(body, one_channel))
    x = floats(6)

    made = fl.compile(graph.outputs)({"x": x})[0]

    s, b, m, v = one_channel.values()
    np.testing.assert_allclose(made, (x - m) / np.sqrt(v + 1e-5) * s + b, rtol=1e-5)


def test_statistics_of_every_element_are_refused() -> None:
    with pytest.raises(OnnxError, match="spatial=0"):
        fl.formats.onnx.load(one("BatchNormalization <spatial=0> (x, s, b, m, v)", STATISTICS, 8))


@pytest.mark.parametrize(("opset", "count"), [(18, 2), (21, 4)])
def test_group_normalization_with_weights_for_groups_and_for_channels(opset: int, count: int) -> None:
    weights = {"s": floats(count), "b": floats(count, seed=1)}
    check(one("GroupNormalization <num_groups=2, epsilon=0.01> (x, s, b)", weights, opset), {"x": X})


def test_a_scale_of_ones_and_an_offset_of_zeros_are_left_out() -> None:
    """As PyTorch exports group normalization: in groups as channels, and the weights behind."""
    body = """g (float[n, 4, 3, 5] x) => (y) {
        ones = Constant <value_floats=[1.0, 1.0]> ()
        zeros = Constant <value_floats=[0.0, 0.0]> ()
        shape = Constant <value_ints=[0, 2, -1]> ()
        grouped = Reshape (x, shape)
        y = InstanceNormalization (grouped, ones, zeros)
    }"""
    graph = check(network(body), {"x": X})

    assert [n.kind for n in graph.nodes.values()] == ["input", "reshape", "group_normalization", "output"]


@pytest.mark.parametrize(
    "node",
    [
        "LayerNormalization <axis=2> (x, w, c)",
        "LayerNormalization <axis=-2, epsilon=0.1> (x, w)",
        "LRN <size=3, alpha=0.3, beta=0.6, bias=1.5> (x)",
        "LpNormalization <axis=1, p=1> (x)",
        "MeanVarianceNormalization (x)",
    ],
)
def test_other_kinds(node: str) -> None:
    check(one(node, {"w": floats(3, 5), "c": floats(3, 5, seed=1)}), {"x": X})


def test_half_floats_are_normalized_in_single_precision() -> None:
    body = "g (float16[n, 64] x) => (y) { y = LayerNormalization (x, s, b) }"
    weights = {"s": np.ones(64, np.float16), "b": np.zeros(64, np.float16)}
    x = (floats(3, 64) * 30 + 500).astype(np.float16)

    check(network(body, weights), {"x": x}, rtol=2e-3, atol=2e-3)


def test_between_convolutions_it_moves_no_axes() -> None:
    body = """g (float[n, 4, 6, 6] x) => (y) {
        a = Conv (x, w)
        b = InstanceNormalization (a, s, b0)
        c = LRN <size=3> (b)
        d = LpNormalization <axis=1> (c)
        y = Conv (d, v)
    }"""
    weights = {"w": floats(4, 4, 3, 3), "v": floats(2, 4, 1, 1), "s": floats(4), "b0": floats(4)}
    graph = check(network(body, weights), {"x": floats(2, 4, 6, 6)})

    assert count(graph, "transpose") == 2  # in and out
