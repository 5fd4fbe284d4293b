"""Branches and loops: ONNX's If, Loop and Scan, whose bodies see the names around them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import GraphProto

from flowloom.compiler.expr import Expr
from flowloom.compiler.function import Function
from flowloom.formats.onnx.writing.table import writes
from flowloom.formats.onnx.writing.writer import Name, Writer, value_info
from flowloom.spec import Spec

BOOL = Spec((), "bool")


@writes("cond")
def _cond(w: Writer, e: Expr, condition: Name, *operands: Name) -> Any:
    params = dict(e.params)
    then, otherwise = (_body(w, params[k], operands, k) for k in ("then", "otherwise"))
    count = len(e.spec)
    made = w.node("If", condition, count=count, then_branch=then, else_branch=otherwise)
    return (made,) if count == 1 else made


@writes("scan")
def _scan(w: Writer, e: Expr, *operands: Name) -> Any:
    """ONNX's Scan has no index: it goes along a sequence of indices, too.

    The states before each step, which follow what is stacked, are for gradients; they are given where they are read.
    """
    params = dict(e.params)
    body, states, slices = params["body"], params["states"], params["slices"]
    initial, xs, captures = operands[:states], operands[states : states + slices], operands[states + slices :]
    steps = w.node("Shape", xs[0], start=0, end=1) if xs else w.ints(params["length"])
    count = w.node("Squeeze", steps, w.ints(0))
    indices = w.node("Range", w.constant(np.int64(0)), count, w.constant(np.int64(1)))
    inner = w.begin(body)
    index, *leaves = body.inputs
    own = [index, *leaves[: states + slices]]
    names = [inner.fresh("argument") for _ in own]
    for leaf, name in zip([*own, *leaves[states + slices :]], [*names, *captures], strict=True):
        inner.bind(leaf, name)
    made = [inner.node("Identity", name) for name in inner.write(body.outputs)]
    asked = [i for i in range(states) if w.reads(e, len(made) + i)]
    before = [inner.node("Identity", names[1 + i]) for i in asked]
    ordered = [*names[1 : states + 1], names[0], *names[states + 1 :]]
    specs = [*(x.spec for x in leaves[:states]), index.spec, *(x.spec for x in leaves[states : states + slices])]
    inputs = [value_info(n, s) for n, s in zip(ordered, specs, strict=True)]
    results = [*(x.spec for x in body.outputs), *(body.outputs[i].spec for i in asked)]
    outputs = [value_info(n, s) for n, s in zip([*made, *before], results, strict=True)]
    stacked = len(made) - states + len(before)
    reverse = int(params["reverse"])
    result = w.node(
        "Scan",
        *initial,
        indices,
        *xs,
        count=states + stacked,
        body=inner.body(w.fresh("step"), inputs, outputs),
        num_scan_inputs=1 + slices,
        scan_input_directions=[reverse] * (1 + slices) if reverse else None,
        scan_output_directions=[reverse] * stacked if reverse and stacked else None,
    )
    found = iter([result] if states + stacked == 1 else result)
    return tuple(next(found) if i < len(made) or i - len(made) in asked else "" for i in range(len(made) + states))


@writes("while_loop")
def _while_loop(w: Writer, e: Expr, *operands: Name) -> Any:
    """ONNX's Loop decides whether to go on at the end of its body: the condition is written before and in it."""
    params = dict(e.params)
    condition, body, states = params["condition"], params["body"], params["states"]
    initial, captures = operands[:states], operands[states:]
    first = _inline(w, condition, (w.constant(np.int64(0)), *initial, *captures))[0]
    inner = w.begin(body)
    index, *leaves = body.inputs
    names = [inner.fresh("argument") for _ in range(states + 1)]
    goes_on = inner.fresh("argument")
    made = _inline(inner, body, (*names, *captures))
    following = inner.node("Add", names[0], w.constant(np.int64(1)))
    again = inner.node("Identity", _inline(inner, condition, (following, *made[:states], *captures))[0])
    inputs = [
        value_info(names[0], index.spec),
        value_info(goes_on, BOOL),
        *(value_info(n, x.spec) for n, x in zip(names[1:], leaves, strict=False)),
    ]
    outs = [inner.node("Identity", name) for name in made]
    outputs = [value_info(again, BOOL), *(value_info(n, x.spec) for n, x in zip(outs, body.outputs, strict=True))]
    result = w.node("Loop", "", first, *initial, count=len(made), body=inner.body(w.fresh("turn"), inputs, outputs))
    return (result,) if len(made) == 1 else result


def _inline(w: Writer, function: Function, operands: Sequence[Name]) -> list[Name]:
    """Write what a function computes from these values into `w`. Returns the names of what it gives."""
    inner = w.begin(function)
    for leaf, name in zip(function.inputs, operands, strict=True):
        inner.bind(leaf, name)
    names = inner.write(function.outputs)
    w.nodes += inner.nodes
    return names


def _body(w: Writer, function: Function, operands: Sequence[Name], name: str) -> GraphProto:
    """A branch, which takes nothing: it sees the values around it."""
    inner = w.begin(function)
    for leaf, operand in zip(function.inputs, operands, strict=True):
        inner.bind(leaf, operand)
    outs = [inner.node("Identity", made) for made in inner.write(function.outputs)]
    return inner.body(w.fresh(name), (), [value_info(n, x.spec) for n, x in zip(outs, function.outputs, strict=True)])
