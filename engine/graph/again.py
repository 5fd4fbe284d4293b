"""A part of a graph computed again from other tensors, with the same variables: a network that is called twice.

In expressions that is a substitution, so nothing needs to be known of the layers on the way: their variables are
leaves, and stay.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from flowloom.compiler.expr import Expr, rebuild, toposort
from flowloom.graph.expansion import STEP_KEY
from flowloom.graph.kinds import Kind, NodeContext, declare_kind
from flowloom.graph.tensor import Tensor
from flowloom.op import ports_of
from flowloom.params import params_of
from flowloom.spec import SpecError


def again(y: Tensor, places: Mapping[Tensor, Tensor], *, name: str | None = None) -> Tensor:
    """`y` computed again, with other tensors in the places of some that it is computed from: `again(y, {x: other})`.

    So a network is called twice: layers on the way keep their variables, which learn from both; what is random on the
    way is drawn anew. What a layer remembers of its batches (the means of batch normalisation) it takes from the first
    call alone. A tensor may also take the place of a variable that `fl.variable` made.

    Returns a tensor like `y`. Raises TypeError unless all are tensors, SpecError if `y` is not computed from one of
    them, or if another does not fit in its place.
    """
    tensors = [y, *places, *places.values()] if isinstance(places, Mapping) else []
    if len(tensors) < 3 or not all(isinstance(t, Tensor) for t in tensors):
        raise TypeError("again(y, places) takes a tensor, and a dict from tensors on the way to it to others")
    made: Tensor = y.graph.add("again", tensors, name=name)
    return made


def _again(node: NodeContext, y: Expr, *tensors: Expr) -> Expr:
    """`y` computed again, with the second half of `tensors` in the places of the first. Returns a tensor like `y`.

    Variables are the same, what is random is drawn anew. Raises SpecError if `y` is not computed from one of them.
    """
    if len(tensors) % 2:
        raise SpecError(f"as many tensors as places are needed; got {len(tensors)} in all")
    places, others = tensors[: len(tensors) // 2], tensors[len(tensors) // 2 :]
    on_the_way = set(toposort([y]))
    for i, (x, other) in enumerate(zip(places, others, strict=True)):
        if x not in on_the_way:
            raise SpecError(f"y is not computed from tensors.{i}")
        if x.dtype != other.dtype or x.ndim != other.ndim:
            raise SpecError(f"{other.spec} cannot be in the place of {x.spec}", dimension=f"{other.spec}")
    made = dict(zip(places, others, strict=True))
    made.setdefault(STEP_KEY, node.key())
    try:
        for e in toposort([y], stop=made):
            made[e] = rebuild(e, [made[a] for a in e.args])
    except SpecError as error:
        specs = ", ".join(f"{other.spec} in the place of {x.spec}" for x, other in zip(places, others, strict=True))
        raise SpecError(f"{specs} does not fit on the way to y: {error}", dimension=error.dimension) from None
    return made[y]


AGAIN = declare_kind(
    Kind(
        "again",
        "control",
        inspect.getdoc(_again) or "",
        ports_of(_again, skip=1),
        params_of(_again),
        _again,
        internal=True,
    )
)
