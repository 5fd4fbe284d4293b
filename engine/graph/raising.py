"""Raising: from expressions back to nodes, op by op. The reverse of lowering, for what people want to see written
out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flowloom.compiler.expr import CONSTANT, INPUT, ITEM, Expr, toposort
from flowloom.graph.graph import Graph
from flowloom.graph.tensor import Tensor
from flowloom.op import REGISTRY
from flowloom.spec import SpecError


def tensors_of(graph: Graph) -> dict[Expr, Tensor]:
    """The tensor of the graph that each expression belongs to; the first where several nodes give the same.

    Gradients that one node gives at once are left out: they are to be written out.
    """
    found: dict[Expr, Tensor] = {}
    for id, node in graph.nodes.items():
        if node.kind == "gradients":
            continue
        for port, expr in graph.inferred(id).exprs().items():
            found.setdefault(expr, Tensor(graph, id, port))
    return found


def write_out(
    graph: Graph, exprs: Sequence[Expr], known: Mapping[Expr, Tensor], y: Tensor | None = None
) -> list[Tensor]:
    """Add a node for each op that `exprs` need beyond the `known` ones, to the open scope of `graph`.

    `y` is a tensor that the variables which are read belong to, where they are not known. Raises SpecError for what
    has no node of its own: the body of a loop or branch, a random key.
    """
    made: dict[Expr, Tensor | tuple[Tensor, ...]] = dict(known)
    for e in toposort(exprs, stop=known):
        if e in made:
            continue
        if e.op is ITEM:
            whole = made[e.args[0]]
            index = e.params[0][1]
            made[e] = whole[index] if isinstance(whole, tuple) else whole
        else:
            made[e] = _node(graph, e, [made[a] for a in e.args], y)
    return [tensor for e in exprs if isinstance(tensor := made[e], Tensor)]


def _node(
    graph: Graph, e: Expr, args: Sequence[Tensor | tuple[Tensor, ...]], y: Tensor | None
) -> Tensor | tuple[Tensor, ...]:
    tensor: Tensor | tuple[Tensor, ...]
    if e.op is CONSTANT:
        assert e.value is not None
        tensor = graph.add("constant", (), {"value": e.value.tolist(), "dtype": e.dtype.name})
    elif e.op is INPUT:
        name = dict(e.params)["name"]
        if y is None or not name.startswith("variable "):
            raise SpecError(f"{name!r} cannot be written out: it has no node")
        tensor = graph.add("variable_of", (y,), {"variable": name.removeprefix("variable ")})
    elif REGISTRY.get(e.op.name) is e.op:
        tensor = graph.add(e.op.name, args, {k: v for k, v in e.params if v != e.op.params[k].default})
    else:
        raise SpecError(f"the gradient of {e.op.name} cannot be written out op by op; leave `graph` out")
    return tensor
