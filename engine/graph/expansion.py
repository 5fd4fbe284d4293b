"""Expansion: one node turned into expressions. The only way from the graph to the machine, used to infer and to lower."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from flowloom.compiler.expr import Expr, constant, placeholder
from flowloom.graph.document import NodeDoc
from flowloom.graph.kinds import Kind
from flowloom.initializers import Initializer, key_of
from flowloom.op import port_names
from flowloom.ops import fold_in
from flowloom.params import complete
from flowloom.spec import Dim, Spec, SpecError, shape_text

STEP_KEY = placeholder("step key", Spec((2,), "uint64"))


@dataclass(frozen=True, slots=True)
class VariableInfo:
    """A variable as its node declares it. `key` ("node id/role") is stable; the name that people see follows the node's."""

    key: str
    role: str
    spec: Spec
    initializer: Initializer
    trainable: bool
    expr: Expr


@dataclass(frozen=True, slots=True)
class Expansion:
    """What a node became: the expressions of its outputs, its variables by key, and their values after a step."""

    outputs: tuple[Expr, ...]
    variables: dict[str, VariableInfo] = field(default_factory=dict)
    updates: dict[str, Expr] = field(default_factory=dict)


def expand(
    node: NodeDoc,
    kind: Kind,
    args: Sequence[Expr],
    *,
    training: bool = False,
    inputs: Mapping[str, Spec] | None = None,
    variables: Mapping[str, VariableInfo] | None = None,
) -> Expansion:
    """Expand `node` on the expressions of its inputs.

    `inputs` gives the specs of fed nodes, by node id, where they are narrower than declared; `variables` are those of
    the nodes before it. Raises SpecError if the operands do not fit, TypeError or SpecError for a wrong parameter.
    """
    params = complete(kind.params, node.params, f"{kind.name}()")
    context = _Context(node, training, inputs or {}, variables or {}, params)
    try:
        made = kind.expand(context, *args, **params)
    except SpecError as error:
        raise error.within(_call(kind, args)) from None
    outputs = made if isinstance(made, tuple) else (made,)
    return Expansion(outputs, context.variables, context.updates)


def variable_expr(key: str, spec: Spec) -> Expr:
    """The leaf that stands for the variable of that key."""
    return placeholder(f"variable {key}", spec)


def _call(kind: Kind, args: Sequence[Expr]) -> str:
    names = port_names(kind.ports, len(args))
    return f"{kind.name}({', '.join(f'{n}: {a.spec}' for n, a in zip(names, args, strict=True))})"


class _Context:
    """The NodeContext of one expansion."""

    def __init__(
        self,
        node: NodeDoc,
        training: bool,
        inputs: Mapping[str, Spec],
        known: Mapping[str, VariableInfo],
        params: dict[str, Any],
    ) -> None:
        self.training = training
        self.variables: dict[str, VariableInfo] = {}
        self.updates: dict[str, Expr] = {}
        self._node, self._inputs, self._known, self._params = node, inputs, known, params

    def variable(
        self,
        role: str,
        shape: Sequence[Dim],
        initializer: Initializer = "glorot_uniform",
        *,
        dtype: Any = "float32",
        trainable: bool = True,
    ) -> Expr:
        spec = Spec(shape, dtype)
        if not spec.is_concrete:
            raise SpecError(f"{role} needs known sizes; got {shape_text(shape)}")
        key = f"{self._node.id}/{role}"
        trainable = trainable and bool(self._params.get("trainable", True))
        self.variables[key] = VariableInfo(key, role, spec, initializer, trainable, variable_expr(key, spec))
        return self.variables[key].expr

    def update(self, role: str, value: Expr) -> None:
        self.updates[f"{self._node.id}/{role}"] = value

    def key(self) -> Expr:
        data = int(key_of(0, self._node.id)[0] >> 1)
        key: Expr = fold_in(STEP_KEY, data=data)
        return key

    def source(self) -> Expr:
        declared = Spec(self._params["shape"], self._params["dtype"])
        return placeholder(f"input {self._node.id}", self._inputs.get(self._node.id, declared))

    def reference(self, variable: str) -> Expr:
        if variable not in self._known:
            raise SpecError(f"there is no variable {variable!r} before this node")
        return self._known[variable].expr


def literal(value: Any, dtype: str | None = None) -> Expr:
    """The expression of a constant node. Raises SpecError for a value that is not an array of numbers."""
    try:
        return constant(value, dtype)
    except (ValueError, TypeError, OverflowError):
        raise SpecError(f"the value is not an array of numbers: {str(value)[:60]!r}") from None


def written(array: Any) -> Any:
    """An array as nested lists that JSON can hold: what is not finite is written as text, which `literal` reads back."""
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        return np.where(np.isfinite(array), array.astype(object), array.astype(str)).tolist()
    return array.tolist()
