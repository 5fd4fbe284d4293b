"""The plot: how many times as long as flowloom each peer takes for each workload, on a logarithmic scale, in SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from benchmarks.peers import PEERS
from benchmarks.svg import WIDTH, frame, line, text
from benchmarks.timing import Comparison

COLOURS = ("#4c78a8", "#f58518", "#54a24b", "#e45756", "#72b7b2", "#b279a2", "#9d755d")
LEFT, RIGHT, TOP, ROW = 330, 30, 48, 28
TICKS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)


def draw(comparisons: Sequence[Comparison]) -> str:
    """A row for each task, a dot for each peer: right of the line it is slower than flowloom, left of it faster."""
    rows = [(c.task.title, _ratios(c)) for c in comparisons]
    found = [r for _, ratios in rows for r in ratios.values()]
    low, high = 0.8 * min([0.5, *found]), 1.25 * max([2.0, *found])
    bottom = TOP + ROW * len(rows)

    def place(ratio: float) -> float:
        share = math.log(ratio / low) / math.log(high / low)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    lines = []
    for tick in TICKS:
        if low <= tick <= high:
            kind = "one" if tick == 1 else "grid"
            lines += [
                line(kind, [place(tick)] * 2, [TOP - 8, bottom]),
                text(place(tick), bottom + 16, f"{tick:g}", "middle"),
            ]
    for i, (title, ratios) in enumerate(rows):
        middle = TOP + ROW * i + ROW / 2
        lines.append(text(LEFT - 16, middle + 4, title, "end"))
        lines += [_dot(place(ratio), middle, name, f"{title}: {ratio:.2f}") for name, ratio in ratios.items()]
    names = [name for name in _colours() if any(name in ratios for _, ratios in rows)]
    x = 20
    for name in names:
        lines += [_dot(x, 16, name, PEERS[name].title), text(x + 10, 20, PEERS[name].title, "start")]
        x += 36 + 7 * len(PEERS[name].title)
    lines.append(text(LEFT - 16, bottom + 16, "time, as a multiple of flowloom's", "end"))
    return frame(bottom + 28, lines)


def _ratios(comparison: Comparison) -> dict[str, float]:
    """The ratio of each peer that was timed, if flowloom was."""
    timed = [name for name, figure in comparison.figures.items() if figure.seconds]
    return {n: comparison.ratio(n, "flowloom") for n in timed if n != "flowloom"} if "flowloom" in timed else {}


def _colours() -> dict[str, str]:
    return dict(
        zip([name for name, peer in PEERS.items() if name != "flowloom" and not peer.begins], COLOURS, strict=True)
    )


def _dot(x: float, y: float, name: str, title: str) -> str:
    return f'<circle cx="{x}" cy="{y}" r="5" fill="{_colours()[name]}"><title>{escape(title)}</title></circle>'
