"""Recurrent networks. flowloom's have ONNX's weights, gates and shapes; ONNX has the time in front by default."""

from __future__ import annotations

from typing import Any

from flowloom.formats.onnx.node import Node
from flowloom.formats.onnx.table import onnx_op
from flowloom.formats.onnx.values import Value

# The functions by ONNX's name in lower case, and whether each takes the constants alpha and beta.
FUNCTIONS = {
    "relu": ("relu", False, False),
    "tanh": ("tanh", False, False),
    "sigmoid": ("sigmoid", False, False),
    "affine": ("affine", True, True),
    "leakyrelu": ("leaky_relu", True, False),
    "thresholdedrelu": ("thresholded_relu", True, False),
    "scaledtanh": ("scaled_tanh", True, True),
    "hardsigmoid": ("hard_sigmoid", True, True),
    "elu": ("elu", True, False),
    "softsign": ("softsign", False, False),
    "softplus": ("softplus", False, False),
}


@onnx_op("RNN", "GRU")
def _rnn(
    node: Node,
    x: Value,
    w: Value,
    r: Value,
    b: Value | None = None,
    lengths: Value | None = None,
    initial_h: Value | None = None,
) -> Any:
    how = _how(node)
    if node.attr("linear_before_reset", 0):
        how["linear_before_reset"] = True
    return node.builder.add(f"recurrent.{node.op_type.lower()}", x, w, r, b, lengths, initial_h, **how)


@onnx_op("LSTM")
def _lstm(
    node: Node,
    x: Value,
    w: Value,
    r: Value,
    b: Value | None = None,
    lengths: Value | None = None,
    initial_h: Value | None = None,
    initial_c: Value | None = None,
    peepholes: Value | None = None,
) -> Any:
    how = _how(node)
    if node.attr("input_forget", 0):
        how["input_forget"] = True
    return node.builder.add("recurrent.lstm", x, w, r, b, lengths, initial_h, initial_c, peepholes, **how)


def _how(node: Node) -> dict[str, Any]:
    """The parameters that all have, those only that are not as usual."""
    how: dict[str, Any] = {}
    if node.attr("direction", "forward") != "forward":
        how["direction"] = node.attr("direction")
    if not node.attr("layout", 0):
        how["time_major"] = True
    if node.has("clip"):
        how["clip"] = node.attr("clip")
    if node.has("activations"):
        how |= _functions(node, [str(name).lower() for name in node.attr("activations")])
    return how


def _functions(node: Node, names: list[str]) -> dict[str, Any]:
    """The functions, and for each that takes constants the next ones of the lists, as long as there are any."""
    for name in names:
        if name not in FUNCTIONS:
            raise node.refuse(f"there is no activation {name!r}")
    how: dict[str, Any] = {"activations": tuple(FUNCTIONS[name][0] for name in names)}
    for place, constant in ((1, "activation_alpha"), (2, "activation_beta")):
        given = iter(node.attr(constant, []))
        found = tuple(next(given, None) if FUNCTIONS[name][place] else None for name in names)
        if any(v is not None for v in found):
            how[constant] = found
    return how
