"""The kinds that branch and loop: a node that begins a zone, nodes of its body, and a node that ends it.

The first output of the beginning leads to the end, which so knows its zone. A body may read what is outside of it; what
is inside can be read outside only through the end.
"""

from __future__ import annotations

import inspect
from typing import Any

from flowloom.compiler.control import begin_cond, begin_loop, begin_scan, end_cond, end_scan, end_while
from flowloom.compiler.expr import Expr, items
from flowloom.compiler.function import beginning_of
from flowloom.graph.kinds import Kind, NodeContext, declare_kind
from flowloom.op import Port, ports_of
from flowloom.ops import less, logical_and
from flowloom.params import Shape, Whole, params_of
from flowloom.spec import SpecError


def _cond_begin(node: NodeContext, condition: Expr, *operands: Expr) -> tuple[Expr, ...]:
    """Begins two branches, of which one is computed: they get the `operands`; `condition` is a bool scalar.

    What a branch computes from the operands that it gets here is computed only if the branch is chosen.
    """
    return items(begin_cond(condition, operands, node.zone()))


def _cond(node: NodeContext, condition: Expr, then: Expr, otherwise: Expr) -> Expr:
    """Ends two branches: `then` where the condition holds, else `otherwise`, which must have the same spec.

    `condition` comes from the node that begins the branches.
    """
    (y,) = end_cond(beginning_of(condition), [then], [otherwise])
    return y


def _while_begin(node: NodeContext, *initial: Expr, shapes: tuple[Shape | None, ...] = ()) -> tuple[Expr, ...]:
    """Begins the body of a loop: it gets the `index` of its turn, from 0, and the states.

    A state whose shape changes from turn to turn is given one in `shapes`, with null for the sizes that change.
    """
    return items(begin_loop(initial, shapes, node.zone()))


def _while_loop(
    node: NodeContext,
    index: Expr,
    condition: Expr,
    *results: Expr,
    max_iterations: Whole | None = None,
    collected: Whole = 0,
) -> tuple[Expr, ...]:
    """Ends the body of a loop that goes on while `condition`, a bool scalar, holds, at most `max_iterations` times.

    `results` are the new states and then as many values as are `collected` from each turn, stacked along a new first
    axis. `index` comes from the node that begins the loop; `condition` may read the states. Has no gradient.
    """
    if max_iterations is not None:
        condition = logical_and(less(index, max_iterations), condition)
    return end_while(beginning_of(index), condition, results, collected=collected)


def _scan_begin(node: NodeContext, *operands: Expr, states: Whole = 1) -> tuple[Expr, ...]:
    """Begins a step of a scan: it gets its `index`, the states, and a slice of each sequence.

    The first `states` operands are the first states; the others are sequences, which are taken along their first axis.
    """
    if len(operands) < states:
        raise SpecError(f"{states} states need as many operands; got {len(operands)}")
    return items(begin_scan(operands[:states], operands[states:], node.zone()))


def _scan(
    node: NodeContext,
    index: Expr,
    *results: Expr,
    states: Whole = 1,
    length: Whole | None = None,
    reverse: bool = False,
) -> tuple[Expr, ...]:
    """Ends a step of a scan, which is taken for each slice in turn (`reverse`: the last one first).

    `results` are the new `states` and then values of the step, which are stacked along a new first axis. `index` comes
    from the node that begins the scan. `length` is the number of steps where there is no sequence.
    """
    return tuple(end_scan(beginning_of(index), results, states=states, length=length, reverse=reverse))


def _declare(name: str, expand: Any, *outputs: Port) -> Kind:
    doc = inspect.getdoc(expand) or ""
    return declare_kind(Kind(name, "control", doc, ports_of(expand, skip=1), params_of(expand), expand, outputs))


_RESULTS = Port("y", variadic=True)
COND_BEGIN = _declare("cond_begin", _cond_begin, Port("condition"), Port("operands", variadic=True))
COND = _declare("cond", _cond, Port("y"))
WHILE_BEGIN = _declare("while_begin", _while_begin, Port("index"), Port("states", variadic=True))
WHILE_LOOP = _declare("while_loop", _while_loop, _RESULTS)
SCAN_BEGIN = _declare("scan_begin", _scan_begin, Port("index"), Port("values", variadic=True))
SCAN = _declare("scan", _scan, _RESULTS)
