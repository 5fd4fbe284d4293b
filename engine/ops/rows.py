"""Rows of an array: writing to places of it, and combining with what is there, where a place may come several times.

NumPy goes through updates in their order. A GPU has none, so there they are sorted by place first, and what a place
gets is the same each time.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def write_rows(xp: Any, total: Any, places: Any, updates: Any) -> None:
    """Put `updates` (n, columns) at the rows `places` (n,) of `total` (rows, columns); at one place the last stays."""
    if xp is not np:
        order = xp.argsort(places, kind="stable")
        order = order[_lasts(xp, places[order])]
        places, updates = places[order], updates[order]
    total[places] = updates


def combine_rows(xp: Any, total: Any, places: Any, updates: Any, ufunc: str = "add") -> None:
    """Combine the rows `places` (n,) of `total` (rows, columns) with `updates` (n, columns) by a ufunc, in place."""
    if xp is np:
        # NumPy combines at positions in a flat array about 10 times as fast as at rows.
        columns = updates.shape[1]
        flat = (places.reshape(-1, 1) * columns + np.arange(columns)).reshape(-1)
        getattr(np, ufunc).at(total.reshape(-1), flat, updates.reshape(-1))
        return
    combine, order = getattr(xp, ufunc), xp.argsort(places, kind="stable")
    places, made = places[order], updates[order]
    # Before each pass, a row of `made` combines the `step` updates that end with it, as far as they have its place.
    step = 1
    while step < places.size and (together := places[step:] == places[:-step]).any():
        made[step:] = xp.where(together.reshape(-1, 1), combine(made[:-step], made[step:]), made[step:])
        step *= 2
    lasts = _lasts(xp, places)
    total[places[lasts]] = combine(total[places[lasts]], made[lasts])


def _lasts(xp: Any, places: Any) -> Any:
    """Which of the sorted `places` is the last of its kind."""
    return xp.concatenate((places[1:] != places[:-1], xp.ones(1, "bool")))
