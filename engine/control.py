"""Branches and loops built from Python functions: the nodes that these add go into a scope of the graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from flowloom.graph.document import Connect, Disconnect, EdgeDoc, Patch
from flowloom.graph.graph import Graph, current_graph, current_scope
from flowloom.graph.tensor import Tensor
from flowloom.spec import Dim, SpecError

Body = Callable[..., Any]
State = Any  # a tensor, or a list or tuple of tensors


def cond(condition: Any, then: Body, otherwise: Body, *operands: Any, name: str = "cond") -> Any:
    """What `then(*operands)` gives where the bool scalar `condition` holds, else what `otherwise(*operands)` gives.

    Only the chosen branch is computed. Both functions give a tensor, or a list or tuple of as many tensors, and so
    does `cond`; they may read other tensors of the graph. Raises SpecError if `condition` is not one bool, or if the
    branches differ in their specs.
    """
    graph = _graph_of(condition, *operands)
    with _zone(graph, name) as scope:
        made = graph.add("cond_begin", (condition, *operands), name="begin")
        chosen, *handed = made if isinstance(made, tuple) else (made,)
        with graph.scope("then"):
            one = then(*handed)
        with graph.scope("otherwise"):
            other = otherwise(*handed)
        results, others = _listed(one), _listed(other)
        if len(results) != len(others):
            raise SpecError(f"cond(): one branch gives {len(results)} results, the other {len(others)}")
        _hand_on(graph, chosen, scope)
        pairs = enumerate(zip(results, others, strict=True))
        joined = [graph.add("cond", (chosen, *pair), name=_end(i)) for i, pair in pairs]
    return _like(one, joined)


def while_loop(
    condition: Body,
    body: Body,
    initial: State,
    *,
    max_iterations: int | None = None,
    collect: bool = False,
    shapes: Sequence[Sequence[Dim] | None] = (),
    name: str = "while_loop",
) -> Any:
    """The state after `state = body(*state)` for as long as `condition(*state)`, a bool scalar, holds.

    `initial` is a tensor, or a list or tuple of tensors; `body` gives as many, and so does `while_loop`. With
    `collect`, `body` gives `(state, values)`, and the result is `(state, stacked values)`, with one entry for each
    turn. A random node inside on something of the turn draws anew at every turn. A state whose shape changes is given
    one in `shapes`, with None for the sizes that change. Has no gradient: see `scan`.

    Raises SpecError if `condition` does not give one bool, or if a state changes its spec.
    """
    first = _listed(initial)
    graph = _graph_of(*first)
    with _zone(graph, name):
        index, *states = graph.add("while_begin", first, {"shapes": shapes} if shapes else {}, name="begin")
        goes_on = condition(*states)
        new, values = body(*states) if collect else (body(*states), None)
        results = [*_listed(new), *_listed(values)]
        _check_states(first, _listed(new), "while_loop")
        params = {"collected": len(results) - len(first), "max_iterations": max_iterations}
        params = {k: v for k, v in params.items() if v}
        made = graph.add("while_loop", (index, goes_on, *results), params, name="end")
    last = _like(initial, made[: len(first)])
    return (last, _like(values, made[len(first) :])) if collect else last


def scan(
    step: Body,
    initial: State,
    xs: State = None,
    *,
    length: int | None = None,
    reverse: bool = False,
    name: str = "scan",
) -> Any:
    """`state, y = step(state, x)` for each slice `x` of `xs` along its first axis; gives `(last state, stacked ys)`.

    `initial`, `xs` and `y` are a tensor, or a list or tuple of tensors, or None, and are handed to `step` and
    back in that form. `reverse` takes the last slice first; each y stays in the place of its slice. Without `xs`,
    `length` says how many steps there are, and `step` gets None. Has a gradient. A random node inside on something of
    the step draws anew at every step.

    Raises SpecError if a state changes its spec, or if `xs` differ in the size of their first axis.
    """
    first, sequences = _listed(initial), _listed(xs)
    graph = _graph_of(*first, *sequences)
    with _zone(graph, name):
        index, *handed = graph.add("scan_begin", (*first, *sequences), {"states": len(first)}, name="begin")
        states, slices = handed[: len(first)], handed[len(first) :]
        new, values = step(_like(initial, states), _like(xs, slices))
        results = [*_listed(new), *_listed(values)]
        _check_states(first, _listed(new), "scan")
        params = {"states": len(first), "length": length, "reverse": reverse}
        made = graph.add("scan", (index, *results), {k: v for k, v in params.items() if v is not None}, name="end")
    return _like(initial, made[: len(first)]), _like(values, made[len(first) :])


@contextmanager
def _zone(graph: Graph, name: str) -> Iterator[str]:
    """Build in a new scope of that name, or of one like it that is free; gives its path. What fails leaves nothing."""
    outer = current_scope(graph)
    taken = {n.scope for n in graph.nodes.values()}
    free, count = name, 1
    while any(_lies_in(scope, _join(outer, free)) for scope in taken):
        free, count = f"{name}_{count}", count + 1
    with graph.attempt(), graph.scope(free):
        yield _join(outer, free)


def _hand_on(graph: Graph, chosen: Tensor, scope: str) -> None:
    """Let what the branches in `scope` read from outside go through the node that begins them."""
    begin = chosen.id
    inside = {id for id, node in graph.nodes.items() if _lies_in(node.scope, scope)}
    crossing = [e for e in graph.edges if e.target in inside - {begin} and e.source not in inside]
    place = len(graph.inferred(begin).inputs) - 1
    patch: Patch = []
    ports: dict[tuple[str, str], int] = {}
    for edge in crossing:
        source = (edge.source, edge.source_port)
        if source not in ports:
            ports[source] = place + len(ports)
            patch.append(Connect(EdgeDoc(*source, begin, f"operands.{ports[source]}")))
        patch.append(Disconnect(edge))
        patch.append(Connect(EdgeDoc(begin, f"operands.{ports[source]}", edge.target, edge.target_port)))
    if patch:
        graph.apply(patch)


def _graph_of(*operands: Any) -> Graph:
    return next((o.graph for o in operands if isinstance(o, Tensor)), None) or current_graph()


def _listed(value: State) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list | tuple) else [value]


def _like(form: State, tensors: Sequence[Any]) -> Any:
    """`tensors` in the form in which people gave theirs: one alone, a list or a tuple."""
    if form is None:
        return None
    if not isinstance(form, list | tuple):
        return tensors[0]
    return list(tensors) if isinstance(form, list) else tuple(tensors)


def _check_states(first: Sequence[Any], new: Sequence[Any], owner: str) -> None:
    if len(first) != len(new):
        raise SpecError(f"{owner}(): the body must give as many states as there are: {len(first)}; it gives {len(new)}")


def _lies_in(scope: str, outer: str) -> bool:
    return scope == outer or scope.startswith(f"{outer}/")


def _join(outer: str, name: str) -> str:
    return f"{outer}/{name}" if outer else name


def _end(index: int) -> str:
    return "end" if index == 0 else f"end_{index}"
