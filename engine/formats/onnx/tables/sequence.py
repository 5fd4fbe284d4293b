"""Sequences and optionals. While the model is read they are Python lists, so their lengths must be known then."""

from __future__ import annotations

from typing import Any

from flowloom import ops
from flowloom.formats.onnx.node import Node
from flowloom.formats.onnx.table import onnx_op
from flowloom.formats.onnx.values import EMPTY, Empty, Value, ints_of, scalar_of


@onnx_op("SequenceConstruct")
def _construct(node: Node, *xs: Value) -> list[Value]:
    return list(xs)


@onnx_op("SequenceEmpty")
def _empty(node: Node) -> list[Value]:
    return []


@onnx_op("SequenceLength")
def _length(node: Node, xs: list[Value]) -> Value:
    return node.known(len(xs), "int64")


@onnx_op("SequenceAt")
def _at(node: Node, xs: list[Value], position: Value) -> Value:
    place = scalar_of(position)
    if place is not None:
        return xs[int(place)]
    if len({x.spec for x in xs}) != 1:
        raise node.refuse("the position must be known when the model is read, as the tensors differ in their shapes")
    return ops.take(ops.stack(*xs), ops.reshape(position, shape=()))


@onnx_op("SequenceInsert")
def _insert(node: Node, xs: list[Value], x: Value, position: Value | None = None) -> list[Value]:
    made = list(xs)
    made.insert(len(xs) if position is None else _place(node, position), x)
    return made


@onnx_op("SequenceErase")
def _erase(node: Node, xs: list[Value], position: Value | None = None) -> list[Value]:
    made = list(xs)
    del made[-1 if position is None else _place(node, position)]
    return made


def _place(node: Node, position: Value) -> int:
    place = scalar_of(position)
    if place is None:
        raise node.refuse("the position must be known when the model is read")
    return int(place)


@onnx_op("SplitToSequence")
def _split(node: Node, x: Value, sizes: Value | None = None) -> list[Value]:
    axis, keepdims = node.attr("axis", 0), node.attr("keepdims", 1)
    size, chunk = x.shape[axis], None if sizes is None or sizes.ndim else scalar_of(sizes)
    if sizes is None or chunk is not None:
        if not isinstance(size, int):
            raise node.refuse(f"the size of axis {axis} must be known; got {x.spec}")
        lengths = _chunks(size, int(chunk or 1))
    elif (known := ints_of(sizes)) is not None:
        lengths = known
    elif sizes.ndim == 1:
        return list(ops.split_by(x, sizes, axis=axis))
    else:
        raise node.refuse("the length of a part must be known when the model is read")
    parts = list(ops.split(x, sizes=lengths, axis=axis))
    return parts if keepdims or sizes is not None else [ops.squeeze(p, axis=axis) for p in parts]


def _chunks(size: int, chunk: int) -> tuple[int, ...]:
    whole, rest = divmod(size, chunk)
    return (*(chunk,) * whole, *((rest,) if rest else ()))


@onnx_op("ConcatFromSequence")
def _concat(node: Node, xs: list[Value]) -> Value:
    axis = node.needs("axis")
    return ops.stack(*xs, axis=axis) if node.attr("new_axis", 0) else ops.concatenate(*xs, axis=axis)


@onnx_op("SequenceMap")
def _map(node: Node, xs: list[Value], *others: Any) -> Any:
    body = node.needs("body")
    rows = [node.call(body, [x, *(o[i] if isinstance(o, list) else o for o in others)]) for i, x in enumerate(xs)]
    return tuple([row[j] for row in rows] for j in range(len(body.output)))


# ---------------------------------------------------------------- optionals


@onnx_op("Optional")
def _optional(node: Node, x: Any = None) -> Any:
    return EMPTY if x is None else x


@onnx_op("OptionalHasElement")
def _has_element(node: Node, x: Any = None) -> Value:
    return node.known(x is not None and not isinstance(x, Empty), bool)


@onnx_op("OptionalGetElement")
def _get_element(node: Node, x: Any) -> Any:
    if isinstance(x, Empty):
        raise node.refuse("the optional holds nothing")
    return x
