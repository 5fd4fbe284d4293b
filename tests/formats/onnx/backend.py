"""flowloom as a backend of ONNX's own tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from onnx import ModelProto, TypeProto
from onnx.backend.base import Backend, BackendRep

import flowloom as fl


class FlowloomModel(BackendRep):  # type: ignore[misc]
    """A model that is loaded once for each number of tensors in the sequences it is given."""

    def __init__(self, model: ModelProto, backend: Any) -> None:
        self.model, self._backend = model, backend
        self._programs: dict[Any, tuple[fl.Graph, fl.Program]] = {}
        if not any(_is_nested(i.type) for i in model.graph.input):
            self._program(())

    def run(self, inputs: Sequence[Any], **kwargs: Any) -> list[Any]:
        """The outputs for these inputs; a sequence is a list."""
        initial = {t.name for t in self.model.graph.initializer}
        given = [
            (i.name, value)
            for i, value in zip((i for i in self.model.graph.input if i.name not in initial), inputs, strict=True)
        ]
        parts = tuple((n, None if v is None else len(v)) for n, v in given if v is None or isinstance(v, list))
        graph, program = self._program(parts)
        flat = [a for _, v in given for a in (v if isinstance(v, list) else [] if v is None else [v])]
        made = program({t.name: a for t, a in zip(graph.inputs, flat, strict=True)})
        results = dict(zip((t.name for t in graph.outputs), made, strict=True))
        return [
            [a for n, a in results.items() if n.startswith(f"{o.name}/")] if _is_sequence(o.type) else results[o.name]
            for o in self.model.graph.output
        ]

    def _program(self, parts: tuple[tuple[str, int | None], ...]) -> tuple[fl.Graph, fl.Program]:
        if parts not in self._programs:
            graph = fl.formats.onnx.load(self.model, parts=dict(parts))
            self._programs[parts] = graph, fl.compile(graph.outputs, backend=self._backend)
        return self._programs[parts]


class FlowloomBackend(Backend):  # type: ignore[misc]
    """Prepares models for flowloom on the CPU."""

    backend: Any = "portable"

    @classmethod
    def prepare(cls, model: ModelProto, device: str = "CPU", **kwargs: Any) -> FlowloomModel:
        """The model, ready to run."""
        return FlowloomModel(model, cls.backend)

    @classmethod
    def supports_device(cls, device: str) -> bool:
        """Whether there is such a device."""
        return device == "CPU"


class NativeBackend(FlowloomBackend):
    """Prepares models for flowloom's compiled kernels."""

    backend = "native"


def _is_nested(type: TypeProto) -> bool:
    return type.WhichOneof("value") in ("sequence_type", "optional_type")


def _is_sequence(type: TypeProto) -> bool:
    return type.HasField("sequence_type") or (
        type.HasField("optional_type") and _is_sequence(type.optional_type.elem_type)
    )
