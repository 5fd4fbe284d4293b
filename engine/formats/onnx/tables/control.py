"""Branches and loops. Their bodies become scopes of the graph, named after the node.

A loop whose number of turns is known becomes a scan, which has a gradient; one that carries sequences is unrolled.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from flowloom import control, ops
from flowloom.formats.onnx.node import Node
from flowloom.formats.onnx.table import onnx_op
from flowloom.formats.onnx.values import Value, scalar_of
from flowloom.graph.tensor import Tensor
from flowloom.spec import Dim, Spec

if TYPE_CHECKING:
    from onnx import GraphProto

MOST_UNROLLED = 1000


# ---------------------------------------------------------------- If


@onnx_op("If", scoped=True)
def _if(node: Node, condition: Value) -> tuple[Any, ...]:
    branches = [node.needs("then_branch"), node.needs("else_branch")]
    chosen = scalar_of(condition)
    if chosen is not None:
        with node.named():
            return tuple(node.call(branches[not chosen]))
    specs = [_specs(node, branch) for branch in branches]
    lengths = [[len(s) if isinstance(s, list) else None for s in found] for found in specs]
    if lengths[0] != lengths[1]:
        raise node.refuse("its branches give sequences of different lengths")
    pairs = list(zip(*map(_flat, specs), strict=True))

    def branch(graph: GraphProto) -> list[Tensor]:
        with node.builder.zone():
            made = _flat(node.call(graph))
            return [_agreed(v, *pair).tensor for v, pair in zip(made, pairs, strict=True)]

    flag = ops.reshape(condition, shape=()).tensor
    made = control.cond(flag, lambda: branch(branches[0]), lambda: branch(branches[1]), name=node.path)
    parts = iter(map(node.builder.of, made))
    return tuple(next(parts) if n is None else [next(parts) for _ in range(n)] for n in lengths[0])


def _specs(node: Node, graph: GraphProto) -> list[Any]:
    """What a branch gives: specs, and lists of them; found by building it and taking that back."""
    with node.builder.trial(), node.builder.zone():
        return [[p.spec for p in v] if isinstance(v, list) else v.spec for v in node.call(graph)]


def _flat(values: Sequence[Any]) -> list[Any]:
    return [p for v in values for p in (v if isinstance(v, list) else [v])]


def _agreed(x: Value, one: Spec, other: Spec) -> Value:
    """`x`, which is one of the two, so that both have the same spec: with no size known, if they differ in them."""
    if one.ndim != other.ndim and {*one.shape, *other.shape} == {1}:
        return ops.reshape(x, shape=(1,) * max(one.ndim, other.ndim))
    if one == other or one.ndim != other.ndim:
        return x
    return ops.slice_at(x, x.builder.known(np.zeros(x.ndim, np.int64)), x.builder.add("shape_of", x))


# ---------------------------------------------------------------- Loop


@onnx_op("Loop", scoped=True)
def _loop(node: Node, count: Value | None, condition: Value | None, *initial: Any) -> tuple[Any, ...]:
    body: GraphProto = node.needs("body")
    turns = scalar_of(count)
    going = True if condition is None else scalar_of(condition)
    collected = len(body.output) - 1 - len(initial)
    if going is False or turns == 0:
        turns = 0
    steady = turns is not None and going is not None and _always_true(body)
    if any(not isinstance(v, Value) for v in initial):
        if turns is None or not steady or turns > MOST_UNROLLED:
            raise node.refuse("it carries a sequence, and the number of its turns is not known when the model is read")
        return _unrolled(node, body, turns, initial, collected)
    if steady and turns:
        made = _scanned(node, body, turns, initial)
        if made is not None:
            return made
    return _while(node, body, count, condition, initial, collected)


def _always_true(body: GraphProto) -> bool:
    """Whether a loop's condition, once true, stays so: it is handed on, or a constant."""
    made = {name: n for n in body.node for name in n.output}
    name = body.output[0].name
    while name in made and made[name].op_type in ("Identity", "Cast"):
        name = made[name].input[0]
    if name == body.input[1].name:
        return True
    constants = {t.name: t for t in body.initializer}
    if name in made and made[name].op_type == "Constant":
        constants[name] = next((a.t for a in made[name].attribute if a.name == "value"), None)
    from onnx.numpy_helper import to_array

    return constants.get(name) is not None and bool(to_array(constants[name]).all())


def _unrolled(node: Node, body: GraphProto, turns: int, initial: Sequence[Any], collected: int) -> tuple[Any, ...]:
    states, values = list(initial), [list[Value]() for _ in range(collected)]
    with node.named():
        for i in range(turns):
            _, *made = node.call(body, [node.known(i, "int64"), node.known(True), *states])
            states = made[: len(states)]
            for so_far, value in zip(values, made[len(states) :], strict=True):
                so_far.append(value)
        return (*states, *(ops.stack(*v) for v in values if v))


def _scanned(node: Node, body: GraphProto, turns: int, initial: Sequence[Value]) -> tuple[Any, ...] | None:
    """The loop as a scan of known length; None if a state changes its shape."""

    def step(states: Sequence[Tensor], _: None) -> tuple[list[Tensor], list[Tensor]]:
        with node.builder.zone():
            index, *carried = map(node.builder.of, states)
            _, *made = node.call(body, [index, node.known(True), *carried])
            if [m.spec for m in made[: len(carried)]] != [v.spec for v in initial]:
                raise _Changed
            following = ops.add(index, 1)
            return [v.tensor for v in (following, *made[: len(carried)])], [v.tensor for v in made[len(carried) :]]

    first = [node.known(0, "int64").tensor, *(v.tensor for v in initial)]
    try:
        with node.builder.trial(keep=True):
            (_, *states), values = control.scan(step, first, None, length=turns, name=node.path)
    except _Changed:
        return None
    return tuple(map(node.builder.of, (*states, *values)))


class _Changed(Exception):
    """A state that has another spec after a turn."""


def _while(
    node: Node,
    body: GraphProto,
    count: Value | None,
    condition: Value | None,
    initial: Sequence[Value],
    collected: int,
) -> tuple[Any, ...]:
    builder = node.builder
    shapes: list[tuple[Dim, ...] | None] = [None] * len(initial)

    def goes_on(index: Tensor, flag: Tensor, *_: Tensor) -> Tensor:
        with builder.zone():
            more = builder.of(flag)
            below = None if count is None else ops.less(builder.of(index), ops.reshape(count, shape=()))
            return (more if below is None else ops.logical_and(below, more)).tensor

    def turn(index: Tensor, flag: Tensor, *states: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        with builder.zone():
            before = list(map(builder.of, (index, flag, *states)))
            more, *made = node.call(body, before)
            following = [_looser(b, a) for b, a in zip(before[2:], made, strict=False)]
            if any(new is not None for new in following):
                shapes[:] = [new or old for new, old in zip(following, shapes, strict=True)]
                raise _Changed
            new = [ops.add(before[0], 1), ops.reshape(more, shape=()), *made[: len(states)]]
            return [v.tensor for v in new], [v.tensor for v in made[len(states) :]]

    start = node.known(True) if condition is None else ops.reshape(condition, shape=())
    first = [node.known(0, "int64").tensor, start.tensor, *(v.tensor for v in initial)]
    for _ in range(2 + sum(v.ndim for v in initial)):
        how: dict[str, Any] = {"shapes": (None, None, *shapes)} if any(shapes) else {}
        try:
            with builder.trial(keep=True):
                states, values = control.while_loop(goes_on, turn, first, collect=True, name=node.path, **how)
            return tuple(map(builder.of, (*states[2:], *values)))
        except _Changed:
            pass
    raise node.refuse("its states change their shapes in a way that flowloom cannot follow")


def _looser(before: Value, after: Value) -> tuple[Dim, ...] | None:
    """The shape that holds a state before and after a turn; None if that is the one before."""
    if before.ndim != after.ndim or before.dtype != after.dtype:
        raise TypeError(f"a state is {before.spec}, and {after.spec} after a turn")
    if before.shape == after.shape:
        return None
    both = zip(before.shape, after.shape, strict=True)
    shape = tuple(a if a == b and isinstance(a, int) else None for a, b in both)
    return None if shape == before.shape else shape


# ---------------------------------------------------------------- Scan


@onnx_op("Scan", scoped=True)
def _scan(node: Node, *inputs: Value | None) -> tuple[Any, ...]:
    if node.version >= 9:
        return _scan_along(node, [v for v in inputs if v is not None])
    if inputs[0] is not None:
        raise node.refuse("sequences of different lengths are not supported")
    operands = [v.tensor for v in inputs[1:] if v is not None]

    def each(_: None, slices: Sequence[Tensor]) -> tuple[None, list[Tensor]]:
        with node.builder.zone():
            return None, [v.tensor for v in _scan_along(node, list(map(node.builder.of, slices)))]

    _, made = control.scan(each, None, operands, name=f"{node.path}_batch")
    return tuple(map(node.builder.of, made))


def _scan_along(node: Node, inputs: Sequence[Value]) -> tuple[Any, ...]:
    """A scan, each input and output along its own axis and in its own direction."""
    body: GraphProto = node.needs("body")
    many = node.needs("num_scan_inputs")
    states = len(inputs) - many
    results = len(body.output) - states
    backward = node.attr("directions" if node.version < 9 else "scan_input_directions", [0] * many)
    out_backward = node.attr("scan_output_directions", [0] * results)
    axes, out_axes = node.attr("scan_input_axes", [0] * many), node.attr("scan_output_axes", [0] * results)
    reverse = bool(backward) and all(backward)
    with node.named():
        xs = [_first(x, a) for x, a in zip(inputs[states:], axes, strict=True)]
        xs = [ops.flip(x, axis=0) if bool(b) != reverse else x for x, b in zip(xs, backward, strict=True)]
        operands = [v.tensor for v in xs]

    def step(carried: Sequence[Tensor] | None, slices: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        with node.builder.zone():
            made = node.call(body, list(map(node.builder.of, (*(carried or ()), *slices))))
            return [v.tensor for v in made[:states]], [v.tensor for v in made[states:]]

    first = [v.tensor for v in inputs[:states]]
    last, stacked = control.scan(step, first, operands, reverse=reverse, name=node.path)
    ys = list(map(node.builder.of, stacked))
    with node.named():
        ys = [ops.flip(y, axis=0) if bool(b) != reverse else y for y, b in zip(ys, out_backward, strict=True)]
        ys = [_placed(y, a) for y, a in zip(ys, out_axes, strict=True)]
    return (*map(node.builder.of, last), *ys)


def _first(x: Value, axis: int) -> Value:
    """`x` with that axis in front."""
    return ops.transpose(x, axes=(axis % x.ndim, *(a for a in range(x.ndim) if a != axis % x.ndim)))


def _placed(y: Value, axis: int) -> Value:
    """`y` with its first axis put at that place."""
    order = list(range(1, y.ndim))
    order.insert(axis % y.ndim, 0)
    return ops.transpose(y, axes=tuple(order))
