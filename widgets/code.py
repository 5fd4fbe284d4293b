"""The graph as code, for the views: its Python with the lines of every node, and Python that changes it."""

from __future__ import annotations

from collections.abc import Mapping

from flowloom.formats.python.reading import PythonSourceError, read
from flowloom.formats.python.writing import write
from flowloom.graph import Graph, PatchError
from flowloom.graph.difference import same_nodes
from flowloom.spec import SpecError
from flowloom.widgets.wire.graph import Code, CodeRefused, CodeTaken, EditCode, NodeLines


def code_of(graph: Graph, client: str) -> Code:
    """The Python of a graph, as it is now; why there is none if it does not typecheck."""
    with graph.lock:
        untyped = next((id for id in graph.nodes if graph.inferred(id).expansion is None), None)
        if untyped is not None:
            return Code(client, graph.revision, None, [], graph.why_unknown(untyped))
        try:
            source = write(graph)
        except SpecError as error:  # of a bypassed node
            return Code(client, graph.revision, None, [], str(error))
        return Code(client, graph.revision, source.text, _lines(source.lines, {id: id for id in graph.nodes}))


def edit_code(graph: Graph, request: EditCode) -> CodeTaken | CodeRefused:
    """Make a graph what the proposed Python says, as one step that can be taken back; or say what is wrong with it."""
    client, sequence = request.client, request.sequence
    try:
        found = read(request.text)
        with graph.lock:
            ids = same_nodes(graph.state, found.graph.state, found.variables)
            patch = graph.becoming(found.graph, ids)
            if patch:
                graph.apply(patch, author=(client, sequence))
            return CodeTaken(client, sequence, graph.revision, len(patch), _lines(found.lines, ids))
    except PythonSourceError as error:
        return CodeRefused(client, sequence, error.reason, error.line, error.column)
    except PatchError as error:
        return CodeRefused(client, sequence, str(error), None, None)


def _lines(lines: Mapping[str, tuple[int, int]], ids: Mapping[str, str]) -> list[NodeLines]:
    return [NodeLines(ids[id], first, last) for id, (first, last) in lines.items()]
