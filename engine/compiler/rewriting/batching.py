"""What a loop does to each slice of its sequences, without its states, done to all of them at once before the loop.

One product of large matrices is much faster than many of small ones, and one call cheaper than one for each step. What
is cheap beside what it reads, sums and products of elements, stays in the loop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import fsum
from typing import Any

from flowloom.compiler.control import SCAN
from flowloom.compiler.expr import CONSTANT, ITEM, Expr
from flowloom.compiler.rewriting.matching import in_shape, params
from flowloom.compiler.rewriting.rules import rule
from flowloom.compiler.rewriting.scans import Scan, depending
from flowloom.compiler.rewriting.stabilising import RESHAPES
from flowloom.op import Op, get_op
from flowloom.ops import (
    broadcast_to,
    log_softmax,
    logsumexp,
    matmul,
    max,
    mean,
    min,
    softmax,
    split,
    sum,
    transpose,
)
from flowloom.spec import Spec, normalize_axis

_REDUCTIONS = (sum, mean, max, min, logsumexp)
_SOFTMAX = (softmax, log_softmax)
_NAMES = """
    matmul softmax log_softmax logsumexp exp expm1 log log1p power sigmoid tanh softplus gelu silu elu erf erfc
    sin cos tan arctan sinh cosh lgamma
"""
_COSTLY = frozenset(map(get_op, _NAMES.split()))
_ROOM = 1 << 20  # bytes that the results of all steps may take besides twice those of the sequences


@rule("loops", SCAN)
def all_steps_at_once(e: Expr) -> Expr | None:
    """What is computed of a slice alone is computed of all slices before the loop."""
    scan = Scan.of(e)
    if scan is None or not scan.steps:
        return None
    batch = Batch(scan)
    roots = _costly_results(scan, batch)
    if not roots or not _is_worth(scan, roots):
        return None
    instead: dict[Expr, Expr] = {}
    for root in roots:
        leaf = scan.leaf("slice", root)
        scan = replace(scan, slices=(*scan.slices, (batch.of(root), leaf)))
        instead[root] = leaf
    return scan.with_body(instead).built()


def _costly_results(scan: Scan, batch: Batch) -> list[Expr]:
    """What the rest of the body reads of what depends on slices alone, as far as it is costly: cheap steps stay."""
    order = scan.order
    read = [a for x in order if x not in batch for a in x.args]
    found: dict[Expr, None] = {}
    stack = [a for a in (*read, *scan.after, *scan.collected) if a in batch]
    seen = set(stack)
    while stack:
        x = stack.pop()
        if x.op in _COSTLY:
            found[x] = None
        else:
            stack += [a for a in x.args if a in batch and a not in seen]
            seen.update(x.args)
    return [x for x in order if x in found]


def _is_worth(scan: Scan, roots: Sequence[Expr]) -> bool:
    there = [operand.spec.nbytes for operand, _ in scan.slices]
    new = [scan.steps * root.spec.nbytes for root in roots]
    return fsum(new) <= 2 * fsum(there) + _ROOM


class Batch:
    """The part of a scan's body that depends on slices alone, and what it is for all steps along a new first axis."""

    def __init__(self, scan: Scan) -> None:
        order = scan.order
        self._steps = scan.steps
        self._made: dict[Expr, Any] = {leaf: operand for operand, leaf in scan.slices}
        self._fixed = {leaf: operand for operand, leaf in scan.shared}
        self._inside = set(self._made)
        others = depending(order, [scan.index, *(leaf for _, leaf in scan.states)])
        sliced = depending(order, [leaf for _, leaf in scan.slices])
        for x in order:
            if x in sliced and x not in others and x.args and self._is_batchable(x):
                self._inside.add(x)

    def __contains__(self, e: Expr) -> bool:
        return e in self._inside

    def of(self, e: Expr) -> Expr:
        """`e` for all steps: of shape (steps, *its own)."""
        stack = [e]
        while stack:
            x = stack[-1]
            pending = [a for a in x.args if a in self._inside and a not in self._made]
            if x in self._made or not pending:
                if x not in self._made:
                    self._made[x] = self._batched(x)
                stack.pop()
            else:
                stack.extend(pending)
        made: Expr = self._made[e]
        return made

    def _is_batchable(self, e: Expr) -> bool:
        if not all(a in self._inside or a in self._fixed or a.op is CONSTANT for a in e.args):
            return False
        specs = [e.spec] if isinstance(e.spec, Spec) else [*e.spec]
        specs += [a.spec for a in e.args if isinstance(a.spec, Spec)]
        if not all(s.is_concrete for s in specs):
            return False
        if e.op is matmul:
            a, b = e.args
            return a.ndim >= 2 and b.ndim >= 2 and (a.ndim == b.ndim or b not in self._inside or a.ndim < b.ndim)
        return e.op is ITEM or e.op.template is not None or e.op in _BATCHED

    def _batched(self, e: Expr) -> Any:
        if e.op is ITEM:
            return self._made[e.args[0]][e.params[0][1]]
        args = [self._operand(a, e) for a in e.args]
        if e.op.template is not None or e.op is matmul:
            return e.op(*args, **params(e))
        return _BATCHED[e.op](args[0], e, self._steps)

    def _operand(self, a: Expr, e: Expr) -> Expr:
        """The operand for all steps; one of fewer dimensions than the result with axes of size 1 in between."""
        if a not in self._inside:
            return self._fixed.get(a, a)
        x: Expr = self._made[a]
        if e.op.template is None and e.op is not matmul:
            return x
        return in_shape(x, (self._steps, *(1,) * (e.ndim - a.ndim), *a.shape))


def _reshaped(x: Expr, e: Expr, steps: int) -> Any:
    return in_shape(x, (steps, *e.shape))


def _transposed(x: Expr, e: Expr, steps: int) -> Any:
    axes = params(e)["axes"]
    order = tuple(reversed(range(e.ndim))) if axes is None else axes
    return transpose(x, axes=(0, *(1 + normalize_axis(a, e.ndim) for a in order)))


def _broadcast(x: Expr, e: Expr, steps: int) -> Any:
    own = e.args[0].shape
    return broadcast_to(in_shape(x, (steps, *(1,) * (e.ndim - len(own)), *own)), shape=(steps, *e.shape))


def _split(x: Expr, e: Expr, steps: int) -> Any:
    given = params(e)
    axis = 1 + normalize_axis(given.pop("axis"), e.args[0].ndim)
    return split(x, axis=axis, **given)


def _reduced(x: Expr, e: Expr, steps: int) -> Any:
    given = params(e)
    ndim, axis = e.args[0].ndim, given.pop("axis")
    axes = range(ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    return e.op(x, axis=tuple(1 + normalize_axis(a, ndim) for a in axes), **given)


def _along(x: Expr, e: Expr, steps: int) -> Any:
    return e.op(x, axis=1 + normalize_axis(params(e)["axis"], e.ndim))


_BATCHED: dict[Op, Callable[[Expr, Expr, int], Any]] = {
    transpose: _transposed,
    broadcast_to: _broadcast,
    split: _split,
    **dict.fromkeys(RESHAPES, _reshaped),
    **dict.fromkeys(_REDUCTIONS, _reduced),
    **dict.fromkeys(_SOFTMAX, _along),
}
