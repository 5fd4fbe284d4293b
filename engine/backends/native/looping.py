"""Looping: a scan as the instructions of its body, written out once for each step.

All steps use the same kernels and the same working memory; what differs is where they read and write. States are
written to where the next step reads them: into their history, where that is asked for, else into two places in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from flowloom.backends.native.instructions import Instruction, Place, calling
from flowloom.backends.native.layout import own_place
from flowloom.compiler.expr import Expr, constant, placeholder
from flowloom.spec import Spec

MOST_INSTRUCTIONS = 20_000
Body: TypeAlias = "Callable[[Sequence[Expr]], tuple[Sequence[Expr], Sequence[Instruction]] | None]"


def unrolled(
    e: Expr,
    operands: Sequence[Place],
    results: Mapping[int, Expr],
    body_of: Body,
    copied: Callable[[Place, Place], Instruction],
) -> list[Instruction] | None:
    """The instructions of a scan on dense operands; None if its body has a portable one, or there would be too many.

    `results` are those of its outputs that are read, by position. `body_of` gives what expressions come to, and the
    instructions that compute them, `copied` the one that copies from one place to another.
    """
    params: dict[str, Any] = dict(e.params)
    body, states, slices = params["body"], params["states"], params["slices"]
    length = operands[states].shape[0] if slices else params["length"]
    many = len(body.outputs)
    stacked = [own_place(results[k]) for k in range(states, many) if k in results]
    made = body_of([body.outputs[k] for k in range(many) if k < states or k in results])
    if made is None or length == 0 or len(made[1]) * length > MOST_INSTRUCTIONS:
        return None
    outputs, instructions = made
    turns = list(range(length))[:: -1 if params["reverse"] else 1]
    histories = [own_place(results[many + i]) if many + i in results else None for i in range(states)]
    counts = own_place(constant(np.arange(length)))
    xs, captures = operands[states : states + slices], operands[states + slices :]

    def state_after(i: int, turn: int) -> Place:
        """Where state `i` lies after that many turns."""
        history = histories[i]
        if turn == length:
            return own_place(results[i]) if i in results else _spare(e, i, turn, operands[i])
        return _row(history, turns[turn]) if history is not None else _spare(e, i, turn, operands[i])

    before = list(operands[:states])
    listed = []
    for i, history in enumerate(histories):
        if history is not None:
            listed.append(copied(before[i], _row(history, turns[0])))
    for turn, n in enumerate(turns):
        after = [state_after(i, turn + 1) for i in range(states)]
        given = [_row(counts, n), *before, *(_row(x, n) for x in xs), *captures]
        where = dict(zip(body.inputs, given, strict=True))
        where |= zip(outputs, [*after, *(_row(s, n) for s in stacked)], strict=True)
        listed += [_moved(instruction, where, e) for instruction in instructions]
        before = after
    return listed


def _spare(e: Expr, i: int, turn: int, like: Place) -> Place:
    """One of two places that a state without a history lies in by turns."""
    return own_place(placeholder(f"state {i} of {id(e)} at turn {turn % 2}", Spec(like.shape, like.dtype)))


def _row(stack: Place, n: int) -> Place:
    """Row `n` of an array in C order."""
    return Place(stack.base, stack.offset + n * stack.strides[0], stack.shape[1:], stack.strides[1:], stack.dtype)


def _moved(instruction: Instruction, where: Mapping[Expr, Place], loop: Expr) -> Instruction:
    """An instruction of the body of a loop that reads and writes elsewhere."""
    call = instruction.call
    assert call is not None
    args = tuple(_elsewhere(a, where) if isinstance(a, Place) else a for a in call.args)
    writes = tuple(where[e].base if e in where else e for e in call.writes)
    moved = calling(replace(call, args=args, writes=writes), instruction.computes)
    return replace(moved, within=(loop, *instruction.within))


def _elsewhere(place: Place, where: Mapping[Expr, Place]) -> Place:
    target = where.get(place.base)
    if target is None:
        return place
    return Place(target.base, target.offset + place.offset, place.shape, place.strides, place.dtype)
