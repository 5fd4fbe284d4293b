"""Importer: walks through a model and calls the entry of each node."""

from __future__ import annotations

from collections import ChainMap, Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from flowloom.formats.onnx import functions
from flowloom.formats.onnx.builder import SOURCES, Builder, place_of
from flowloom.formats.onnx.errors import OnnxError
from flowloom.formats.onnx.files import Files
from flowloom.formats.onnx.finish import finished
from flowloom.formats.onnx.node import Node
from flowloom.formats.onnx.properties import not_trainable
from flowloom.formats.onnx.table import SCOPED, entry_of
from flowloom.formats.onnx.values import EMPTY, Value
from flowloom.graph.graph import Graph, current_scope
from flowloom.spec import Dim, SpecError, is_float

if TYPE_CHECKING:
    from onnx import AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, TypeProto, ValueInfoProto

MOST_NODES = 200_000  # that are walked through: a few functions that call each other can stand for any number


@dataclass
class Frame:
    """What a node may refer to: values by name, versions of opsets by domain, attributes of the function it is in."""

    values: ChainMap[str, Any]
    opsets: dict[str, int]
    attributes: dict[str, AttributeProto] = field(default_factory=dict)
    outputs: frozenset[str] = frozenset()

    def inner(self) -> Frame:
        """The frame of a body: it sees what is outside, which does not see into it."""
        return Frame(self.values.new_child(), self.opsets, self.attributes)


class Importer:
    """One reading of one model.

    `parts`: how many tensors each sequence among the inputs has. `names`: those of dimensions that are kept; the others
    may be of any size.
    """

    def __init__(
        self, model: ModelProto, files: Files, parts: Mapping[str, int | None], names: Collection[str]
    ) -> None:
        self.model, self.files, self.parts, self.names = model, files, parts, names
        self.builder = Builder(place_of(model.graph.name or "model")[1])
        self.fixed = not_trainable(model)
        self.functions = {(f.domain, f.name, f.overload): f for f in model.functions}
        self._calls: list[str] = []
        self._walked = 0

    def graph(self) -> Graph:
        """The model as a graph. Raises OnnxError."""
        model = self.model.graph
        frame = Frame(ChainMap(), opsets_of(self.model.opset_import), outputs=frozenset(o.name for o in model.output))
        with self.builder.graph:
            self._initializers(model, frame)
            for info in model.input:
                if info.name not in frame.values:
                    frame.values[info.name] = self._input(info.name, info.type)
            self._run(model.node, frame)
            for info in model.output:
                self._output(info, frame)
        return finished(self.builder)

    # ------------------------------------------------------------ the ends of a model

    def _input(self, name: str, type: TypeProto, *, within: bool = False) -> Any:
        """The input of that name: a value, a list of them for a sequence, or EMPTY. `within`: it is in a sequence."""
        kind = type.WhichOneof("value")
        if kind == "optional_type":
            gone = name in self.parts and self.parts[name] is None
            return EMPTY if gone else self._input(name, type.optional_type.elem_type)
        if kind == "sequence_type":
            count = self.parts.get(name)
            if count is None:
                raise OnnxError(f"input {name!r} is a sequence; say how many tensors it has: parts={{{name!r}: 2}}")
            return [self._input(f"{name}/{i}", type.sequence_type.elem_type, within=True) for i in range(count)]
        if kind != "tensor_type":
            raise OnnxError(f"input {name!r} is no tensor ({kind})")
        tensor = type.tensor_type
        if not tensor.HasField("shape"):
            raise OnnxError(f"input {name!r} has no declared number of dimensions")
        dtype = self.files.dtype(tensor.elem_type, f"input {name!r}")
        shape = [self._dim(d, "" if within else dim_name(name, i, d)) for i, d in enumerate(tensor.shape.dim)]
        made = self.builder.graph.add("input", (), {"shape": shape, "dtype": dtype.name})
        self.builder.places[made.id] = place_of(name)
        return self.builder.of(made, name)

    def _dim(self, d: Any, name: str) -> Dim:
        if d.HasField("dim_value"):
            return int(d.dim_value) if d.dim_value >= 0 else None
        return name if name in self.names else None

    def _output(self, info: ValueInfoProto, frame: Frame) -> None:
        if info.name not in frame.values:
            raise OnnxError(f"no node makes the output {info.name!r}")
        value = frame.values[info.name]
        for i, part in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(part, Value):
                raise OnnxError(f"output {info.name!r} is empty, or a sequence of sequences; flowloom gives tensors")
            made = self.builder.graph.add("output", (part.tensor,))
            self.builder.places[made.id] = place_of(f"{info.name}/{i}" if isinstance(value, list) else info.name)

    def _initializers(self, graph: GraphProto, frame: Frame) -> None:
        if not graph.initializer and not graph.sparse_initializer:
            return
        uses = Counter(chain(names_read(graph.node), (o.name for o in graph.output)))
        for tensor in graph.initializer:
            frame.values[tensor.name] = self._initial(tensor.name, self.files.array(tensor), uses)
        for sparse in graph.sparse_initializer:
            frame.values[sparse.values.name] = self._initial(sparse.values.name, self.files.dense(sparse), uses)

    def _initial(self, name: str, array: np.ndarray[Any, Any], uses: Counter[str]) -> Value:
        weight = is_float(array.dtype) and array.ndim > 0
        value = self.builder.known(array, name, weight=weight, shared=uses[name] > 1)
        return value.frozen() if name in self.fixed else value

    def attribute(self, a: AttributeProto) -> Any:
        """An attribute as Python has it."""
        return self.files.attribute(a)

    # ------------------------------------------------------------ nodes

    def call(self, graph: GraphProto, inputs: Sequence[Any], outer: Frame) -> list[Any]:
        """What a body gives for these inputs."""
        frame = outer.inner()
        self._initializers(graph, frame)
        if len(inputs) != len(graph.input):
            raise OnnxError(f"body {graph.name!r} takes {len(graph.input)} inputs, not {len(inputs)}")
        frame.values.update({i.name: v for i, v in zip(graph.input, inputs, strict=True)})
        self._run(graph.node, frame)
        return [self.read(o.name, frame) for o in graph.output]

    def _run(self, nodes: Iterable[NodeProto], frame: Frame) -> None:
        for proto in nodes:
            self._walked += 1
            if self._walked > MOST_NODES:
                raise OnnxError(f"the model has more than {MOST_NODES} nodes")
            label = label_of(proto, frame.outputs)
            try:
                made = self._node(proto, frame, label)
            except OnnxError as error:
                raise error.at(proto.op_type, label) from error.__cause__
            except (RecursionError, MemoryError):
                raise
            except Exception as error:
                raise OnnxError(_said(error)).at(proto.op_type, label) from error
            for name, value in zip(proto.output, made, strict=False):
                if name:
                    frame.values[name] = value

    def _node(self, proto: NodeProto, frame: Frame, label: str) -> tuple[Any, ...]:
        inputs = [self.read(name, frame) if name else None for name in proto.input]
        node = Node(proto, frame, self, label)
        function = self.functions.get((proto.domain, proto.op_type, proto.overload))
        entry = entry_of(node.domain, node.op_type) if function is None else None
        if entry is not None and entry in SCOPED:
            made = entry(node, *inputs)
        else:
            with self.named(label):
                made = entry(node, *inputs) if entry else NotImplemented
                if made is NotImplemented:
                    made = self._function(node, function, inputs)
        results = made if isinstance(made, tuple) else (made,)
        if any(name for name in proto.output[len(results) :]):
            raise OnnxError(f"it has {len(proto.output)} outputs; flowloom gives {len(results)}")
        for value in results:
            if isinstance(value, Value) and value.name is None:
                value.name = label if value.base is None or proto.op_type == "Transpose" else f"{label}_transposed"
        return results

    def read(self, name: str, frame: Frame) -> Any:
        """What has that name. Raises OnnxError if nothing has."""
        if name not in frame.values:
            raise OnnxError(f"it reads {name!r}, which nothing before it makes")
        return frame.values[name]

    @contextmanager
    def named(self, label: str) -> Iterator[None]:
        """What is added belongs to the node of that label: one node takes its name, several a scope of it."""
        builder = self.builder
        graph, outer = builder.graph, current_scope(builder.graph)
        before = len(builder.added)
        with graph.scope(place_of(f"{label}/_")[0]):
            yield
        made = [graph.nodes[id] for id in builder.added[before:] if id in graph.nodes and id not in builder.places]
        ops = [n for n in made if n.kind not in SOURCES]
        if len(ops) == 1:
            builder.places[ops[0].id] = place_of(label, outer)
            for n in made:
                builder.places.setdefault(n.id, place_of(f"{label}_{n.name}", outer))

    # ------------------------------------------------------------ functions

    def _function(self, node: Node, function: FunctionProto | None, inputs: Sequence[Any]) -> tuple[Any, ...]:
        """What a function of the model, or of the standard, gives: its body in place of the node."""
        body = function or functions.standard(node, inputs)
        defaults = {a.name: a for a in body.attribute_proto} if function else functions.defaults(node)
        key = f"{node.domain}.{node.op_type}"
        if key in self._calls:
            raise OnnxError(f"the function {node.op_type!r} calls itself")
        frame = Frame(ChainMap(), opsets_of(body.opset_import), {**defaults, **node.attributes})
        uses = Counter(names_read(body.node))
        for i, name in enumerate(body.input):
            value = inputs[i] if i < len(inputs) else None
            if isinstance(value, Value) and value.weight and uses[name] > 1:
                value.shared = True
            frame.values[name] = value
        self._calls.append(key)
        try:
            self._run(body.node, frame)
        finally:
            self._calls.pop()
        return tuple(
            self.read(name, frame) if node.wants(i) else frame.values.get(name) for i, name in enumerate(body.output)
        )


def dim_names(inputs: Iterable[ValueInfoProto]) -> list[str]:
    """The names of the dimensions of all inputs; what has none in the model is called by its place: "x_0"."""
    dims = ((i.name, a, d) for i in inputs for a, d in enumerate(i.type.tensor_type.shape.dim))
    return sorted({dim_name(*d) for d in dims if not d[2].HasField("dim_value")} - {""})


def dim_name(owner: str, axis: int, dim: Any) -> str:
    """The name of a dimension of the input `owner`; "" if a graph cannot have it."""
    text = dim.dim_param or f"{owner}_{axis}"
    return text if text.isidentifier() else ""


def opsets_of(imports: Iterable[Any]) -> dict[str, int]:
    """The version of each domain's opset."""
    return {"" if o.domain == "ai.onnx" else o.domain: int(o.version) for o in imports}


def names_read(nodes: Iterable[NodeProto]) -> Iterator[str]:
    """The names that nodes and the bodies in them read."""
    for node in nodes:
        yield from node.input
        for a in node.attribute:
            for graph in chain([a.g] if a.HasField("g") else [], a.graphs):
                yield from names_read(graph.node)
                yield from (o.name for o in graph.output)


def label_of(proto: NodeProto, outputs: frozenset[str]) -> str:
    """What to call a node: its name, or that of what it makes, or its type in lower case."""
    made = proto.output[0] if proto.output else ""
    if proto.name.strip("/ "):
        return proto.name
    if made.strip("/ ") and not made.isdecimal() and made not in outputs:
        return made
    return "".join(f"_{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(proto.op_type))


def _said(error: Exception) -> str:
    """What an error says, without the place in Python where the node was added."""
    if isinstance(error, SpecError):
        return str(error).rpartition(". In ")[0] or str(error)
    return (
        str(error) if isinstance(error, ValueError | TypeError) and str(error) else f"{type(error).__name__}: {error}"
    )
