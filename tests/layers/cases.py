"""A case: one use of a kind, small enough to be differentiated numerically."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

import flowloom as fl
from flowloom.graph.kinds import KINDS

Array = np.ndarray[Any, Any]
Shape: TypeAlias = "tuple[int, ...] | list[int | str]"
SIZE = 5  # of the batch that is fed


@dataclass(frozen=True)
class Case:
    """One use of a kind: its inputs, its parameters, and how many integers there are.

    The shape of an input is what follows the batch; a list is the whole shape, with "batch" where that is. An input
    that is named as a port goes there, the others go where they stand.
    """

    inputs: dict[str, tuple[Shape, str]]
    params: dict[str, Any] = field(default_factory=dict)
    labels: int = 3

    def feeds(self, size: int = SIZE) -> dict[str, Array]:
        rng = np.random.default_rng(11)

        def drawn(shape: Shape, dtype: str) -> Array:
            sizes = tuple(size if d == "batch" else int(d) for d in _whole(shape))
            is_float = np.dtype(dtype).kind == "f"
            return (rng.normal(size=sizes) if is_float else rng.integers(0, self.labels, sizes)).astype(dtype)

        return {name: drawn(shape, dtype) for name, (shape, dtype) in self.inputs.items()}

    def build(self, kind: str) -> fl.Graph:
        """A graph in which the kind's node is named "y"."""
        graph = fl.Graph(kind, seed=3)
        ports = {p.name for p in KINDS[kind].ports}
        with graph:
            tensors = {n: fl.input(n, shape=_whole(s), dtype=d) for n, (s, d) in self.inputs.items()}
            placed = [t for n, t in tensors.items() if n not in ports]
            named = {n: t for n, t in tensors.items() if n in ports}
            graph.add(kind, placed, named | self.params, name="y")
        return graph


def _whole(shape: Shape) -> tuple[int | str, ...]:
    return tuple(shape) if isinstance(shape, list) else ("batch", *shape)


def outputs(graph: fl.Graph) -> list[fl.Tensor]:
    """All outputs of the node "y"."""
    id = graph["y"].id
    return [fl.Tensor(graph, id, port) for port in graph.inferred(id).outputs]


def rows(*shape: int, dtype: str = "float64") -> dict[str, tuple[Shape, str]]:
    return {"x": (shape, dtype)}


def pair(first: tuple[int, ...], second: tuple[int, ...], dtype: str) -> dict[str, tuple[Shape, str]]:
    return {"a": (first, "float64"), "b": (second, dtype)}


def many(*shapes: tuple[int, ...]) -> dict[str, tuple[Shape, str]]:
    return {f"x{i}": (shape, "float64") for i, shape in enumerate(shapes)}
