"""The peak of a machine is measured once, kept, and what rows are held against."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowloom.profiler import Peak, Row, peak, roofline


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty place for what is kept, and nothing known yet."""
    monkeypatch.setenv("FLOWLOOM_CACHE", str(tmp_path))
    monkeypatch.setattr(roofline, "SECONDS", 0.01)
    monkeypatch.setattr(roofline, "_found", [])
    return tmp_path / "kernels"


def row(seconds: float, flops: float, bytes: float) -> Row:
    return Row(("matmul",), (), (), seconds, 1, bytes, flops)


def test_below_the_ridge_memory_sets_the_pace_and_above_it_arithmetic() -> None:
    machine = Peak(flops=100e9, bandwidth=10e9)

    assert machine.attainable(2) == 20e9
    assert machine.attainable(10) == machine.attainable(1000) == 100e9
    assert machine.seconds(flops=200e9, bytes=10e9) == 2
    assert machine.seconds(flops=50e9, bytes=10e9) == 1


def test_a_row_is_held_against_the_roofline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roofline, "_found", [Peak(flops=100e9, bandwidth=10e9)])

    assert row(2.0, flops=100e9, bytes=1e9).of_peak == 0.5
    assert row(2.0, flops=1e9, bytes=5e9).of_peak == 0.25
    assert row(0.0, flops=0, bytes=0).of_peak == 0
    attained = row(4.0, flops=8e9, bytes=4e9)
    assert attained.of_peak == pytest.approx(attained.gflops * 1e9 / peak().attainable(attained.intensity))


def test_a_peak_is_measured_once_and_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = peak()

    (kept,) = folder.glob("peak-*.json")
    assert json.loads(kept.read_text()) == {"flops": first.flops, "bandwidth": first.bandwidth}
    assert min(first.flops, first.bandwidth) > 1e6

    kept.write_text('{"flops": 1e9, "bandwidth": 2e9}')
    assert peak() is first
    monkeypatch.setattr(roofline, "_found", [])
    assert peak() == Peak(1e9, 2e9)
    assert peak(again=True) != Peak(1e9, 2e9)
    assert peak() == Peak(**json.loads(kept.read_text()))


@pytest.mark.parametrize("text", ["", "[]", '{"flops": 1e9}', '{"flops": NaN, "bandwidth": 1e9}', '{"flops": "x"}'])
def test_a_file_that_is_none_is_measured_anew(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    measured = Peak(3e9, 4e9)
    monkeypatch.setattr(roofline, "_measure", lambda: measured)
    peak()
    (kept,) = folder.glob("peak-*.json")
    kept.write_text(text)
    monkeypatch.setattr(roofline, "_found", [])

    assert peak() == measured
    assert json.loads(kept.read_text())["flops"] == 3e9
