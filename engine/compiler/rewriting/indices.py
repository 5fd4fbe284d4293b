"""Elements by constant positions that follow each other: all of them in their order, or a slice."""

from __future__ import annotations

import numpy as np

from flowloom.compiler.expr import CONSTANT, Expr
from flowloom.compiler.rewriting.matching import params
from flowloom.compiler.rewriting.rules import rule
from flowloom.ops import scatter_add, slice, take
from flowloom.spec import normalize_axis


def _run_of(e: Expr) -> tuple[int, int] | None:
    """The first and the behind-the-last of the indices `e`, if they are constants that count up from 0 or more."""
    if e.op is not CONSTANT or e.value is None or e.ndim != 1 or not e.value.size:
        return None
    first = int(e.value[0])
    if first < 0 or not np.array_equal(e.value, np.arange(first, first + e.value.size)):
        return None
    return first, first + e.value.size


@rule("algebra", take)
def take_of_a_run(e: Expr) -> Expr | None:
    """What lies at positions 3, 4, 5 is a slice; at all positions, it is the tensor."""
    x, run = e.args[0], _run_of(e.args[1])
    axis = normalize_axis(params(e)["axis"], x.ndim)
    if run is None or run[1] > x.shape[axis]:
        return None
    if run == (0, x.shape[axis]):
        return x
    lead = (None,) * axis
    made: Expr = slice(x, start=(*lead, run[0]), stop=(*lead, run[1]))
    return made


@rule("algebra", scatter_add)
def scatter_to_all(e: Expr) -> Expr | None:
    """What is added to zeros at all positions in their order is the result."""
    return e.args[0] if _run_of(e.args[1]) == (0, params(e)["size"]) else None
