"""Attention of a model: few nodes that can be read, in the precision that is asked for."""

from __future__ import annotations

import numpy as np
from onnx.reference import ReferenceEvaluator

import flowloom as fl
from tests.formats.onnx.networks import floats, kinds, network, run

BLOCK = """g (float[n, 5, 16] x) => (y) {
    q = MatMul (x, wq)
    k = MatMul (x, wk)
    v = MatMul (x, wv)
    qr = RotaryEmbedding <num_heads=4> (q, cos, sin, positions)
    kr = RotaryEmbedding <num_heads=2> (k, cos, sin, positions)
    y = Attention <q_num_heads=4, kv_num_heads=2, is_causal=1, softcap=5.0> (qr, kr, v)
}"""


def test_a_block_with_rotations_and_shared_keys() -> None:
    angles = np.arange(10)[:, None] * 100.0 ** -np.arange(0, 1, 0.5)
    weights = {
        "wq": floats(16, 16),
        "wk": floats(16, 8),
        "wv": floats(16, 8),
        "cos": np.cos(angles).astype(np.float32),
        "sin": np.sin(angles).astype(np.float32),
        "positions": np.array([np.arange(5), np.arange(5) + 3]),
    }
    model = network(BLOCK, weights, opset=23)
    graph, feeds = fl.formats.onnx.load(model), {"x": floats(2, 5, 16)}

    np.testing.assert_allclose(
        run(graph, feeds)[0], ReferenceEvaluator(model).run(None, feeds)[0], rtol=1e-4, atol=1e-5
    )
    assert kinds(graph).count("scaled_dot_product_attention") == 1
    assert {v.name for v in graph.variables} == {"wq", "wk", "wv"}


def test_half_floats_are_computed_in_single_precision() -> None:
    """Scores of several thousands: their differences are lost in half precision."""
    body = "g (float16[1, 1, 2, 4] q, float16[1, 1, 3, 4] k, float16[1, 1, 3, 4] v) => (y) { y = Attention (q, k, v) }"
    feeds = {"q": floats(1, 1, 2, 4) * 40, "k": floats(1, 1, 3, 4) * 40, "v": floats(1, 1, 3, 4)}
    halves = {n: a.astype(np.float16) for n, a in feeds.items()}
    scores = halves["q"].astype(float) @ halves["k"].astype(float).swapaxes(-1, -2) / 2
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))

    made = run(fl.formats.onnx.load(network(body, opset=23)), halves)[0]

    assert made.dtype == np.float16
    expected = weights / weights.sum(axis=-1, keepdims=True) @ halves["v"].astype(float)
    np.testing.assert_allclose(made, expected, rtol=2e-3, atol=1e-3)
