"""Quantized models: whole numbers where the model has them, and weights that can learn on as floats."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import flowloom as fl
from tests.formats.onnx.networks import check, count, floats, network

QDQ = """
g (float[n, 3, 8, 8] x) => (float[n, 5, 3, 3] y) {
    xq = QuantizeLinear (x, xs, xz)
    xd = DequantizeLinear (xq, xs, xz)
    w1 = DequantizeLinear <axis=0> (w1q, w1s, w1z)
    c = Conv (xd, w1, b1)
    r = Relu (c)
    rq = QuantizeLinear (r, rs, rz)
    rd = DequantizeLinear (rq, rs, rz)
    w2 = DequantizeLinear <axis=0> (w2q, w2s, w2z)
    y = Conv <strides=[2, 2]> (rd, w2)
}
"""


def bytes_(*shape: int, dtype: Any = np.int8) -> Any:
    limits = np.iinfo(dtype)
    return np.random.default_rng([*shape]).integers(limits.min, limits.max + 1, shape).astype(dtype)


def scales(*shape: int, around: float = 0.01) -> Any:
    return np.random.default_rng([*shape]).uniform(0.8 * around, 1.2 * around, shape).astype(np.float32)


def qdq() -> Any:
    weights = {
        "xs": scales(around=0.02),
        "xz": np.array(128, np.uint8),
        "rs": scales(around=0.05),
        "rz": np.array(0, np.uint8),
        "w1q": bytes_(4, 3, 3, 3),
        "w1s": scales(4),
        "w1z": np.zeros(4, np.int8),
        "w2q": bytes_(5, 4, 1, 1),
        "w2s": scales(5),
        "w2z": np.zeros(5, np.int8),
        "b1": floats(4),
    }
    return network(QDQ, weights)


def test_a_quantized_network_gives_what_onnxruntime_gives_and_moves_no_axes_inside() -> None:
    # A number that lies between two steps may be rounded either way, which is a step of the output.
    graph = check(qdq(), {"x": floats(2, 3, 8, 8)}, atol=0.07)

    assert count(graph, "transpose") == 2
    assert (count(graph, "quantize"), count(graph, "dequantize")) == (2, 2)


def test_its_weights_are_floats_that_learn_and_its_scales_are_constants() -> None:
    graph = fl.formats.onnx.load(qdq())

    assert {v.name: v.shape for v in graph.trainable_variables} == {
        "w1q": (3, 3, 3, 4),
        "b1": (4,),
        "w2q": (1, 1, 4, 5),
    }
    assert len(graph.variables) == 3


@pytest.mark.parametrize("per_filter", [True, False])
def test_a_convolution_of_whole_numbers(per_filter: bool) -> None:
    body = """g (uint8[n, 4, 6, 5] x) => (y) {
        y = QLinearConv <group=2, pads=[1, 0, 2, 1], strides=[2, 1]> (x, xs, xz, w, ws, wz, ys, yz, b)
    }"""
    shape = (6,) if per_filter else ()
    weights = {
        "xs": scales(around=0.02),
        "xz": np.array(120, np.uint8),
        "ys": scales(around=0.6),
        "yz": np.array(100, np.uint8),
        "w": bytes_(6, 2, 3, 2),
        "ws": scales(*shape),
        "wz": np.zeros(shape, np.int8),
        "b": bytes_(6, dtype=np.int32) >> 20,
    }
    check(network(body, weights), {"x": bytes_(2, 4, 6, 5, dtype=np.uint8)}, atol=1)


def test_a_convolution_to_whole_numbers() -> None:
    body = "g (uint8[n, 2, 6, 5] x) => (y) { y = ConvInteger <pads=[1, 1, 1, 1]> (x, w, xz, wz) }"
    weights = {
        "w": bytes_(3, 2, 3, 3, dtype=np.uint8),
        "xz": np.array(120, np.uint8),
        "wz": np.array(7, np.uint8),
    }
    check(network(body, weights), {"x": bytes_(2, 2, 6, 5, dtype=np.uint8)})


def test_a_dynamically_quantized_layer() -> None:
    """The way of PyTorch's dynamic quantization: the range of each batch decides."""
    body = """g (float[n, 6] x) => (float[n, 3] y) {
        q, s, z = DynamicQuantizeLinear (x)
        i = MatMulInteger (q, w, z)
        f = Cast <to=1> (i)
        t = Mul (s, ws)
        y = Mul (f, t)
    }"""
    check(network(body, {"w": bytes_(6, 3), "ws": scales()}), {"x": floats(4, 6)})


def test_quantization_along_an_axis_and_in_blocks() -> None:
    body = """g (float[n, 4, 3] x) => (a, b) {
        p = QuantizeLinear <axis=-2> (x, s, z)
        a = DequantizeLinear <axis=1> (p, s, z)
        q = QuantizeLinear <axis=1, block_size=2> (x, t)
        b = DequantizeLinear <axis=1, block_size=2> (q, t)
    }"""
    weights = {"s": scales(4, around=0.2), "z": np.array([1, 200, 3, 90], np.uint8), "t": scales(2, 2, 3, around=0.2)}

    check(network(body, weights, opset=21), {"x": np.abs(floats(2, 4, 3)) * 9})
