"""Node: what an entry of the tables may ask of the ONNX node that it is called for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np

from flowloom.formats.onnx.builder import place_of
from flowloom.formats.onnx.errors import OnnxError
from flowloom.formats.onnx.values import Value

if TYPE_CHECKING:
    from onnx import AttributeProto, GraphProto, NodeProto

    from flowloom.formats.onnx.builder import Builder
    from flowloom.formats.onnx.importer import Frame, Importer


class Node:
    """An ONNX node: its `op_type`, the `version` of its domain's opset, its attributes, the names of its outputs.

    `label` is what its flowloom node is called, a path.
    """

    def __init__(self, proto: NodeProto, frame: Frame, importer: Importer, label: str) -> None:
        self.op_type, self.proto, self.label = proto.op_type, proto, label
        self.domain = "" if proto.domain == "ai.onnx" else proto.domain
        self.version = frame.opsets.get(self.domain, 0)
        self.outputs = list(proto.output)
        self._frame, self._importer = frame, importer
        self._attributes: dict[str, AttributeProto] = {}
        for a in proto.attribute:
            if a.ref_attr_name and a.ref_attr_name not in frame.attributes:
                continue
            self._attributes[a.name] = frame.attributes[a.ref_attr_name] if a.ref_attr_name else a

    @property
    def builder(self) -> Builder:
        """What adds nodes to the graph: `add` for a kind that is no op, such as a layer."""
        return self._importer.builder

    @property
    def attributes(self) -> Mapping[str, AttributeProto]:
        """The attributes that are given, those of a function's caller in place of references."""
        return self._attributes

    def has(self, name: str) -> bool:
        """Whether the attribute is given."""
        return name in self._attributes

    def attr(self, name: str, default: Any = None) -> Any:
        """An attribute as Python has it: int, float, str, a list of these, an array, or a GraphProto."""
        if name not in self._attributes:
            return default
        return self._importer.attribute(self._attributes[name])

    def needs(self, name: str) -> Any:
        """An attribute that must be given. Raises OnnxError if it is not."""
        if name not in self._attributes:
            raise OnnxError(f"the attribute {name!r} is missing")
        return self.attr(name)

    def dtype(self, code: int | str) -> np.dtype[Any]:
        """The dtype of an ONNX element type, as attributes give it. Raises OnnxError for one that flowloom has not."""
        return self._importer.files.dtype(code, "the result")

    def wants(self, index: int) -> bool:
        """Whether output `index` is read."""
        return index < len(self.outputs) and bool(self.outputs[index])

    def known(self, value: Any, dtype: Any = None) -> Value:
        """A number or array as a Value; ops on it are computed as long as all operands are known."""
        return self.builder.known(np.asarray(value, dtype))

    def value(self, name: str) -> Any:
        """The value that the model calls `name`."""
        return self._importer.read(name, self._frame)

    def call(self, graph: GraphProto, inputs: Sequence[Any] = ()) -> list[Any]:
        """What the body `graph`, an attribute, gives for these inputs; it may read what is outside of it."""
        return self._importer.call(graph, inputs, self._frame)

    @property
    def path(self) -> str:
        """The label as the path of a scope."""
        return place_of(f"{self.label}/_")[0]

    def named(self) -> AbstractContextManager[None]:
        """For entries that are `scoped`: what is added inside belongs to this node, as it does for all others."""
        return self._importer.named(self.label)

    def refuse(self, why: str) -> OnnxError:
        """The error for a node that flowloom cannot do: `raise node.refuse("...")`."""
        return OnnxError(why)
