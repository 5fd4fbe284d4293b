"""Kinds: what a node can be. Every op is one; layers, losses, metrics and the sources of a graph are declared here.

A kind turns into expressions by `expand`, once with named dimensions to infer specs and once with numbers to run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from flowloom.compiler.expr import Expr, build
from flowloom.constraints import Constraint
from flowloom.initializers import Initializer
from flowloom.op import REGISTRY, Family, Op, Port, same_place
from flowloom.params import Param, takes_sizes
from flowloom.regularizers import Regularizer
from flowloom.spec import Dim

# Branches and loops are zones of nodes: what begins one hands its inputs in, what ends it stands for all of it.
ZONE_BEGINS = ("cond_begin", "while_begin", "scan_begin")
ZONE_ENDS = ("cond", "while_loop", "scan")


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
        regularizer: Regularizer | None = None,
        constraint: Constraint | None = None,
        *,
        dtype: Any = "float32",
        trainable: bool = True,
    ) -> Expr:
        """A variable that the node owns, made on first use. Every size must be known.

        While it is trained, the `regularizer` adds to the loss, and the `constraint` acts after each update.
        """

    def update(self, role: str, value: Expr) -> None:
        """Give the variable `role` this value after the step."""

    def total(self, role: str, value: Expr) -> Expr:
        """The sum of `value` over all batches so far, as a metric of a whole dataset needs it.

        In an ordinary expansion that is `value` itself; in a streaming one what came before is added.
        """

    def sized(self, shape: Sequence[Dim]) -> tuple[Dim, ...]:
        """`shape` with numbers for the dimensions that are known by name, such as "batch", when the graph runs."""

    def key(self) -> Expr:
        """A random key (uint64[2]) of this node, another one at every step."""

    def zone(self) -> str:
        """A name for the zone that this node begins."""

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


def all_kinds(*, internal: bool = False) -> list[Kind]:
    """Every kind that a person may put on the canvas; with `internal` also those that only files bring."""
    kinds = [*KINDS.values(), *(_of_op(op) for op in REGISTRY.values())]
    return [k for k in kinds if internal or not k.internal]


@cache
def _of_op(op: Op) -> Kind:
    sizes = [name for name, param in op.params.items() if takes_sizes(param.annotation)]

    def expand(node: NodeContext, *args: Expr, **params: Any) -> Any:
        return build(op, args, params | {name: _sized(node, params[name]) for name in sizes})

    return Kind(
        name=op.name,
        family=op.family,
        doc=op.doc,
        ports=op.ports,
        params=op.params,
        expand=expand,
        outputs=op.outputs,
        version=op.version,
        internal=op.internal,
    )


def _sized(node: NodeContext, value: Any) -> Any:
    """A parameter that is a size, or a tuple of them, with numbers for the names."""
    if isinstance(value, tuple):
        return node.sized(value)
    return node.sized((value,))[0] if isinstance(value, str) else value
