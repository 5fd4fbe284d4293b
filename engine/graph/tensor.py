"""Tensor: an output of a node, as people hold it while they build a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from flowloom.compiler.expr import Expr
from flowloom.graph.kinds import find_kind
from flowloom.op import Op
from flowloom.ops.operators import with_operators
from flowloom.places import place_text, user_place
from flowloom.spec import Shape, Spec, SpecError, shape_text

if TYPE_CHECKING:
    from flowloom.graph.graph import Graph


@with_operators
class Tensor:
    """Output `port` of the node `id` in `graph`. Ops and operators on it add nodes to the graph."""

    __slots__ = ("graph", "id", "port")

    def __init__(self, graph: Graph, id: str, port: str) -> None:
        self.graph, self.id, self.port = graph, id, port

    @property
    def name(self) -> str:
        """The name of its node, with the node's scope: "encoder/dense"."""
        return self.graph.nodes[self.id].path

    @property
    def expr(self) -> Expr:
        """Its expression, with dimensions by name. Raises SpecError while the graph before it does not typecheck."""
        expr = self.graph.inferred(self.id).exprs().get(self.port)
        if expr is None:
            raise SpecError(f"the spec of {self.name!r} is not known: {self.graph.why_unknown(self.id)}")
        return expr

    @property
    def spec(self) -> Spec:
        """Shape and dtype. Raises SpecError while the graph before it does not typecheck."""
        spec: Spec = self.expr.spec
        return spec

    @property
    def shape(self) -> Shape:
        """The dimensions. Raises SpecError while they are not known."""
        return self.spec.shape

    @property
    def ndim(self) -> int:
        """How many dimensions. Raises SpecError while they are not known."""
        return self.spec.ndim

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of an element. Raises SpecError while it is not known."""
        return self.spec.dtype

    @staticmethod
    def __apply_op__(op: Op, args: tuple[Any, ...], params: dict[str, Any], name: str | None) -> Any:
        graph = next(a.graph for a in args if isinstance(a, Tensor))
        kind = find_kind(op.name)
        assert kind is not None, op.name
        set_here = {k: op.params[k].document(v) for k, v in params.items() if v != op.params[k].default}
        return graph.insert(kind, args, set_here, params, name)

    def __locate_error__(self, error: Exception, kind: str, name: str | None, operands: tuple[Any, ...]) -> Exception:
        return self.graph.located(error, kind, name, operands)

    def __bool__(self) -> bool:
        message = "a tensor has no truth value while the graph is built; use where(condition, a, b), or cond"
        raise TypeError(f"{message}. In {place_text(user_place())}, node {self.name!r}")

    def __eq__(self, other: object) -> bool:
        if other is None or isinstance(other, Tensor):
            return self is other  # so that tensors can be looked up in lists and dicts
        message = "a tensor equals only itself; to compare its elements, use equal(a, b) or not_equal(a, b)"
        raise TypeError(f"{message}. In {place_text(user_place())}, node {self.name!r}")

    __hash__ = object.__hash__

    def __iter__(self) -> Any:
        message = "a tensor cannot be iterated over while the graph is built; use unstack, or scan"
        raise TypeError(f"{message}. In {place_text(user_place())}, node {self.name!r}")

    def __len__(self) -> int:
        message = f"a tensor has no length while the graph is built; its shape is {shape_text(self.shape)}"
        raise TypeError(f"{message}. In {place_text(user_place())}, node {self.name!r}")

    def __float__(self) -> float:
        message = "a tensor has no value while the graph is built; compile it and feed its inputs"
        raise TypeError(f"{message}. In {place_text(user_place())}, node {self.name!r}")

    __int__ = __index__ = __float__  # none of them has one

    def __array__(self, *_: Any, **__: Any) -> Any:
        self.__float__()  # or NumPy would make an array of one object of it, and its functions would go on with that

    def __repr__(self) -> str:
        return f"<tensor {self.name}: {self.graph.spec(self) or 'not typed'}>"
