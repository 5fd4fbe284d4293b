"""Trace: a step as a timeline in the Trace Event Format, which Perfetto and chrome://tracing show.

Format: "Trace Event Format", Google, 2016. Complete events ("X") within an event for the whole step; times in
microseconds, kept to the nanosecond so that each event ends where the next one begins.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowloom.profiler.profile import Profile, Row

_WHERE = {"pid": 1, "tid": 1}


def write(profile: Profile, path: str | Path) -> None:
    """Write the timeline of a profile as JSON."""
    Path(path).write_text(json.dumps({"traceEvents": events(profile), "displayTimeUnit": "ns"}), encoding="utf-8")


def events(profile: Profile) -> list[dict[str, Any]]:
    """The events: names of process and thread, the step, and its instructions in order."""
    whole = f"{profile.backend}, {profile.threads} thread{'s' * (profile.threads > 1)}"
    made: list[dict[str, Any]] = [
        {"name": "process_name", "ph": "M", **_WHERE, "args": {"name": "flowloom"}},
        {"name": "thread_name", "ph": "M", **_WHERE, "args": {"name": whole}},
    ]
    nanoseconds = [max(1, round(seconds * 1e9)) for _, seconds in profile.timeline]
    step = {"steps measured": profile.steps, "FLOPs": profile.flops, "bytes": profile.bytes}
    made.append(_event("step", "step", 0, sum(nanoseconds), step))
    now = 0
    for (i, _), took in zip(profile.timeline, nanoseconds, strict=True):
        row = profile.rows[i]
        made.append(_event(" + ".join(row.ops), "op", now, took, _details(row, took)))
        now += took
    return made


def _event(name: str, category: str, start: int, took: int, args: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "cat": category, "ph": "X", **_WHERE, "ts": start / 1000, "dur": took / 1000, "args": args}


def _details(row: Row, nanoseconds: int) -> dict[str, Any]:
    """What is shown of an instruction: of one call, if there are several."""
    operations = row.flops / row.calls
    return {
        "nodes": list(row.paths),
        "FLOPs": operations,
        "bytes": row.bytes / row.calls,
        "FLOPs per byte": row.intensity,
        "GFLOP/s": operations / nanoseconds,
        "of peak": row.of_peak,
    }
