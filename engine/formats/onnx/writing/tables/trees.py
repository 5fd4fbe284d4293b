"""Decision trees: a loop in which every row goes down every tree, a step at a time."""

from __future__ import annotations

from typing import Any

from flowloom import ops
from flowloom.compiler.control import while_loop
from flowloom.formats.onnx.writing.table import becomes
from flowloom.ops.trees import MEMBER

COMPARISONS = (ops.less_equal, ops.less, ops.greater_equal, ops.greater, ops.equal, ops.not_equal)


@becomes("tree_leaves")
def _tree_leaves(x: Any, roots: Any, features: Any, thresholds: Any, modes: Any, *others: Any) -> Any:
    if_true, if_false, missing, members = others
    rows = ops.full_like(ops.max(x, axis=1, keepdims=True), value=0.0, dtype="int64")
    first = ops.add(rows, ops.cast(roots, dtype="int64"))

    def step(index: Any, place: Any) -> Any:
        node = ops.maximum(place, 0)
        value = ops.take_along_axis(x, ops.cast(ops.take(features, node), dtype="int64"), axis=1)
        threshold, mode = ops.take(thresholds, node), ops.take(modes, node)
        among = ops.take(
            members, ops.cast(ops.maximum(ops.where(ops.equal(mode, MEMBER), threshold, 0), 0), dtype="int64")
        )
        holds = ops.logical_and(
            ops.equal(mode, MEMBER), ops.any(ops.equal(ops.expand_dims(value, axis=-1), among), axis=-1)
        )
        for number, compare in enumerate(COMPARISONS):
            holds = ops.logical_or(holds, ops.logical_and(ops.equal(mode, number), compare(value, threshold)))
        unknown = ops.logical_and(ops.cast(ops.take(missing, node), dtype="bool"), ops.not_equal(value, value))
        way = ops.where(ops.logical_or(holds, unknown), ops.take(if_true, node), ops.take(if_false, node))
        return (ops.where(place < 0, place, ops.cast(way, dtype="int64")),)

    leaves: Any = while_loop(lambda index, place: ops.any(place >= 0), step, [first])[0]
    return -1 - leaves
