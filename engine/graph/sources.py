"""The kinds that every graph starts from: inputs, constants, variables; and the gradient of a graph as a node in it."""

from __future__ import annotations

import inspect
from typing import Any, Literal

from flowloom.compiler.expr import Expr
from flowloom.compiler.gradient import gradients
from flowloom.graph.expansion import literal, variables_in
from flowloom.graph.kinds import Kind, NodeContext, declare_kind
from flowloom.initializers import Initializer
from flowloom.op import Family, Port, ports_of
from flowloom.params import DType, Shape, Whole, params_of
from flowloom.spec import SpecError


def _input(node: NodeContext, *, shape: Shape = ("batch",), dtype: DType | Literal["object"] = "float32") -> Expr:
    """A tensor that is fed when the graph runs, under the node's name.

    A dimension may be a number, a name such as "batch" (the same size everywhere in the graph) or null (any size).
    A tensor of dtype "object" holds strings.
    """
    return node.source()


def _constant(node: NodeContext, *, value: Any = 0.0, dtype: DType | None = None) -> Expr:
    """A fixed number or array."""
    return literal(value, dtype)


def _variable(
    node: NodeContext,
    *,
    shape: tuple[Whole, ...] = (),
    dtype: DType = "float32",
    initializer: Initializer = "zeros",
    trainable: bool = True,
) -> Expr:
    """A tensor that training changes."""
    return node.variable("value", shape, initializer, dtype=dtype, trainable=trainable)


def _output(node: NodeContext, x: Expr) -> Expr:
    """A result of the graph, under the node's name. A graph that has such nodes has just these outputs."""
    return x


def _gradients(node: NodeContext, y: Expr, *xs: Expr, wrt: tuple[str, ...] = ()) -> tuple[Expr, ...]:
    """The gradient of the scalar `y` with respect to the tensors `xs` and the variables `wrt` ("node id/role").

    One output for each, in that order and in its shape. Raises SpecError for a variable that `y` does not depend on.
    """
    there = variables_in(y) if wrt else {}
    for key in wrt:
        if key not in there:
            raise SpecError(f"y does not depend on the variable {key!r}")
    return tuple(gradients(y, [*xs, *(there[key] for key in wrt)]))


def _declare(name: str, family: Family, expand: Any) -> Kind:
    return declare_kind(
        Kind(name, family, inspect.getdoc(expand) or "", ports_of(expand, skip=1), params_of(expand), expand)
    )


def _variable_of(node: NodeContext, x: Expr, *, variable: str) -> Expr:
    """The variable ("node id/role") of another node, which `x` is computed from, as a tensor.

    Raises SpecError if `x` does not depend on it.
    """
    there = variables_in(x)
    if variable not in there:
        raise SpecError(f"x does not depend on the variable {variable!r}")
    return there[variable]


INPUT = _declare("input", "data", _input)
CONSTANT = _declare("constant", "data", _constant)
VARIABLE = _declare("variable", "data", _variable)
OUTPUT = _declare("output", "data", _output)
VARIABLE_OF = _declare("variable_of", "data", _variable_of)
GRADIENTS = declare_kind(
    Kind(
        name="gradients",
        family="control",
        doc=inspect.getdoc(_gradients) or "",
        ports=ports_of(_gradients, skip=1),
        params=params_of(_gradients),
        expand=_gradients,
        outputs=(Port("gradient", variadic=True),),
        internal=True,
    )
)
