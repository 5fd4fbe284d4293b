"""The arithmetic of recurrent layers: their cells, and a cell taken over the steps of sequences.

A cell gets what the kernel made of one step and its states, and gives the new states, of which the first is its output.
What the kernel makes of the input is computed for all steps at once, before the loop: one large matrix product.

Sources: Elman 1990 (simple), Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al. 2000 and their peepholes
of 2002 (LSTM), Cho et al. 2014 (GRU). Where a gate is what ONNX and cuDNN write otherwise, that is a parameter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from flowloom.compiler.control import scan
from flowloom.ops import less, matmul, split, where
from flowloom.ops.composing import in_dtype, span
from flowloom.spec import promote

Map: TypeAlias = Callable[[Any], Any]
Cell: TypeAlias = Callable[..., Sequence[Any]]


def same(x: Any) -> Any:
    """`x`."""
    return x


def simple_cell(recurrent_kernel: Any, activation: Map, *, thinned: Map = same) -> Cell:
    """h' = activation(x + h R). `recurrent_kernel` is R (units, units); `thinned` drops some of what it reads."""

    def cell(x: Any, h: Any) -> Sequence[Any]:
        return [activation(x + matmul(thinned(h), recurrent_kernel))]

    return cell


def lstm_cell(
    recurrent_kernel: Any,
    gate: Map,
    candidate: Map,
    output: Map,
    *,
    order: str = "ifgo",
    thinned: Map = same,
    clipped: Map = same,
    peepholes: dict[str, Any] | None = None,
    coupled: bool = False,
) -> Cell:
    """Long short-term memory, of states h and c, each (batch, units).

    i, f, g, o = parts of x + h R;  c' = gate(f) c + gate(i) candidate(g);  h' = gate(o) output(c'). `recurrent_kernel`
    is R (units, 4 units), its parts in `order`. `peepholes` lets the gates "i" and "f" see c, and "o" c', each by its
    weights (units,). `coupled`: what is forgotten is 1 - gate(i). `clipped` limits what goes into gate and candidate.
    """
    looks = peepholes or {}

    def cell(x: Any, h: Any, c: Any) -> Sequence[Any]:
        made = x + matmul(thinned(h), recurrent_kernel)
        part = dict(zip(order, split(made, sections=4, axis=-1), strict=True))

        def opened(name: str, seen: Any) -> Any:
            return gate(clipped(part[name] + seen * looks[name] if name in looks else part[name]))

        let_in = opened("i", c)
        kept = 1.0 - let_in if coupled else opened("f", c)
        new = kept * c + let_in * candidate(clipped(part["g"]))
        return [opened("o", new) * output(new), new]

    return cell


def gru_cell(
    recurrent_kernel: Any,
    gate: Map,
    candidate: Map,
    *,
    reset_after: bool,
    recurrent_bias: Any = None,
    thinned: Map = same,
    clipped: Map = same,
) -> Cell:
    """Gated recurrent unit, of the state h (batch, units). R (units, 3 units) has the parts z, r and g.

    z, r = gates of x + h R;  h' = z h + (1 - z) g.  With `reset_after`, g = candidate(x + r (h R + b)), as in cuDNN,
    where b is the `recurrent_bias` (3 units,), which then counts in all three; else g = candidate(x + (r h) R).
    """
    units = recurrent_kernel.shape[0]
    sizes = (2 * units, units)

    def cell(x: Any, h: Any) -> Sequence[Any]:
        read = thinned(h)
        for_gates, for_new = split(x, sizes=sizes, axis=-1)
        made = matmul(read, recurrent_kernel if reset_after else span(recurrent_kernel, None, sizes[0]))
        if recurrent_bias is not None:
            made = made + recurrent_bias
        of_gates, of_new = split(made, sizes=sizes, axis=-1) if reset_after else (made, None)
        update, reset = split(gate(clipped(for_gates + of_gates)), sections=2, axis=-1)
        inner = reset * of_new if reset_after else matmul(reset * read, span(recurrent_kernel, sizes[0], None))
        new = candidate(clipped(for_new + inner))
        return [update * h + (1.0 - update) * new]

    return cell


def recur(
    cell: Cell,
    x: Any,
    states: Sequence[Any],
    *,
    mask: Any = None,
    lengths: Any = None,
    reverse: bool = False,
    sequence: bool = True,
    held: bool = True,
) -> tuple[Any, tuple[Any, ...]]:
    """The outputs of `cell` after each step of `x` (time, batch, ...), and its states after the last.

    Steps that `mask` (time, batch, 1) or `lengths` (batch, 1) leave out change no state; their output is that of the
    step before if `held`, else 0. `reverse` begins with the last step; outputs stay in the order of the steps. Without
    `sequence` the outputs are None. All is computed in the widest dtype of x and states.
    """
    dtype = promote(x.dtype, *(s.dtype for s in states))
    x, *states = (in_dtype(e, dtype) for e in (x, *states))
    count = len(states)

    def step(index: Any, *handed: Any) -> Sequence[Any]:
        before, now, *counts = handed[:count], *handed[count:]
        after = list(cell(now, *before))
        valid = counts[0] if counts else None if lengths is None else less(index, lengths)
        if valid is None:
            return [*after, after[0]] if sequence else after
        shown = [where(valid, after[0], before[0] if held else 0.0)] if sequence else []
        return [*(where(valid, new, old) for new, old in zip(after, before, strict=True)), *shown]

    made = scan(step, states, [x] if mask is None else [x, mask], reverse=reverse)
    return (made[count] if sequence else None), tuple(made[:count])
