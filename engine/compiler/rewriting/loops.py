"""Loops that carry and compute only what they must at each step.

What does not change from step to step moves out of the loop, what nobody reads goes. What is the same work for every
step and needs no state is done for all steps at once: `batching`. Sums over the steps are products outside: `summing`.
"""

from __future__ import annotations

from dataclasses import replace

from flowloom.compiler.control import COND, SCAN
from flowloom.compiler.expr import CONSTANT, INPUT, ITEM, Expr, item
from flowloom.compiler.function import Function
from flowloom.compiler.rewriting.matching import splat
from flowloom.compiler.rewriting.refusals import may_refuse
from flowloom.compiler.rewriting.rules import rule
from flowloom.compiler.rewriting.scans import Scan, depending, substituted
from flowloom.spec import Spec


@rule("loops", ITEM)
def known_branch(e: Expr) -> Expr | None:
    """A branch that is always taken is no branch."""
    whole = e.args[0]
    known = splat(whole.args[0]) if whole.op is COND else None
    if known is None:
        return None
    params = dict(whole.params)
    branch: Function = params["then" if known else "otherwise"]
    output = branch.outputs[dict(e.params)["index"]]
    return substituted([output], dict(zip(branch.inputs, whole.args[1:], strict=True)))[output]


@rule("loops", ITEM, reads=True, drops=True)
def unread_results(e: Expr, read: frozenset[int]) -> Expr | None:
    """A scan without the results that nobody reads, and without the states that only they need."""
    scan = Scan.of(e.args[0])
    if scan is None:
        return None
    states, many = len(scan.states), len(scan.after) + len(scan.collected)
    wanted = [j for j in range(len(scan.collected)) if states + j in read]
    order = scan.order
    needs = [depending(order, [leaf]) for _, leaf in scan.states]
    kept = {k for k in range(states) if k in read or many + k in read}
    kept |= {k for k in range(states) if any(scan.collected[j] in needs[k] for j in wanted)}
    grows = True
    while grows:
        more = {k for k in range(states) if any(scan.after[i] in needs[k] for i in kept)}
        grows, kept = not more <= kept, kept | more
    if len(kept) == states and len(wanted) == len(scan.collected):
        return None
    if not (kept or scan.slices or scan.shared):
        return None  # an op without operands would be a constant
    carried = sorted(kept)
    made = replace(
        scan,
        states=tuple(scan.states[k] for k in carried),
        after=tuple(scan.after[k] for k in carried),
        collected=tuple(scan.collected[j] for j in wanted),
    ).built()
    places = [*carried, *(states + j for j in wanted), *(many + k for k in carried)]
    return item(made, places.index(dict(e.params)["index"]))


@rule("loops", SCAN, drops=True)
def unread_operands(e: Expr) -> Expr | None:
    """A scan without what its body does not read, and with each operand once."""
    scan = Scan.of(e)
    if scan is None:
        return None
    there = set(scan.order)
    same: dict[Expr, Expr] = {}
    kept = []
    for pairs in (scan.slices, scan.shared):
        first: dict[Expr, Expr] = {}
        for operand, leaf in pairs:
            if leaf in there and first.setdefault(operand, leaf) is not leaf:
                same[leaf] = first[operand]
        kept.append(tuple(first.items()))
    if tuple(kept) == (scan.slices, scan.shared) or not (scan.states or any(kept)):
        return None
    return replace(scan.with_body(same), slices=kept[0], shared=kept[1]).built()


@rule("loops", SCAN)
def same_at_every_step(e: Expr) -> Expr | None:
    """What depends only on what the loop does not change is computed before it."""
    scan = Scan.of(e)
    if scan is None:
        return None
    order = scan.order
    changing = depending(order, [scan.index, *(leaf for _, leaf in (*scan.states, *scan.slices))])
    fixed = depending(order, [leaf for _, leaf in scan.shared]) - changing
    refused = depending(order, [x for x in order if x in fixed and (may_refuse(x) or not _is_known(x))])
    fixed -= refused
    roots = [x for x in _leaving(scan, order, fixed) if x.op is not INPUT]
    if not roots:
        return None
    outside = substituted(roots, {leaf: operand for operand, leaf in scan.shared})
    instead: dict[Expr, Expr] = {}
    for root in roots:
        leaf = scan.leaf("fixed", root)
        scan = replace(scan, shared=(*scan.shared, (outside[root], leaf)))
        instead[root] = leaf
    return scan.with_body(instead).built()


def _leaving(scan: Scan, order: list[Expr], part: set[Expr]) -> list[Expr]:
    """Those of a `part` of the body that the rest of it, or the loop itself, reads; each has one output."""
    read = {a for x in order if x not in part for a in x.args} | {*scan.after, *scan.collected}
    whole = [x for x in order if x in part and isinstance(x.spec, Spec) and x.op is not CONSTANT]
    return [x for x in whole if x in read]


def _is_known(e: Expr) -> bool:
    specs = e.specs
    return all(s.is_concrete for s in specs)
