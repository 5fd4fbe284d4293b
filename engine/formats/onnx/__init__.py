"""ONNX: the exchange format of neural networks. `load` makes a graph of a model, `save` a model of a graph.

Needs `pip install flowloom[onnx]`.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from flowloom.formats.onnx.errors import OnnxError, UnsupportedOps
from flowloom.graph.graph import Graph

if TYPE_CHECKING:
    from onnx import ModelProto

    from flowloom.formats.onnx.files import Files

MOST_TRIED = 4  # names of dimensions that are left out one by one, where they do not all hold

__all__ = ["OnnxError", "UnsupportedOps", "load", "save"]


def load(model: str | Path | bytes | ModelProto, *, parts: Mapping[str, int | None] | None = None) -> Graph:
    """The graph of an ONNX model: a path, the bytes of a file, or a ModelProto of the `onnx` package.

    Float initializers become variables that training changes; nodes keep the model's names ("/" makes a scope); inputs
    and outputs are in its order: `fl.compile(g.outputs)({t.name: array for t in g.inputs})` gives a list of arrays.

    A sequence among the inputs or outputs is one of them for each of its tensors: "x/0", "x/1", ... How many an input
    has must be known: `parts={"x": 2}`; None says that an optional holds nothing.

    Raises OnnxError, in one line, for a file that is no model, data outside of its folder, or a node that flowloom
    cannot do; UnsupportedOps with all ops that it lacks; OSError if the file cannot be read, and ImportError without
    the onnx package.
    """
    _require_onnx()
    from flowloom.formats.onnx.files import read

    try:
        return _imported(*read(model), parts or {})
    except (OnnxError, OSError, MemoryError):
        raise
    except RecursionError:
        raise OnnxError("the model is nested too deeply") from None
    except Exception as error:  # whatever a file may hold in a place where something else should be
        raise OnnxError(f"the model does not hold together: {type(error).__name__}: {error}") from error


def save(graph: Graph, path: str | Path) -> None:
    """Write the graph to `path` as an ONNX model (opset 21): aside first, then renamed into place.

    What is saved is the graph as it is when it does not learn, with the values that its variables have now: what its
    outputs need. Inputs and outputs keep their names and order, dimensions their names. Layers become the ops that they
    are made of, and what ONNX has no op for several nodes.

    Raises UnsupportedOps for ops that ONNX cannot say (random numbers, decompositions of matrices), by name, count and
    node; OnnxError for a graph without outputs, or a model of 2 GiB and more; SpecError for a graph that does not
    typecheck; OSError if the file cannot be written, and ImportError without the onnx package.
    """
    _require_onnx()
    from flowloom.formats.onnx.writing.saving import save as write

    write(graph, path)


def _require_onnx() -> None:
    """Say, once, how to get it."""
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise ImportError("ONNX models need the onnx package: pip install flowloom[onnx]") from error


def _imported(model: ModelProto, files: Files, parts: Mapping[str, int | None]) -> Graph:
    from flowloom.formats.onnx.functions import check_supported
    from flowloom.formats.onnx.importer import Importer, dim_names

    check_supported(model)
    names = frozenset(dim_names(model.graph.input))
    try:
        return Importer(model, files, parts, names).graph()
    except OnnxError as error:
        # Some exporters name dimensions that are fixed inside, or broadcast; then such a size is as good as unknown.
        fewer = [names - {n} for n in sorted(names)] if 1 < len(names) <= MOST_TRIED else []
        found = list[Graph]()
        for kept in [*fewer, frozenset[str]()] if names else []:
            if not kept and found:
                break
            with suppress(OnnxError):
                found.append(Importer(model, files, parts, kept).graph())
        if found:
            return min(found, key=lambda graph: len(graph.nodes))
        raise error from error.__cause__
