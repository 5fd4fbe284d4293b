"""A curve over time in SVG, with the straight line that fits its later part."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.svg import WIDTH, frame, line, text

LEFT, RIGHT, TOP, HEIGHT = 70, 30, 40, 260


def curve(title: str, x: Sequence[float], y: Sequence[float], fit: Sequence[tuple[float, float]]) -> str:
    """The points (x, y) joined, from 0 up, and a line through the two points of `fit`."""
    right, high = max(x), 1.15 * max(y)
    bottom = TOP + HEIGHT

    def place(a: float, b: float) -> tuple[float, float]:
        return round(LEFT + a / right * (WIDTH - LEFT - RIGHT), 1), round(bottom - b / high * HEIGHT, 1)

    parts = [text(LEFT, 20, title, "start")]
    for k in range(5):
        across, up = place(right * k / 4, high * k / 4)
        parts += [
            line("grid", [LEFT, WIDTH - RIGHT], [up, up]),
            text(LEFT - 8, up + 4, f"{high * k / 4:.0f}", "end"),
            text(across, bottom + 18, f"{right * k / 4:.3g}", "middle"),
        ]
    points = " ".join(f"{a:g},{b:g}" for a, b in map(place, x, y))
    parts.append(f'<polyline class="curve" points="{points}"/>')
    (a, b), (c, d) = (place(*point) for point in fit)
    parts.append(line("fit", [a, c], [b, d]))
    return frame(bottom + 30, parts)
