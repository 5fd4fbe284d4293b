"""Expansion: one node turned into expressions. The one way from the graph to the machine, to infer and to lower."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from msgspec import Struct

from flowloom.compiler.expr import INPUT, Expr, constant, placeholder, toposort
from flowloom.compiler.function import loop_indices
from flowloom.constraints import Constraint, constrained
from flowloom.graph.document import NodeDoc
from flowloom.graph.kinds import Kind
from flowloom.initializers import Initializer, check_fit, key_of
from flowloom.op import port_names
from flowloom.ops import add, fold_in, fold_in_index
from flowloom.params import DType, Param, complete
from flowloom.regularizers import Regularizer, penalty
from flowloom.spec import DEFAULT_DTYPE, Dim, Spec, SpecError, as_array, is_narrow, product, shape_text, wide_dtype

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
    regularizer: Regularizer | None = None
    constraint: Constraint | None = None


@dataclass(frozen=True, slots=True)
class Total:
    """A running total over batches: the leaf that stands for what came before, and the expression of the new total."""

    before: Expr
    after: Expr


class Expansion(Struct, frozen=True, gc=False):
    """What a node became: the expressions of its outputs, its variables by key, and their values after a step.

    `totals` are the running totals of a streaming expansion, by key.
    """

    outputs: tuple[Expr, ...]
    variables: dict[str, VariableInfo] = {}
    updates: dict[str, Expr] = {}
    totals: dict[str, Total] = {}


def expand(
    node: NodeDoc,
    kind: Kind,
    args: Sequence[Expr | None],
    *,
    training: bool = False,
    streaming: bool = False,
    inputs: Mapping[str, Spec] | None = None,
    sizes: Mapping[str, int] | None = None,
    params: dict[str, Any] | None = None,
) -> Expansion:
    """Expand `node` on the expressions of its inputs; None for an optional one that stays open.

    `inputs` gives the specs of fed nodes, by node id, where they are narrower than declared, `sizes` the numbers of
    named dimensions (None: they stay names). `streaming`: totals run on over batches. `params`: all of them, checked
    already. A bypassed node gives its first input that is wired. Raises SpecError if the operands do not fit, TypeError
    or SpecError for a wrong parameter.
    """
    if node.bypassed:
        passed = next(a for a in args if a is not None)
        return Expansion((passed,) * len(kind.outputs))
    if params is None:
        params = complete(kind.params, node.params, f"{kind.name}()")
    context = _Context(node, args, params, training, streaming, inputs or {}, sizes)
    try:
        made = kind.expand(context, *args, **params)
    except SpecError as error:
        raise error.called(_call(kind, args)) from None
    outputs = made if isinstance(made, tuple) else (made,)
    return Expansion(outputs, context.variables, context.updates, context.totals)


def variable_expr(key: str, spec: Spec) -> Expr:
    """The leaf that stands for the variable of that key."""
    return placeholder(f"variable {key}", spec)


def variables_in(y: Expr) -> dict[str, Expr]:
    """The leaves of the variables that `y` is computed from, by key."""
    names = ((dict(e.params)["name"], e) for e in toposort([y]) if e.op is INPUT)
    return {name.removeprefix("variable "): e for name, e in names if name.startswith("variable ")}


def _call(kind: Kind, args: Sequence[Expr | None]) -> str:
    named = zip(port_names(kind.ports, len(args)), args, strict=True)
    return f"{kind.label}({', '.join(f'{n}: {a.spec}' for n, a in named if a is not None)})"


class _Context:
    """The NodeContext of one expansion."""

    __slots__ = (
        "_args",
        "_inputs",
        "_node",
        "_params",
        "_sizes",
        "streaming",
        "totals",
        "training",
        "updates",
        "variables",
    )

    def __init__(
        self,
        node: NodeDoc,
        args: Sequence[Expr | None],
        params: dict[str, Any],
        training: bool,
        streaming: bool,
        inputs: Mapping[str, Spec],
        sizes: Mapping[str, int] | None,
    ) -> None:
        self.training, self.streaming = training, streaming
        self.variables: dict[str, VariableInfo] = {}
        self.updates: dict[str, Expr] = {}
        self.totals: dict[str, Total] = {}
        self._node, self._args, self._params, self._inputs, self._sizes = node, args, params, inputs, sizes

    def variable(
        self,
        role: str,
        shape: Sequence[Dim],
        initializer: Initializer = "glorot_uniform",
        regularizer: Regularizer | None = None,
        constraint: Constraint | None = None,
        *,
        dtype: Any = "float32",
        trainable: bool = True,
    ) -> Expr:
        spec = Spec(shape, dtype)
        if not spec.is_concrete:
            raise SpecError(f"{role} needs known sizes; got {shape_text(shape)}")
        key = f"{self._node.id}/{role}"
        trainable = trainable and bool(self._params.get("trainable", True))
        expr = variable_expr(key, spec)
        check_fit(initializer, spec)
        if regularizer is not None:
            penalty(regularizer, expr)
        if constraint is not None:
            constrained(constraint, expr)
        self.variables[key] = VariableInfo(key, role, spec, initializer, trainable, expr, regularizer, constraint)
        return expr

    def update(self, role: str, value: Expr) -> None:
        self.updates[f"{self._node.id}/{role}"] = value

    def total(self, role: str, value: Expr) -> Expr:
        if not self.streaming:
            return value
        key = f"{self._node.id}/{role}"
        before = placeholder(f"total {key}", value.spec)
        after: Expr = add(before, value)
        self.totals[key] = Total(before, after)
        return after

    def sized(self, shape: Sequence[Dim]) -> tuple[Dim, ...]:
        return tuple(self._size(d) if isinstance(d, str) else d for d in shape)

    def _size(self, dim: str) -> Dim:
        if self._sizes is None:
            return dim
        names = [name for name in dim.split("*") if not name.isdecimal()]
        if unknown := next((name for name in names if name not in self._sizes), None):
            raise SpecError(f"the size of {unknown!r} is not known: no input that is fed has it")
        return product(self._sizes.get(name, name) for name in dim.split("*"))

    def key(self) -> Expr:
        data = int(key_of(0, self._node.id)[0] >> 1)
        key: Expr = fold_in(STEP_KEY, data=data)
        for index in loop_indices([a for a in self._args if a is not None]):
            key = fold_in_index(key, index)
        return key

    def zone(self) -> str:
        return f"zone {self._node.id}"

    def source(self) -> Expr:
        declared = Spec(self._params["shape"], self._params["dtype"])
        for d in declared.shape:
            if isinstance(d, str) and not d.isidentifier():
                raise SpecError(f"a dimension of an input is a number, one name or None; got {d!r}")
        known = self._sizes or {}
        as_fed = declared.with_shape(known.get(d, d) if isinstance(d, str) else d for d in declared.shape)
        return placeholder(f"input {self._node.id}", self._inputs.get(self._node.id, as_fed))


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
    if dtype is not None and is_narrow(np.dtype(dtype)):
        value = as_array(value, wide_dtype(np.dtype(dtype)))  # narrow dtypes read no text
    try:
        return constant(value, dtype)
    except SpecError:
        if dtype is not None:
            raise
        return constant(value, DEFAULT_DTYPE)
