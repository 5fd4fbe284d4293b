"""Recurrent networks whose weights are inputs: rnn, lstm and gru, in the semantics and the weight layout of ONNX.

The layers of the same names own their weights and are what a model is built of; these are for weights that come from
elsewhere. Shapes, with `directions` 1 or, where both are read, 2 (forward first), and `gates` 1, 4 or 3:

- x (batch, time, features), y (batch, time, directions, units), states (batch, directions, units); with `time_major`
  x (time, batch, features), y (time, directions, batch, units), states (directions, batch, units)
- kernel (directions, gates * units, features), recurrent_kernel (directions, gates * units, units)
- bias (directions, 2 * gates * units): of the kernel, then of the recurrent kernel
- lengths (batch,), integers: how many steps of each sequence count. y is 0 behind them, and the last state is that of
  the last step that counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias

from flowloom import ops
from flowloom.compiler.expr import Expr
from flowloom.graph.kinds import NodeContext
from flowloom.layers.layer import layer
from flowloom.layers.recurrence import Cell, Map, gru_cell, lstm_cell, recur, same, simple_cell
from flowloom.layers.shapes import dimensions, known, zeros_beside
from flowloom.ops.composing import part, span
from flowloom.ops.inference import shaped
from flowloom.params import Positive
from flowloom.spec import SpecError, promote

__all__ = ["gru", "lstm", "rnn"]

Direction: TypeAlias = Literal["forward", "reverse", "bidirectional"]
Function: TypeAlias = Literal[
    "relu",
    "tanh",
    "sigmoid",
    "affine",
    "leaky_relu",
    "thresholded_relu",
    "scaled_tanh",
    "hard_sigmoid",
    "elu",
    "softsign",
    "softplus",
]
Constants: TypeAlias = tuple[float | None, ...]

# What each function computes of x, alpha and beta; and what those are where they are not given (ONNX, "RNN").
FUNCTIONS: dict[str, tuple[Callable[[Any, float, float], Any], float, float]] = {
    "relu": (lambda x, a, b: ops.relu(x), 0.0, 0.0),
    "tanh": (lambda x, a, b: ops.tanh(x), 0.0, 0.0),
    "sigmoid": (lambda x, a, b: ops.sigmoid(x), 0.0, 0.0),
    "affine": (lambda x, a, b: x * a + b, 1.0, 0.0),
    "leaky_relu": (lambda x, a, b: ops.leaky_relu(x, negative_slope=a), 0.01, 0.0),
    "thresholded_relu": (lambda x, a, b: ops.where(x >= a, x, 0.0), 1.0, 0.0),
    "scaled_tanh": (lambda x, a, b: ops.tanh(x * b) * a, 1.0, 1.0),
    "hard_sigmoid": (lambda x, a, b: ops.clip(x * a + b, low=0.0, high=1.0), 0.2, 0.5),
    "elu": (lambda x, a, b: ops.elu(x, alpha=a), 1.0, 0.0),
    "softsign": (lambda x, a, b: x / (ops.abs(x) + 1.0), 0.0, 0.0),
    "softplus": (lambda x, a, b: ops.softplus(x), 0.0, 0.0),
}


@layer("recurrent", outputs=("y", "h"))
def rnn(
    node: NodeContext,
    x: Any,
    kernel: Any,
    recurrent_kernel: Any,
    bias: Any = None,
    lengths: Any = None,
    initial_h: Any = None,
    *,
    direction: Direction = "forward",
    activations: tuple[Function, ...] = ("tanh",),
    activation_alpha: Constants = (),
    activation_beta: Constants = (),
    clip: Positive | None = None,
    time_major: bool = False,
) -> tuple[Expr, ...]:
    """The simplest recurrent network: h = f(x W + h R + b) (ONNX RNN). Returns all outputs y and the last h.

    `activations` are f, for both directions or for each. `activation_alpha` and `activation_beta` give the constants of
    each function that has some, None for its default. `clip` limits what goes into a function to -clip..clip. For the
    shapes see `flowloom.recurrent`: `x` (batch, time, features), y (batch, time, directions, units).
    """
    network = _Network(x, kernel, recurrent_kernel, bias, direction, time_major, gates=1)
    functions = _functions(network, 1, activations, activation_alpha, activation_beta)

    def cell(way: int, recurrent: Any, extra: Any) -> Cell:
        (f,) = functions[way]
        return simple_cell(recurrent, lambda v: f(_clipped(v, clip)))

    return _run(network, cell, lengths, [initial_h])


@layer("recurrent", outputs=("y", "h", "c"))
def lstm(
    node: NodeContext,
    x: Any,
    kernel: Any,
    recurrent_kernel: Any,
    bias: Any = None,
    lengths: Any = None,
    initial_h: Any = None,
    initial_c: Any = None,
    peepholes: Any = None,
    *,
    direction: Direction = "forward",
    activations: tuple[Function, ...] = ("sigmoid", "tanh", "tanh"),
    activation_alpha: Constants = (),
    activation_beta: Constants = (),
    clip: Positive | None = None,
    input_forget: bool = False,
    time_major: bool = False,
) -> tuple[Expr, ...]:
    """Long short-term memory with weights as inputs (ONNX LSTM). Returns all outputs y, the last h and the last c.

    The gates lie in the order input, output, forget, candidate. `peepholes` (directions, 3 * units) let the gates
    input, output and forget see c. `activations` are those of the gates, of the candidate and of c, for both directions
    or for each; their constants and `clip` as in `rnn`. `input_forget`: what is forgotten is 1 - the input gate. For
    the shapes see `flowloom.recurrent`: `x` (batch, time, features), y (batch, time, directions, units).
    """
    network = _Network(x, kernel, recurrent_kernel, bias, direction, time_major, gates=4)
    functions = _functions(network, 3, activations, activation_alpha, activation_beta)
    _shaped(peepholes, (network.ways, 3 * network.units), "peepholes")

    def cell(way: int, recurrent: Any, extra: Any) -> Cell:
        looks = None
        if peepholes is not None:
            seen, units = part(peepholes, way, 0), network.units
            looks = {name: span(seen, i * units, (i + 1) * units) for i, name in enumerate("iof")}
        how: dict[str, Any] = {"order": "iofg", "clipped": partial(_clipped, limit=clip), "coupled": input_forget}
        return lstm_cell(recurrent, *functions[way], peepholes=looks, **how)

    return _run(network, cell, lengths, [initial_h, initial_c])


@layer("recurrent", outputs=("y", "h"))
def gru(
    node: NodeContext,
    x: Any,
    kernel: Any,
    recurrent_kernel: Any,
    bias: Any = None,
    lengths: Any = None,
    initial_h: Any = None,
    *,
    direction: Direction = "forward",
    activations: tuple[Function, ...] = ("sigmoid", "tanh"),
    activation_alpha: Constants = (),
    activation_beta: Constants = (),
    clip: Positive | None = None,
    linear_before_reset: bool = False,
    time_major: bool = False,
) -> tuple[Expr, ...]:
    """Gated recurrent unit with weights as inputs (ONNX GRU). Returns all outputs y and the last h.

    The gates lie in the order update, reset, candidate. `activations` are those of the gates and of the candidate, for
    both directions or for each; their constants and `clip` as in `rnn`. `linear_before_reset` applies the reset gate to
    what the recurrent kernel made of h, as cuDNN does. For the shapes see `flowloom.recurrent`: `x` (batch, time,
    features), y (batch, time, directions, units).
    """
    network = _Network(x, kernel, recurrent_kernel, bias, direction, time_major, gates=3, apart=linear_before_reset)
    functions = _functions(network, 2, activations, activation_alpha, activation_beta)

    def cell(way: int, recurrent: Any, extra: Any) -> Cell:
        how: dict[str, Any] = {"reset_after": linear_before_reset, "clipped": partial(_clipped, limit=clip)}
        return gru_cell(recurrent, *functions[way], recurrent_bias=extra, **how)

    return _run(network, cell, lengths, [initial_h])


# ---------------------------------------------------------------- what they have in common


@dataclass(frozen=True, slots=True)
class _Network:
    """The weights of all directions, checked, and the input with the time in front.

    `apart`: the bias of the recurrent kernel is the cell's own; else it is added to that of the kernel.
    """

    x: Any
    kernel: Any
    recurrent_kernel: Any
    bias: Any
    direction: Direction
    time_major: bool
    gates: int
    apart: bool = False

    def __post_init__(self) -> None:
        dimensions(self.x, 3, "sequences of features: 3 dimensions", 3)
        dimensions(self.recurrent_kernel, 3, "a recurrent_kernel (directions, gates * units, units)", 3)
        rows, features = self.gates * self.units, self.x.shape[2]
        _shaped(self.kernel, (self.ways, rows, features), "the kernel")
        _shaped(self.recurrent_kernel, (self.ways, rows, self.units), "the recurrent_kernel")
        _shaped(self.bias, (self.ways, 2 * rows), "the bias")

    @property
    def units(self) -> int:
        """How many units there are in a direction."""
        return known(self.recurrent_kernel.shape[2], "the number of units")

    @property
    def ways(self) -> int:
        """How many directions there are."""
        return 2 if self.direction == "bidirectional" else 1

    @property
    def steps(self) -> Any:
        """The input (time, batch, features)."""
        return self.x if self.time_major else ops.transpose(self.x, axes=(1, 0, 2))

    def way(self, index: int) -> tuple[Any, Any, Any]:
        """Of one direction: what the kernel makes of the input, the recurrent kernel, and its bias if that is apart."""
        kernel, recurrent = (ops.transpose(part(w, index, 0)) for w in (self.kernel, self.recurrent_kernel))
        read = ops.matmul(self.steps, kernel)
        if self.bias is None:
            return read, recurrent, None
        middle = self.gates * self.units
        both = part(self.bias, index, 0)
        first, second = span(both, None, middle), span(both, middle, None)
        return (read + first, recurrent, second) if self.apart else (read + (first + second), recurrent, None)


def _run(
    network: _Network, cell: Callable[[int, Any, Any], Cell], lengths: Any, initial: Sequence[Any]
) -> tuple[Expr, ...]:
    """The outputs of all steps, and the last states."""
    batch, where = (network.x.shape[1], 0) if network.time_major else (network.x.shape[0], 1)
    _shaped(lengths, (batch,), "lengths")
    shape = (network.ways, batch, network.units) if network.time_major else (batch, network.ways, network.units)
    for state in initial:
        _shaped(state, shape, "a first state")
    made = []
    for i in range(network.ways):
        read, recurrent, extra = network.way(i)
        dtype = promote(read.dtype, *(s.dtype for s in initial if s is not None))
        empty = zeros_beside(ops.transpose(read, axes=(1, 0, 2)), network.units, dtype=dtype)
        begin = [empty if s is None else part(s, i, where) for s in initial]
        made.append(
            recur(
                cell(i, recurrent, extra),
                read,
                begin,
                lengths=None if lengths is None else ops.expand_dims(lengths, axis=-1),
                reverse=i == 1 or network.direction == "reverse",
                held=False,
            )
        )
    y = ops.stack(*(y for y, _ in made), axis=1)  # (time, directions, batch, units)
    y = y if network.time_major else ops.transpose(y, axes=(2, 0, 1, 3))
    return (y, *(ops.stack(*ways, axis=where) for ways in zip(*(states for _, states in made), strict=True)))


def _functions(
    network: _Network, count: int, names: tuple[Function, ...], alpha: Constants, beta: Constants
) -> list[list[Map]]:
    """The functions of each direction. Raises SpecError unless there are `count` of them, or as many for each."""
    if len(names) not in (count, count * network.ways):
        raise SpecError(
            f"it takes {count} activations, for both directions or for each; got {len(names)}",
            dimension=f"{len(names)} activations",
        )
    if max(len(alpha), len(beta)) > len(names):
        raise SpecError(f"there are constants for more than the {len(names)} activations")
    made: list[Map] = []
    for i, name in enumerate(names):
        function, a, b = FUNCTIONS[name]
        a = a if i >= len(alpha) or alpha[i] is None else float(alpha[i])  # type: ignore[arg-type]  # is no None
        b = b if i >= len(beta) or beta[i] is None else float(beta[i])  # type: ignore[arg-type]
        made.append(partial(_applied, function, a, b))
    return [made[:count], made[-count:]]


def _applied(function: Callable[[Any, float, float], Any], a: float, b: float, x: Any) -> Any:
    return function(x, a, b)


def _clipped(x: Any, limit: float | None) -> Any:
    return same(x) if limit is None else ops.clip(x, low=-limit, high=limit)


def _shaped(x: Any, shape: tuple[Any, ...], what: str) -> None:
    """Raise SpecError, calling it `what`, unless `x` is open or has the shape."""
    if x is not None:
        shaped(x, shape, what)
