"""What depends on constants alone, or on sizes alone, is computed once: now.

A result is kept as a constant up to a size, for it lies in memory as long as the plan. Numbers that are all the same
are kept as one, behind a broadcast, in any size.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.compiler.expr import CONSTANT, ITEM, Expr, constant
from flowloom.compiler.function import Function
from flowloom.compiler.rewriting.matching import filled, fitted, params, splat
from flowloom.compiler.rewriting.rules import rule
from flowloom.op import get_op
from flowloom.ops import broadcast_to, logical_and, logical_or, where
from flowloom.spec import Spec, is_bool

_CONSTANT = (CONSTANT, broadcast_to)
MOST = 1 << 16  # bytes of a constant that is made; more only if it is no larger than what it is made of

_SIZE, _FULL_LIKE = get_op("size"), get_op("full_like")
_ONLY_SIZES = tuple(map(get_op, ("attention_window", "eye_like", "numbered")))  # of the first operand


@rule("fold")
def same_number(e: Expr) -> Expr | None:
    """An elementwise op on tensors that are one number each gives one number."""
    if e.args[0].op not in _CONSTANT or e.op.template is None or e.spec.shape == ():
        return None
    if any(splat(a) is None for a in e.args):
        return None
    kernel = e.op.kernel_for(Spec((), a.dtype) for a in e.args)
    with np.errstate(all="ignore"):
        number = np.asarray(kernel(np, *(np.asarray(splat(a)) for a in e.args), **params(e)))
    return filled(number, e.spec) if number.dtype == e.dtype else None


@rule("fold")
def same_number_seen_otherwise(e: Expr) -> Expr | None:
    """One number everywhere, in another shape."""
    if not e.op.view or len(e.args) != 1 or not isinstance(e.spec, Spec) or e.spec.dtype != e.args[0].spec.dtype:
        return None
    number = splat(e.args[0])
    if number is None:
        return None
    made = filled(number, e.spec)
    return None if made is e else made


@rule("fold")
def constant_result(e: Expr) -> Expr | None:
    """An op on constants, computed. What its kernel refuses is left to be refused when it runs."""
    whole = e.args[0] if e.op is ITEM else e
    if whole.args[0].op not in _CONSTANT:
        return None
    if not _is_computable(whole) or e.op is broadcast_to or not isinstance(e.spec, Spec):
        return None
    if e.spec.nbytes > max(MOST, *(a.spec.nbytes for a in whole.args if a.op is CONSTANT), 0):
        return None
    made = _computed(whole)
    if made is None:
        return None
    value = made[params(e)["index"]] if e.op is ITEM else made
    return constant(value, e.dtype) if Spec.of(value) == e.spec else None


def _is_computable(e: Expr) -> bool:
    if e.op.run is None or not all(a.op is CONSTANT or splat(a) is not None for a in e.args):
        return False
    specs = [*e.specs, *(a.spec for a in e.args)]
    return not any(s.dtype.kind == "O" for s in specs) and not any(isinstance(v, Function) for _, v in e.params)


def _computed(e: Expr) -> Any:
    arrays = [np.broadcast_to(_value(a), a.shape) for a in e.args]
    try:
        with np.errstate(all="ignore"):
            return e.op.kernel_for(a.spec for a in e.args)(np, *arrays, **params(e))
    except Exception:  # the program's own error, which comes when it runs
        return None


def _value(e: Expr) -> Any:
    return e.args[0].value if e.op is broadcast_to else e.value


# ---------------------------------------------------------------- sizes


@rule("fold", _SIZE, drops=True)
def known_size(e: Expr) -> Expr | None:
    """How many elements there are is known."""
    x, axis = e.args[0], params(e)["axis"]
    axes = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    return constant(int(np.prod([x.shape[a] for a in axes], dtype=np.int64)), "int64")


@rule("fold", _FULL_LIKE, drops=True)
def one_number_like(e: Expr) -> Expr | None:
    """A number in the shape of x needs no x."""
    return None if e.dtype.kind == "O" else filled(np.full((), params(e)["value"]).astype(e.dtype), e.spec)


@rule("fold", *_ONLY_SIZES, drops=True)
def only_its_shape(e: Expr) -> Expr | None:
    """Where the values of x are not read, anything in its shape does."""
    x = e.args[0]
    if splat(x) is not None or x.dtype.kind == "O":
        return None
    made: Expr = e.op(filled(0, x.spec), *e.args[1:], **params(e))
    return made


# ---------------------------------------------------------------- choices


@rule("fold", where, drops=True)
def known_choice(e: Expr) -> Expr | None:
    """A choice whose condition is known everywhere."""
    condition, a, b = e.args
    known = splat(condition)
    return None if known is None else fitted(a if known else b, e.spec)


@rule("fold", logical_and, logical_or)
def known_side(e: Expr) -> Expr | None:
    """x and True, x or False."""
    for x, known in _sides(e):
        if bool(known) is (e.op is logical_and):
            return fitted(x, e.spec)
    return None


@rule("fold", logical_and, logical_or, drops=True)
def decided(e: Expr) -> Expr | None:
    """x and False, x or True."""
    for _, known in _sides(e):
        if bool(known) is not (e.op is logical_and):
            return filled(known, e.spec)
    return None


def _sides(e: Expr) -> Iterator[tuple[Expr, Any]]:
    """Each operand with the truth value that the other is known to be."""
    for x, other in (e.args, e.args[::-1]):
        known = splat(other)
        if known is not None and is_bool(x.dtype):
            yield x, known
