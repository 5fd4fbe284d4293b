"""Spectra: one node where the model says all, several where sizes come as inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator

import flowloom as fl
from flowloom.formats.onnx import OnnxError
from tests.formats.onnx.networks import floats, kinds, network, run


def reference(model: Any, feeds: dict[str, Any]) -> fl.Graph:
    """The loaded model, which gives what ONNX's reference gives."""
    graph = fl.formats.onnx.load(model)
    for ours, theirs in zip(run(graph, feeds), ReferenceEvaluator(model).run(None, feeds), strict=True):
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)
    return graph


def test_a_mel_spectrogram_is_a_node_for_each_step() -> None:
    body = """g (float[n, 64, 1] x) => (y) {
        step = Constant <value_int=8> ()
        size = Constant <value_int=16> ()
        window = HannWindow (size)
        s = STFT (x, step, window, size)
        p = ReduceSumSquare <axes=[-1], keepdims=0> (s)
        bands = Constant <value_int=4> ()
        rate = Constant <value_int=8000> ()
        low = Constant <value_float=100.0> ()
        high = Constant <value_float=3800.0> ()
        m = MelWeightMatrix (bands, size, rate, low, high)
        y = MatMul (p, m)
    }"""
    graph = reference(network(body), {"x": floats(2, 64, 1)})

    expected = ["squeeze", "hann_window", "stft", "square", "sum", "mel_weight_matrix", "matmul"]
    assert sorted(kinds(graph)) == sorted(expected)


@pytest.mark.parametrize("length", [15, 16])
def test_mel_bands_of_an_even_and_of_an_odd_length(length: int) -> None:
    body = "g (float[n] x) => (y) { y = MelWeightMatrix (bands, length, rate, low, high) }"
    weights = {"bands": np.array(5), "length": np.array(length), "rate": np.array(8000)}
    edges = {"low": np.array(50, np.float32), "high": np.array(3900, np.float32)}

    reference(network(body, weights | edges), {"x": floats(1)})


@pytest.mark.parametrize("onesided", [0, 1])
def test_frames_whose_length_and_distance_are_inputs(onesided: int) -> None:
    body = f"""g (float[n, samples, 1] x, int64 step, int64 length) => (y) {{
        y = STFT <onesided={onesided}> (x, step, , length)
    }}"""
    reference(network(body), {"x": floats(2, 50, 1), "step": np.array(7), "length": np.array(12)})


def test_frames_of_complex_numbers() -> None:
    body = "g (float[n, 40, 2] x) => (y) { y = STFT <onesided=0> (x, step, window) }"
    reference(network(body, {"step": np.array(5), "window": floats(8)}), {"x": floats(2, 40, 2)})


@pytest.mark.parametrize(("inverse", "onesided", "parts"), [(0, 0, 1), (0, 1, 1), (1, 0, 2), (1, 1, 2)])
def test_a_transform_along_any_axis_of_a_given_length(inverse: int, onesided: int, parts: int) -> None:
    body = (
        f"g (float[n, 9, 4, {parts}] x) => (y) {{ y = DFT <inverse={inverse}, onesided={onesided}> (x, size, axis) }}"
    )
    weights = {"size": np.array(12), "axis": np.array(-3)}

    reference(network(body, weights, opset=20), {"x": floats(2, 9, 4, parts)})


def test_a_length_that_comes_as_an_input_is_refused_in_words() -> None:
    body = "g (float[n, 9, 1] x, int64 size) => (y) { y = DFT <axis=1> (x, size) }"
    with pytest.raises(OnnxError, match="the length must be known"):
        fl.formats.onnx.load(network(body))
