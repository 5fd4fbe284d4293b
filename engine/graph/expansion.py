"""Expansion: one node turned into expressions. The one way from the graph to the machine, to infer and to lower."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from flowloom.compiler.expr import INPUT, Expr, constant, placeholder, toposort
from flowloom.graph.document import NodeDoc
from flowloom.graph.kinds import Kind
from flowloom.initializers import Initializer, key_of
from flowloom.op import port_names
from flowloom.ops import fold_in
from flowloom.params import DType, Param, complete
from flowloom.spec import DEFAULT_DTYPE, Dim, Spec, SpecError, as_array, shape_text

MOST_CONSTANT = 10_000
DTYPE = Param("dtype", DType | None)
STEP_KEY = placeholder("step key", Spec((2,), "uint64"))


@dataclass(frozen=True, slots=True)
class VariableInfo:
    """A variable as its node declares it. `key` ("node id/role") is stable; the name people see follows the node's."""

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
) -> Expansion:
    """Expand `node` on the expressions of its inputs.

    `inputs` gives the specs of fed nodes, by node id, where they are narrower than declared. Raises SpecError if the
    operands do not fit, TypeError or SpecError for a wrong parameter.
    """
    params = complete(kind.params, node.params, f"{kind.name}()")
    context = _Context(node, training, inputs or {}, params)
    try:
        made = kind.expand(context, *args, **params)
    except SpecError as error:
        raise SpecError(error.rule, dimension=error.dimension, call=_call(kind, args)) from None
    outputs = made if isinstance(made, tuple) else (made,)
    return Expansion(outputs, context.variables, context.updates)


def variable_expr(key: str, spec: Spec) -> Expr:
    """The leaf that stands for the variable of that key."""
    return placeholder(f"variable {key}", spec)


def variables_in(y: Expr) -> dict[str, Expr]:
    """The leaves of the variables that `y` is computed from, by key."""
    names = ((dict(e.params)["name"], e) for e in toposort([y]) if e.op is INPUT)
    return {name.removeprefix("variable "): e for name, e in names if name.startswith("variable ")}


def _call(kind: Kind, args: Sequence[Expr]) -> str:
    names = port_names(kind.ports, len(args))
    return f"{kind.label}({', '.join(f'{n}: {a.spec}' for n, a in zip(names, args, strict=True))})"


class _Context:
    """The NodeContext of one expansion."""

    def __init__(
        self,
        node: NodeDoc,
        training: bool,
        inputs: Mapping[str, Spec],
        params: dict[str, Any],
    ) -> None:
        self.training = training
        self.variables: dict[str, VariableInfo] = {}
        self.updates: dict[str, Expr] = {}
        self._node, self._inputs, self._params = node, inputs, params

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
        for d in declared.shape:
            if isinstance(d, str) and not d.isidentifier():
                raise SpecError(f"a dimension of an input is a number, one name or None; got {d!r}")
        return placeholder(f"input {self._node.id}", self._inputs.get(self._node.id, declared))


def constant_params(value: Any, dtype: Any = None, *, beside: Iterable[np.dtype[Any]] = ()) -> dict[str, Any]:
    """The parameters of the constant node that holds `value`. Raises SpecError if it is no array of numbers, or big."""
    array = as_array(value, DTYPE.check(dtype), beside=beside)
    if array.size > MOST_CONSTANT:
        raise SpecError(
            f"a constant holds at most {MOST_CONSTANT} numbers; got {array.size}. Use an input or a variable"
        )
    return {"value": array.tolist(), "dtype": array.dtype.name}


def literal(value: Any, dtype: str | None) -> Expr:
    """The expression of a constant node, whose document writes what is not finite as text. Raises SpecError."""
    try:
        return constant(value, dtype)
    except SpecError:
        if dtype is not None:
            raise
        return constant(value, DEFAULT_DTYPE)
