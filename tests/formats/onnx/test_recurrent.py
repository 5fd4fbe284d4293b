"""Recurrent networks: each with the options of the others' exporters, against onnxruntime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import flowloom as fl
from flowloom.formats.onnx import OnnxError
from tests.formats.onnx.networks import check, floats, kinds, network

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
TIME, BATCH, FEATURES, UNITS = 4, 3, 2, 5
X = floats(TIME, BATCH, FEATURES)


def recurrent(kind: str, how: str = "", inputs: str = "x, w, r, b", directions: int = 1) -> Any:
    """A network of one node that has all inputs an LSTM may have."""
    rows = GATES[kind] * UNITS
    outputs = "y, h, c" if kind == "LSTM" else "y, h"
    given = "" if "lengths" not in inputs else f", int32[{BATCH}] lengths"
    more = f", {how}" if how else ""
    body = f"""g (float[{TIME}, {BATCH}, {FEATURES}] x{given}) => ({outputs}) {{
        {outputs} = {kind} <hidden_size={UNITS}{more}> ({inputs})
    }}"""
    weights = {
        "w": floats(directions, rows, FEATURES),
        "r": floats(directions, rows, UNITS) * 0.5,
        "b": floats(directions, 2 * rows),
        "h0": floats(directions, BATCH, UNITS),
        "c0": floats(directions, BATCH, UNITS, seed=1),
        "p": floats(directions, 3 * UNITS),
    }
    return network(body, {n: a for n, a in weights.items() if n in inputs.split(", ")}, opset=14)


@pytest.mark.parametrize("kind", GATES)
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_every_direction_with_lengths_and_a_first_state(kind: str, direction: str) -> None:
    directions = 2 if direction == "bidirectional" else 1
    model = recurrent(kind, f'direction="{direction}"', "x, w, r, b, lengths, h0", directions)
    graph = check(model, {"x": X, "lengths": np.array([4, 1, 3], np.int32)})

    assert kinds(graph) == [f"recurrent.{kind.lower()}"]


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        ("RNN", 'activations=["HardSigmoid"], activation_alpha=[0.3], activation_beta=[0.4]'),
        ("RNN", "clip=0.5"),
        ("GRU", "linear_before_reset=1"),
        ("GRU", 'activations=["Sigmoid", "Elu"], activation_alpha=[0.5], clip=0.9'),
        ("LSTM", "input_forget=1"),
        ("LSTM", 'activations=["HardSigmoid", "Softsign", "LeakyRelu"], activation_alpha=[0.3, 0.1]'),
    ],
)
def test_other_functions_and_options(kind: str, how: str) -> None:
    check(recurrent(kind, how), {"x": X})


def test_peepholes_and_first_states() -> None:
    check(recurrent("LSTM", inputs="x, w, r, b, , h0, c0, p"), {"x": X})


def test_constants_go_to_the_functions_that_take_some_in_order() -> None:
    how = 'direction="bidirectional", activations=["Tanh", "LeakyRelu", "ScaledTanh", "HardSigmoid"]'
    constants = "activation_alpha=[0.1, 0.9, 0.3], activation_beta=[0.8, 0.4]"
    graph = fl.formats.onnx.load(recurrent("GRU", f"{how}, {constants}", directions=2))
    (node,) = (n for n in graph.nodes.values() if n.kind == "recurrent.gru")

    np.testing.assert_allclose(node.params["activation_alpha"][1:], [0.1, 0.9, 0.3], rtol=1e-6)
    np.testing.assert_allclose(node.params["activation_beta"][2:], [0.8, 0.4], rtol=1e-6)
    assert node.params["activation_alpha"][0] is None
    assert node.params["activation_beta"][:2] == [None, None]


def test_an_unknown_function_is_named() -> None:
    with pytest.raises(OnnxError, match="there is no activation 'swish'"):
        fl.formats.onnx.load(recurrent("RNN", 'activations=["Swish"]'))


def test_what_pytorch_exports_learns_on() -> None:
    torch = pytest.importorskip("torch")
    from tests.formats.onnx.test_convolution import exported

    class Reader(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.embedding = torch.nn.Embedding(20, 6)
            self.lstm = torch.nn.LSTM(6, 5, bidirectional=True, batch_first=True)
            self.out = torch.nn.Linear(10, 3)

        def forward(self, words: Any) -> Any:
            return self.out(self.lstm(self.embedding(words))[0][:, -1])

    torch.manual_seed(0)
    reader, words = Reader().eval(), torch.arange(14).reshape(2, 7)
    graph = fl.formats.onnx.load(exported(torch, reader, words))
    made = fl.compile(graph.outputs)({"x": words.numpy()})
    np.testing.assert_allclose(made[0], reader(words).detach().numpy(), rtol=1e-4, atol=1e-5)

    with graph:
        loss = fl.mean(fl.square(graph.outputs[0]))
    data = fl.data.Dataset.from_arrays({"x": np.arange(140).reshape(20, 7) % 20})
    history = (
        fl.Trainer(loss=loss, optimizer=fl.optimizers.adam(1e-2)).fit(data.batch(5), epochs=3, progress=False).history
    )
    assert history["loss"][-1] < history["loss"][0]
