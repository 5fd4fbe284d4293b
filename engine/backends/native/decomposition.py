"""Decomposition: ops written out in simpler ones, so that they can be fused with what is around them.

Softmax is five elementwise steps and two reductions; one loop over a row does all of them and what comes after.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from flowloom import ops
from flowloom.backends.native.templates import checked, type_name
from flowloom.compiler.expr import Expr, constant, rebuild, toposort
from flowloom.spec import Spec, is_float, is_narrow

_RULES: dict[str, Callable[..., Any]] = {}


def decompose(outputs: Sequence[Expr]) -> tuple[list[Expr], dict[Expr, Expr]]:
    """The expressions written out, and for each new one the one that it was made for."""
    made: dict[Expr, Expr] = {}
    found: dict[Expr, Expr] = {}
    for e in toposort(outputs):
        args = [made[a] for a in e.args]
        rule = _RULES.get(e.op.name)
        new = rule(*args, **dict(e.params)) if rule is not None and isinstance(e.spec, Spec) else None
        if new is None:
            new = rebuild(e, args)
        for part in _fresh(new, args, found):
            found[part] = e
        made[e] = new
    return [made[o] for o in outputs], found


def _fresh(e: Expr, stop: Sequence[Expr], known: dict[Expr, Expr]) -> list[Expr]:
    return [x for x in toposort([e], [s for s in stop if s is not e]) if x not in known]


def _rule(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        _RULES[name] = function
        return function

    return register


@_rule("softmax")
def _(x: Expr, *, axis: int) -> Any:
    if not is_float(x.dtype):
        return None
    e = ops.exp(x - ops.max(x, axis=axis, keepdims=True))
    return e / ops.sum(e, axis=axis, keepdims=True)


@_rule("log_softmax")
def _(x: Expr, *, axis: int) -> Any:
    if not is_float(x.dtype):
        return None
    shifted = x - ops.max(x, axis=axis, keepdims=True)
    return shifted - ops.log(ops.sum(ops.exp(shifted), axis=axis, keepdims=True))


@_rule("one_hot")
def _(indices: Expr, *, depth: int, axis: int, on: float, off: float, outside: str, dtype: str) -> Any:
    if outside != "error" or axis not in (-1, len(indices.shape)):
        return None
    places = constant(np.arange(depth), indices.dtype) if depth - 1 <= np.iinfo(indices.dtype).max else None
    if places is None or is_narrow(np.dtype(dtype)) or not type_name(indices.dtype):
        return None
    hot = ops.equal(ops.expand_dims(checked(indices, -depth, depth - 1), axis=-1), places)
    return ops.where(hot, constant(on, dtype), constant(off, dtype))


@_rule("checked_labels")
def _(labels: Expr, *, classes: int) -> Any:
    return ops.cast(checked(labels, 0, classes - 1), dtype="int64") if type_name(labels.dtype) else None


@_rule("sparse_softmax_cross_entropy")
def _(logits: Expr, labels: Expr, *, ignore_index: int | None) -> Any:
    if (
        not is_float(logits.dtype)
        or ignore_index is not None
        or not type_name(labels.dtype)
        or logits.shape[-1] - 1 > np.iinfo(labels.dtype).max
    ):
        return None
    shifted = logits - ops.max(logits, axis=-1, keepdims=True)
    classes = logits.shape[-1]
    places = constant(np.arange(classes), labels.dtype)
    hot = ops.equal(ops.expand_dims(checked(labels, 0, classes - 1), axis=-1), places)
    chosen = ops.sum(ops.where(hot, shifted, constant(0.0, logits.dtype)), axis=-1, keepdims=True)
    total = ops.sum(ops.exp(shifted), axis=-1, keepdims=True)  # which the softmax in the gradient is made with, too
    return ops.squeeze(ops.log(total) - chosen, axis=-1)


@_rule("mean")
def _(x: Expr, *, axis: Any, keepdims: bool) -> Any:
    if not is_float(x.dtype):
        return None
    total = ops.sum(x, axis=axis, keepdims=keepdims)
    count = x.spec.size // max(total.spec.size, 1)
    return None if count == 0 or x.dtype.itemsize < 4 else total * constant(1.0 / count, x.dtype)
