"""Pictures on the wire: drawings that are looked at on the canvas and not edited."""

from __future__ import annotations

from collections.abc import Sequence

from flowloom.graph.difference_picture import Difference
from flowloom.graph.kinds import find_kind
from flowloom.graph.picture import Drawn
from flowloom.graph.picture import Picture as Drawing
from flowloom.widgets.wire.graph import GraphState, KindInfo, NodeInfo, PortInfo
from flowloom.widgets.wire.pictures import Picture, PictureChange, PictureChoice, PictureEdge, PictureNode


def info_of(drawn: Drawn) -> NodeInfo:
    """The ports of a node as the browser draws them."""
    inputs, outputs = ([PortInfo(*port) for port in side] for side in (drawn.inputs, drawn.outputs))
    return NodeInfo(drawn.node.id, inputs, outputs, *drawn.sizes)


def picture(
    drawing: Drawing,
    title: str,
    message: str = "",
    *,
    changes: Sequence[Difference] = (),
    choices: Sequence[PictureChoice] = (),
    choice: str = "",
) -> Picture:
    """A drawing as a message."""
    scopes = [PictureNode(f"/{path}", origins=[id]) for path, id in drawing.scopes.items()]
    said = [PictureNode(d.node.id, d.sign, list(d.facts), list(d.origins)) for d in drawing.nodes]
    signs = [(edge, sign) for edge, sign in drawing.signs.items() if sign == "+" or sign == "-"]
    return Picture(
        title=title,
        message=message,
        state=GraphState(
            name=title,
            revision=0,
            nodes=[d.node for d in drawing.nodes],
            edges=list(drawing.edges),
            info=[info_of(d) for d in drawing.nodes],
            problems=[],
            can_undo=False,
            can_redo=False,
        ),
        kinds=_kinds(drawing),
        nodes=scopes + [node for node in said if node.sign or node.facts or node.origins],
        edges=[PictureEdge(edge.target, edge.target_port, sign) for edge, sign in signs],
        folds=dict(drawing.folded),
        changes=[PictureChange(d.sign, d.label, list(d.facts), d.node) for d in changes],
        choices=list(choices),
        choice=choice,
    )


def no_picture(title: str, why: str) -> Picture:
    """A picture of nothing, and why."""
    return picture(Drawing([], []), title, why)


def _kinds(drawing: Drawing) -> list[KindInfo]:
    """The ops that people cannot put on a canvas, such as the beginning of a loop's body."""
    names = dict.fromkeys(d.node.kind for d in drawing.nodes if find_kind(d.node.kind) is None)
    return [KindInfo(name, name, 1, "control", True, "", "", [], [], []) for name in names]
