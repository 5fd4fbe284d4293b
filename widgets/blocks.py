"""The blocks that are kept beside the notebook, for the views: what there is, what is in one, and changes to them."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import uuid4

import msgspec

from flowloom import blocks
from flowloom.blocks import BlockError, BlockExistsError
from flowloom.blocks.reading import Block, End, read
from flowloom.graph import Graph, PatchError
from flowloom.graph.document import AddNode, Connect, EdgeDoc
from flowloom.widgets.wire.blocks import BlockContent, BlockEnd, BlockInfo, BlockPort, BlockRequest, Blocks


def answer(graph: Graph, request: BlockRequest) -> Blocks:
    """Do what is asked; say what there is now, and in one line why it could not be done."""
    content, error, exists = None, None, False
    try:
        match request.action:
            case "save":
                blocks.save(graph, request.scope, request.name, replace=request.replace)
            case "take":
                content = _content(graph, request)
            case "rename":
                blocks.rename(request.name, request.new)
            case "remove":
                blocks.remove(request.name)
    except BlockExistsError as found:
        error, exists = str(found), True
    except (BlockError, PatchError) as found:
        error = str(found)
    except KeyError as found:
        error = str(found.args[0])
    return Blocks(request.client, request.request, [_info(name) for name in blocks.names()], content, error, exists)


def _info(name: str) -> BlockInfo:
    try:
        block = read(name)
    except BlockError as error:
        return BlockInfo(name, [], [], 0, 0, str(error))
    return BlockInfo(name, _labels(block.inputs), _labels(block.outputs), len(block.nodes), block.parameters)


def _labels(ends: Iterable[End]) -> list[str]:
    return [end.name if end.spec is None else f"{end.name}: {end.spec}" for end in ends]


def _content(graph: Graph, request: BlockRequest) -> BlockContent:
    block = read(request.name)
    return BlockContent(
        name=block.name,
        nodes=list(block.nodes),
        edges=list(block.edges),
        inputs=[_end(end) for end in block.inputs],
        outputs=[_end(end) for end in block.outputs],
        fits=_fitting(graph, block, request.source, request.source_port) if request.source else None,
    )


def _end(end: End) -> BlockEnd:
    return BlockEnd(end.name, None if end.spec is None else str(end.spec), [BlockPort(*port) for port in end.ports])


def _fitting(graph: Graph, block: Block, source: str, source_port: str) -> int | None:
    """The first input of a block that an output of the graph fits, as far as the nodes that read it can tell."""
    nodes = {node.id: node for node in block.nodes}

    def fits(id: str, port: str) -> bool:
        probe = msgspec.structs.replace(nodes[id], id=uuid4().hex, name=uuid4().hex, scope="")
        return graph.refusal([AddNode(probe), Connect(EdgeDoc(source, source_port, probe.id, port))]) is None

    return next((i for i, end in enumerate(block.inputs) if all(fits(*port) for port in end.ports)), None)
