"""Recurrent layers over sequences (batch, time, features): simple_rnn, lstm and gru. Keras' names and defaults.

Each is one node, reading in one direction or, with `bidirectional`, in both. The arithmetic is in `recurrence.py`; for
weights that come from elsewhere in the graph there is `flowloom.recurrent`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias

import numpy as np
from msgspec import Struct

from flowloom.compiler.expr import Expr
from flowloom.constraints import Constraint
from flowloom.graph.kinds import NodeContext
from flowloom.initializers import Initializer, initialize
from flowloom.layers.activations import Activation, activate
from flowloom.layers.core import Made
from flowloom.layers.layer import layer
from flowloom.layers.recurrence import Cell, Map, gru_cell, lstm_cell, recur, same, simple_cell
from flowloom.layers.regularization import dropped, kept
from flowloom.layers.shapes import dimensions, known, zeros_beside
from flowloom.ops import cast, concatenate, expand_dims, flip, matmul, stack, transpose
from flowloom.ops.composing import part, span
from flowloom.ops.inference import shaped
from flowloom.params import Count, Fraction
from flowloom.regularizers import Regularizer
from flowloom.spec import Spec, SpecError, is_bool, is_integer, promote

Merge: TypeAlias = Literal["concat", "sum", "mul", "ave"]
# What a layer makes for one direction: its variables' names begin with the text, its random draws are numbered from the
# number. It gives what the kernel made of the input (batch, time, ...), and the cell.
OneWay: TypeAlias = Callable[[str, int], tuple[Any, Cell]]


@layer(outputs=("y", "*state"))
def simple_rnn(
    node: NodeContext,
    x: Any,
    mask: Any = None,
    initial_h: Any = None,
    *,
    units: Count = 32,
    activation: Activation = "tanh",
    use_bias: bool = True,
    kernel_initializer: Initializer = "glorot_uniform",
    recurrent_initializer: Initializer = "orthogonal",
    bias_initializer: Initializer = "zeros",
    kernel_regularizer: Regularizer | None = None,
    recurrent_regularizer: Regularizer | None = None,
    bias_regularizer: Regularizer | None = None,
    kernel_constraint: Constraint | None = None,
    recurrent_constraint: Constraint | None = None,
    bias_constraint: Constraint | None = None,
    dropout: Fraction = 0.0,
    recurrent_dropout: Fraction = 0.0,
    return_sequences: bool = False,
    return_state: bool = False,
    go_backwards: bool = False,
    bidirectional: Merge | None = None,
    zero_output_for_mask: bool = False,
    trainable: bool = True,
) -> tuple[Expr, ...]:
    """The simplest recurrent network (Elman 1990): one layer that reads its own last output.

    At each step h = activation(x @ kernel + h @ recurrent_kernel + bias). `x` is (batch, time, features); returns the
    last output (batch, units), or with `return_sequences` all of them (batch, time, units). For mask, state,
    directions and dropout see `lstm`; the state is h alone. Variables: kernel (features, units), recurrent_kernel
    (units, units), bias (units,).
    """
    made = _Made(
        (kernel_initializer, kernel_regularizer, kernel_constraint),
        (recurrent_initializer, recurrent_regularizer, recurrent_constraint),
        (bias_initializer, bias_regularizer, bias_constraint) if use_bias else None,
    )

    def one_way(prefix: str, use: int) -> tuple[Any, Cell]:
        read, recurrent, thinned = _read(node, x, made, units, 1, (dropout, recurrent_dropout), prefix, use)
        return read, simple_cell(recurrent, _named(activation), thinned=thinned)

    how = _How(return_sequences, return_state, go_backwards, bidirectional, zero_output_for_mask)
    return _run(x, mask, [initial_h], units, one_way, how)


@layer(outputs=("y", "*state"))
def lstm(
    node: NodeContext,
    x: Any,
    mask: Any = None,
    initial_h: Any = None,
    initial_c: Any = None,
    *,
    units: Count = 32,
    activation: Activation = "tanh",
    recurrent_activation: Activation = "sigmoid",
    use_bias: bool = True,
    kernel_initializer: Initializer = "glorot_uniform",
    recurrent_initializer: Initializer = "orthogonal",
    bias_initializer: Initializer = "zeros",
    unit_forget_bias: bool = True,
    kernel_regularizer: Regularizer | None = None,
    recurrent_regularizer: Regularizer | None = None,
    bias_regularizer: Regularizer | None = None,
    kernel_constraint: Constraint | None = None,
    recurrent_constraint: Constraint | None = None,
    bias_constraint: Constraint | None = None,
    dropout: Fraction = 0.0,
    recurrent_dropout: Fraction = 0.0,
    return_sequences: bool = False,
    return_state: bool = False,
    go_backwards: bool = False,
    bidirectional: Merge | None = None,
    zero_output_for_mask: bool = False,
    trainable: bool = True,
) -> tuple[Expr, ...]:
    """Long short-term memory (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000).

    `x` is (batch, time, features); returns the last output (batch, units), or with `return_sequences` all of them
    (batch, time, units); with `return_state` also the last h and c, each (batch, units). `initial_h` and `initial_c`
    are what it begins with instead of zeros. `recurrent_activation` is that of the gates. While learning, `dropout` and
    `recurrent_dropout` drop shares of what the two kernels read, the same ones at all steps (Gal & Ghahramani 2016).

    `mask` is false for steps to leave out, bool (batch, time), or says how many steps there are, integers (batch,).
    Such a step changes no state; its output is that of the step before, or with `zero_output_for_mask` 0.

    `go_backwards` begins with the last step and gives the outputs in the order made. `bidirectional` reads both ways
    with a set of variables for each, those of the second named "backward_...", and joins the outputs of a step: side by
    side (batch, time, 2 * units), or as their sum, product or mean. States are then (2, batch, units).

    Variables: kernel (features, 4 * units), recurrent_kernel (units, 4 * units), bias (4 * units,): input gate, forget
    gate, candidate, output gate. `unit_forget_bias` begins with a bias of 1 for the forget gate.
    """
    first: Any = _ForgetOpen(bias_initializer) if unit_forget_bias else bias_initializer
    made = _Made(
        (kernel_initializer, kernel_regularizer, kernel_constraint),
        (recurrent_initializer, recurrent_regularizer, recurrent_constraint),
        (first, bias_regularizer, bias_constraint) if use_bias else None,
    )

    def one_way(prefix: str, use: int) -> tuple[Any, Cell]:
        read, recurrent, thinned = _read(node, x, made, units, 4, (dropout, recurrent_dropout), prefix, use)
        act = _named(activation)
        return read, lstm_cell(recurrent, _named(recurrent_activation), act, act, thinned=thinned)

    how = _How(return_sequences, return_state, go_backwards, bidirectional, zero_output_for_mask)
    return _run(x, mask, [initial_h, initial_c], units, one_way, how)


@layer(outputs=("y", "*state"))
def gru(
    node: NodeContext,
    x: Any,
    mask: Any = None,
    initial_h: Any = None,
    *,
    units: Count = 32,
    activation: Activation = "tanh",
    recurrent_activation: Activation = "sigmoid",
    use_bias: bool = True,
    kernel_initializer: Initializer = "glorot_uniform",
    recurrent_initializer: Initializer = "orthogonal",
    bias_initializer: Initializer = "zeros",
    kernel_regularizer: Regularizer | None = None,
    recurrent_regularizer: Regularizer | None = None,
    bias_regularizer: Regularizer | None = None,
    kernel_constraint: Constraint | None = None,
    recurrent_constraint: Constraint | None = None,
    bias_constraint: Constraint | None = None,
    dropout: Fraction = 0.0,
    recurrent_dropout: Fraction = 0.0,
    return_sequences: bool = False,
    return_state: bool = False,
    go_backwards: bool = False,
    reset_after: bool = True,
    bidirectional: Merge | None = None,
    zero_output_for_mask: bool = False,
    trainable: bool = True,
) -> tuple[Expr, ...]:
    """Gated recurrent unit (Cho et al. 2014).

    `x` is (batch, time, features); returns the last output (batch, units), or with `return_sequences` all of them
    (batch, time, units). For mask, state, directions and dropout see `lstm`; the state is h alone. `reset_after`
    applies the reset gate to what the recurrent kernel made of h, as cuDNN does, else to h itself.

    Variables: kernel (features, 3 * units), recurrent_kernel (units, 3 * units): update gate, reset gate, candidate;
    bias (2, 3 * units), for both kernels, with `reset_after`, else (3 * units,).
    """
    made = _Made(
        (kernel_initializer, kernel_regularizer, kernel_constraint),
        (recurrent_initializer, recurrent_regularizer, recurrent_constraint),
        (bias_initializer, bias_regularizer, bias_constraint) if use_bias else None,
        biases=2 if reset_after else 1,
    )

    def one_way(prefix: str, use: int) -> tuple[Any, Cell]:
        read, recurrent, thinned = _read(node, x, made, units, 3, (dropout, recurrent_dropout), prefix, use)
        bias = span(_bias(node, made, units, 3, prefix), 1, 2, axis=0) if use_bias and reset_after else None
        gates = _named(recurrent_activation), _named(activation)
        return read, gru_cell(recurrent, *gates, reset_after=reset_after, recurrent_bias=bias, thinned=thinned)

    how = _How(return_sequences, return_state, go_backwards, bidirectional, zero_output_for_mask)
    return _run(x, mask, [initial_h], units, one_way, how)


# ---------------------------------------------------------------- the variables


@dataclass(frozen=True, slots=True)
class _Made:
    """How kernel, recurrent kernel and bias (if there is one) begin and are kept in bounds."""

    kernel: Made
    recurrent: Made
    bias: Made | None
    biases: int = 1


class _ForgetOpen(Struct, frozen=True):
    """Begins like another initializer, but with 1 for the second of four gates (Jozefowicz et al. 2015)."""

    rest: Initializer

    def __call__(self, key: Any, shape: tuple[int, ...], dtype: str) -> Any:
        drawn = initialize(self.rest, Spec(shape, dtype), seed=int(key[0]), name=str(key[1]))
        return np.where(np.arange(shape[0]) * 4 // shape[0] == 1, 1.0, drawn)


def _read(
    node: NodeContext, x: Any, made: _Made, units: int, gates: int, rates: tuple[float, float], prefix: str, use: int
) -> tuple[Any, Any, Map]:
    """What the kernel makes of `x`, the recurrent kernel, and the dropout of what that one reads."""
    features = known(x.shape[2], "the number of features")
    kernel = node.variable(f"{prefix}kernel", (features, gates * units), *made.kernel)
    recurrent = node.variable(f"{prefix}recurrent_kernel", (units, gates * units), *made.recurrent)
    # One draw for all steps of a sequence (Gal & Ghahramani 2016).
    read = matmul(dropped(node, x, rates[0], (x.shape[0], 1, features), use=use) if rates[0] else x, kernel)
    bias = _bias(node, made, units, gates, prefix)
    if bias is not None:
        read = read + (part(bias, 0, axis=0) if made.biases == 2 else bias)
    if not node.training or not rates[1]:
        return read, recurrent, same
    factor = cast(kept(node, (x.shape[0], units), rates[1], use=use + 1), dtype=recurrent.dtype.name) / (1 - rates[1])
    return read, recurrent, lambda h: h * factor


def _bias(node: NodeContext, made: _Made, units: int, gates: int, prefix: str) -> Any:
    if made.bias is None:
        return None
    shape = (gates * units,) if made.biases == 1 else (made.biases, gates * units)
    return node.variable(f"{prefix}bias", shape, *made.bias)


def _named(activation: Activation) -> Map:
    return partial(activate, activation=activation)


# ---------------------------------------------------------------- the directions


@dataclass(frozen=True, slots=True)
class _How:
    """What a layer gives back, and which way it reads."""

    return_sequences: bool
    return_state: bool
    go_backwards: bool
    bidirectional: Merge | None
    zero_output_for_mask: bool


def _run(x: Any, mask: Any, initial: Sequence[Any], units: int, one_way: OneWay, how: _How) -> tuple[Expr, ...]:
    """The outputs and states of one direction, or of two joined."""
    dimensions(x, 3, "sequences (batch, time, features)", 3)
    steps = _steps(x, mask)
    if how.bidirectional is None:
        begin = [_checked(x, s, (units,)) for s in initial]
        y, states = _one(*one_way("", 0), begin, units, steps, how, reverse=how.go_backwards)
        y = _in_order(y, how, how.go_backwards)
        return (y, *states) if how.return_state else (y,)
    if how.go_backwards:
        raise SpecError("a bidirectional layer reads both ways; leave go_backwards out", dimension="go_backwards")
    pairs = [_checked(x, s, (units,), ways=2) for s in initial]
    made = [
        _one(*one_way(prefix, 2 * i), [_way(s, i) for s in pairs], units, steps, how, reverse=i == 1)
        for i, prefix in enumerate(("", "backward_"))
    ]
    y = _joined(how.bidirectional, [_in_order(y, how, False) for y, _ in made])
    return (y, *(stack(*both) for both in zip(*(s for _, s in made), strict=True))) if how.return_state else (y,)


def _one(
    read: Any, cell: Cell, initial: Sequence[Any], units: int, steps: dict[str, Any], how: _How, *, reverse: bool
) -> tuple[Any, tuple[Any, ...]]:
    """The outputs (time, batch, units), or the last one (batch, units), and the last states."""
    dtype = promote(read.dtype, *(s.dtype for s in initial if s is not None))
    begin = [zeros_beside(read, units, dtype=dtype) if s is None else s for s in initial]
    keep = {"sequence": how.return_sequences, "held": not how.zero_output_for_mask}
    y, states = recur(cell, transpose(read, axes=(1, 0, 2)), begin, reverse=reverse, **steps, **keep)
    return (y if how.return_sequences else states[0]), states


def _in_order(y: Any, how: _How, backwards: bool) -> Any:
    """The outputs (batch, time, units), in the order made; or the last one as it is."""
    if not how.return_sequences:
        return y
    return transpose(flip(y, axis=0) if backwards else y, axes=(1, 0, 2))


def _joined(merge: Merge, both: list[Any]) -> Any:
    forward, backward = both
    match merge:
        case "concat":
            return concatenate(forward, backward, axis=-1)
        case "sum":
            return forward + backward
        case "mul":
            return forward * backward
        case "ave":
            return (forward + backward) * 0.5


def _way(states: Any, index: int) -> Any:
    return None if states is None else part(states, index, axis=0)


def _steps(x: Any, mask: Any) -> dict[str, Any]:
    """The steps that count, as `recur` takes them. Raises SpecError if the mask does not fit."""
    if mask is None:
        return {}
    if is_bool(mask.dtype) and mask.ndim == 2:
        shaped(mask, x.shape[:2], "the mask")
        return {"mask": expand_dims(transpose(mask), axis=-1)}
    if is_integer(mask.dtype) and mask.ndim == 1:
        shaped(mask, x.shape[:1], "the mask")
        return {"lengths": expand_dims(mask, axis=-1)}
    raise SpecError(
        f"the mask is bool (batch, time), or integers (batch,) that count steps; got {mask.spec}",
        dimension=str(mask.spec),
    )


def _checked(x: Any, state: Any, rest: tuple[int, ...], ways: int = 1) -> Any:
    """`state`. Raises SpecError unless it is (batch, units), with `ways` in front where there are two."""
    wanted = ((ways,) if ways > 1 else ()) + (x.shape[0], *rest)
    return None if state is None else shaped(state, wanted, "a first state")
