"""Convolutional networks: the numbers of onnxruntime, a graph without transpositions inside, and weights that learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import flowloom as fl
from flowloom.formats.onnx import OnnxError
from tests.formats.onnx.networks import check, count, floats, network, run

CNN = """
cnn (float[batch, 3, 16, 16] image) => (float[batch, 4] logits) {
    [stem] c = Conv <pads=[1, 1, 1, 1], strides=[2, 2]> (image, w1, b1)
    n = BatchNormalization (c, gamma, beta, mean, variance)
    r = Relu (n)
    [depthwise] d = Conv <group=8, pads=[1, 1, 1, 1]> (r, w2, b2)
    h = HardSigmoid (d)
    [pointwise] p = Conv (h, w3)
    s = Add (p, r)
    a = MaxPool <kernel_shape=[2, 2], strides=[2, 2]> (s)
    both = Concat <axis=1> (a, a)
    l = LRN <size=3> (both)
    g = GlobalAveragePool (l)
    f = Flatten (g)
    logits = Gemm <transB=1> (f, w4, b4)
}
"""


def cnn() -> Any:
    weights = {
        "w1": floats(8, 3, 3, 3) * 0.3,
        "b1": floats(8),
        "gamma": floats(8),
        "beta": floats(8, seed=1),
        "mean": floats(8, seed=2),
        "variance": np.abs(floats(8, seed=3)) + 0.5,
        "w2": floats(8, 1, 3, 3),
        "b2": floats(8, seed=4),
        "w3": floats(8, 8, 1, 1),
        "w4": floats(4, 16),
        "b4": floats(4),
    }
    return network(CNN, weights)


def test_a_network_of_many_kinds_of_layers_gives_what_onnxruntime_gives() -> None:
    check(cnn(), {"image": floats(5, 3, 16, 16)})


def test_channels_are_moved_once_at_the_input_and_nowhere_else() -> None:
    graph = fl.formats.onnx.load(cnn())

    assert count(graph, "transpose") == 1
    assert count(graph, "conv2d") == 3


def test_only_parameters_that_usually_are_not_so_are_named() -> None:
    graph = fl.formats.onnx.load(cnn())
    stem, _, pointwise = (n.params for n in graph.nodes.values() if n.kind == "conv2d")

    assert stem == {"strides": 2, "padding": [[1, 1], [1, 1]]}
    assert pointwise == {}


def test_fine_tuning_lowers_the_loss_and_leaves_the_statistics_alone() -> None:
    graph = fl.formats.onnx.load(cnn())
    data = fl.data.Dataset.from_arrays({"image": floats(64, 3, 16, 16), "label": np.arange(64) % 4})
    before = {v.name: v.value.copy() for v in graph.variables}
    with graph:
        label = fl.input("label", shape=("batch",), dtype="int64")
        loss = fl.losses.softmax_cross_entropy(graph.outputs[0], label)
    trainer = fl.Trainer(loss=loss, optimizer=fl.optimizers.adam(1e-2))
    run = trainer.fit(data.batch(16), epochs=4, progress=False)

    assert run.history["loss"][-1] < run.history["loss"][0]
    still = {v.name for v in graph.variables if np.array_equal(v.value, before[v.name])}
    assert still == {"mean", "variance"}


def test_a_classifier_at_the_end_sees_the_features_in_the_models_order() -> None:
    """Flatten mixes channels with places, so there the channels must come first again."""
    body = "g (float[n, 2, 4, 4] x) => (float[n, 3] y) { c = Conv (x, w) f = Flatten (c) y = MatMul (f, m) }"
    graph = check(network(body, {"w": floats(5, 2, 1, 1), "m": floats(80, 3)}), {"x": floats(2, 2, 4, 4)})

    assert count(graph, "transpose") == 2


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(
    ("sizes", "how"),
    [
        ((9,), "strides=[2], dilations=[2], pads=[1, 2]"),
        ((9,), 'strides=[3], auto_pad="SAME_LOWER"'),
        ((7, 8), "strides=[2, 1], dilations=[1, 2], pads=[1, 2, 0, 2]"),
        ((7, 8), 'strides=[2, 3], auto_pad="SAME_UPPER"'),
        ((7, 8, 6), "strides=[2, 1, 3], dilations=[2, 1, 1], pads=[1, 2, 0, 2, 1, 0]"),
    ],
)
def test_convolution_over_one_to_three_axes(sizes: tuple[int, ...], how: str, groups: int) -> None:
    shape = ", ".join(map(str, (4, *sizes)))
    body = f"g (float[n, {shape}] x) => (y) {{ y = Conv <group={groups}, {how}> (x, w, b) }}"
    weights = {"w": floats(6, 4 // groups, *(3, 2, 2)[: len(sizes)]), "b": floats(6)}

    check(network(body, weights), {"x": floats(2, 4, *sizes)})


@pytest.mark.parametrize(
    "how",
    [
        "strides=[2, 3], output_padding=[1, 0]",
        "strides=[2, 2], pads=[1, 0, 0, 1]",
        "strides=[3, 2], dilations=[2, 1]",
        'strides=[2, 2], auto_pad="SAME_LOWER"',
        "strides=[2, 2], output_shape=[10, 9]",
        "strides=[3, 3]",
    ],
)
def test_transposed_convolution(how: str) -> None:
    body = f"g (float[n, 4, 5, 4] x) => (y) {{ y = ConvTranspose <group=2, {how}> (x, w, b) }}"
    check(network(body, {"w": floats(4, 3, 3, 2), "b": floats(6)}), {"x": floats(2, 4, 5, 4)})


@pytest.mark.parametrize("kind", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize(
    "how", ["pads=[1, 0, 1, 1], ceil_mode=1, strides=[2, 3]", 'auto_pad="SAME_UPPER", strides=[2, 2]', "strides=[1, 2]"]
)
def test_pooling(kind: str, how: str) -> None:
    more = ", count_include_pad=1" if kind == "AveragePool" else ""
    body = f"g (float[n, 3, 8, 7] x) => (y) {{ y = {kind} <kernel_shape=[3, 2], {how}{more}> (x) }}"
    check(network(body, opset=19), {"x": floats(2, 3, 8, 7)})


def test_maxima_are_put_back_where_they_were() -> None:
    body = """g (float[2, 3, 4, 6] x) => (float[2, 3, 4, 6] y) {
        m, i = MaxPool <kernel_shape=[2, 2], strides=[2, 2]> (x)
        y = MaxUnpool <kernel_shape=[2, 2], strides=[2, 2]> (m, i)
    }"""
    check(network(body), {"x": floats(2, 3, 4, 6)})


def test_a_convolution_over_four_axes_is_refused_in_words() -> None:
    body = "g (float[1, 1, 4, 4, 4, 4] x) => (y) { y = Conv (x, w) }"
    with pytest.raises(OnnxError, match="one to three axes"):
        fl.formats.onnx.load(network(body, {"w": floats(1, 1, 2, 2, 2, 2)}))


def test_what_pytorch_exports_gives_what_pytorch_gives() -> None:
    torch = pytest.importorskip("torch")
    block = torch.nn.Sequential(
        torch.nn.Conv2d(3, 6, 3, stride=2, padding=1),
        torch.nn.BatchNorm2d(6),
        torch.nn.Hardswish(),
        torch.nn.Conv2d(6, 6, 3, padding=1, groups=6),
        torch.nn.SiLU(),
        torch.nn.ConvTranspose2d(6, 4, 2, stride=2),
        torch.nn.GroupNorm(2, 4),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(4, 2),
    ).eval()
    x = torch.from_numpy(floats(3, 3, 8, 8))
    graph = fl.formats.onnx.load(exported(torch, block, x))

    np.testing.assert_allclose(run(graph, {"x": x.numpy()})[0], block(x).detach().numpy(), rtol=1e-4, atol=1e-5)


def exported(torch: Any, module: Any, x: Any) -> bytes:
    """A module as the bytes of an ONNX file."""
    import io
    import warnings

    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # this exporter is an old one, and needs nothing but PyTorch
        torch.onnx.export(module, (x,), buffer, dynamo=False, input_names=["x"], dynamic_axes={"x": {0: "n"}})
    return buffer.getvalue()
