"""Table: a profile as text."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, log10
from typing import TYPE_CHECKING

from flowloom.profiler.roofline import peak

if TYPE_CHECKING:
    from flowloom.profiler.profile import Profile, Row

WIDEST = 36  # letters of a name
_HEAD = ("op", "node", "calls", "us", "%", "KiB", "MFLOP", "FLOP/B", "GFLOP/s", "of peak")


def written(profile: Profile, most: int | None = None) -> str:
    """The rows, those first that take the longest, at most so many, under what the whole step takes."""
    total, best = profile.total, peak()
    rate = profile.flops / total / 1e9 if total else 0.0
    where = f"{profile.backend}, {profile.threads} thread{'s' * (profile.threads > 1)}"
    lines = [
        f"{where}, {profile.steps} step{'s' * (profile.steps > 1)}: {total * 1e6:,.1f} us a step, "
        f"{profile.flops / 1e6:,.3g} MFLOP, {rate:.3g} GFLOP/s",
        f"this machine: {best.flops / 1e9:.3g} GFLOP/s, {best.bandwidth / 1e9:.3g} GB/s; "
        "above 100 % of peak: from the processor's cache",
        "",
    ]
    rows = sorted(profile.rows, key=lambda row: -row.seconds)
    shown = rows if most is None else rows[:most]
    lines += _aligned([_HEAD, *_cells(shown, total)])
    if rest := rows[len(shown) :]:
        took = sum(row.seconds for row in rest)
        lines.append(f"and {len(rest)} more, {took * 1e6:,.1f} us together; all by .table()")
    return "\n".join(lines)


def _cells(rows: Sequence[Row], total: float) -> list[tuple[str, ...]]:
    columns = [
        [_short(" + ".join(row.ops)) for row in rows],
        [_short(", ".join(row.paths) or "-") for row in rows],
        [str(row.calls) for row in rows],
        _figures([row.seconds * 1e6 for row in rows]),
        [f"{100 * row.seconds / total if total else 0:.1f}" for row in rows],
        _figures([row.bytes / 1024 for row in rows]),
        _figures([row.flops / 1e6 for row in rows]),
        _figures([row.intensity for row in rows]),
        _figures([row.gflops for row in rows]),
        [f"{100 * row.of_peak:.0f} %" for row in rows],
    ]
    return list(zip(*columns, strict=True))


def _figures(values: Sequence[float]) -> list[str]:
    """Numbers with as many decimals as give the largest of them four figures, at least one and at most three."""
    largest = max(values, default=0.0)
    decimals = 3 - floor(log10(largest)) if largest > 0 else 1
    return [f"{value:,.{min(3, max(1, decimals))}f}" for value in values]


def _short(name: str) -> str:
    return name if len(name) <= WIDEST else f"{name[: WIDEST - 3]}..."


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of columns: names to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(w) if k < 2 else cell.rjust(w) for k, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
