"""Thinning: a curve in no more points than a plot can show, with its extremes and its last point kept."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
MOST_POINTS = 2000


def thinned(steps: Array, values: Array, most: int = MOST_POINTS) -> tuple[Array, Array]:
    """At most `most` of the points (float64 (n,) each): the smallest and the largest of each stretch, and the last."""
    if len(steps) <= most:
        return steps, values
    stretches = (most - 1) // 2
    size = -(-len(values) // stretches)
    padded = np.full(stretches * size, np.nan)
    padded[: len(values)] = values
    rows = padded.reshape(stretches, size)
    start = np.flatnonzero(~np.isnan(rows).all(axis=1))
    rows, start = rows[start], start * size
    extremes = (start + np.nanargmin(rows, axis=1), start + np.nanargmax(rows, axis=1))
    chosen = np.unique(np.concatenate([*extremes, [len(values) - 1]]))
    return steps[chosen], values[chosen]
