"""A timeline is what chrome://tracing and Perfetto read: complete events, one within the other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flowloom.backends.choice import Backend
from tests.profiler.models import BATCH, classifier, trainer
from tests.profiler.test_profile import BACKENDS


def written(path: Path, backend: Backend) -> tuple[Any, Any]:
    profile = trainer(classifier(), backend).profile(BATCH, steps=2)
    profile.to_chrome_trace(path)
    return profile, json.loads(path.read_text())


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_step_holds_its_instructions_one_after_the_other(tmp_path: Path, backend: Backend) -> None:
    profile, document = written(tmp_path / "step.json", backend)

    step, *instructions = [e for e in document["traceEvents"] if e["ph"] == "X"]
    assert len(instructions) == len(profile.timeline)
    end = step["ts"]
    for event in instructions:
        assert event["ts"] == pytest.approx(end, abs=1e-6)
        end = event["ts"] + event["dur"]
    assert end == pytest.approx(step["ts"] + step["dur"], abs=1e-6)
    assert sum(e["dur"] for e in instructions) == pytest.approx(profile.total * 1e6, rel=0.01)


@pytest.mark.parametrize("backend", BACKENDS)
def test_events_have_the_keys_of_the_format(tmp_path: Path, backend: Backend) -> None:
    """Trace Event Format: "X" needs name, cat, ph, ts, dur, pid, tid; "M" needs name, ph, pid, args."""
    _, document = written(tmp_path / "step.json", backend)

    assert set(document) == {"traceEvents", "displayTimeUnit"}
    for event in document["traceEvents"]:
        if event["ph"] == "M":
            assert event["name"] in ("process_name", "thread_name")
            assert isinstance(event["args"]["name"], str)
        else:
            assert event["ph"] == "X"
            assert event["dur"] > 0
            assert {"name", "cat", "ts", "dur", "pid", "tid", "args"} <= set(event)
    assert len({(e["pid"], e["tid"]) for e in document["traceEvents"]}) == 1


def test_an_event_says_what_its_instruction_costs(tmp_path: Path) -> None:
    profile, document = written(tmp_path / "step.json", "portable")

    events = [e for e in document["traceEvents"] if e.get("cat") == "op"]
    row, event = next((r, e) for r, e in zip(profile.rows, events, strict=True) if r.ops == ("matmul",))
    assert event["name"] == "matmul"
    assert event["args"]["nodes"] == ["hidden"]
    assert event["args"]["FLOPs"] == row.flops == 2 * 16 * 6 * 10
    assert event["args"]["GFLOP/s"] == pytest.approx(row.gflops, rel=0.01)
