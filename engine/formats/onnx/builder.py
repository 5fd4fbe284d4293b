"""Builder: adds the nodes of a model to a graph, and computes what is known without adding any."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

import numpy as np

from flowloom.formats.onnx import layout, sizes
from flowloom.formats.onnx.values import Value, compose
from flowloom.graph.document import AddNode
from flowloom.graph.expansion import MOST_CONSTANT, constant_params
from flowloom.graph.graph import Graph, current_scope
from flowloom.graph.state import SCOPE_LENGTH
from flowloom.graph.tensor import Tensor
from flowloom.op import Op
from flowloom.spec import Array, Spec

SOURCES = ("constant", "variable", "input")
RESHAPING = ("reshape", "transpose", "expand_dims", "squeeze")  # what a weight goes through and stays one weight


class Builder:
    """A graph in the making.

    `zones`: the branches and loops that are open, 0 for the graph itself. `places`: where nodes belong that are not
    named after the ONNX node they were made for. `arrays`: the values of variables, by node. `added`: the nodes, as
    they came; `made`: the values that got a tensor, and in which zone.
    """

    def __init__(self, name: str) -> None:
        self.graph = Graph(name[:SCOPE_LENGTH])
        self.zones = [0]
        self.places: dict[str, tuple[str, str]] = {}
        self.arrays: dict[str, Array] = {}
        self.added: list[str] = []
        self.made: list[tuple[Value, int]] = []
        self._zones = count(1)
        self.graph.subscribe(
            lambda applied: self.added.extend(c.node.id for c in applied.patch if isinstance(c, AddNode))
        )

    # ------------------------------------------------------------ values

    def of(self, tensor: Tensor, name: str | None = None) -> Value:
        """A tensor of the graph as a value."""
        value = Value(self, tensor.spec, lambda _: tensor, name=name)
        value.tensors[self.zones[-1]] = tensor
        return value

    def known(self, array: Array, name: str | None = None, *, weight: bool = False, shared: bool = False) -> Value:
        """An array as a value; it becomes a constant, or a variable, where the graph needs it."""
        return Value(self, Spec.of(array), self._source, array=array, weight=weight, shared=shared, name=name)

    def sizes(self, dims: Array, make: Callable[[], Any]) -> Value:
        """Whole numbers as a value: an array where all are known, else what `make` adds where the graph needs it."""
        if all(isinstance(d, int) for d in dims.reshape(-1)):
            return self.known(dims.astype("int64"))
        return Value(self, Spec(dims.shape, "int64"), lambda _: _tensor(make()), sizes=dims)

    def transposed(self, x: Value, axes: Sequence[int]) -> Value:
        """`x` with its axes in that order; a node is added only where the graph needs one."""
        if tuple(axes) == tuple(range(x.ndim)):
            return x
        if x.base is not None:
            return self.transposed(x.base, compose(x.order, axes))
        if tuple(axes) not in x.laid:
            spec = x.spec.with_shape(x.shape[a] for a in axes)
            x.laid[tuple(axes)] = Value(self, spec, self._transpose, base=x, order=tuple(axes))
        return x.laid[tuple(axes)]

    def add(self, kind: str, *args: Any, **params: Any) -> Any:
        """Add a node of that kind, as `Graph.add` does; its outputs as values."""
        made = self.graph.add(kind, [a.tensor if isinstance(a, Value) else a for a in args], params)
        return tuple(map(self.of, made)) if isinstance(made, tuple) else self.of(made)

    def apply(self, op: Op, args: Sequence[Any], params: dict[str, Any]) -> Any:
        """`op` on values: computed if they are known, otherwise as a node, in the order of axes that suits them."""
        for rule in (_folded, sizes.calculated, layout.commuted):
            made = rule(self, op, args, params)
            if made is not None:
                return made
        return self.place(op, args, params)

    def place(self, op: Op, args: Sequence[Any], params: dict[str, Any]) -> Any:
        """`op` on values as a node, with the parameters that are not the default."""
        return self.add(op.name, *args, **{k: v for k, v in params.items() if v != op.params[k].default})

    # ------------------------------------------------------------ nodes

    @contextmanager
    def zone(self) -> Iterator[None]:
        """Build the body of a branch or loop: what is added is not to be read outside."""
        self.zones.append(next(self._zones))
        try:
            yield
        finally:
            self.zones.pop()

    @contextmanager
    def trial(self, *, keep: bool = False) -> Iterator[None]:
        """What is added inside is taken back at the end; with `keep`, only if it fails."""
        depth, mark, places = self.graph.undo_depth, len(self.made), dict(self.places)
        try:
            yield
        except BaseException:
            keep = False
            raise
        finally:
            if not keep:
                while self.graph.undo_depth > depth:
                    self.graph.undo()
                for value, zone in self.made[mark:]:
                    value.tensors.pop(zone, None)
                del self.made[mark:]
                self.places = places

    def _transpose(self, value: Value) -> Tensor:
        assert value.base is not None
        made = self.graph.add("transpose", (value.base.tensor,), {"axes": value.order})
        if value.name:
            self.places[made.id] = place_of(value.name)
        return made  # type: ignore[no-any-return]

    def _source(self, value: Value) -> Tensor:
        array = value.array
        assert array is not None
        made = (
            self._variable(array, value.trainable)
            if value.weight or array.size > MOST_CONSTANT
            else _constant(self, array)
        )
        if value.name:
            self.places[made.id] = place_of(value.name)
        return made

    def _variable(self, array: Array, trainable: bool) -> Tensor:
        params: dict[str, Any] = {"shape": array.shape, "dtype": array.dtype.name, "initializer": "zeros"}
        if not trainable:
            params["trainable"] = False
        made: Tensor = self.graph.add("variable", (), params)
        self.arrays[made.id] = array
        return made


def place_of(path: str, scope: str = "") -> tuple[str, str]:
    """The scope and name of a node, from its name in ONNX: "/encoder/Add" is in the scope "encoder"."""
    parts = [p for p in (_clean(p) for p in path.split("/")) if p] or ["node"]
    return "/".join(([scope] if scope else []) + parts[:-1]), parts[-1]


def _clean(part: str) -> str:
    text = "".join(c if c.isprintable() else "_" for c in part).strip()
    return text[:100]


def scope_of(builder: Builder) -> str:
    """The scope that new nodes are put into."""
    return current_scope(builder.graph)


def _constant(builder: Builder, array: Array) -> Tensor:
    if array.size:
        made: Tensor = builder.graph.add("constant", (), constant_params(array, array.dtype.name))
        return made
    empty = builder.graph.add("constant", (), {"value": [], "dtype": array.dtype.name})
    shaped: Tensor = builder.graph.add("reshape", (empty,), {"shape": array.shape})
    return shaped


def _tensor(made: Any) -> Tensor:
    return made.tensor if isinstance(made, Value) else made


def _folded(builder: Builder, op: Op, args: Sequence[Any], params: dict[str, Any]) -> Any:
    """The result of an op on what is known, unless it is much larger; a transposition is put off."""
    values = [a for a in args if isinstance(a, Value)]
    if op.name == "reshape" and None not in values[0].shape and op(values[0].spec, **params) == values[0].spec:
        return values[0]
    kept = op.name in RESHAPING and values[0].weight and not values[0].shared
    if not kept and not all(v.known for v in values):
        return _put_off(builder, op, values[0], params)
    inferred = op(*(v.spec if isinstance(v, Value) else v for v in args), **params)
    specs = inferred if isinstance(inferred, tuple) else (inferred,)
    if any(isinstance(d, str) for s in specs for d in s.shape):
        return None  # a size that a parameter names is known only when it runs
    if sum(s.size for s in specs if s.is_concrete) > max(MOST_CONSTANT, *(v.spec.size for v in values)):
        return None
    with np.errstate(all="ignore"):
        result = op(*(v.array if isinstance(v, Value) else v for v in args), **params)
    if isinstance(result, tuple):
        return tuple(builder.known(np.asarray(r)) for r in result)
    made = builder.known(np.asarray(result), values[0].name if kept else None, weight=kept)
    return made.frozen() if kept and not values[0].trainable else made


def _put_off(builder: Builder, op: Op, x: Value, params: dict[str, Any]) -> Value | None:
    if op.name != "transpose":
        return None
    op.infer(x.spec, **params)
    axes = params["axes"] or tuple(range(x.ndim))[::-1]
    return builder.transposed(x, [a % x.ndim for a in axes])
