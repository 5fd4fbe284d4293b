"""Sums over the steps of a loop, taken out of it: what a state adds up is one product, or one sum, outside.

The gradient of a recurrent kernel is such a sum: a product of small matrices at each step. Together they are one
product of what all steps read with what all steps gave.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flowloom.compiler.expr import ITEM, Expr, item
from flowloom.compiler.rewriting.batching import Batch
from flowloom.compiler.rewriting.matching import axes_of, in_shape
from flowloom.compiler.rewriting.rules import rule
from flowloom.compiler.rewriting.scans import Scan
from flowloom.ops import add, matmul, reshape, sum, sum_to, transpose
from flowloom.spec import is_float


@rule("loops", ITEM, reads=True)
def sum_over_steps(e: Expr, read: frozenset[int]) -> Expr | None:
    """The state s' = s + a^T b ends as s + A^T B, of all steps at once; s' = s + sum(x) as s + sum(X); s' = s as s."""
    scan = Scan.of(e.args[0])
    if scan is None or not scan.steps:
        return None
    many = len(scan.after) + len(scan.collected)
    order = scan.order
    for k in range(len(scan.states)):
        if many + k not in read and len(e.args[0].args) > 1 and _is_apart(scan, k, order):
            terms = _terms(scan, k)
            if terms is not None and _has_all(scan, terms):
                return _without_sum(e, scan, k, terms)
    return None


def _is_apart(scan: Scan, k: int, order: list[Expr]) -> bool:
    """Whether nothing but its own successor reads state `k`."""
    leaf, after = scan.states[k][1], scan.after[k]
    if after is leaf:
        return True
    readers = [x for x in order if leaf in x.args]
    outputs = [*scan.after[:k], *scan.after[k + 1 :], *scan.collected]
    used = {a for x in order for a in x.args}
    return readers == [after] and leaf not in outputs and after not in used and after not in outputs


def _terms(scan: Scan, k: int) -> tuple[Expr, ...] | None:
    """What all steps must be known of to have what state `k` gains: the factors of a product, the summands; or None."""
    leaf, after = scan.states[k][1], scan.after[k]
    if after is leaf:
        return ()
    gain = _gain(after, leaf)
    if gain is None or not is_float(after.dtype) or gain.spec != after.spec:
        return None
    if gain.op is matmul and gain.ndim == 2 and gain.args[0].op is transpose and gain.args[1].ndim == 2:
        return gain.args[0].args[0], gain.args[1]
    return (gain.args[0],) if gain.op in (sum, sum_to) else None


def _gain(after: Expr, leaf: Expr) -> Expr | None:
    if after.op is not add or leaf not in after.args or after.args[0] is after.args[1]:
        return None
    return after.args[1] if after.args[0] is leaf else after.args[0]


def _has_all(scan: Scan, terms: tuple[Expr, ...]) -> bool:
    """Whether no more than one of the terms has to be collected for this."""
    batch = Batch(scan)
    there = {leaf for _, leaf in scan.slices} | {*scan.collected}
    return [_bare(t) in there or t in batch for t in terms].count(False) <= (len(terms) > 1)


def _bare(e: Expr) -> Expr:
    while e.op is reshape:
        e = e.args[0]
    return e


def _without_sum(e: Expr, scan: Scan, k: int, terms: tuple[Expr, ...]) -> Expr:
    """What `e`, an output of the scan, is when the scan does not carry state `k`, whose gain is made of `terms`."""
    states, many = len(scan.states), len(scan.after) + len(scan.collected)
    initial, leaf = scan.states[k]
    slices = {x: operand for operand, x in scan.slices}
    batch = Batch(scan)
    wanted = [b for t in terms if (b := _bare(t)) not in slices and t not in batch and b not in scan.collected]
    left = replace(
        scan,
        states=scan.states[:k] + scan.states[k + 1 :],
        after=scan.after[:k] + scan.after[k + 1 :],
        collected=(*scan.collected, *dict.fromkeys(wanted)),
        shared=scan.shared if terms else (*scan.shared, (initial, leaf)),
    )
    made = left.built()
    index = dict(e.params)["index"]
    if index == k:

        def stacked(term: Expr) -> Expr:
            found = _bare(term)
            if found in slices:
                whole = slices[found]
            elif term in batch:
                return batch.of(term)
            else:
                whole = item(made, states - 1 + left.collected.index(found))
            return in_shape(whole, (scan.steps, *term.shape))

        return _total(scan, k, [stacked(t) for t in terms])
    if index < many:
        return item(made, index - (index > k))
    return item(made, len(left.after) + len(left.collected) + index - many - (index - many > k))


def _total(scan: Scan, k: int, terms: list[Expr]) -> Expr:
    """What state `k` comes to, from what is known of all steps."""
    (initial, leaf), after = scan.states[k], scan.after[k]
    if not terms:
        return initial
    gain: Any = _gain(after, leaf)
    if gain.op is matmul:
        rows = [in_shape(t, (t.shape[0] * t.shape[1], t.shape[2])) for t in terms]
        total: Any = matmul(transpose(rows[0], axes=(1, 0)), rows[1])
    elif gain.op is sum_to:
        total = sum_to(terms[0], shape=gain.shape)
    else:
        axes = (0, *(1 + a for a in axes_of(gain)))
        total = in_shape(sum(terms[0], axis=axes, keepdims=False), gain.shape)
    return initial + total  # type: ignore[no-any-return]
