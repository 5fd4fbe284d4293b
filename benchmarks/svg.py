"""Parts of a plot in SVG, legible on a light page and on a dark one."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

WIDTH = 860


def text(x: float, y: float, words: str, anchor: str) -> str:
    """Words that begin ("start"), end or have their "middle" at a point."""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(words)}</text>'


def line(kind: str, x: Sequence[float], y: Sequence[float]) -> str:
    """A straight line between two points: of the "grid", or the "one" that counts."""
    return f'<line class="{kind}" x1="{x[0]:g}" x2="{x[1]:g}" y1="{y[0]:g}" y2="{y[1]:g}"/>'


def frame(height: float, parts: Sequence[str]) -> str:
    """The whole picture, WIDTH wide."""
    style = (
        "text{font:12px sans-serif;fill:#333}.grid{stroke:#8884}.one{stroke:#888;stroke-width:2}"
        ".curve{fill:none;stroke:#4c78a8;stroke-width:2}.fit{stroke:#e45756;stroke-width:2}"
        "@media(prefers-color-scheme:dark){text{fill:#ccc}}"
    )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}">',
            f"<style>{style}</style>",
            *parts,
            "</svg>\n",
        ]
    )
