"""Variables: the values that a graph learns. They live beside the graph, keyed by node, role and spec.

Because the spec is part of the key, a change of shape and its undo bring the trained values back.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Mapping, Set
from typing import TYPE_CHECKING, Any

import numpy as np

from flowloom.compiler.memory import on_a_line
from flowloom.graph.expansion import VariableInfo
from flowloom.initializers import initialize
from flowloom.spec import Spec

if TYPE_CHECKING:
    from flowloom.graph.graph import Graph

Array = np.ndarray[Any, Any]


class Values:
    """The arrays of a graph's variables. They are replaced, never written into, so a reader holds a whole one."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.version = 0  # another one after each change
        self._graphs: weakref.WeakSet[Graph] = weakref.WeakSet()  # whose variables these are
        self._lock = threading.Lock()  # held to look at them
        self._arrays: dict[str, dict[Spec, Array]] = {}  # by key, and then by spec, of which there is rarely another

    def get(self, info: VariableInfo) -> Array:
        """The variable's value; made by its initializer at first."""
        for spec, array in tuple(self._arrays.get(info.key, {}).items()):
            if spec == info.spec:
                return array
        made = on_a_line(initialize(info.initializer, info.spec, seed=self.seed, name=info.key))
        return self._arrays.setdefault(info.key, {}).setdefault(info.spec, made)  # another thread may have set it

    def forget(self, nodes: Set[str]) -> None:
        """Drop the values of these nodes, by id, which cannot come back; not of those that one of the graphs has."""
        with self._lock:
            gone = {id for id in nodes if all(id not in graph.nodes for graph in self._graphs)}
            for key in [key for key in tuple(self._arrays) if key.split("/")[0] in gone]:
                self._arrays.pop(key, None)

    def serve(self, graph: Graph) -> None:
        """These are the values of that graph's variables, too."""
        with self._lock:
            self._graphs.add(graph)

    def clear(self) -> None:
        """Forget all values: every variable starts from its initializer again."""
        self._arrays.clear()
        self.version += 1

    def take(self, other: Values, ids: Mapping[str, str]) -> None:
        """Have the values of another graph's nodes, too, for the nodes that `ids` names by theirs."""
        for key, arrays in tuple(other._arrays.items()):
            node, _, role = key.partition("/")
            if node in ids:
                self._arrays.setdefault(f"{ids[node]}/{role}", {}).update(arrays)
                self.version += 1

    def set(self, info: VariableInfo, array: Array) -> None:
        """Replace the variable's value by an array of its spec."""
        self._arrays.setdefault(info.key, {})[info.spec] = array
        self.version += 1


class Variable:
    """A variable of a graph, as people hold it: `name`, `shape`, `dtype`, `trainable`, and its value."""

    def __init__(self, graph: Graph, info: VariableInfo) -> None:
        self.graph, self.info = graph, info

    @property
    def name(self) -> str:
        """The path people know it by: "block/dense/kernel"."""
        node = self.graph.nodes[self.info.key.split("/")[0]]
        return node.path if self.info.role == "value" else f"{node.path}/{self.info.role}"

    @property
    def key(self) -> str:
        """What documents call it: the id of its node, and its role there."""
        return self.info.key

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of its value."""
        return self.info.spec.sizes

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of an element."""
        return self.info.spec.dtype

    @property
    def trainable(self) -> bool:
        """Whether training changes it; assign False to freeze it, with all other variables of its node."""
        return self.info.trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        node = self.graph.nodes[self.info.key.split("/")[0]]
        self.graph.set(node.path, trainable=value)
        self.info = next(v.info for v in self.graph.variables if v.info.key == self.info.key)

    @property
    def value(self) -> Array:
        """A copy of the value, of `shape` and `dtype`; assign an array of that shape to replace it."""
        return self.graph.values.get(self.info).copy()

    @value.setter
    def value(self, array: Any) -> None:
        new = on_a_line(np.array(array, dtype=self.dtype))
        if new.shape != self.shape:
            raise ValueError(f"variable {self.name!r} has shape {self.shape}; got {new.shape}")
        self.graph.values.set(self.info, new)

    def __array__(self, *_: Any, **__: Any) -> Array:
        raise TypeError(f"variable {self.name!r} is no array; its numbers are its .value")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Variable) and (self.graph, self.info.key) == (other.graph, other.info.key)

    def __hash__(self) -> int:
        return hash((id(self.graph), self.info.key))

    def __repr__(self) -> str:
        return f"<variable {self.name}: {self.info.spec}{'' if self.trainable else ', not trainable'}>"
