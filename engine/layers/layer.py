"""The declaration form of layers, losses and metrics: one function that names its variables and expands into ops."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from flowloom.graph.graph import current_graph
from flowloom.graph.kinds import Kind, declare_kind
from flowloom.graph.tensor import Tensor
from flowloom.op import Family, Port, called, ports_of
from flowloom.params import params_of


class Layer:
    """A declared layer: call it on tensors to add one node that owns its variables."""

    def __init__(self, kind: Kind, signature: inspect.Signature) -> None:
        self.kind = kind
        self.__name__ = kind.name.rpartition(".")[2]
        self.__doc__ = kind.doc
        self.__signature__ = signature

    def __call__(self, *tensors: Any, name: str | None = None, **params: Any) -> Any:
        """Add a node on `tensors` to their graph. Raises SpecError or TypeError if they or `params` do not fit.

        A layer on any number of tensors also takes them as one list.
        """
        if len(tensors) == 1 and isinstance(tensors[0], list | tuple) and any(p.variadic for p in self.kind.ports):
            tensors = tuple(tensors[0])
        given = (*tensors, *(params.get(port.name) for port in self.kind.ports))
        graph = next((t.graph for t in given if isinstance(t, Tensor)), None) or current_graph()
        return graph.add(self.kind.name, tensors, params, name=name)

    def __repr__(self) -> str:
        return f"<layer {self.kind.name}>"


def layer(
    namespace: str = "layers", family: Family = "layer", *, outputs: tuple[str, ...] = ("y",)
) -> Callable[[Callable[..., Any]], Layer]:
    """Declare a layer from `(node, *tensors, **params) -> expressions` and register it as "namespace.name".

    `node` (a NodeContext) gives variables, random keys and whether the graph is learning. The other positional
    parameters are ports (those with the default None may stay open), the keyword-only ones form fields, the docstring
    the help. `outputs`: port names, where there are several; one written "*parts" stands for any number.
    """

    def declare(function: Callable[..., Any]) -> Layer:
        kind = Kind(
            name=f"{namespace}.{function.__name__}",
            family=family,
            doc=inspect.getdoc(function) or "",
            ports=ports_of(function, skip=1),
            params=params_of(function),
            expand=function,
            outputs=tuple(Port(o.removeprefix("*"), variadic=o.startswith("*")) for o in outputs),
        )
        return Layer(declare_kind(kind), called(function, skip=1))

    return declare
