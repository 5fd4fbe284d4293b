"""The benchmarks reckon rightly; what they measure is their own affair."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from scipy import stats

from benchmarks.curve import curve
from benchmarks.flatness import trend
from benchmarks.heap import in_use
from benchmarks.report import table
from benchmarks.starting import full_speed, late
from benchmarks.ticking import Ticks


def test_a_trend_is_the_line_of_least_squares_through_the_later_samples() -> None:
    seconds = np.arange(100.0)
    sizes = 1e8 + 2e3 * seconds + np.random.default_rng(0).normal(scale=1e5, size=100)
    sizes[:25] = 0

    found = trend(seconds, sizes)

    expected = stats.linregress(seconds[25:], sizes[25:])
    assert found.slope == pytest.approx(expected.slope)
    assert found.spread == pytest.approx(1.96 * expected.stderr)
    assert found.at(0) == pytest.approx(expected.intercept)


@pytest.mark.parametrize(
    ("level", "growth", "flat"),
    [(1e9, 4e6, True), (1e9, 6e6, False), (1e8, 1e6, True), (1e8, 3e6, False), (1e8, -9e6, True)],
)
def test_memory_is_flat_below_a_share_and_below_a_size(level: float, growth: float, flat: bool) -> None:
    seconds = np.linspace(0, 3600, 300)

    assert trend(seconds, level + growth * seconds / 3600).is_flat is flat


def test_a_few_noisy_samples_leave_a_doubt() -> None:
    noise = np.random.default_rng(0).normal(scale=4e6, size=500)

    assert not trend(np.arange(10.0), 2e8 + noise[:10]).is_certain
    assert trend(np.arange(500.0), 2e8 + noise).is_certain


def test_too_few_samples_are_no_trend() -> None:
    with pytest.raises(ValueError, match="three samples"):
        trend([1, 10], [5, 5])


def test_full_speed_begins_where_steps_take_as_long_as_in_the_end() -> None:
    ends = np.cumsum([1.0, *[0.1] * 20, 0.01, 0.1, *[0.01] * 300]).tolist()

    final = late(ends)

    assert final == pytest.approx(0.01)
    assert full_speed(ends, final) == 21
    assert full_speed(ends[:20], final) is None


def test_a_short_row_is_filled_up() -> None:
    assert table([["", "a", "b"], ["x", "1"]]).splitlines()[-1] == "| x | 1 |  |"


def test_a_curve_is_a_picture_that_can_be_read() -> None:
    root = ET.fromstring(curve("MB & minutes", [0, 1, 2], [10, 20, 20], [(1, 20), (2, 20)]))

    (line,) = (e for e in root.iter() if e.tag.endswith("polyline"))
    assert len(line.attrib["points"].split()) == 3
    assert "MB & minutes" in [e.text for e in root.iter()]


def test_what_the_heap_holds_is_seen() -> None:
    before = in_use()
    if before is None:
        pytest.skip("the C library does not say")

    block = np.ones(10_000_000, np.uint8)

    assert (in_use() or 0) - before >= 0.9 * len(block)  # other threads may free some of theirs


def test_ticks_note_each_gap() -> None:
    with Ticks() as ticks:
        while len(ticks.gaps) < 3:
            pass

    assert ticks.worst == max(ticks.gaps)
    assert min(ticks.gaps) >= 0.001
