"""Kinds: what a node can be. Every op is one; layers, losses, metrics and the sources of a graph are declared here.

A kind turns into expressions by `expand`, once with named dimensions to infer specs and once with numbers to run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from flowloom.compiler.expr import Expr, build
from flowloom.initializers import Initializer
from flowloom.op import REGISTRY, Family, Op, Port, same_place
from flowloom.params import Param
from flowloom.spec import Dim


class NodeContext(Protocol):
    """What a declaration may ask of the node that it is expanded for; the first argument of every `expand`."""

    @property
    def training(self) -> bool:
        """Whether this is the expansion that learns: dropout drops, batch statistics are taken."""

    def variable(
        self,
        role: str,
        shape: Sequence[Dim],
        initializer: Initializer = "glorot_uniform",
        *,
        dtype: Any = "float32",
        trainable: bool = True,
    ) -> Expr:
        """A variable that the node owns, made on first use. Every size must be known."""

    def update(self, role: str, value: Expr) -> None:
        """Give the variable `role` this value after the step."""

    def key(self) -> Expr:
        """A random key (uint64[2]) of this node, another one at every step."""

    def source(self) -> Expr:
        """The value fed into this node (kind "input")."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of node: its ports, parameters and help, and how it becomes expressions."""

    name: str
    family: Family
    doc: str
    ports: tuple[Port, ...]
    params: dict[str, Param]
    expand: Callable[..., Any]
    outputs: tuple[Port, ...] = (Port("y"),)
    version: int = 1
    internal: bool = False

    @property
    def label(self) -> str:
        """The name without its namespace, as people see it: "dense" for "layers.dense"."""
        return self.name.rpartition(".")[2]


KINDS: dict[str, Kind] = {}


def declare_kind(kind: Kind) -> Kind:
    """Register a kind under its name, which no op and no other kind may have."""
    there = KINDS.get(kind.name)
    if kind.name in REGISTRY or (there is not None and not same_place(there.expand, kind.expand)):
        raise ValueError(f"a kind named {kind.name!r} is declared already")
    KINDS[kind.name] = kind
    return kind


def find_kind(name: str) -> Kind | None:
    """The kind of that name, or None."""
    if name not in KINDS and name in REGISTRY:
        return _of_op(REGISTRY[name])
    return KINDS.get(name)


def all_kinds() -> list[Kind]:
    """Every kind that a person may put on the canvas."""
    kinds = [*KINDS.values(), *(_of_op(op) for op in REGISTRY.values())]
    return [k for k in kinds if not k.internal]


@cache
def _of_op(op: Op) -> Kind:
    def expand(_node: NodeContext, *args: Expr, **params: Any) -> Any:
        return build(op, args, params)

    return Kind(
        name=op.name,
        family=op.family,
        doc=op.doc,
        ports=op.ports,
        params=op.params,
        expand=expand,
        outputs=tuple(Port(name) for name in op.outputs),
        version=op.version,
        internal=op.internal,
    )
