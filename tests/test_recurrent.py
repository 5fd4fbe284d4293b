"""Recurrent networks with weights as inputs give what ONNX Runtime gives for RNN, LSTM and GRU."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import flowloom as fl

Array = np.ndarray[Any, Any]
GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}
KINDS = {"RNN": fl.recurrent.rnn, "LSTM": fl.recurrent.lstm, "GRU": fl.recurrent.gru}
TIME, BATCH, FEATURES, UNITS = 5, 3, 4, 2
THEIRS = {
    "relu": "Relu",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "affine": "Affine",
    "leaky_relu": "LeakyRelu",
    "thresholded_relu": "ThresholdedRelu",
    "scaled_tanh": "ScaledTanh",
    "hard_sigmoid": "HardSigmoid",
    "elu": "Elu",
    "softsign": "Softsign",
    "softplus": "Softplus",
}


def operands(op: str, ways: int, optional: set[str], seed: int = 0) -> dict[str, Array]:
    """Random operands, in ONNX's order and layout."""
    rng = np.random.default_rng(seed)
    rows = GATES[op] * UNITS
    shapes = {
        "x": (TIME, BATCH, FEATURES),
        "kernel": (ways, rows, FEATURES),
        "recurrent_kernel": (ways, rows, UNITS),
        "bias": (ways, 2 * rows),
        "initial_h": (ways, BATCH, UNITS),
        "initial_c": (ways, BATCH, UNITS),
        "peepholes": (ways, 3 * UNITS),
    }
    made = {k: rng.normal(size=s).astype("float32") for k, s in shapes.items() if k in {*list(shapes)[:3], *optional}}
    return made | ({"lengths": np.array([5, 1, 3], "int32")} if "lengths" in optional else {})


def by_onnx(op: str, given: dict[str, Array], **attributes: Any) -> list[Array]:
    onnx = pytest.importorskip("onnx")
    ort = pytest.importorskip("onnxruntime")
    h = onnx.helper
    order = ["x", "kernel", "recurrent_kernel", "bias", "lengths", "initial_h", "initial_c", "peepholes"]
    if op != "LSTM":
        order = order[:6]
    names = [n if n in given else "" for n in order]
    outputs = ["y", "h", "c"] if op == "LSTM" else ["y", "h"]
    node = h.make_node(op, names, outputs, hidden_size=UNITS, **attributes)
    types = {np.dtype("float32"): onnx.TensorProto.FLOAT, np.dtype("int32"): onnx.TensorProto.INT32}
    graph = h.make_graph(
        [node],
        "recurrent",
        [h.make_tensor_value_info(n, types[v.dtype], v.shape) for n, v in given.items()],
        [h.make_tensor_value_info(n, onnx.TensorProto.FLOAT, None) for n in outputs],
    )
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 14)], ir_version=8)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return [np.asarray(y) for y in session.run(None, given)]


def by_us(op: str, given: dict[str, Array], **params: Any) -> list[Array]:
    with fl.Graph("recurrent") as g:
        tensors = {
            n: fl.input(n, shape=tuple("batch" if d == BATCH else d for d in v.shape), dtype=v.dtype.name)
            for n, v in given.items()
        }
        made = KINDS[op](**tensors, **params)
    assert [t.spec.shape for t in made] == [
        tuple("batch" if d == BATCH else d for d in y.shape) for y in fl.compile(list(made))(given)
    ]
    assert len(g.problems) == 0
    return list(fl.compile(list(made))(given))


def check(op: str, optional: set[str], ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    direction = ours.get("direction", "forward")
    given = operands(op, 2 if direction == "bidirectional" else 1, optional)
    for mine, expected in zip(by_us(op, given, time_major=True, **ours), by_onnx(op, given, **theirs), strict=True):
        np.testing.assert_allclose(mine, expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("optional", [set(), {"bias"}, {"bias", "lengths", "initial_h", "initial_c"}, {"lengths"}])
@pytest.mark.parametrize("op", GATES)
def test_it_is_the_op_of_onnx(op: str, optional: set[str], direction: str) -> None:
    optional = optional - ({"initial_c"} if op != "LSTM" else set())
    check(op, optional, {"direction": direction}, {"direction": direction})


@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
@pytest.mark.parametrize("optional", [set(), {"bias", "lengths", "initial_h"}])
def test_a_gru_may_reset_after_its_kernel(optional: set[str], direction: str) -> None:
    check(
        "GRU",
        optional,
        {"direction": direction, "linear_before_reset": True},
        {"direction": direction, "linear_before_reset": 1},
    )


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_the_gates_of_an_lstm_may_look_through_peepholes(direction: str) -> None:
    check("LSTM", {"bias", "peepholes", "initial_c"}, {"direction": direction}, {"direction": direction})


@pytest.mark.parametrize("optional", [set(), {"bias", "peepholes"}])
def test_an_lstm_may_forget_as_much_as_it_lets_in(optional: set[str]) -> None:
    check("LSTM", optional, {"input_forget": True}, {"input_forget": 1})


@pytest.mark.parametrize(("op", "more"), [("RNN", set()), ("LSTM", {"peepholes"}), ("GRU", set())])
def test_what_goes_into_a_function_may_be_limited(op: str, more: set[str]) -> None:
    check(op, {"bias", *more}, {"clip": 0.3}, {"clip": 0.3})


@pytest.mark.parametrize("name", THEIRS)
def test_every_function_has_the_formula_and_the_constants_of_onnx(name: str) -> None:
    # ONNX Runtime wants constants for some functions that the standard has defaults for.
    given = {"affine": (0.7, 0.1), "scaled_tanh": (0.9, 0.8), "thresholded_relu": (0.2, None)}.get(name)
    ours: dict[str, Any] = {"activations": [name]}
    theirs: dict[str, Any] = {"activations": [THEIRS[name]]}
    if given:
        alpha, beta = given
        ours |= {"activation_alpha": [alpha], "activation_beta": [beta]}
        theirs |= {"activation_alpha": [alpha]} | ({"activation_beta": [beta]} if beta is not None else {})

    check("RNN", {"bias"}, ours, theirs)


def test_each_direction_may_have_its_functions() -> None:
    names = ["hard_sigmoid", "softsign", "relu", "sigmoid", "elu", "tanh"]
    alpha = [0.3, None, None, None, 0.5, None]
    beta = [0.4, None, None, None, None, None]

    check(
        "LSTM",
        {"bias"},
        {"direction": "bidirectional", "activations": names, "activation_alpha": alpha, "activation_beta": beta},
        {
            "direction": "bidirectional",
            "activations": [THEIRS[n] for n in names],
            "activation_alpha": [0.3, 0.5],
            "activation_beta": [0.4],
        },
    )


@pytest.mark.parametrize("op", GATES)
def test_the_batch_may_stand_in_front(op: str) -> None:
    given = operands(op, 2, {"bias", "lengths", "initial_h"})
    first = by_us(op, given, time_major=True, direction="bidirectional")
    turned = given | {"x": given["x"].swapaxes(0, 1), "initial_h": given["initial_h"].swapaxes(0, 1)}

    y, *states = by_us(op, turned, direction="bidirectional")

    np.testing.assert_allclose(y, first[0].transpose(2, 0, 1, 3), rtol=1e-6)
    for mine, other in zip(states, first[1:], strict=True):
        np.testing.assert_allclose(mine, other.swapaxes(0, 1), rtol=1e-6)


def test_weights_that_do_not_fit_are_named() -> None:
    given = operands("GRU", 1, set())
    with fl.Graph("wrong"), pytest.raises(fl.SpecError, match=r"kernel must be \[1, 6, 4\]; got \[1, 6, 3\]"):
        fl.recurrent.gru(given["x"], given["kernel"][..., 1:], given["recurrent_kernel"])
    with fl.Graph("wrong"), pytest.raises(fl.SpecError, match="it takes 2 activations"):
        fl.recurrent.gru(given["x"], given["kernel"], given["recurrent_kernel"], activations=["tanh"])
