"""A graph as an SVG that stands alone: tidied, its scopes boxed, readable without a kernel and in either theme."""

from __future__ import annotations

from html import escape

from flowloom.graph import Graph, Tensor
from flowloom.graph.kinds import find_kind
from flowloom.graph.layout import arrange

WIDTH, HEIGHT, MARGIN = 192, 58, 12  # pixels
HUES = {  # one for each family, told apart by the colour-blind (Okabe & Ito); also named in each node's title
    "data": "#56b4e9",
    "elementwise": "#e69f00",
    "linalg": "#0072b2",
    "shape": "#8c8c8c",
    "reduction": "#cc79a7",
    "layer": "#009e73",
    "loss": "#d55e00",
    "metric": "#d55e00",
    "control": "#7a6ff0",
    "random": "#56b4e9",
}
CONTROL = dict.fromkeys((*range(9), 11, 12, *range(14, 32), *range(127, 160)), "\ufffd")
STYLE = """text{font-family:var(--jp-ui-font-family,system-ui,sans-serif);fill:var(--jp-ui-font-color1,#212121)}
.name{font-size:13px;font-weight:600}.kind,.spec{font-size:11px;fill:var(--jp-ui-font-color2,#616161)}
.spec{font-family:var(--jp-code-font-family,monospace)}.box{fill:var(--jp-layout-color1,#fff);stroke:var(--jp-border-color1,#bdbdbd)}
.wire{fill:none;stroke:var(--jp-ui-font-color3,#9e9e9e);stroke-width:1.5}.problem{stroke:var(--jp-error-color1,#d32f2f);stroke-width:2}
.ground{fill:var(--jp-layout-color0,#fafafa)}
.scope{fill:var(--jp-ui-font-color1,#212121);fill-opacity:.04;stroke:var(--jp-border-color1,#bdbdbd)}
.scope-name{font-size:12px;font-weight:600}"""


def graph_svg(graph: Graph) -> str:
    """The graph as the text of one `<svg>` element. Names and notes are escaped: they stay text."""
    drawing = arrange(graph.state, dict.fromkeys(graph.nodes, (WIDTH, HEIGHT)))
    places = drawing.places
    corners = [(x + WIDTH, y + HEIGHT) for x, y in places.values()]
    corners += [(x + width, y + height) for x, y, width, height in drawing.boxes.values()]
    width, height = (max((c[axis] for c in corners), default=0) + 2 * MARGIN for axis in (0, 1))
    problems = {p.node: p.message for p in graph.problems}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="{-MARGIN} {-MARGIN} {width:.0f} {height:.0f}" role="img" style="max-width:100%;height:auto">',
        f"<title>{_escaped(_summary(graph))}</title><style>{STYLE}</style>",
        f'<rect class="ground" x="{-MARGIN}" y="{-MARGIN}" width="{width:.0f}" height="{height:.0f}" rx="6"/>',
        *(_scope(path, *box) for path, box in drawing.boxes.items()),
        *(_wire(*places[e.source], *places[e.target]) for e in graph.edges),
        *(_node(graph, id, *place, problems.get(id)) for id, place in places.items()),
        "</svg>",
    ]
    return "".join(parts)


def _summary(graph: Graph) -> str:
    return f"graph {graph.name}: {len(graph.nodes)} nodes, {len(graph.edges)} edges"


def _scope(path: str, x: float, y: float, width: float, height: float) -> str:
    name = path.rpartition("/")[2]
    return (
        f"<g><title>{_escaped(path)}</title>"
        f'<rect class="scope" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="8"/>'
        f'<text class="scope-name" x="{x + 12:.1f}" y="{y + 22:.1f}">{_escaped(_cut(name, int(width / 8)))}</text></g>'
    )


def _wire(x0: float, y0: float, x1: float, y1: float) -> str:
    a, b = (x0 + WIDTH, y0 + HEIGHT / 2), (x1, y1 + HEIGHT / 2)
    bend = max(24.0, (b[0] - a[0]) / 2)
    return (
        f'<path class="wire" d="M{a[0]:.1f} {a[1]:.1f}C{a[0] + bend:.1f} {a[1]:.1f} '
        f'{b[0] - bend:.1f} {b[1]:.1f} {b[0]:.1f} {b[1]:.1f}"/>'
    )


def _node(graph: Graph, id: str, x: float, y: float, problem: str | None) -> str:
    node = graph.nodes[id]
    kind = find_kind(node.kind)
    family = kind.family if kind else "data"
    label = kind.label if kind else f"{node.kind} (unknown)"
    ports = graph.inferred(id).outputs
    spec = graph.spec(Tensor(graph, id, ports[0])) if ports else None
    shown = "not typed" if spec is None else str(spec)
    title = f"{node.name}: {label} ({family}), {shown}" + (f". {problem}" if problem else "")
    return (
        f'<g transform="translate({x:.1f} {y:.1f})"><title>{_escaped(title)}</title>'
        f'<rect class="box{" problem" if problem else ""}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>'
        f'<rect width="3" height="{HEIGHT - 8}" x="0" y="4" rx="1.5" fill="{HUES[family]}"/>'
        f'<text class="name" x="12" y="20">{_escaped(_cut(node.name, 21))}</text>'
        f'<text class="kind" x="12" y="34">{_escaped(_cut(label, 26))}</text>'
        f'<text class="spec" x="12" y="50">{_escaped(_cut(shown, 24))}</text></g>'
    )


def _escaped(text: str) -> str:
    """The text as XML holds it, which has no form for control characters."""
    return escape(text.translate(CONTROL))


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
