"""What is known of an expression before the model runs; and what narrow dtypes are computed in."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np

from flowloom.compiler.expr import CONSTANT, INPUT, Expr, build_whole, items
from flowloom.op import REGISTRY
from flowloom.ops import cast
from flowloom.spec import Spec, is_narrow, wide_dtype

# What ONNX does with elements of any dtype; and what asks for their bits.
CARRIED = ("bitcast", "cast", "expand_dims", "flatten", "reshape", "squeeze", "stop_gradient", "transpose", "unflatten")
MOST_BYTES = 4096  # of what is computed from constants, unless these are larger


def value_of(e: Expr) -> Any:
    """The value of `e` (a tuple for several) if it is a constant, is empty, or is made of such and small; else None."""
    if e.op is CONSTANT:
        return e.value
    specs = e.specs
    if e.op is INPUT or not all(s.is_concrete and s.dtype != object for s in specs):
        return None
    if all(s.size == 0 for s in specs):
        empty = tuple(np.empty(s.sizes, s.dtype) for s in specs)
        return empty if isinstance(e.spec, tuple) else empty[0]
    operands = [_operand(a) for a in e.args]
    if REGISTRY.get(e.op.name) is not e.op or any(a is None for a in operands):
        return None
    if sum(s.nbytes for s in specs) > max(MOST_BYTES, *(a.nbytes for a in operands)):
        return None
    with np.errstate(all="ignore"), suppress(Exception):  # what a kernel refuses is refused when the model runs
        return e.op.compute(np, *operands, **dict(e.params))
    return None


def _operand(e: Expr) -> Any:
    """The value of a constant, or of what is empty."""
    if e.op is CONSTANT:
        return e.value
    empty = isinstance(e.spec, Spec) and e.spec.is_concrete and e.spec.size == 0
    return np.empty(e.spec.sizes, e.spec.dtype) if empty else None


def widened(e: Expr) -> Any:
    """`e` computed in wide dtypes and rounded back, as backends do, where it has narrow operands; else None.

    What only moves elements is widened, too: the fewest of ONNX's ops take the dtypes of 8 bits and less.
    """
    if e.op.name in CARRIED or not any(isinstance(a.spec, Spec) and is_narrow(a.dtype) for a in e.args):
        return None
    wide = tuple(_in(a, wide_dtype(a.dtype)) for a in e.args)
    whole = build_whole(e.op, wide, dict(e.params))
    if isinstance(whole.spec, Spec):
        return _in(whole, e.dtype)
    return tuple(_in(made, s.dtype) for made, s in zip(items(whole), e.spec, strict=True))


def _in(e: Expr, dtype: np.dtype[Any]) -> Any:
    return e if e.dtype == dtype else cast(e, dtype=dtype.name)
